//! `GET /openapi/v1.json`.

use mgm_api_types::ErrorCode;
use serde_json::{Value, json};

use crate::app::TestApp;

async fn document() -> Value {
    let app = TestApp::with(|settings| settings.mgm.enable_e2e_harness = false).await;
    let document = app.get("/openapi/v1.json").send().await.ok();
    app.finish().await;
    document
}

/// Every operation: method, path, security, possible answers.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    operations.collect()
}

/// The possible answers of an operation: `200`, or `409 active_payout_exists lifetime_cap_reached`.
fn answers(operation: &Value) -> Vec<String> {
    let responses = operation["responses"].as_object().unwrap().iter();
    let answers = responses.map(|(status, response)| {
        let schema = &response["content"]["application/json"]["schema"]["allOf"];
        let codes = schema[1]["properties"]["code"]["enum"].as_array().into_iter().flatten();
        let codes = codes.map(|code| code.as_str().unwrap());
        std::iter::once(status.as_str()).chain(codes).collect::<Vec<_>>().join(" ")
    });
    answers.collect()
}

#[tokio::test]
async fn every_route_is_documented_with_its_key_and_all_its_errors() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let shown: Vec<_> = operations(&document)
        .into_iter()
        .map(|(name, operation)| {
            let keys = operation["security"].as_array().into_iter().flatten();
            let keys: Vec<_> = keys.flat_map(|key| key.as_object().unwrap().keys().cloned()).collect();
            // All operations may fail on our side.
            let ours = ["500 internal_error", "503 unavailable"];
            let answers: Vec<_> =
                answers(&operation).into_iter().filter(|answer| !ours.contains(&answer.as_str())).collect();
            format!("{name} [{}] {}", keys.join(" "), answers.join(", "))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    GET /api/announcements [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 429 rate_limited
    GET /api/announcements/{payoutId} [desktop] 200, 401 unauthorized forbidden_apikey, 404 not_found, 429 rate_limited
    POST /api/announcements/{payoutId}/resolve [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 404 not_found, 409 invalid_state, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    POST /api/announcements/{payoutId}/retry [desktop] 200, 401 unauthorized forbidden_apikey, 404 not_found, 409 invalid_state, 429 rate_limited
    POST /api/e2e/prepare-pending-payout [desktop] 200, 400 invalid_payload not_in_pool, 401 unauthorized forbidden_apikey, 404 not_found, 409 active_payout_exists lifetime_cap_reached, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    GET /api/gift-requests [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 429 rate_limited
    POST /api/gift-requests [viewer] 201, 400 invalid_payload invalid_character_name, 401 unauthorized identity_not_shared, 403 wrong_channel not_subscriber, 409 gift_already_used gift_request_active, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited, 503 helix_unavailable unavailable
    PATCH /api/gift-requests/{id} [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 404 not_found, 409 invalid_state, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    POST /api/gift-requests/{id}/confirm [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 404 not_found, 409 invalid_state, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    POST /api/gift-requests/{id}/select-item [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 404 not_found, 409 invalid_state, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    GET /api/payouts [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 429 rate_limited
    POST /api/payouts/claim [viewer] 200, 201, 400 invalid_payload invalid_character_name, 401 unauthorized identity_not_shared, 403 wrong_channel not_subscriber, 409 duplicate_enrollment active_payout_exists lifetime_cap_reached character_name_taken_in_pool, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited, 503 helix_unavailable unavailable
    GET /api/payouts/my-last [viewer] 200, 401 unauthorized identity_not_shared, 403 wrong_channel, 404 not_found, 429 rate_limited
    GET /api/payouts/pending [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 429 rate_limited
    POST /api/payouts/{id}/confirm-acceptance [desktop] 200, 400 invalid_payload invalid_character_name, 401 unauthorized forbidden_apikey, 404 not_found, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    PATCH /api/payouts/{id}/status [desktop] 200, 400 invalid_payload, 401 unauthorized forbidden_apikey, 404 not_found, 409 terminal_status_change_not_allowed, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    GET /api/pool/me [viewer] 200, 401 unauthorized identity_not_shared, 403 wrong_channel, 429 rate_limited
    GET /api/roulette/candidate [desktop] 200, 401 unauthorized forbidden_apikey, 404 no_candidate, 429 rate_limited
    GET /api/roulette/state [viewer] 200, 401 unauthorized, 403 wrong_channel, 429 rate_limited
    POST /api/roulette/verify-candidate [desktop] 200, 400 invalid_payload invalid_character_name out_of_sequence, 401 unauthorized forbidden_apikey, 409 active_payout_exists lifetime_cap_reached, 413 payload_too_large, 415 unsupported_media_type, 429 rate_limited
    GET /api/streamers/{streamerId}/gift-queue [viewer] 200, 401 unauthorized identity_not_shared, 403 wrong_channel, 429 rate_limited
    POST /api/twitch/eventsub [eventsub] 200, 400 invalid_payload, 401 unauthorized, 403 stale_message, 413 payload_too_large
    GET /api/version [] 200, 429 rate_limited
    GET /health/live [] 200
    GET /health/ready [] 200
    GET /openapi/v1.json [] 200, 429 rate_limited
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
            let headers = response["headers"].as_object().unwrap();
            assert!(headers.contains_key("X-Request-Id"), "{name} {status}");
            assert_eq!(status == "429", headers.contains_key("Retry-After"), "{name} {status}");
            for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                assert!(has_example(&document, content), "{name} {status} {media_type}");
            }
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"]["allOf"];
                assert_eq!(schema[0]["$ref"], "#/components/schemas/ErrorBody", "{name} {status}");
            }
        }
        for (media_type, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(has_example(&document, content), "{name} {media_type}");
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

/// Whether a body, or its schema, has an example.
fn has_example(document: &Value, content: &Value) -> bool {
    let schema = content["schema"].get("items").unwrap_or(&content["schema"]);
    let named = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    [content, schema, named.unwrap_or(schema)].into_iter().any(|of| of.get("example").or(of.get("examples")).is_some())
}

#[tokio::test]
async fn every_code_that_is_answered_is_a_documented_one() {
    let document = document().await;
    let documented = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| json!(code.as_str())).collect();
    assert_eq!(documented, &codes);
    let of_operations = operations(&document).into_iter().flat_map(|(_, operation)| answers(&operation));
    let answered = of_operations.collect::<String>();
    for code in ErrorCode::ALL.iter().filter(|code| **code != ErrorCode::MethodNotAllowed) {
        assert!(answered.contains(code.as_str()), "no operation answers with {}", code.as_str());
    }
}

#[tokio::test]
async fn what_a_viewer_is_told_of_anothers_gift_is_documented_to_be_all_there_is() {
    let document = document().await;
    let queue = &document["paths"]["/api/streamers/{streamerId}/gift-queue"]["get"]["responses"]["200"];
    let entry = &queue["content"]["application/json"]["schema"]["items"]["$ref"];
    assert_eq!(entry, "#/components/schemas/QueuedGift");
    let schemas = &document["components"]["schemas"];
    let either: Vec<_> = schemas["QueuedGift"]["oneOf"].as_array().unwrap().iter().map(|of| &of["$ref"]).collect();
    assert_eq!(either, ["#/components/schemas/Gift", "#/components/schemas/GiftOfAnother"]);
    let other = &schemas["GiftOfAnother"];
    assert_eq!(other["additionalProperties"], json!(false));
    assert_eq!(other["required"], json!(["state", "queuePosition"]));
    assert_eq!(other["properties"].as_object().unwrap().len(), 2);
    for (schema, field) in [("Gift", "inGameName"), ("Payout", "inGameName"), ("RouletteCandidate", "inGameName")] {
        assert!(schemas[schema]["required"].as_array().unwrap().contains(&json!(field)), "{schema}");
    }
}

/// Checks that every reference can be resolved.
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
