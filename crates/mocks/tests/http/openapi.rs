//! The OpenAPI documents, compared with the real routes.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::shell;
use crate::support::{Running, start};

/// A method and a path, as documents write them.
type Route = (String, String);

/// The paths of a router, which shows them only to those who debug it.
fn paths(router: &axum::Router) -> BTreeSet<String> {
    let shown = format!("{router:?}");
    let texts = shown.split('"').skip(1).step_by(2);
    // The root and wildcards are where there is nothing.
    let is_one = |text: &&str| text.starts_with('/') && *text != "/" && !text.contains("{*");
    let paths: BTreeSet<_> = texts.filter(is_one).map(str::to_owned).collect();
    assert!(paths.contains("/health"), "the router shows no paths: {shown}");
    paths
}

/// The methods of a path: a method that no route has is answered with those that it has.
async fn methods(mock: &Running, path: &str) -> Vec<String> {
    let address: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    let response = mock.request(Method::TRACE, &address.join("/")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let allowed = response.headers()["allow"].to_str().unwrap().to_ascii_lowercase();
    allowed.split(',').filter(|method| *method != "head").map(str::to_owned).collect()
}

fn documented(document: &Value) -> BTreeSet<Route> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let methods: Vec<_> =
            methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())).collect();
        methods
    };
    paths.iter().flat_map(methods).collect()
}

#[tokio::test]
async fn each_document_has_exactly_the_routes_that_there_are() {
    for (router, name) in shell::all() {
        let paths = paths(&router);
        let mock = start(router);
        let (status, document) = mock.get("/openapi.json").await;
        assert_eq!((status, document["openapi"].as_str()), (StatusCode::OK, Some("3.1.0")));
        let mut real = BTreeSet::new();
        for path in paths {
            real.extend(methods(&mock, &path).await.into_iter().map(|method| (method, path.clone())));
        }
        let documented = documented(&document);
        let missing: Vec<_> = real.difference(&documented).collect();
        let gone: Vec<_> = documented.difference(&real).collect();
        assert!(missing.is_empty() && gone.is_empty(), "{name}: not documented: {missing:?}; not there: {gone:?}");
    }
}

/// Every reference of a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(target) if name == "$ref" => found.extend([target.to_owned()]),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn what_a_document_refers_to_is_there_and_operations_are_told_apart() {
    for (router, name) in shell::all() {
        let (_, document) = start(router).get("/openapi.json").await;
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for target in found {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{name}: {target}");
        }
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
        let ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}");
    }
}
