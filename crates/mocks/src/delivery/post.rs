//! One delivery to a callback.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Uri};
use mgm_api_types::mocks::{DeliveryOutcome, Verdict};
use mgm_http_client::{Exchange, slowly};
use mgm_twitch::eventsub::{Hostile, Outgoing, format_timestamp};
use time::OffsetDateTime;
use url::Url;

use super::ledger::Ledger;
use super::message::{Message, MessageType};
use crate::faults::Faults;
use crate::journal::{self, Journal};
use crate::outbound::{CONNECT_TIMEOUT, MAX_ANSWER};
use crate::world::{Callbacks, DeliveryRules, Transport};

/// Where deliveries are recorded, and the faults that wait for them.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) ledger: Ledger,
    pub(super) journal: Journal,
    pub(super) faults: Faults,
}

/// How a message is delivered, as the world has it at that moment.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) callbacks: Callbacks,
    pub(super) rules: DeliveryRules,
    /// The machine's time.
    pub(super) now: OffsetDateTime,
}

/// The answer to a delivery, if it is complete: the status, and the body as received.
pub(crate) type Answered = Option<(u16, Bytes)>;

/// What is sent, and where.
struct Prepared {
    address: Url,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Delivers a message once, or as the fault that waits for it says, and records it. Returns the outcome and the answer.
pub(super) async fn post(
    message: &Message,
    retry: u32,
    manner: &Manner,
    records: &Records,
) -> (DeliveryOutcome, Answered) {
    let Transport::Webhook { callback, .. } = &message.subscription.transport else {
        return (DeliveryOutcome::NotSent, None);
    };
    let generation = records.ledger.generation();
    let mut delivery = message.delivery(retry, callback, manner.now);
    let prepared = match prepare(message, retry, callback, manner) {
        Ok(prepared) => prepared,
        Err(problem) => {
            delivery.problem = Some(problem.to_owned());
            records.ledger.add(generation, delivery, Bytes::new());
            return (DeliveryOutcome::NotSent, None);
        }
    };
    let shown = prepared.headers.iter();
    let shown = shown.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    delivery.headers = shown.collect();

    let facts = journal::Delivery {
        method: &Method::POST,
        uri: &prepared.uri,
        headers: &prepared.headers,
        body: &prepared.body,
        client_id: &message.subscription.client_id,
    };
    let plan = records.faults.next_delivery(&facts);
    tokio::time::sleep(plan.delay).await;
    if plan.times == 0 {
        records.journal.sent(&facts).with_fault(plan.fault).unanswered(Verdict::Withheld);
        delivery.problem = Some("it was withheld, as a fault asked for".to_owned());
        records.ledger.add(generation, delivery, prepared.body);
        return (DeliveryOutcome::NotSent, None);
    }
    let (mut outcome, mut answered) = (DeliveryOutcome::NotSent, None);
    for _ in 0..plan.times {
        let open = records.journal.sent(&facts).with_fault(plan.fault);
        let mut made = delivery.clone();
        answered = match exchange(message, &prepared, manner).await {
            Exchange::Complete { status, headers, body } => {
                made.status = Some(status.as_u16());
                made.answer = Some(body.text());
                let body = body.into_bytes();
                let is_accepted = is_accepted(message, status.as_u16(), &body);
                made.outcome = if is_accepted { DeliveryOutcome::Accepted } else { DeliveryOutcome::Refused };
                open.answered(Verdict::Answered, status, &headers, Some(&body), body.len());
                Some((status.as_u16(), body))
            }
            Exchange::NotConnected(problem) => {
                open.unanswered(Verdict::Unanswered);
                made.outcome = DeliveryOutcome::NotConnected;
                made.problem = Some(problem);
                None
            }
            Exchange::Interrupted(problem) => {
                open.unanswered(Verdict::Unanswered);
                made.outcome = DeliveryOutcome::NoAnswer;
                made.problem = Some(problem);
                None
            }
        };
        if plan.is_answer_lost && answered.take().is_some() {
            made.outcome = DeliveryOutcome::NoAnswer;
            made.problem = Some("the answer counts as lost, as a fault asked for".to_owned());
        }
        if let Some(problem) = &made.problem {
            tracing::warn!(problem, callback, "the callback did not answer");
        }
        outcome = made.outcome;
        records.ledger.add(generation, made, prepared.body.clone());
    }
    (outcome, answered)
}

/// The signed message. An error says why it cannot be sent.
fn prepare(message: &Message, retry: u32, callback: &str, manner: &Manner) -> Result<Prepared, &'static str> {
    let callback: Url = callback.parse().map_err(|_| "the callback is not an address")?;
    let secrets = message.subscription.signing().ok_or("the secret cannot sign")?;
    let sent_at = message.hostile.map_or(manner.now, |hostile| hostile.sent_at(manner.now));
    let mut body = message.payload.clone().into_bytes();
    if let Some(hostile) = message.hostile {
        body = hostile.to_sign(body);
    }
    let outgoing = Outgoing {
        message_id: &message.id,
        retry,
        message_type: message.kind.name(),
        subscription_type: &message.subscription.kind,
        subscription_version: &message.subscription.version,
    };
    let headers = secrets.headers(&outgoing, &format_timestamp(sent_at), &body);
    let mut headers = headers.map_err(|_| "the type or the version cannot stand in a header")?;
    if let Some(hostile) = message.hostile {
        hostile.distort(&mut headers, &mut body);
    }
    let address = manner.callbacks.address(&callback);
    if address != callback
        && let Some(host) = host(&callback)
    {
        headers.insert(HOST, host);
    }
    let uri = callback.as_str().parse().map_err(|_| "the callback is not an address")?;
    Ok(Prepared { address, uri, headers, body: body.into() })
}

/// Sends the message.
async fn exchange(message: &Message, prepared: &Prepared, manner: &Manner) -> Exchange {
    let Prepared { address, headers, body, .. } = prepared;
    let client = match mgm_http_client::client(address, CONNECT_TIMEOUT) {
        Ok(client) => client,
        Err(error) => return Exchange::NotConnected(error.to_string()),
    };
    let mut timeout = Duration::from_millis(manner.rules.timeout_ms.into());
    let request = client.post(address.clone()).headers(headers.clone());
    let request = if message.hostile == Some(Hostile::Slow) {
        let slow = Duration::from_millis(manner.rules.slow_body_ms.into());
        // The receiver's time begins when it has everything.
        timeout += slow;
        request.header(CONTENT_LENGTH, body.len()).body(slowly(body, slow))
    } else {
        request.body(body.clone())
    };
    mgm_http_client::exchange(request.timeout(timeout), MAX_ANSWER).await
}

/// <https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request>
fn is_accepted(message: &Message, status: u16, answer: &[u8]) -> bool {
    match message.kind {
        MessageType::Challenge => {
            let sent: Option<serde_json::Value> = serde_json::from_str(&message.payload).ok();
            let challenge = sent.as_ref().and_then(|sent| sent["challenge"].as_str());
            status == 200 && challenge.is_some_and(|challenge| challenge.as_bytes() == answer)
        }
        MessageType::Notification | MessageType::Revocation => (200..300).contains(&status),
    }
}

/// The `Host` header of requests to a callback.
fn host(callback: &Url) -> Option<HeaderValue> {
    let name = callback.host_str()?;
    let host = callback.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    HeaderValue::from_str(&host).ok()
}
