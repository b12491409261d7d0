//! `GET /openapi/v1.json`.

use serde_json::{Value, json};

use crate::app::TestApp;

async fn document() -> Value {
    let app = TestApp::with(|settings| settings.mgm.enable_e2e_harness = false).await;
    let document = app.get("/openapi/v1.json").send().await.ok();
    app.finish().await;
    document
}

/// Every operation: method, path, what it asks for, what it may answer.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn every_route_is_documented_with_its_key_and_its_statuses() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let shown: Vec<_> = operations(&document)
        .into_iter()
        .map(|(name, operation)| {
            let keys = operation["security"].as_array().into_iter().flatten();
            let keys: Vec<_> = keys.flat_map(|key| key.as_object().unwrap().keys().cloned()).collect();
            let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
            format!("{name} [{}] {}", keys.join(" "), statuses.join(" "))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    GET /api/announcements [desktop] 200 400 401 503 default
    POST /api/announcements/{payoutId}/resolve [desktop] 200 400 401 404 409 503 default
    POST /api/announcements/{payoutId}/retry [desktop] 200 401 404 409 503 default
    POST /api/e2e/prepare-pending-payout [desktop] 200 400 401 409 503 default
    GET /api/payouts [desktop] 200 400 401 503 default
    POST /api/payouts/claim [viewer] 200 201 400 401 403 409 429 503 default
    GET /api/payouts/my-last [viewer] 200 401 403 404 429 503 default
    GET /api/payouts/pending [desktop] 200 401 503 default
    POST /api/payouts/{id}/confirm-acceptance [desktop] 200 400 401 404 503 default
    PATCH /api/payouts/{id}/status [desktop] 200 400 401 404 409 503 default
    GET /api/pool/me [viewer] 200 401 403 429 503 default
    GET /api/roulette/candidate [desktop] 200 401 404 503 default
    GET /api/roulette/state [viewer] 200 401 403 429 503 default
    POST /api/roulette/verify-candidate [desktop] 200 400 401 409 503 default
    POST /api/twitch/eventsub [] 200 400 401 403 413 503 default
    GET /api/version [] 200 429 default
    GET /health/live [] 200 default
    GET /health/ready [] 200 503 default
    GET /openapi/v1.json [] 200 429 default
    ");
}

#[tokio::test]
async fn the_document_is_whole() {
    let document = document().await;
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes["desktop"]["name"], "X-MGM-ApiKey");
    assert_eq!((&schemes["viewer"]["type"], &schemes["viewer"]["scheme"]), (&json!("http"), &json!("bearer")));
    let mut ids = vec![];
    for (name, operation) in operations(&document) {
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
        for key in operation["security"].as_array().into_iter().flatten() {
            assert!(key.as_object().unwrap().keys().all(|key| schemes.contains_key(key)), "{name}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{name} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/ErrorBody", "{name} {status}");
            }
        }
        let path = name.split_once(' ').unwrap().1;
        let in_path = path.split(['{', '}']).skip(1).step_by(2);
        for parameter in in_path {
            let documented = operation["parameters"].as_array().into_iter().flatten();
            let mut named = documented.filter(|other| other["in"] == "path" && other["name"] == parameter);
            assert!(named.next().is_some(), "{name} {parameter}");
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique: {ids:?}");
    references(&document, &document);
}

/// Every reference leads somewhere.
fn references(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members.values().for_each(|member| references(document, member));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(document, element)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
