//! Tier A and Tier B.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use mgm_postgres::{Server, ServerOptions, install};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions as _;

use crate::harness::Place;

#[test]
fn tier_b_passes_and_again_at_once() {
    let place = Place::new();
    for _ in 0..2 {
        let said = place.run("tier-b --auto-ports");
        assert_eq!(said.status, Some(0), "{said:?}");
        let last = said.stdout.lines().last().unwrap();
        assert!(last.starts_with("PASSED  Tier B in "), "{last}");
        assert!(said.stdout.contains("Награда отправлена персонажу Etoehero на почту, проверяй ящик!"));
        assert!(!said.stdout.contains('\u{1b}'), "colour belongs on a terminal");
    }
    assert!(place.remnants().is_empty());
    let transcript = std::fs::read_to_string(place.log("mgm-tier-b-orchestrator.log")).unwrap();
    assert!(transcript.lines().last().unwrap().starts_with("PASSED"));
}

#[test]
fn reports_for_machines_tell_every_step() {
    let place = Place::new();
    let junit = place.path("junit.xml");
    let said = place.run(&format!("tier-b --auto-ports --json --junit {}", junit.display()));
    let report = said.json();
    assert_eq!(report["verdict"], "passed", "{said:?}");
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 9);
    assert_eq!(steps[3]["name"], "a viewer who does not subscribe is refused");
    assert!(steps[3]["seen"].as_str().unwrap().starts_with("403 not_subscriber for nosub-"), "{report}");
    assert!(steps.iter().all(|step| step["status"] == "passed" && step["durationMs"].is_number()));
    assert_eq!(report["services"].as_array().unwrap().len(), 6);
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains(r#"tests="9" skipped="0" failures="0" errors="0""#), "{junit}");
}

#[test]
fn the_summary_of_a_job_is_appended_to() {
    let place = Place::new();
    let summary = place.path("summary.md");
    std::fs::write(&summary, "# Built\n\n").unwrap();
    let output = place.command("tier-a --auto-ports").env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("# Built\n\n## ✅ Tier A passed in "), "{summary}");
    let output = place.command("tier-a --auto-ports").env("GITHUB_STEP_SUMMARY", "/nowhere/x.md").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot write the job's summary /nowhere/x.md (GITHUB_STEP_SUMMARY)"), "{stderr}");
}

#[test]
fn no_secret_is_in_any_output_or_log() {
    let place = Place::new();
    let secrets = [
        ("Mgm__ApiKey", "hush-api-key"),
        ("Twitch__EventSubSecret", "hush-event-sub-secret"),
        ("Twitch__ExtensionSecret", "aHVzaC1leHRlbnNpb24tc2VjcmV0LWh1c2gtaHVzaC1odXNo"),
        ("Twitch__BroadcasterAccessToken", "hush-access-token"),
    ];
    let output = place.command("tier-b --auto-ports").envs(secrets).env("RUST_LOG", "debug").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let logs = std::fs::read_dir(place.path("state/mgm/logs")).unwrap();
    let files =
        logs.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "log"));
    let mut texts: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(texts.len(), 7);
    texts.extend([output.stdout, output.stderr]);
    for text in texts {
        let text = String::from_utf8_lossy(&text);
        for (name, secret) in secrets {
            assert!(!text.contains(secret), "{name} is in: {text}");
        }
    }
}

#[test]
fn the_environment_of_the_old_scripts_still_does() {
    let place = Place::new();
    let old = [("Mgm__DevSkipSubscriberCheck", "true"), ("MockHelix__StrictAuth", "false")];
    let output = place.command("tier-b --auto-ports").envs(old).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("not asked for: Mgm__DevSkipSubscriberCheck is on"), "{stdout}");
}

#[test]
fn a_token_without_the_scope_for_it_fails_the_question_and_says_where_to_look() {
    let place = Place::new();
    let scopes = ("MockHelix__BroadcasterScopes", "user:write:chat");
    let summary = place.path("summary.md");
    let mut command = place.command("tier-b --auto-ports --json");
    let output = command.env(scopes.0, scopes.1).env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("## ❌ Tier B failed after "), "{summary}");
    assert!(summary.contains("**a viewer who does not subscribe is refused** failed."), "{summary}");
    assert!(summary.contains("| likely | "), "{summary}");
    assert!(summary.contains("| MockHelixApi | "), "{summary}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["steps"][3]["status"], &report["steps"][4]["status"]), (&"failed".into(), &"skipped".into()));
    assert!(report["steps"][3]["likelyCause"].as_str().unwrap().contains("Twitch__BroadcasterAccessToken"));
    let log = std::fs::read_to_string(place.log("mgm-backend.log")).unwrap();
    assert!(log.contains("Missing scope: channel:read:subscriptions"), "{log}");
}

#[test]
fn a_taken_port_is_named_with_its_holder_before_anything_starts() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (option, component) in [("--backend-port", "backend"), ("--pg-port", "PostgreSQL")] {
        let said = place.run(&format!("tier-b --auto-ports {option} {port}"));
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(said.stderr.contains(&format!("port {port} ({component}) is taken by ")), "{said:?}");
        if cfg!(target_os = "linux") {
            assert!(said.stderr.contains(&format!("(pid {})", std::process::id())), "{said:?}");
        }
        assert!(said.stderr.contains(option), "the remedy is missing: {said:?}");
    }
    assert!(!place.path("state/mgm").exists());
}

#[test]
fn a_service_that_cannot_start_is_named_with_its_reason() {
    let place = Place::new();
    let output = place.command("tier-a --auto-ports").env("Mgm__Environment", "Production").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("backend has stopped unexpectedly") && stderr.contains("Twitch__ExtensionSecret"),
        "{stderr}"
    );
}

#[test]
fn wrong_settings_and_wrong_usage_are_told_apart_from_failures() {
    let place = Place::new();
    let output = place.command("tier-b --auto-ports").env("Mgm__ApiKye", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("did you mean Mgm__ApiKey?"));
    for command in ["config", "config --json", "backend config"] {
        let text = "postgres://u:hush%zz@h/d";
        let output = place.command(command).env("ConnectionStrings__PostgreSQL", text).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("ConnectionStrings__PostgreSQL: the connection string is not a postgres:// URL"),
            "{said}"
        );
        assert!(!said.contains("hush"), "{said}");
    }
    for wrong in [
        "tier-b --backend http://127.0.0.1:1",
        "tier-b --attach --pg-port 1",
        "tier-c",
        "up --database-url Host=x --auto-ports",
    ] {
        assert_eq!(place.run(wrong).status, Some(2), "{wrong}");
    }
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let place = Place::new();
    for moment in [0, 100, 400, 800] {
        let mut child =
            place.command("tier-b --auto-ports").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        // It may have finished already.
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT);
        let status = child.wait().unwrap();
        // A signal that arrives before the handlers are installed kills the process.
        let unheard = status.signal() == Some(Signal::SIGINT as i32);
        assert!(unheard || matches!(status.code(), Some(0 | 130)), "{moment} ms: {status}");
        assert!(place.remnants().is_empty(), "{:?}", place.remnants());
    }
}

#[tokio::test]
async fn a_named_database_is_left_as_it_was() {
    let place = Place::new();
    let server = Server::start(&install::install().await.unwrap(), ServerOptions::throw_away()).await.unwrap();
    server.create_database("theirs").await.unwrap();
    // From a run that was killed long ago, and from one that is still running.
    server.create_database("mgm_throw_away_1000000000_abcdefghijkl").await.unwrap();
    server.create_database("mgm_throw_away_99999999999_abcdefghijkl").await.unwrap();
    let names = async || {
        let mut connection = server.connect_options("theirs").connect().await.unwrap();
        let query = "SELECT datname FROM pg_database ORDER BY datname";
        sqlx::query_scalar::<_, String>(query).fetch_all(&mut connection).await.unwrap()
    };
    let mut before = names().await;
    let url = server.url("theirs");
    let said = place.run(&format!("tier-b --auto-ports --json --database-url {url}"));
    assert_eq!(said.json()["verdict"], "passed", "{said:?}");
    before.retain(|name| !name.starts_with("mgm_throw_away_1000000000_"));
    assert_eq!(names().await, before);

    let said = place.run(&format!("up --fresh --auto-ports --database-url {url}"));
    assert_eq!(said.status, Some(2));
    assert!(said.stderr.contains("--fresh"), "{said:?}");
    server.stop().await;

    let said = place.run(&format!("tier-b --auto-ports --database-url {url}"));
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(!said.stderr.contains(url.split(['/', ':', '@']).nth(4).unwrap()), "the password is shown: {said:?}");
}
