//! The messages of Twitch's webhook sender, and their parts.

use http::{HeaderMap, HeaderName, HeaderValue};
use mgm_system::{Clock, RandomSource};
use mgm_twitch::eventsub::{CHANNEL_CHAT_MESSAGE, ChatMessageBuilder, SigningSecrets, format_timestamp, header};
use serde_json::{Map, Value, json};
use time::Duration;

use super::target::Target;

/// Makes messages.
pub(super) struct Maker<'a> {
    pub(super) target: &'a Target,
    pub(super) clock: &'a dyn Clock,
    pub(super) random: &'a RandomSource,
}

/// The parts of a message that is not signed yet.
#[derive(Debug)]
pub(super) struct Draft {
    /// How long ago it was sent; negative: it comes from the future.
    pub(super) age: Duration,
    pub(super) kind: &'static str,
    pub(super) retry: &'static str,
    pub(super) topic: (String, String),
    pub(super) body: Vec<u8>,
    pub(super) challenge: Option<String>,
}

/// A message as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The challenge that is in it.
    pub(super) challenge: Option<String>,
}

impl Message {
    /// Replaces a header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), text(value));
        self
    }

    /// Leaves a header out.
    pub(super) fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Replaces the body.
    pub(super) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

fn text(value: &str) -> HeaderValue {
    // The subscription's type comes from the command line and may be anything.
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl Maker<'_> {
    fn draft(&self, kind: &'static str, body: &Value) -> Draft {
        let Target { kind: topic, version, .. } = self.target;
        Draft {
            age: Duration::ZERO,
            kind,
            retry: "0",
            topic: (topic.clone(), version.clone()),
            body: body.to_string().into_bytes(),
            challenge: None,
        }
    }

    /// A notification of the subscription's type.
    pub(super) fn notification(&self) -> Draft {
        self.draft("notification", &json!({"subscription": self.subscription("enabled"), "event": self.event()}))
    }

    /// The same, with another body.
    pub(super) fn notification_of(&self, body: impl Into<Vec<u8>>) -> Draft {
        Draft { body: body.into(), ..self.notification() }
    }

    /// A challenge, by which the receiver proves that it wants the subscription.
    pub(super) fn challenge(&self) -> Draft {
        let challenge = self.random.uuid().to_string();
        let subscription = self.subscription("webhook_callback_verification_pending");
        let body = json!({"challenge": challenge, "subscription": subscription});
        Draft { challenge: Some(challenge), ..self.draft("webhook_callback_verification", &body) }
    }

    /// The end of the subscription.
    pub(super) fn revocation(&self, reason: &str) -> Draft {
        self.draft("revocation", &json!({"subscription": self.subscription(reason)}))
    }

    /// Signs a message with the subscription's secret.
    pub(super) fn sign(&self, draft: Draft) -> Message {
        self.sign_with(draft, &SigningSecrets::from_iter([&self.target.secret]))
    }

    /// Signs it with other secrets.
    pub(super) fn sign_with(&self, draft: Draft, secrets: &SigningSecrets) -> Message {
        let Draft { age, kind, retry, topic, body, challenge } = draft;
        let id = self.random.uuid().to_string();
        let timestamp = format_timestamp(self.clock.now() - age);
        let headers = secrets.notification_headers(&id, &timestamp, &body);
        Message { headers, body, challenge }
            .with(header::MESSAGE_TYPE, kind)
            .with(header::MESSAGE_RETRY, retry)
            .with(header::SUBSCRIPTION_TYPE, &topic.0)
            .with(header::SUBSCRIPTION_VERSION, &topic.1)
    }

    /// The current time, as messages have it.
    pub(super) fn now(&self) -> String {
        format_timestamp(self.clock.now())
    }

    /// The subscription, as messages describe it.
    pub(super) fn subscription(&self, status: &str) -> Value {
        let Target { callback, subscription_id, kind, version, condition, .. } = self.target;
        json!({
            "id": subscription_id.clone().unwrap_or_else(|| self.random.uuid().to_string()),
            "status": status,
            "type": kind,
            "version": version,
            "condition": condition,
            "transport": {"method": "webhook", "callback": callback.as_str()},
            "created_at": self.now(),
            "cost": 0,
        })
    }

    /// The event of a notification.
    pub(super) fn event(&self) -> Value {
        let Target { kind, condition, event, .. } = self.target;
        if let Some(event) = event {
            return event.clone();
        }
        if kind == CHANNEL_CHAT_MESSAGE {
            let channel = condition.get("broadcaster_user_id").and_then(Value::as_str).unwrap_or_default();
            let id = self.random.uuid().to_string();
            let message =
                ChatMessageBuilder::by_subscriber(&id, channel, "4145994", "viptest", "Привет 🎉 \"it is me\"");
            let body = serde_json::from_slice::<Value>(&message.full_body()).unwrap_or_default();
            return body["event"].clone();
        }
        // Events name the users of the condition by login and name, too.
        let user = |(name, id): (&String, &Value)| {
            let stem = name.strip_suffix("_id").map(str::to_owned);
            let others = stem.into_iter().flat_map(|stem| [format!("{stem}_login"), format!("{stem}_name")]);
            let others: Vec<_> = others.map(|name| (name, json!("somebody"))).collect();
            [(name.clone(), id.clone())].into_iter().chain(others)
        };
        Value::Object(condition.iter().flat_map(user).collect::<Map<_, _>>())
    }
}
