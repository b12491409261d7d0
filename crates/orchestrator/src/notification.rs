//! A chat message as Twitch posts it.

use mgm_twitch::eventsub::{ChatMessageBuilder, SecretError, SigningSecrets};
use reqwest::RequestBuilder;
use secrecy::SecretString;

use crate::clock;

/// Where backend and MockEventSubWebhook take it.
pub const PATH: &str = "/api/twitch/eventsub";

/// One line of chat.
#[derive(Debug)]
pub struct ChatLine<'a> {
    /// What is typed.
    pub text: &'a str,
    /// Who types it.
    pub user_id: &'a str,
    /// Who types it.
    pub login: &'a str,
    /// What they wear.
    pub badges: &'a [String],
    /// The channel; none: the one that the receiver is configured for.
    pub broadcaster_id: Option<&'a str>,
    /// Unique.
    pub message_id: &'a str,
}

/// Puts a signed notification into a request.
pub fn sign(
    request: RequestBuilder,
    line: &ChatLine<'_>,
    secret: Option<&SecretString>,
) -> Result<RequestBuilder, SecretError> {
    let secrets = SigningSecrets::new(secret)?;
    let message = ChatMessageBuilder {
        message_id: line.message_id.to_owned(),
        broadcaster_user_id: line.broadcaster_id.unwrap_or_default().to_owned(),
        source_broadcaster_user_id: None,
        chatter_user_id: line.user_id.to_owned(),
        chatter_user_login: line.login.to_owned(),
        text: line.text.to_owned(),
        badges: line.badges.to_owned(),
    };
    let body = if line.broadcaster_id.is_some() { message.full_body() } else { message.short_body() };
    let timestamp = clock::now().unix_timestamp().to_string();
    let headers = secrets.notification_headers(line.message_id, &timestamp, &body);
    Ok(request.headers(headers).body(body))
}
