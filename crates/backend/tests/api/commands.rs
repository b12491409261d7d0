//! The operator's subcommands of `mgm-backend`, while a backend is running.

use mgm_store::MIGRATOR;
use mgm_test_support::TestDatabase;
use serde_json::{Value, json};

use crate::{
    helix::HelixStandIn,
    program::{Running, program, run},
};

async fn operate(database: &TestDatabase, arguments: &[&str]) -> (i32, String) {
    let url = database.url();
    let environment = [
        ("Mgm__Environment", "Development"),
        ("Mgm__DatabaseWaitSeconds", "0"),
        ("ConnectionStrings__PostgreSQL", url.as_str()),
        ("RUST_LOG", "error"),
    ];
    run(&environment, arguments).await
}

async fn execute(database: &TestDatabase, statement: &'static str) {
    sqlx::raw_sql(statement).execute(database.pool()).await.unwrap();
}

/// A backend with one payout that was sent and one in progress; returns their ids.
async fn at_work(database: &TestDatabase) -> (Running, HelixStandIn, [String; 2]) {
    let helix = HelixStandIn::start();
    let backend = Running::start(database, &helix).await;
    let sent = backend.in_progress("ann", "Annhero").await;
    assert_eq!(backend.change(&sent, "Sent").await.status(), 200);
    let in_progress = backend.in_progress("bob", "Bobhero").await;
    (backend, helix, [sent, in_progress])
}

#[tokio::test]
async fn migrate_makes_the_schema_and_the_others_want_one() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    execute(&database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    for arguments in
        [&["audit"][..], &["rebuild-projections"], &["export", "--payout", "0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4"]]
    {
        let (status, written) = operate(&database, arguments).await;
        assert_eq!(status, 2, "{arguments:?}: {written}");
    }
    for _ in 0..2 {
        assert_eq!(operate(&database, &["migrate"]).await, (0, String::new()));
    }
    let (status, written) = operate(&database, &["audit"]).await;
    assert_eq!(status, 0, "{written}");
}

#[tokio::test]
async fn the_audit_finds_nothing_beside_a_backend_and_then_what_was_broken() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let (_backend, _helix, [sent, _]) = at_work(&database).await;
    let (status, written) = operate(&database, &["audit"]).await;
    assert_eq!(status, 0);
    // Whether a cycle was drawn in the meantime depends on the wall clock.
    let looked = "dev-broadcaster: 6 events, 2 payouts, 0 gift requests, 1 announcements, 1 members, ";
    assert!(written.starts_with(looked) && written.ends_with(" cycles: nothing found\n"), "{written}");
    execute(&database, "DELETE FROM announcements").await;
    let (status, written) = operate(&database, &["audit"]).await;
    assert_eq!(status, 1, "{written}");
    assert!(written.starts_with(&format!("announcement_missing  {sent}: ")), "{written}");
    let (status, written) = operate(&database, &["audit", "--json"]).await;
    assert_eq!(status, 1);
    let found: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&found["looked"]["events"], &found["looked"]["announcements"]), (&json!(6), &json!(0)));
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!((&findings[0]["code"], &findings[0]["subject"]), (&json!("announcement_missing"), &json!(sent)));
}

#[tokio::test]
async fn rows_that_differ_from_their_events_are_told_and_repaired() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let (_backend, _helix, [sent, in_progress]) = at_work(&database).await;
    let (status, written) = operate(&database, &["rebuild-projections"]).await;
    assert_eq!(
        (status, written.as_str()),
        (0, "2 payouts and gift requests compared with their events: 0 differed, 0 repaired\n")
    );
    execute(&database, "UPDATE payouts SET gold = 7 WHERE status = 'Sent'; DELETE FROM payouts WHERE status <> 'Sent'")
        .await;
    let (status, written) = operate(&database, &["rebuild-projections"]).await;
    assert_eq!(status, 0, "{written}");
    for line in [
        format!("payout {sent} differed: gold is 7, by the events it should be 1000"),
        format!("payout {in_progress} differed: there are events, but no row"),
        "2 payouts and gift requests compared with their events: 2 differed, 2 repaired".to_owned(),
    ] {
        assert!(written.lines().any(|written| written == line), "{line} in {written}");
    }
    assert_eq!(operate(&database, &["audit"]).await.0, 0);

    execute(&database, "UPDATE events SET schema_version = 9 WHERE event_type = 'Sent'").await;
    let (status, written) = operate(&database, &["rebuild-projections", "--json"]).await;
    assert_eq!(status, 1, "{written}");
    let rebuilt: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(rebuilt["left"][0]["id"], *sent);
    assert!(rebuilt["left"][0]["differences"][0].as_str().unwrap().contains("version 9"), "{written}");
}

#[tokio::test]
async fn a_payouts_events_are_exported_line_by_line() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let (_backend, _helix, [sent, _]) = at_work(&database).await;
    let (status, written) = operate(&database, &["export", "--payout", &sent]).await;
    assert_eq!(status, 0, "{written}");
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Awarded", "Started", "Sent", "Announcement"]);
    for (line, version) in lines.iter().zip(1..) {
        assert_eq!((&line["streamId"], &line["version"]), (&json!(sent), &json!(version)));
        assert!(line["recordedAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
    assert_eq!(lines[0]["data"]["characterName"], "Annhero");
    let (status, written) = operate(&database, &["export", "--payout", "0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4"]).await;
    assert_eq!(status, 1);
    assert!(written.contains("has no payout 0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4"), "{written}");
    assert_eq!(operate(&database, &["export", "--payout", "x"]).await.0, 2);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_taken_for_a_finding() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let database = format!("Host=127.0.0.1;Port={nobody};Database=mgm;Username=u");
    let environment = [
        ("Mgm__Environment", "Development"),
        ("Mgm__DatabaseWaitSeconds", "0"),
        ("ConnectionStrings__PostgreSQL", database.as_str()),
    ];
    let (status, written) = run(&environment, &["audit"]).await;
    assert_eq!(status, 2, "{written}");
    let (status, written) = run(&[], &["audit"]).await;
    assert_eq!(status, 2);
    assert!(
        written.contains("ConnectionStrings__PostgreSQL") && written.contains("Twitch__BroadcasterUserId"),
        "{written}"
    );
    assert!(!written.contains("Mgm__ApiKey"), "the operator needs the database alone: {written}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_result_that_is_lost_ends_with_2() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let (backend, _helix, [sent, _]) = at_work(&database).await;
    drop(backend);
    let url = database.url();
    let environment = [("Mgm__Environment", "Development"), ("ConnectionStrings__PostgreSQL", url.as_str())];
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["config"],
        &["completions", "bash"],
        &["audit"],
        &["audit", "--json"],
        &["rebuild-projections"],
        &["rebuild-projections", "--json"],
        &["export", "--payout", &sent],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let child = program(&environment).args(arguments).stdout(full).spawn().unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn sizes_of_the_pool_that_make_no_sense_are_refused_in_both_forms() {
    for (keyword, parameter) in [("Maximum Pool Size", "maximum_pool_size"), ("Minimum Pool Size", "minimum_pool_size")]
    {
        for text in [
            format!("Host=127.0.0.1;Username=u;{keyword}=4294967295"),
            format!("postgres://u@127.0.0.1/d?{parameter}=4294967295"),
        ] {
            for arguments in [&[][..], &["migrate"], &["audit"], &["config"]] {
                let environment =
                    [("Mgm__Environment", "Development"), ("ConnectionStrings__PostgreSQL", text.as_str())];
                let (status, written) = run(&environment, arguments).await;
                assert_eq!(status, 2, "{text} {arguments:?}: {written}");
                assert!(written.contains(keyword) && !written.contains("4294967295"), "{text}: {written}");
            }
        }
    }
}

#[tokio::test]
async fn completions_know_the_subcommands() {
    let (status, written) = run(&[], &["completions", "bash"]).await;
    assert_eq!(status, 0);
    assert!(written.contains("rebuild-projections"));
}
