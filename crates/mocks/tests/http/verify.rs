//! What `mgm_mocks::verify` says of receivers with and without faults.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use mgm_mocks::verify::{Outcome, Target, VerifyError, checks, verify};
use mgm_system::{Clock, RandomSource, SystemClock};
use mgm_twitch::eventsub::{SigningSecret, SigningSecrets, check_age, header, parse_timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::support::{nowhere, start, url};

const SECRET: &str = "a secret of ten letters or more";
const CHAT: &str = "channel.chat.message";

/// What is wrong with a receiver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    ChallengeInQuotes,
    ChallengeWithNewline,
    ChallengeAccepted,
    ChallengeWithoutLength,
    ChallengeAsHtml,
    NotificationFails,
    SignatureOfParsedJson,
    NewFieldsRefused,
    RetryFails,
    DuplicateFails,
    NewTypeFails,
    NewVersionFails,
    NewMessageFails,
    NothingVerified,
    NoSignatureTaken,
    OddSignatureFails,
    NoIdFails,
    NoTimeFails,
    ForgedChallengeAnswered,
    ForgedRevocationTaken,
    OldTaken,
    FutureTaken,
    NotJsonFails,
    NoBodyFails,
    OddJsonFails,
    OversizedFails,
    OversizedAffectsTheNext,
    RevocationFails,
    NewReasonFails,
    Slow,
    Redirects,
}

/// A receiver as Twitch wants it, but for one fault.
struct Receiver {
    fault: Option<Fault>,
    secrets: SigningSecrets,
    seen: Mutex<HashSet<String>>,
    is_broken: AtomicBool,
}

const FAILURE: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
const REFUSAL: StatusCode = StatusCode::FORBIDDEN;

impl Receiver {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn check(&self, headers: &HeaderMap, body: &[u8], kind: &str) -> Result<(), StatusCode> {
        let is_missing = |name| !headers.contains_key(name);
        let signature = headers.get(header::MESSAGE_SIGNATURE).map(|value| value.to_str().unwrap());
        for (fault, applies) in [
            (Fault::OddSignatureFails, signature.is_some_and(|value| value.contains('-'))),
            (Fault::NoIdFails, is_missing(header::MESSAGE_ID)),
            (Fault::NoTimeFails, is_missing(header::MESSAGE_TIMESTAMP)),
        ] {
            if self.has(fault) && applies {
                return Err(FAILURE);
            }
        }
        let is_excepted = [
            (Fault::NothingVerified, true),
            (Fault::NoSignatureTaken, signature.is_none()),
            (Fault::ForgedChallengeAnswered, kind == "webhook_callback_verification"),
            (Fault::ForgedRevocationTaken, kind == "revocation"),
        ]
        .into_iter()
        .any(|(fault, applies)| self.has(fault) && applies);
        let parsed = serde_json::from_slice::<Value>(body).map(|body| body.to_string().into_bytes());
        let signed = match parsed {
            Ok(parsed) if self.has(Fault::SignatureOfParsedJson) => parsed,
            Ok(_) | Err(_) => body.to_vec(),
        };
        if !is_excepted && self.secrets.verify(headers, &signed).is_err() {
            return Err(REFUSAL);
        }
        let Some(timestamp) = headers.get(header::MESSAGE_TIMESTAMP) else { return Err(REFUSAL) };
        let now = SystemClock.now();
        let sent = parse_timestamp(timestamp.as_bytes()).map_err(|_| REFUSAL)?;
        let is_taken = self.has(Fault::OldTaken) && sent < now || self.has(Fault::FutureTaken) && sent > now;
        if is_taken { Ok(()) } else { check_age(sent, now).map_err(|_| REFUSAL) }
    }

    fn challenge(&self, challenge: &str) -> Response {
        let kind = if self.has(Fault::ChallengeAsHtml) { "text/html" } else { "text/plain" };
        let status = if self.has(Fault::ChallengeAccepted) { StatusCode::ACCEPTED } else { StatusCode::OK };
        let body = match self.fault {
            Some(Fault::ChallengeInQuotes) => format!("\"{challenge}\""),
            Some(Fault::ChallengeWithNewline) => format!("{challenge}\n"),
            _ => challenge.to_owned(),
        };
        let body = if self.has(Fault::ChallengeWithoutLength) {
            Body::from_stream(stream::iter([Ok::<_, std::convert::Infallible>(body)]))
        } else {
            Body::from(body)
        };
        (status, [(CONTENT_TYPE, kind)], body).into_response()
    }

    fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, StatusCode> {
        let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
        let kind = text(header::MESSAGE_TYPE);
        if body.len() > 1024 * 1024 {
            self.is_broken.store(self.has(Fault::OversizedAffectsTheNext), Ordering::Relaxed);
            return Err(if self.has(Fault::OversizedFails) { FAILURE } else { StatusCode::PAYLOAD_TOO_LARGE });
        }
        self.check(headers, body, kind)?;
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(FAILURE);
        }
        if body.is_empty() {
            return Err(if self.has(Fault::NoBodyFails) { FAILURE } else { StatusCode::BAD_REQUEST });
        }
        let message = serde_json::from_slice::<Value>(body)
            .map_err(|_| if self.has(Fault::NotJsonFails) { FAILURE } else { StatusCode::BAD_REQUEST })?;
        if !message.is_object() {
            return Err(if self.has(Fault::OddJsonFails) { FAILURE } else { StatusCode::BAD_REQUEST });
        }
        if self.has(Fault::NewFieldsRefused) && message.get("unheard_of").is_some() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let reason = message["subscription"]["status"].as_str().unwrap_or_default();
        match kind {
            "webhook_callback_verification" => return Ok(self.challenge(message["challenge"].as_str().unwrap())),
            "revocation" if self.has(Fault::RevocationFails) => return Err(FAILURE),
            "revocation" if self.has(Fault::NewReasonFails) && reason == "unheard_of" => return Err(FAILURE),
            "notification" | "revocation" => {}
            _ if self.has(Fault::NewMessageFails) => return Err(FAILURE),
            _ => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
        let is_known = (text(header::SUBSCRIPTION_TYPE), text(header::SUBSCRIPTION_VERSION)) == (CHAT, "1");
        let is_first = self.seen.lock().unwrap().insert(text(header::MESSAGE_ID).to_owned());
        let failure = match self.fault {
            Some(Fault::NotificationFails) => is_known && kind == "notification",
            Some(Fault::NewTypeFails) => text(header::SUBSCRIPTION_TYPE) != CHAT,
            Some(Fault::NewVersionFails) => text(header::SUBSCRIPTION_VERSION) != "1",
            Some(Fault::RetryFails) => text(header::MESSAGE_RETRY) != "0",
            Some(Fault::DuplicateFails) => !is_first,
            _ => false,
        };
        if failure { Err(FAILURE) } else { Ok(StatusCode::NO_CONTENT.into_response()) }
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    if receiver.has(Fault::Redirects) {
        return (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response();
    }
    if receiver.has(Fault::Slow) {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    receiver.take(&headers, &body).unwrap_or_else(IntoResponse::into_response)
}

fn target(callback: Url, within: Duration) -> Target {
    let condition = json!({"broadcaster_user_id": "1337", "user_id": "1337"});
    Target {
        callback,
        secret: SigningSecret::parse(SECRET.into()).unwrap(),
        subscription_id: None,
        kind: CHAT.to_owned(),
        version: "1".to_owned(),
        condition: condition.as_object().unwrap().clone(),
        event: None,
        within,
    }
}

/// The checks that a receiver with this fault fails.
async fn failed(fault: Option<Fault>, within: Duration) -> Vec<&'static str> {
    let secrets = SigningSecrets::new([&SECRET.into()]).unwrap();
    let receiver = Receiver { fault, secrets, seen: Mutex::default(), is_broken: AtomicBool::new(false) };
    let receiver = Router::new()
        .route("/callback", post(receive))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(receiver));
    let running = start(receiver);
    let callback = url(running.address).join("/callback").unwrap();
    let mut reported = Vec::new();
    let random = RandomSource::from_seed([7; 32]);
    let on_checked = |checked: &mgm_mocks::verify::Checked| reported.push(checked.check.id);
    let run = verify(&target(callback, within), &SystemClock, &random, on_checked).await.unwrap();
    assert_eq!(reported, checks().map(|check| check.id).collect::<Vec<_>>(), "each is reported in its turn");
    let failed = run.iter().filter(|checked| checked.outcome == Outcome::Failed);
    failed.map(|checked| checked.check.id).collect()
}

const AMPLE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_receiver_without_faults_passes_every_check() {
    assert_eq!(failed(None, AMPLE).await, [""; 0]);
}

#[tokio::test]
async fn a_receiver_fails_where_its_fault_is_and_nowhere_else() {
    for (fault, expected) in [
        (Fault::ChallengeInQuotes, "challenge"),
        (Fault::ChallengeWithNewline, "challenge"),
        (Fault::ChallengeAccepted, "challenge"),
        (Fault::ChallengeWithoutLength, "challenge-length"),
        (Fault::ChallengeAsHtml, "challenge-text"),
        (Fault::NotificationFails, "notification"),
        (Fault::SignatureOfParsedJson, "raw-body"),
        (Fault::NewFieldsRefused, "new-fields"),
        (Fault::RetryFails, "retry"),
        (Fault::DuplicateFails, "duplicate"),
        (Fault::NewTypeFails, "new-type"),
        (Fault::NewVersionFails, "new-version"),
        (Fault::NewMessageFails, "new-message"),
        (Fault::NoSignatureTaken, "no-signature"),
        (Fault::OddSignatureFails, "odd-signature"),
        (Fault::NoIdFails, "no-id"),
        (Fault::NoTimeFails, "no-time"),
        (Fault::ForgedChallengeAnswered, "forged-challenge"),
        (Fault::ForgedRevocationTaken, "forged-revocation"),
        (Fault::OldTaken, "stale"),
        (Fault::FutureTaken, "future"),
        (Fault::NotJsonFails, "not-json"),
        (Fault::NoBodyFails, "no-body"),
        (Fault::OddJsonFails, "odd-json"),
        (Fault::OversizedFails, "oversized"),
        (Fault::RevocationFails, "revocation"),
        (Fault::NewReasonFails, "new-reason"),
    ] {
        assert_eq!(failed(Some(fault), AMPLE).await, [expected], "{fault:?}");
    }
    assert_eq!(failed(Some(Fault::Slow), Duration::from_millis(10)).await, ["in-time"]);
}

#[tokio::test]
async fn a_receiver_that_verifies_nothing_fails_every_forgery() {
    let forgeries = [
        "wrong-signature",
        "no-signature",
        "odd-signature",
        "other-secret",
        "other-body",
        "other-id",
        "other-time",
        "no-id",
        "forged-challenge",
        "forged-revocation",
    ];
    let failed = failed(Some(Fault::NothingVerified), AMPLE).await;
    assert_eq!(failed, forgeries);
}

#[tokio::test]
async fn what_affects_all_that_follows_is_said_once() {
    assert_eq!(failed(Some(Fault::OversizedAffectsTheNext), AMPLE).await, ["still-there", "revocation"]);
}

#[tokio::test]
async fn a_redirect_is_no_answer() {
    let failed = failed(Some(Fault::Redirects), AMPLE).await;
    assert!(failed.starts_with(&["challenge", "notification"]), "{failed:?}");
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_checked() {
    let (_held, callback) = nowhere();
    let random = RandomSource::from_seed([7; 32]);
    let run = verify(&target(callback, AMPLE), &SystemClock, &random, |_| ()).await;
    assert!(matches!(run, Err(VerifyError::Unreachable(_))), "{run:?}");
}
