//! Create EventSub Subscription (<https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription>): what is
//! checked.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::{Host, Url};

use super::caller::Caller;
use crate::call::{Answer, bad_request, forbidden};
use crate::world::eventsub::Refused;
use crate::world::subscription::{ENABLED, PENDING};
use crate::world::topics::{Topic, field, topic};
use crate::world::{Secret, State, Subscription, Transport};

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    version: String,
    condition: Map<String, Value>,
    transport: WantedTransport,
}

#[derive(Deserialize)]
struct WantedTransport {
    method: String,
    callback: Option<String>,
    secret: Option<Secret>,
    session_id: Option<String>,
}

/// Creates a subscription. `connected_at` tells when a WebSocket's session began, if it goes on.
pub(super) fn subscribe(
    state: &mut State,
    caller: &Caller,
    body: &[u8],
    connected_at: impl Fn(&str) -> Option<OffsetDateTime>,
) -> Result<Subscription, Answer> {
    let wanted: Wanted = mgm_api_types::json::from_slice(body).map_err(|error| bad_request(&error.to_string()))?;
    let Wanted { kind, version, condition, transport } = wanted;
    let transport = match transport.method.as_str() {
        "webhook" => webhook(state, caller, transport)?,
        "websocket" => websocket(caller, transport, connected_at)?,
        _ => return Err(bad_request("unsupported transport method")),
    };
    let topic = topic(&kind, &version);
    if state.strict {
        let topic = topic.ok_or_else(|| bad_request("invalid subscription type and version"))?;
        check(state, caller, topic, &condition)?;
    }
    let subscription = Subscription {
        id: state.random.uuid().to_string(),
        client_id: caller.client().to_owned(),
        status: if matches!(transport, Transport::Webhook { .. }) { PENDING } else { ENABLED }.to_owned(),
        cost: state.cost(caller.client(), topic, &condition),
        kind,
        version,
        condition,
        transport,
        created_at: state.now,
        failures: 0,
    };
    if subscription.session().is_none() && subscription.signing().is_none() {
        return Err(bad_request("secret must be between 10 and 100 characters"));
    }
    state.subscribe(subscription.clone()).map_err(|refused| refusal(&refused))?;
    Ok(subscription)
}

fn missing(field: &str) -> Answer {
    bad_request(&format!("missing transport {field}"))
}

/// Webhooks are made with the client's own token.
fn webhook(state: &State, caller: &Caller, wanted: WantedTransport) -> Result<Transport, Answer> {
    caller.needs_app()?;
    let secret = wanted.secret.filter(|secret| !secret.text().is_empty()).ok_or_else(|| missing("secret"))?;
    let callback = wanted.callback.ok_or_else(|| missing("callback"))?;
    let address = Url::parse(&callback).map_err(|_| bad_request("invalid callback"))?;
    if state.strict && !can_be_called(&address) {
        return Err(bad_request("invalid callback: must be https on port 443"));
    }
    Ok(Transport::Webhook { callback, secret })
}

/// WebSockets need a user's token.
fn websocket(
    caller: &Caller,
    wanted: WantedTransport,
    connected_at: impl Fn(&str) -> Option<OffsetDateTime>,
) -> Result<Transport, Answer> {
    if caller.is_app() {
        return Err(bad_request("invalid transport and auth combination"));
    }
    let session_id = wanted.session_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("session_id"))?;
    let connected_at = connected_at(&session_id)
        .ok_or_else(|| bad_request("websocket transport session does not exist or has already disconnected"))?;
    let user_id = caller.user().unwrap_or_default().to_owned();
    Ok(Transport::WebSocket { session_id, user_id, connected_at, disconnected_at: None })
}

/// Twitch calls `https` on port 443. Loopback, which Twitch would not call, is also accepted, for the stack itself.
fn can_be_called(callback: &Url) -> bool {
    let is_loopback = match callback.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_loopback || (callback.scheme() == "https" && callback.port_or_known_default() == Some(443))
}

/// Checks the condition, and that its users have agreed.
fn check(state: &State, caller: &Caller, topic: &Topic, condition: &Map<String, Value>) -> Result<(), Answer> {
    if let Some(lacks) = topic.lacks(condition) {
        return Err(bad_request(&lacks));
    }
    let users = topic.condition.iter().chain(topic.one_of).filter(|name| name.ends_with("user_id"));
    for name in users {
        if field(condition, name).is_some_and(|id| state.user(id).is_none()) {
            return Err(bad_request(&format!("unknown user in the condition: {name}")));
        }
    }
    let may_subscribe = match caller.user() {
        Some(user) => {
            let is_theirs = topic.by.is_empty() || field(condition, topic.by) == Some(user);
            is_theirs && (topic.scopes.is_empty() || topic.scopes.iter().any(|scope| caller.has(scope)))
        }
        None => state.may_subscribe(caller.client(), topic, condition),
    };
    if may_subscribe { Ok(()) } else { Err(forbidden("subscription missing proper authorization")) }
}

fn refusal(refused: &Refused) -> Answer {
    let too_many = |message| Answer::error(StatusCode::TOO_MANY_REQUESTS, message);
    match refused {
        // TwitchIO takes what follows `id=` for the id.
        Refused::Exists(id) => Answer::error(StatusCode::CONFLICT, &format!("subscription already exists: id={id}")),
        Refused::TooManyAlike => too_many("maximum subscriptions with type and condition exceeded"),
        Refused::TooCostly => too_many("total cost exceeded"),
        Refused::OthersSession => {
            bad_request("websocket transport cannot have subscriptions created by different users")
        }
        Refused::TooManySessions => too_many("number of websocket transports limit exceeded"),
        Refused::SessionFull => too_many("maximum subscriptions of the websocket transport exceeded"),
    }
}
