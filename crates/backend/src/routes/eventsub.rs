//! `POST /api/twitch/eventsub`: Twitch's webhook (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/>).

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use mgm_twitch::eventsub::{
    CHANNEL_CHAT_MESSAGE, Envelope, MessageType, Subscription, check_age, header as twitch_header, parse_timestamp,
};

use crate::{
    http::error::ApiError,
    metrics,
    routes::{openapi::errors::errors, state::AppState},
    text::printable,
};

/// The path to which Twitch sends notifications.
pub(super) const PATH: &str = "/api/twitch/eventsub";
/// The longest notification, in bytes.
const MAX_NOTIFICATION: usize = 1024 * 1024;

errors! { Errors: ; InvalidPayload, Unauthorized, StaleMessage, PayloadTooLarge }

/// Receives a notification, a challenge or a revocation.
///
/// Signed by Twitch: HMAC-SHA256 over message id, timestamp and body. A chat command is answered when its effect is
/// committed. A command that the rules refuse gets the same answer, since Twitch must not send it again; so does
/// anything of another channel than the configured broadcaster's. Except in Development, the condition of the EventSub
/// subscription and the event must name that channel.
#[utoipa::path(
    post, path = PATH, tag = "twitch", security(("eventsub" = [])),
    params(
        ("Twitch-Eventsub-Message-Id" = Option<String>, Header, description = "The message's id, which is signed"),
        ("Twitch-Eventsub-Message-Timestamp" = Option<String>, Header, description = "When it was sent: RFC 3339, or epoch seconds"),
        ("Twitch-Eventsub-Message-Type" = Option<String>, Header, description = "`notification`, `webhook_callback_verification` or `revocation`; without it the body decides"),
    ),
    request_body(
        content = Value, description = "Twitch's message; any JSON is taken, and what is not understood is passed over", content_type = "application/json",
        example = json!({
            "subscription": {"id": "f1c2a387", "type": "channel.chat.message", "version": "1", "status": "enabled",
                "condition": {"broadcaster_user_id": "1337", "user_id": "1337"}},
            "event": {"broadcaster_user_id": "1337", "chatter_user_id": "4145994", "chatter_user_login": "viptest",
                "chatter_user_name": "VIPtest", "message_id": "cc106a89-1814-919d-454c-f4f2f970aae7",
                "message": {"text": "!twgold Etoehero"}, "badges": [{"set_id": "subscriber", "id": "12", "info": "16"}]},
        }),
    ),
    responses(
        (status = 200, description = "Taken; the challenge, for a verification", body = String, content_type = "text/plain", example = json!("pogchamp-kappa-360noscope-vohiyo")),
        Errors,
    ),
)]
pub(super) async fn receive(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (Parts { headers, .. }, body) = request.into_parts();
    let body = state.bodies.read(body, MAX_NOTIFICATION).await?;
    check_signature(&state, &headers, &body.bytes)?;
    check_timestamp(&state, &headers)?;
    let envelope = Envelope::parse(&body.bytes).map_err(|error| {
        ApiError::InvalidPayload(format!(
            "the body is not a message of EventSub: {}",
            printable(&error.to_string(), 200)
        ))
    })?;
    drop(body);
    // The futures that wait for the database are boxed, so that the future for ordinary chat stays small.
    match MessageType::of(&headers, &envelope) {
        MessageType::CallbackVerification => {
            Box::pin(note_verification(&state, &envelope)).await?;
            let challenge = envelope.challenge.unwrap_or_default();
            Ok(([(header::CONTENT_TYPE, "text/plain")], challenge).into_response())
        }
        MessageType::Revocation => {
            Box::pin(note_revocation(&state, &envelope)).await?;
            Ok(taken())
        }
        MessageType::Notification => {
            state.chat.receive(envelope).await?;
            Ok(taken())
        }
        MessageType::Unknown => Ok(taken()),
    }
}

/// Verifies the signature of the raw bytes, before anything is parsed. Without a secret, which only Development
/// permits, nothing is checked.
fn check_signature(state: &AppState, headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let secrets = &state.config.eventsub_secrets;
    if secrets.is_empty() {
        return Ok(());
    }
    secrets.verify(headers, body).map_err(|error| {
        count("bad_signature");
        tracing::info!(%error, "a notification was refused");
        ApiError::Unauthorized("the signature headers are missing or wrong")
    })
}

/// A signed message must have a timestamp; without a signature it is optional.
fn check_timestamp(state: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(timestamp) = headers.get(twitch_header::MESSAGE_TIMESTAMP) else {
        return Ok(());
    };
    let sent = parse_timestamp(timestamp.as_bytes())
        .map_err(|_| ApiError::Unauthorized("the timestamp header cannot be read"))?;
    check_age(sent, state.clock.now()).map_err(|error| {
        count("stale");
        tracing::info!(%error, "a notification was refused");
        ApiError::StaleMessage
    })
}

/// Whether a message concerns our chat subscription. Messages about others are counted.
fn concerns_us(state: &AppState, subscription: &Subscription) -> bool {
    if subscription.kind.as_deref() != Some(CHANNEL_CHAT_MESSAGE) {
        count("ignored");
        return false;
    }
    state.config.channel.check(subscription.channel()).inspect_err(|elsewhere| count(elsewhere.outcome())).is_ok()
}

/// Answers only after the revocation is stored, so that Twitch repeats it if the database is unavailable.
async fn note_revocation(state: &AppState, envelope: &Envelope) -> Result<(), ApiError> {
    let subscription = envelope.subscription.clone().unwrap_or_default();
    let is_ours = concerns_us(state, &subscription);
    let reason = printable(subscription.status.as_deref().unwrap_or("unknown"), 100);
    let kind = printable(subscription.kind.as_deref().unwrap_or("unknown"), 100);
    tracing::warn!(reason, subscription = kind, is_ours, "Twitch has revoked a subscription");
    if is_ours {
        state.store.note_chat_subscription_revoked(&reason, state.clock.now()).await?;
    }
    Ok(())
}

/// Records that a subscription was verified, which means that it was created and is no longer revoked. If this process
/// maintains the subscription, Twitch is asked about it instead, since the verification may still fail.
async fn note_verification(state: &AppState, envelope: &Envelope) -> Result<(), ApiError> {
    let is_ours = envelope.subscription.as_ref().is_some_and(|subscription| concerns_us(state, subscription));
    tracing::info!(is_ours, "Twitch verifies a subscription");
    if is_ours && !state.subscription.is_managed() {
        let id = envelope.subscription.as_ref().and_then(|subscription| subscription.id.as_deref());
        let id = id.map(|id| printable(id, 100));
        state.store.note_chat_subscription_verified(id.as_deref(), state.clock.now()).await?;
    }
    Ok(())
}

fn count(outcome: &'static str) {
    metrics::eventsub_messages(outcome).increment(1);
}

/// A 200 with an empty body.
fn taken() -> Response {
    ([(header::CONTENT_TYPE, "text/plain")], "").into_response()
}
