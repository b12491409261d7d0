//! The webhook: signature, age, kinds of messages.

use std::time::Duration;

use mgm_twitch::eventsub::ChatMessageBuilder;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::app::{BROADCASTER, PREVIOUS_EVENTSUB_SECRET, TestApp, signing};

const ID: &str = "twitch-eventsub-message-id";
const TIMESTAMP: &str = "twitch-eventsub-message-timestamp";
const SIGNATURE: &str = "twitch-eventsub-message-signature";
const TYPE: &str = "twitch-eventsub-message-type";

fn bytes(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap()
}

fn chat(text: &str) -> Vec<u8> {
    ChatMessageBuilder::by_subscriber("m-1", BROADCASTER, "ann", "ann", text).full_body()
}

#[tokio::test]
async fn a_notification_needs_all_signature_headers_and_a_signature_that_fits() {
    let app = TestApp::start().await;
    let body = chat("!twgold Etoehero");
    for missing in [ID, TIMESTAMP, SIGNATURE] {
        app.notification(&body).without(missing).send().await.is(401, "unauthorized");
    }
    for signature in ["", "sha256=", "sha256=00", "nonsense", &format!("sha256={}", "0".repeat(64))] {
        app.notification(&body).header(SIGNATURE, signature).send().await.is(401, "unauthorized");
    }
    let mut other = body.clone();
    other.push(b' ');
    app.notification(&body).body(other).send().await.is(401, "unauthorized");
    app.notification(&body).header(ID, "another").send().await.is(401, "unauthorized");
    assert_eq!(app.name_of("ann").await, None);

    let timestamp = app.now().unix_timestamp().to_string();
    let upper = signing("e2e-ci-eventsub-secret").sign(b"id", timestamp.as_bytes(), &body).unwrap();
    let upper = upper.replace("sha256=", "").to_uppercase();
    let call = app.notification(&body).header(ID, "id").header(SIGNATURE, &format!("sha256={upper}"));
    call.send().await.is(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn both_secrets_of_a_rotation_sign() {
    let app = TestApp::start().await;
    let (body, timestamp) = (chat("!twgold Etoehero"), app.now().unix_timestamp().to_string());
    let headers = signing(PREVIOUS_EVENTSUB_SECRET).notification_headers("id", &timestamp, &body);
    let answer = app.post("/api/twitch/eventsub").headers(headers).body(body).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    app.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_in_a_fixed_order() {
    let app = TestApp::start().await;
    let url = "/api/twitch/eventsub";
    // The size is checked before the signature, the signature before the age, the age before the JSON.
    let too_long = vec![b' '; 1024 * 1024 + 1];
    app.post(url).body(too_long.clone()).send().await.is(413, "payload_too_large");
    app.notification(&too_long).send().await.is(413, "payload_too_large");
    let old = |body: &[u8]| {
        let timestamp = (app.now() - Duration::from_secs(601)).unix_timestamp().to_string();
        let headers = signing("e2e-ci-eventsub-secret").notification_headers("id", &timestamp, body);
        app.post(url).headers(headers).body(body.to_vec())
    };
    old(b"{").header(SIGNATURE, "sha256=00").send().await.is(401, "unauthorized");
    old(b"{").send().await.is(403, "stale_message");
    app.notification(b"{").send().await.is(400, "invalid_payload");
    app.notification(b"").send().await.is(400, "invalid_payload");
    app.notification(b"\xff").send().await.is(400, "invalid_payload");

    let mut longest = bytes(&json!({"padding": ""}));
    let padding = vec![b'x'; 1024 * 1024 - longest.len()];
    let end = longest.len() - 2;
    longest.splice(end..end, padding);
    assert_eq!(longest.len(), 1024 * 1024);
    assert_eq!(app.notify(&longest).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_message_may_be_ten_minutes_old_or_new_in_either_form_of_the_timestamp() {
    let app = TestApp::start().await;
    let body = bytes(&json!({}));
    for (seconds, status) in [(-600, 200), (600, 200), (-601, 403), (601, 403), (0, 200), (-86_400, 403)] {
        let at = app.now() + time::Duration::seconds(seconds);
        let nanoseconds = at.format(&Rfc3339).unwrap().replace('Z', ".000000000Z");
        for timestamp in [at.unix_timestamp().to_string(), at.format(&Rfc3339).unwrap(), nanoseconds] {
            let headers = signing("e2e-ci-eventsub-secret").notification_headers("id", &timestamp, &body);
            let answer = app.post("/api/twitch/eventsub").headers(headers).body(body.clone()).send().await;
            assert_eq!(answer.status, status, "{timestamp} at {}", app.now());
        }
    }
    let headers = signing("e2e-ci-eventsub-secret").notification_headers("id", "yesterday", &body);
    app.post("/api/twitch/eventsub").headers(headers).body(body).send().await.is(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn the_content_type_is_not_looked_at() {
    let app = TestApp::start().await;
    for (user, name, content_type) in [("ann", "Annhero", "text/plain"), ("bob", "Bobhero", "nonsense")] {
        let message =
            ChatMessageBuilder::by_subscriber(&app.fresh_id(), BROADCASTER, user, user, &format!("!twgold {name}"));
        app.notification(&message.full_body()).header("content-type", content_type).send().await;
        assert_eq!(app.name_of(user).await.as_deref(), Some(name));
    }
    let message = ChatMessageBuilder::by_subscriber(&app.fresh_id(), BROADCASTER, "eve", "eve", "!twgold Evehero");
    app.notification(&message.full_body()).without("content-type").send().await;
    assert_eq!(app.name_of("eve").await.as_deref(), Some("Evehero"));
    app.finish().await;
}

#[tokio::test]
async fn the_pipelines_seven_fields_and_three_headers_are_enough() {
    let app = TestApp::start().await;
    let body =
        ChatMessageBuilder::by_subscriber("m-1", "", "e2e-viewer-1", "e2eviewer1", "!twgold Etoehero").short_body();
    let timestamp = app.now().unix_timestamp().to_string();
    let signature = signing("e2e-ci-eventsub-secret").sign(b"m-1", timestamp.as_bytes(), &body).unwrap();
    let call = app.post("/api/twitch/eventsub").header("content-type", "application/json");
    let call = call.header(ID, "m-1").header(TIMESTAMP, &timestamp).header(SIGNATURE, &signature).body(body);
    assert_eq!(call.send().await.status, 200);
    assert_eq!(app.name_of("e2e-viewer-1").await.as_deref(), Some("Etoehero"));
    app.finish().await;
}

#[tokio::test]
async fn a_verification_is_answered_with_exactly_the_challenge() {
    let app = TestApp::start().await;
    let challenge = "pogchamp-kappa-360noscope-vohiyo \"<é>";
    let body = bytes(&json!({"challenge": challenge, "subscription": {"type": "channel.chat.message"}}));
    for call in
        [app.notification(&body).header(TYPE, "webhook_callback_verification"), app.notification(&body).without(TYPE)]
    {
        let answer = call.send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], "text/plain");
        assert_eq!(answer.body, challenge.as_bytes());
    }
    // If the header is there, it decides.
    assert_eq!(app.notification(&body).send().await.body, "");
    app.notification(&body).header(SIGNATURE, "sha256=00").without(TYPE).send().await.is(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn a_revocation_of_our_subscription_shows_until_it_is_made_again() {
    let app = TestApp::start().await;
    let revoked = async || app.get("/health/ready").send().await.ok()["subscriptionRevoked"].clone();
    let subscription = |kind: &str, channel: &str| {
        bytes(&json!({"challenge": "c", "subscription": {
            "type": kind, "status": "authorization_revoked", "condition": {"broadcaster_user_id": channel},
        }}))
    };
    let ours = subscription("channel.chat.message", BROADCASTER);
    for other in [subscription("channel.follow", BROADCASTER), subscription("channel.chat.message", "another")] {
        assert_eq!(app.notification(&other).header(TYPE, "revocation").send().await.status, 200);
        assert_eq!(revoked().await, Value::Null);
    }
    assert_eq!(app.notification(&ours).header(TYPE, "revocation").send().await.status, 200);
    assert_eq!(revoked().await, "authorization_revoked");
    app.notification(&ours).header(TYPE, "webhook_callback_verification").send().await;
    assert_eq!(revoked().await, Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_known_is_acknowledged() {
    let app = TestApp::start().await;
    let event = json!({"message_id": "m", "chatter_user_id": "ann", "message": {"text": "!twgold Etoehero"},
                       "badges": [{"set_id": "subscriber"}]});
    for body in [
        json!({}),
        json!({"event": event}),
        json!({"subscription": {"type": "channel.follow"}, "event": event}),
        json!({"subscription": {"type": "channel.chat.message"}}),
        json!({"subscription": {"type": "channel.chat.message"}, "event": null}),
        json!({"subscription": {"type": "channel.chat.message"}, "event": {}}),
        json!({"subscription": {"type": 7}, "event": event}),
    ] {
        let answer = app.notify(&bytes(&body)).await;
        assert_eq!(answer.status, 200, "{body}");
    }
    let known = json!({"subscription": {"type": "channel.chat.message"}, "event": event});
    assert_eq!(app.notification(&bytes(&known)).header(TYPE, "something_new").send().await.status, 200);
    for field in ["message_id", "chatter_user_id", "message"] {
        let mut lacking = known.clone();
        lacking["event"].as_object_mut().unwrap().remove(field);
        assert_eq!(app.notify(&bytes(&lacking)).await.status, 200, "without {field}");
    }
    assert_eq!(app.name_of("ann").await, None);
    app.finish().await;
}

#[tokio::test]
async fn without_a_secret_only_the_signature_goes_unchecked() {
    let app = TestApp::with(|settings| {
        (settings.twitch.event_sub_secret, settings.twitch.event_sub_secret_previous) = (None, None);
    })
    .await;
    let url = "/api/twitch/eventsub";
    assert_eq!(app.post(url).body(chat("!twgold Etoehero")).send().await.status, 200);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    app.notification(b"{}").header(TIMESTAMP, "1").send().await.is(403, "stale_message");
    app.post(url).body("{").send().await.is(400, "invalid_payload");
    app.finish().await;
}

/// Whatever the message, signed or not, there is no 5xx and no panic.
#[test]
fn no_bytes_make_the_webhook_fail() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let app = TestApp::start().await;
        let json_like = prop_oneof![
            "\\PC{0,80}".prop_map(String::into_bytes),
            vec(any::<u8>(), 0..200),
            "[\\[{\":,}\\] a-z0-9]{0,60}".prop_map(String::into_bytes),
            ("\\PC{0,30}", "\\PC{0,30}", "\\PC{0,300}").prop_map(|(text, user, id)| bytes(&json!({
                "subscription": {"type": "channel.chat.message"},
                "event": {"message_id": id, "chatter_user_id": user, "message": {"text": format!("!twgold {text}")},
                          "chatter_user_name": text, "badges": [{"set_id": "subscriber"}]},
            }))),
            (1_usize..3_000).prop_map(|depth| "[".repeat(depth).into_bytes()),
        ];
        let message_type = prop_oneof![Just("notification".to_owned()), Just("revocation".to_owned()), "[ -~]{0,30}"];
        let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
        let outcome = runner.run(&(json_like, message_type, any::<bool>()), |(body, kind, signed)| {
            let call = app.notification(&body).header(TYPE, &kind);
            let call = if signed { call } else { call.header(SIGNATURE, &format!("sha256={}", "a".repeat(64))) };
            let answer = tokio::task::block_in_place(|| runtime.handle().block_on(call.send()));
            prop_assert!(!answer.status.is_server_error(), "{:?}", answer);
            prop_assert_eq!(answer.status == 401, !signed);
            Ok(())
        });
        app.finish().await;
        outcome.unwrap();
    });
}
