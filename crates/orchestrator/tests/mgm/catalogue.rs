//! `mgm run` and `mgm scenarios`.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::Place;

#[test]
fn every_scenario_passes_and_is_in_the_reports() {
    let place = Place::new();
    let listed = place.run("scenarios --json").json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 30, "{names:?}");
    let (junit, summary) = (place.path("junit.xml"), place.path("summary.md"));
    let mut command = place.command(&format!("run --all --auto-ports --json --junit {}", junit.display()));
    let output = command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let played: Vec<_> = report["scenarios"].as_array().unwrap().iter().map(|one| &one["scenario"]).collect();
    assert_eq!(played, names, "in the order of the catalogue");
    let junit = std::fs::read_to_string(junit).unwrap();
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("## ✅ "), "{summary}");
    for name in names {
        assert!(junit.contains(&format!("<testsuite name=\"{name}\"")), "{name}");
        assert!(summary.contains(&format!("| {name} | ")), "{name}");
    }
    assert!(place.remnants().is_empty(), "{:?}", place.remnants());
}

#[test]
fn a_failed_scenario_says_what_differs_and_what_needs_another_stack_is_skipped() {
    let place = Place::new();
    let file = place.path("settings.toml");
    std::fs::write(&file, "[rate_limits]\nviewer_writes_per_minute = 3\n").unwrap();
    let up = place.up(&format!("--config {}", file.display()));
    let said = place.run(&format!("run --attach rate-limit cancel desktop-offline --json {}", up.targets()));
    assert_eq!(said.status, Some(1), "{said:?}");
    let report = said.json();
    let scenario = |name| report["scenarios"].as_array().unwrap().iter().find(|one| one["scenario"] == name).unwrap();
    assert_eq!(scenario("cancel")["verdict"], "passed", "{report}");
    assert_eq!(scenario("desktop-offline")["verdict"], "skipped", "{report}");
    let step = &scenario("rate-limit")["steps"][0];
    assert_eq!(step["expected"], "201");
    assert!(step["got"].as_str().unwrap().starts_with("429 "), "{step}");
    assert_eq!(step["differences"][0], "the status must be 201, got 429");
    let said = place.run(&format!("run --attach rate-limit {}", up.targets()));
    for part in ["FAILED", "expected  201", "differs   the status must be 201, got 429", "likely"] {
        assert!(said.stdout.contains(part), "{part}: {said:?}");
    }
}

#[test]
fn what_is_no_scenario_is_named_with_the_nearest() {
    let place = Place::new();
    for (line, message) in [
        ("run tier-c", "there is no scenario tier-c; did you mean tier-a?"),
        ("run --tag TC-999", "no scenario has the tag TC-999"),
        ("run", "name scenarios, or give --tag or --all"),
        ("run tier-a --backend http://127.0.0.1:1", "add --attach"),
    ] {
        let said = place.run(line);
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(said.stderr.contains(message), "{said:?}");
    }
    assert!(!place.path("state/mgm").exists());
}

#[test]
fn an_interrupted_run_of_several_leaves_nothing_behind() {
    let place = Place::new();
    for moment in [100, 800, 1500] {
        let line = "run tier-a desktop-offline gift-timeouts --auto-ports --jobs 3";
        let mut child = place.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{moment} ms: {status}");
        assert!(place.remnants().is_empty(), "{:?}", place.remnants());
    }
}

#[test]
fn the_page_shows_who_called_whom_and_no_secret() {
    let place = Place::new();
    let page = place.path("page.html");
    let secrets = [("Mgm__ApiKey", "hush-api-key"), ("Twitch__BroadcasterAccessToken", "hush-access-token")];
    let mut command = place.command(&format!("tier-b --auto-ports --html {}", page.display()));
    let output = command.envs(secrets).env("RUST_LOG", "debug").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(!page.contains("hush") && !page.contains("Bearer "), "a secret is in the page");
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let run = &data["runs"][0];
    let exchanges = run["exchanges"].as_array().unwrap();
    for (from, to, path, step) in [
        ("mgm", "MockEventSubWebhook", "/api/twitch/eventsub", 0),
        ("MockEventSubWebhook", "backend", "/api/twitch/eventsub", 0),
        ("backend", "MockHelixApi", "/helix/subscriptions", 3),
        ("mgm", "SyntheticDesktop", "/run-sequence", 5),
        ("SyntheticDesktop", "backend", "/status", 5),
        ("backend", "MockHelixApi", "/helix/chat/messages", 5),
    ] {
        let is = |one: &&serde_json::Value| {
            let ends = one["path"].as_str().unwrap().ends_with(path);
            one["from"] == from && one["to"] == to && ends && one["step"] == step && one["status"] == 200
        };
        assert!(exchanges.iter().any(|one| is(&one)), "{from} -> {to} {path}: {exchanges:#?}");
    }
    let times: Vec<_> = exchanges.iter().map(|one| one["atMs"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for service in ["PostgreSQL", "backend", "MockHelixApi"] {
        assert!(data["logs"].as_array().unwrap().iter().any(|line| line["service"] == service), "{service}");
    }
}
