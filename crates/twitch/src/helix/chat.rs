//! Send Chat Message (<https://dev.twitch.tv/docs/api/reference/#send-chat-message>).

use http::{Method, StatusCode};
use mgm_http_client::{AnswerBody, Exchange};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Correlation, Credentials, Helix, rate_limit_reset};
use crate::call::{error_message, exchange, read};
use crate::tolerant;

/// The scope that the sender's token needs.
pub const CHAT_SCOPE: &str = "user:write:chat";

/// How far a chat message got. The caller decides whether to retry; each case states exactly what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// No connection was made, so the message was not sent.
    NotConnected {
        /// The reason, for the log.
        reason: String,
    },
    /// The request was started and no complete answer came: the message may or may not have been sent.
    Interrupted {
        /// The reason, for the log.
        reason: String,
    },
    /// 429: not sent, too many requests.
    RateLimited {
        /// When requests are accepted again, by Helix' clock, if Helix says so.
        reset: Option<OffsetDateTime>,
    },
    /// A complete answer that is not a success: 401, other 4xx, 5xx, and redirects, which are not followed.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Helix' explanation.
        message: Option<String>,
    },
    /// Sent.
    Sent {
        /// Helix' id for the chat message.
        message_id: String,
    },
    /// Accepted but not sent (`is_sent` is false), for example because of the channel's moderation.
    Dropped {
        /// Helix' code for the reason.
        code: Option<String>,
        /// The reason in words.
        message: Option<String>,
    },
    /// A complete success that says neither: an empty 204, or a body of another shape.
    Accepted {
        /// The HTTP status.
        status: u16,
    },
}

#[derive(Serialize)]
struct SendRequest<'a> {
    broadcaster_id: &'a str,
    sender_id: &'a str,
    message: &'a str,
}

#[derive(Deserialize)]
struct SendAnswer {
    #[serde(default, deserialize_with = "tolerant::objects")]
    data: Vec<SentMessage>,
}

#[derive(Deserialize)]
struct SentMessage {
    #[serde(default, deserialize_with = "tolerant::identifier")]
    message_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::flag")]
    is_sent: Option<bool>,
    #[serde(default, deserialize_with = "tolerant::object")]
    drop_reason: Option<DropReason>,
}

#[derive(Default, Deserialize)]
struct DropReason {
    #[serde(default, deserialize_with = "tolerant::identifier")]
    code: Option<String>,
    #[serde(default, deserialize_with = "tolerant::identifier")]
    message: Option<String>,
}

impl Helix {
    /// Posts `text` to the chat of `broadcaster_id` as `sender_id`. Makes at most one request.
    pub async fn send_chat_message(
        &self,
        broadcaster_id: &str,
        sender_id: &str,
        text: &str,
        credentials: &Credentials,
        correlation: &Correlation,
    ) -> SendOutcome {
        let url = self.base_url.endpoint("helix/chat/messages");
        let body = SendRequest { broadcaster_id, sender_id, message: text };
        let request = self.request(Method::POST, url, credentials, correlation).json(&body);
        match exchange("send_chat_message", request).await {
            Exchange::NotConnected(reason) => SendOutcome::NotConnected { reason },
            Exchange::Interrupted(reason) => SendOutcome::Interrupted { reason },
            Exchange::Complete { status: StatusCode::TOO_MANY_REQUESTS, headers, .. } => {
                SendOutcome::RateLimited { reset: rate_limit_reset(&headers) }
            }
            Exchange::Complete { status, body, .. } if status.is_success() => success(status, &body),
            Exchange::Complete { status, body, .. } => {
                SendOutcome::Refused { status: status.as_u16(), message: error_message(&body) }
            }
        }
    }
}

fn success(status: StatusCode, body: &AnswerBody) -> SendOutcome {
    let message = read::<SendAnswer>(body).and_then(|answer| answer.data.into_iter().next());
    match message {
        Some(SentMessage { is_sent: Some(true), message_id: Some(message_id), .. }) => SendOutcome::Sent { message_id },
        Some(SentMessage { is_sent: Some(false), drop_reason, .. }) => {
            let DropReason { code, message } = drop_reason.unwrap_or_default();
            SendOutcome::Dropped { code, message }
        }
        Some(_) | None => SendOutcome::Accepted { status: status.as_u16() },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(body: &str) -> SendOutcome {
        success(StatusCode::OK, &AnswerBody::public(body.as_bytes().to_vec()))
    }

    #[test]
    fn the_documented_answers_are_told_apart() {
        assert_eq!(
            outcome(r#"{"data":[{"message_id":"abc-123-def","is_sent":true}]}"#),
            SendOutcome::Sent { message_id: "abc-123-def".to_owned() }
        );
        assert_eq!(
            outcome(
                r#"{"data":[{"message_id":"","is_sent":false,"drop_reason":{"code":"msg_duplicate","message":"Again."}}]}"#
            ),
            SendOutcome::Dropped { code: Some("msg_duplicate".to_owned()), message: Some("Again.".to_owned()) }
        );
        assert_eq!(
            outcome(r#"{"data":[{"is_sent":false,"drop_reason":null}]}"#),
            SendOutcome::Dropped { code: None, message: None }
        );
    }

    #[test]
    fn any_other_success_is_accepted() {
        for body in ["", "{}", "[]", "OK", r#"{"data":[]}"#, r#"{"data":null}"#, r#"{"data":[{"message_id":"x"}]}"#] {
            assert_eq!(outcome(body), SendOutcome::Accepted { status: 200 }, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body: Vec<u8>) {
            success(StatusCode::OK, &AnswerBody::public(body));
        }
    }
}
