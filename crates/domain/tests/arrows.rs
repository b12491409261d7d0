//! Dependencies point one way, and the rules of the game have no dependency that performs I/O.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// The crates of the workspace that each crate may depend on.
const ARROWS: [(&str, &[&str]); 15] = [
    ("mgm-domain", &[]),
    ("mgm-api-types", &[]),
    ("mgm-twitch", &["mgm-http-client"]),
    ("mgm-system", &[]),
    ("mgm-http-client", &[]),
    ("mgm-service", &["mgm-system"]),
    ("mgm-postgres", &["mgm-system"]),
    ("mgm-ci-health", &["mgm-service", "mgm-system"]),
    ("mgm-settings", &["mgm-domain", "mgm-service", "mgm-twitch"]),
    ("mgm-store", &["mgm-domain"]),
    (
        "mgm-backend",
        &[
            "mgm-api-types",
            "mgm-domain",
            "mgm-http-client",
            "mgm-service",
            "mgm-settings",
            "mgm-store",
            "mgm-system",
            "mgm-twitch",
        ],
    ),
    ("mgm-mocks", &["mgm-api-types", "mgm-http-client", "mgm-service", "mgm-settings", "mgm-system", "mgm-twitch"]),
    (
        "mgm",
        &[
            "mgm-api-types",
            "mgm-backend",
            "mgm-ci-health",
            "mgm-http-client",
            "mgm-mocks",
            "mgm-postgres",
            "mgm-service",
            "mgm-settings",
            "mgm-system",
            "mgm-twitch",
        ],
    ),
    ("mgm-test-support", &["mgm-postgres", "mgm-system"]),
    ("mgm-bench", &["mgm-domain", "mgm-postgres", "mgm-service", "mgm-store", "mgm-system", "mgm-twitch"]),
];

/// What the rules must not depend on, even indirectly: runtimes, drivers, servers, clocks and random sources.
const NOT_IN_DOMAIN: [&str; 9] = ["tokio", "sqlx", "axum", "hyper", "reqwest", "chrono", "rand", "getrandom", "mio"];

/// The normal dependencies, by package name, of every package of the workspace.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn crates_depend_on_one_another_one_way() {
    let dependencies = dependencies();
    let allowed = BTreeMap::from(ARROWS);
    assert_eq!(
        dependencies.keys().collect::<Vec<_>>(),
        allowed.keys().collect::<Vec<_>>(),
        "every crate has its arrows"
    );
    for (package, needs) in &dependencies {
        for needed in needs.iter().filter(|needed| dependencies.contains_key(*needed)) {
            assert!(allowed[package.as_str()].contains(&needed.as_str()), "{package} must not depend on {needed}");
        }
    }
}

#[test]
fn the_rules_see_no_clock_no_random_source_and_no_input_or_output() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package=mgm-domain", "--edges=normal", "--prefix=none", "--format={p}", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains("mgm-domain"));
    for banned in NOT_IN_DOMAIN {
        assert!(tree.lines().all(|line| !line.starts_with(&format!("{banned} "))), "mgm-domain sees {banned}:\n{tree}");
    }
}
