//! One channel is served, and viewers learn nothing about each other.

use mgm_settings::{Environment, Settings};
use mgm_twitch::{eventsub::ChatMessageBuilder, extension_jwt::ExtensionKeys};
use serde_json::{Value, json};

use crate::app::{Answer, BROADCASTER, TestApp};

/// The key with which tests sign tokens, as a setting.
const EXTENSION_SECRET: &str = "WTpH/r8Ubs3MYT7kajHzQfJiMOx9/styaDT2hGsXWvI=";
const TYPE: &str = "twitch-eventsub-message-type";

async fn production() -> TestApp {
    TestApp::with(|settings: &mut Settings| {
        settings.general.environment = Environment::Production;
        settings.mgm.enable_e2e_harness = false;
        settings.mgm.dev_skip_subscriber_check = false;
        settings.twitch.extension_secret = Some(ExtensionKeys::parse(EXTENSION_SECRET).unwrap());
    })
    .await
}

#[tokio::test]
async fn in_production_a_token_has_to_name_the_channel_on_every_route() {
    let app = production().await;
    let operations = app.operations("viewer").await;
    assert!(operations.len() >= 6, "{operations:?}");
    for (method, path) in operations {
        let call = |claims: Value| {
            let call = app.request(method.clone(), &path).header("content-type", "application/json");
            call.bearer(&app.token(claims)).body("{not json")
        };
        for claims in [
            json!({"user_id": "ann"}),
            json!({"user_id": "ann", "channel_id": null}),
            json!({"user_id": "ann", "channel_id": ""}),
            json!({"user_id": "ann", "channel_id": 1337}),
        ] {
            call(claims).send().await.is(401, "unauthorized");
        }
        call(json!({"user_id": "ann", "channel_id": "another"})).send().await.is(403, "wrong_channel");
        let taken = call(json!({"user_id": "ann", "channel_id": BROADCASTER})).send().await;
        assert!([200, 400, 404].contains(&taken.status.as_u16()), "{method} {path}: {taken:?}");
    }
    app.finish().await;
}

fn whole(message: &str, text: &str) -> Value {
    let message = ChatMessageBuilder::by_subscriber(message, BROADCASTER, "ann", "ann", text);
    serde_json::from_slice(&message.full_body()).unwrap()
}

/// Copies of a message, each with our channel missing in one place.
fn unnamed(whole: &Value) -> Vec<Value> {
    let id = [json!(null), json!(""), json!(7), json!({}), json!([BROADCASTER])];
    let places = [
        ("/subscription/condition", &id[..1]),
        ("/subscription/condition/broadcaster_user_id", &id),
        ("/event/broadcaster_user_id", &id),
    ];
    let mut bodies = vec![with(whole, "/subscription/condition", json!({}))];
    for (place, values) in places {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut lacking = whole.clone();
        lacking.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        bodies.push(lacking);
        bodies.extend(values.iter().map(|value| with(whole, place, value.clone())));
    }
    bodies
}

/// Copies of a message, each naming another channel in one place.
fn of_another(whole: &Value) -> Vec<Value> {
    let places = ["/subscription/condition/broadcaster_user_id", "/event/broadcaster_user_id"];
    places.iter().map(|place| with(whole, place, json!("another"))).collect()
}

fn with(body: &Value, place: &str, value: Value) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(place).unwrap() = value;
    body
}

async fn notified(app: &TestApp, body: &Value) -> Answer {
    app.notify(&serde_json::to_vec(body).unwrap()).await
}

#[tokio::test]
async fn in_production_chat_that_is_not_of_the_channel_is_acknowledged_and_has_no_effect() {
    let app = production().await;
    let (gold, gift) = (whole("m-1", "!twgold Etoehero"), whole("m-2", "!twgift Etoehero"));
    let gifts = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM gift_requests").fetch_one(app.database.pool()).await.unwrap()
    };
    for of in [&gold, &gift] {
        let short = json!({"subscription": {"type": "channel.chat.message"}, "event": of["event"]});
        for body in unnamed(of).into_iter().chain(of_another(of)).chain([short]) {
            let answer = notified(&app, &body).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, b"".as_slice()), "{body}");
            assert_eq!((app.name_of("ann").await, gifts().await), (None, 0), "{body}");
        }
    }
    // Nothing of that was stored: the same message counts if it is from our channel.
    notified(&app, &gold).await;
    notified(&app, &gift).await;
    assert_eq!((app.name_of("ann").await.as_deref(), gifts().await), (Some("Etoehero"), 1));
    // Helix was not asked about the gift.
    app.abandon();
}

#[tokio::test]
async fn in_development_what_is_not_said_is_ours_and_what_is_another_channels_is_not() {
    let app = TestApp::start().await;
    for (number, body) in unnamed(&whole("m", "!twgold Etoehero")).iter().enumerate() {
        let user = format!("ann-{number}");
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        let body = with(body, "/event/chatter_user_id", json!(user));
        let body = with(&body, "/event/message_id", json!(user));
        let body = with(&body, "/event/message/text", json!(format!("!twgold Ann{letter}")));
        assert_eq!(notified(&app, &body).await.status, 200);
        assert!(app.name_of(&user).await.is_some(), "{body}");
    }
    for body in of_another(&whole("m", "!twgold Etoehero")) {
        assert_eq!(notified(&app, &body).await.status, 200);
        assert_eq!(app.name_of("ann").await, None, "{body}");
    }
    app.finish().await;
}

#[tokio::test]
async fn in_production_only_the_subscription_of_the_channel_is_noted() {
    let app = production().await;
    let revoked = async || app.get("/health/ready").send().await.ok()["subscriptionRevoked"].clone();
    let about = |condition: Value| {
        let subscription = json!({"type": "channel.chat.message", "status": "user_removed", "condition": condition});
        serde_json::to_vec(&json!({"challenge": "prove it", "subscription": subscription})).unwrap()
    };
    let ours = about(json!({"broadcaster_user_id": BROADCASTER, "user_id": "reader"}));
    let others = [json!(null), json!({}), json!({"user_id": BROADCASTER}), json!({"broadcaster_user_id": "another"})];
    for other in &others {
        let answer = app.notification(&about(other.clone())).header(TYPE, "revocation").send().await;
        assert_eq!((answer.status.as_u16(), revoked().await), (200, Value::Null), "{other}");
    }
    assert_eq!(app.notification(&ours).header(TYPE, "revocation").send().await.status, 200);
    assert_eq!(revoked().await, "user_removed");
    for other in &others {
        // A sender with the secret is answered, but what they verify is not our subscription.
        let verification = app.notification(&about(other.clone())).header(TYPE, "webhook_callback_verification");
        assert_eq!(verification.send().await.body, "prove it");
        assert_eq!(revoked().await, "user_removed", "{other}");
    }
    app.notification(&ours).header(TYPE, "webhook_callback_verification").send().await;
    assert_eq!(revoked().await, Value::Null);
    app.finish().await;
}

async fn queue(app: &TestApp, user: &str) -> Value {
    app.get(&format!("/api/streamers/{BROADCASTER}/gift-queue")).viewer(user).send().await.ok()
}

#[tokio::test]
async fn of_anothers_gift_a_viewer_sees_place_and_state_and_nothing_else() {
    let app = TestApp::start().await;
    let id = app.gift_requested("ann").await;
    let state = |state: &str| json!([{"state": state, "queuePosition": 1}]);
    assert_eq!(queue(&app, "bob").await, state("SelectingItem"));
    app.select_item(&id).await.ok();
    assert_eq!(queue(&app, "bob").await, state("WaitingConfirmation"));
    app.gift_requested("bob").await;
    let (of_bob, of_ann) = (queue(&app, "bob").await, queue(&app, "ann").await);
    let desktop = app.gift_queue().await;
    assert_eq!(of_bob, json!([state("WaitingConfirmation")[0], desktop[1]]));
    assert_eq!(of_ann, json!([desktop[0]]));
    app.finish().await;
}

#[tokio::test]
async fn no_answer_to_a_viewer_tells_of_another() {
    let app = TestApp::start().await;
    let token = app.token(json!({"user_id": "victim-id", "name": "Victim of Display", "channel_id": BROADCASTER}));
    let claim = |name: &str, id: &str| json!({"characterName": name, "enrollmentRequestId": id});
    let victim = app.post("/api/payouts/claim").bearer(&token).json(&claim("Victimhero", "victim-request"));
    victim.send().await.success(201);
    let payout = app.pending("victim-id").await;
    let body = json!({"streamerId": BROADCASTER, "characterName": "Victimhero"});
    let gift = app.post("/api/gift-requests").bearer(&token).json(&body).send().await.success(201);
    let gift = gift["id"].as_str().unwrap();
    app.select_item(gift).await.ok();

    let queue = format!("/api/streamers/{BROADCASTER}/gift-queue");
    let gift_of_bob = json!({"streamerId": BROADCASTER, "characterName": "Bobhero"});
    let mut answers = vec![];
    for (status, call) in [
        (200, app.get("/api/pool/me")),
        (200, app.get("/api/roulette/state")),
        (404, app.get("/api/payouts/my-last")),
        (200, app.get(&queue)),
        (409, app.post("/api/payouts/claim").json(&claim("vICTIMHERO", "bobs"))),
        (409, app.post("/api/payouts/claim").json(&claim("Bobhero", "victim-request"))),
        (201, app.post("/api/payouts/claim").json(&claim("Bobhero", "bobs"))),
        (201, app.post("/api/gift-requests").json(&gift_of_bob)),
        (409, app.post("/api/gift-requests").json(&gift_of_bob)),
        (200, app.get(&queue)),
        (200, app.get("/api/pool/me")),
    ] {
        let answer = call.viewer("bob").send().await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        answers.push(answer);
    }
    for answer in &answers {
        let told = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body)).to_lowercase();
        for secret in ["victim", "ткань", "2589", &payout, gift] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
    app.finish().await;
}
