//! Messages that are unusual, and messages that Twitch would never send.

use mgm_twitch::eventsub::SigningSecret;
use serde_json::{Value, json};

use super::message::{Draft, Maker, Message};

/// The size of a body that is far too long, in bytes; Twitch's have a few KiB.
const OVERSIZED: usize = 2 * 1024 * 1024;

pub(super) fn twice(maker: &Maker<'_>) -> Vec<Message> {
    let message = maker.sign(maker.notification());
    vec![message.clone(), message]
}

pub(super) fn of_another_topic(maker: &Maker<'_>, kind: &str, version: &str) -> Draft {
    let mut subscription = maker.subscription("enabled");
    subscription["type"] = kind.into();
    subscription["version"] = version.into();
    let body = json!({"subscription": subscription, "event": maker.event()});
    Draft { topic: (kind.to_owned(), version.to_owned()), ..maker.notification_of(body.to_string()) }
}

pub(super) fn wrong_signature() -> String {
    format!("sha256={}", "0123456789abcdef".repeat(4))
}

/// Signs a message with a secret that nobody has.
pub(super) fn forged(maker: &Maker<'_>, draft: Draft) -> Message {
    let secret = SigningSecret::parse(maker.random.letters(40).into());
    maker.sign_with(draft, &secret.iter().collect())
}

/// A notification with a field that nobody knows in each of its objects.
pub(super) fn with_new_fields(maker: &Maker<'_>) -> String {
    let (mut subscription, mut event) = (maker.subscription("enabled"), maker.event());
    for object in [&mut subscription, &mut event] {
        if let Some(fields) = object.as_object_mut() {
            fields.insert("unheard_of".to_owned(), json!({"deep": [1, {"deeper": null}]}));
        }
    }
    json!({"subscription": subscription, "event": event, "unheard_of": [1.5, "x"]}).to_string()
}

/// A notification as no JSON library writes it: with odd spaces and line breaks, and letters and slashes as escapes.
pub(super) fn unusual(maker: &Maker<'_>) -> String {
    let written = |object: &Value| format!("{object:#}").replace('/', "\\/").replace("enabled", "\\u0065nabled");
    let (subscription, event) = (written(&maker.subscription("enabled")), written(&maker.event()));
    format!("{{ \"event\" :\r\n{event}  ,\t\"subscription\" : {subscription} }}\n")
}

pub(super) fn oversized(maker: &Maker<'_>) -> String {
    let body = json!({
        "subscription": maker.subscription("enabled"),
        "event": maker.event(),
        "unheard_of": "x".repeat(OVERSIZED),
    });
    body.to_string()
}
