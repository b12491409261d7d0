//! A chat message in the form in which Twitch posts it.

use std::time::Duration;

use bytes::Bytes;
use mgm_http_client::slowly;
use mgm_system::{Clock as _, SystemClock};
use mgm_twitch::eventsub::{ChatMessageBuilder, Hostile, SigningSecret, SigningSecrets, format_timestamp};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_LENGTH;

/// The path at which the backend and MockEventSubWebhook accept it.
pub const PATH: &str = "/api/twitch/eventsub";

/// How long the body of a slow delivery takes to arrive.
const SLOW: Duration = Duration::from_secs(3);

/// One line of chat.
#[derive(Debug)]
pub struct ChatLine<'a> {
    /// The text of the line.
    pub text: &'a str,
    /// The chatter's Twitch user id.
    pub user_id: &'a str,
    /// The chatter's login.
    pub login: &'a str,
    /// The chatter's badges.
    pub badges: &'a [String],
    /// The form of the notification.
    pub form: Form<'a>,
    /// The message's id, which is unique.
    pub message_id: &'a str,
    /// How long ago it was sent.
    pub age: Duration,
    /// How its delivery is hostile.
    pub hostile: Option<Hostile>,
}

/// The forms of a notification.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// Twitch's: every documented field, and a time to the nanosecond.
    Full {
        /// The channel's broadcaster id.
        broadcaster_id: &'a str,
    },
    /// That of the .NET pipeline's script: seven fields, none of which names a channel, and epoch seconds.
    Short,
}

/// Puts a signed notification into a request.
pub fn sign(request: RequestBuilder, line: &ChatLine<'_>, secret: Option<&SigningSecret>) -> RequestBuilder {
    let secrets: SigningSecrets = secret.into_iter().collect();
    let message = ChatMessageBuilder {
        message_id: line.message_id.to_owned(),
        broadcaster_user_id: match line.form {
            Form::Full { broadcaster_id } => broadcaster_id.to_owned(),
            Form::Short => String::new(),
        },
        source_broadcaster_user_id: None,
        chatter_user_id: line.user_id.to_owned(),
        chatter_user_login: line.login.to_owned(),
        text: line.text.to_owned(),
        badges: line.badges.to_owned(),
    };
    let sent_at = SystemClock.now() - line.age;
    let sent_at = line.hostile.map_or(sent_at, |hostile| hostile.sent_at(sent_at));
    let (mut body, timestamp) = match line.form {
        Form::Full { .. } => (message.full_body(), format_timestamp(sent_at)),
        Form::Short => (message.short_body(), sent_at.unix_timestamp().to_string()),
    };
    if let Some(hostile) = line.hostile {
        body = hostile.to_sign(body);
    }
    let mut headers = secrets.notification_headers(line.message_id, &timestamp, &body);
    if let Some(hostile) = line.hostile {
        hostile.distort(&mut headers, &mut body);
    }
    let request = request.headers(headers);
    if line.hostile == Some(Hostile::Slow) {
        let body = Bytes::from(body);
        return request.header(CONTENT_LENGTH, body.len()).body(slowly(&body, SLOW));
    }
    request.body(body)
}

#[cfg(test)]
mod tests {
    use mgm_twitch::eventsub::{Envelope, header};

    use super::*;

    fn signed(form: Form<'_>) -> reqwest::Request {
        let badges = ["subscriber".to_owned()];
        let line = ChatLine {
            text: "hello",
            user_id: "7",
            login: "somebody",
            badges: &badges,
            form,
            message_id: "m",
            age: Duration::ZERO,
            hostile: None,
        };
        let client = mgm_http_client::client(&"http://127.0.0.1:9".parse().unwrap(), Duration::ZERO);
        let secret = SigningSecret::parse("0123456789".into()).unwrap();
        let request = sign(client.unwrap().post("http://127.0.0.1:9"), &line, Some(&secret)).build().unwrap();
        let secrets = SigningSecrets::from_iter([&secret]);
        secrets.verify(request.headers(), request.body().unwrap().as_bytes().unwrap()).unwrap();
        request
    }

    fn channel(request: &reqwest::Request) -> Option<String> {
        let body = request.body().unwrap().as_bytes().unwrap();
        Envelope::parse(body).unwrap().chat_message().unwrap().broadcaster_user_id
    }

    #[test]
    fn the_full_form_is_twitchs_and_the_short_one_the_scripts() {
        let full = signed(Form::Full { broadcaster_id: "streamer" });
        let timestamp = full.headers()[header::MESSAGE_TIMESTAMP].to_str().unwrap();
        assert_eq!((timestamp.len(), timestamp.ends_with('Z')), ("2026-04-05T12:00:00.634234626Z".len(), true));
        assert_eq!(channel(&full).as_deref(), Some("streamer"));
        let short = signed(Form::Short);
        let timestamp = short.headers()[header::MESSAGE_TIMESTAMP].to_str().unwrap();
        assert!(timestamp.bytes().all(|byte| byte.is_ascii_digit()), "{timestamp}");
        assert_eq!(channel(&short), None);
    }
}
