//! Every body of every route, as documented: objects are required, and nothing else passes for one.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, BROADCASTER, TestApp};

/// A body that a route reads.
struct Documented {
    method: Method,
    path: String,
    is_viewers: bool,
    /// An example of it.
    example: Value,
    schema: Value,
}

/// All of them except Twitch's, from the document, so that new routes are included automatically.
async fn documented(app: &TestApp) -> (Value, Vec<Documented>) {
    let document = app.get("/openapi/v1.json").send().await.ok();
    let mut bodies = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            if content.is_null() || path == "/api/twitch/eventsub" {
                continue;
            }
            let schema = resolved(&document, &content["schema"]).clone();
            bodies.push(Documented {
                method: method.to_uppercase().parse().unwrap(),
                path: path.replace("{id}", &Uuid::nil().to_string()).replace("{payoutId}", &Uuid::nil().to_string()),
                is_viewers: operation["security"][0].get("viewer").is_some(),
                example: schema.get("example").or(schema["examples"].get(0)).unwrap().clone(),
                schema,
            });
        }
    }
    assert!(bodies.len() >= 9, "the document has the bodies that are known of");
    (document, bodies)
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

/// The body with an array in place of one of its objects: the members in the order in which the type declares them (which
/// `required` keeps), and in that of the alphabet.
fn with_arrays(document: &Value, schema: &Value, body: &Value) -> Vec<(String, Value)> {
    let schema = resolved(document, schema);
    let Some(members) = body.as_object() else { return vec![] };
    let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
    let rest = members.keys().map(String::as_str).filter(|name| !required.clone().any(|other| other == *name));
    let declared: Vec<&Value> = required.clone().chain(rest).map(|name| &members[name]).collect();
    let mut found = vec![
        ("as declared".to_owned(), json!(declared)),
        ("required".to_owned(), required.clone().map(|name| members[name].clone()).collect()),
        ("alphabetical".to_owned(), members.values().cloned().collect()),
        ("within".to_owned(), json!([body])),
        ("empty".to_owned(), json!([])),
    ];
    for (name, value) in members {
        for (how, inner) in with_arrays(document, &schema["properties"][name], value) {
            let mut body = body.clone();
            body[name] = inner;
            found.push((format!("{name}: {how}"), body));
        }
    }
    found
}

async fn send(app: &TestApp, route: &Documented, number: usize, body: &[u8]) -> Answer {
    let call = app.request(route.method.clone(), &route.path).header("content-type", "application/json");
    // A new viewer each time, so that no limit applies.
    let call = if route.is_viewers { call.viewer(&format!("viewer-{number}")) } else { call.desktop() };
    call.body(body.to_vec()).send().await
}

#[tokio::test]
async fn no_array_passes_for_an_object() {
    let app = TestApp::start().await;
    let (document, bodies) = documented(&app).await;
    let mut number = 0;
    for route in &bodies {
        let route_name = format!("{} {}", route.method, route.path);
        let sound = send(&app, route, number, route.example.to_string().as_bytes()).await;
        assert!(
            sound.status.is_success() || sound.value()["code"] != "invalid_payload",
            "{route_name}: the example is understood: {}",
            sound.value()
        );
        let mut odd = with_arrays(&document, &route.schema, &route.example);
        assert!(odd.len() >= 5, "{route_name}");
        odd.extend([json!(null), json!("text"), json!(7), json!(true)].map(|body| (body.to_string(), body)));
        for (how, body) in odd {
            number += 1;
            let answer = send(&app, route, number, body.to_string().as_bytes()).await;
            let what = format!("{route_name}, {how}: {body}: {}", answer.value());
            assert_eq!((answer.status.as_u16(), &answer.value()["code"]), (400, &json!("invalid_payload")), "{what}");
        }
        for body in ["", "{", "{}x", "\u{FEFF}{}", "<xml/>"] {
            number += 1;
            send(&app, route, number, body.as_bytes()).await.is(400, "invalid_payload");
        }
    }
    assert_eq!(app.get("/api/payouts/pending").desktop().send().await.ok(), json!([]));
    app.finish().await;
}

#[tokio::test]
async fn the_bodies_that_were_once_taken_change_nothing() {
    let app = TestApp::start().await;
    let payout = {
        app.enrolled("ann", "Etoehero").await;
        app.pending("ann").await
    };
    let status = format!("/api/payouts/{payout}/status");
    for body in [json!(["Sent"]), json!([["Sent"]]), json!({"status": ["Sent"]}), json!({"status": {"Sent": null}})] {
        app.patch(&status).desktop().json(&body).send().await.is(400, "invalid_payload");
    }
    let claim = app.post("/api/payouts/claim").viewer("bob").json(&json!(["Abcdef", "id"]));
    claim.send().await.is(400, "invalid_payload");
    assert_eq!(app.name_of("bob").await, None);
    let pending = app.get("/api/payouts/pending").desktop().send().await.ok();
    assert_eq!((&pending[0]["id"], &pending[0]["status"]), (&json!(payout), &json!("Pending")));
    app.finish().await;
}

#[tokio::test]
async fn a_notification_with_an_array_for_an_object_is_refused() {
    let app = TestApp::start().await;
    let badge = json!({"set_id": "subscriber"});
    let (subscription, message) = (json!({"type": "channel.chat.message"}), json!({"text": "!twgold Etoehero"}));
    let event = |badges: &Value, message: &Value| {
        json!({"broadcaster_user_id": BROADCASTER, "chatter_user_id": "ann", "message_id": "m-1",
            "message": message, "badges": badges})
    };
    let in_order = json!([BROADCASTER, null, "ann", null, null, "m-1", message, [badge]]);
    for body in [
        json!([]),
        json!([null, subscription, event(&json!([badge]), &message)]),
        json!([{"subscription": subscription, "event": event(&json!([badge]), &message)}]),
        json!(null),
        json!("text"),
        json!(7),
        json!(true),
        json!({"subscription": [null, "channel.chat.message"], "event": event(&json!([badge]), &message)}),
        json!({"subscription": subscription, "event": in_order}),
        json!({"subscription": subscription, "event": event(&json!([badge]), &json!(["!twgold Etoehero"]))}),
    ] {
        app.notify(body.to_string().as_bytes()).await.is(400, "invalid_payload");
        assert_eq!(app.name_of("ann").await, None, "{body}");
    }
    // A malformed badge does not count, and does not hide the others.
    let odd_badge = json!({"subscription": subscription, "event": event(&json!([["subscriber"]]), &message)});
    assert_eq!(app.notify(odd_badge.to_string().as_bytes()).await.status, 200);
    assert_eq!(app.name_of("ann").await, None);
    let sound = json!({"subscription": subscription, "event": event(&json!([badge]), &message)});
    assert_eq!(app.notify(sound.to_string().as_bytes()).await.status, 200);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    app.finish().await;
}
