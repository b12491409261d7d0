//! The program `mgm-backend` as operators see it: exit statuses, logs, signals.

use std::time::Duration;

use mgm_store::MIGRATOR;
use mgm_twitch::extension_jwt::ExtensionKeys;
use serde_json::{Value, json};

use crate::{
    helix::HelixStandIn,
    program::{Running, SECRETS, now, run},
};

#[tokio::test]
async fn production_without_its_settings_ends_with_2_and_names_them_all() {
    let (status, written) = run(&[], &[]).await;
    assert_eq!(status, 2, "{written}");
    for key in [
        "ConnectionStrings__PostgreSQL",
        "Mgm__ApiKey",
        "Twitch__EventSubSecret",
        "Twitch__ExtensionSecret",
        "Twitch__BroadcasterUserId",
    ] {
        assert!(written.contains(key), "{key} in {written}");
    }
}

/// Like a machine without CA certificates.
const NO_CERTIFICATES: (&str, &str) = ("SSL_CERT_FILE", "/dev/null");

#[tokio::test]
async fn without_ca_certificates_a_call_to_twitch_is_impossible_and_the_remedy_is_named() {
    let environment = [
        NO_CERTIFICATES,
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ConnectionStrings__PostgreSQL", "Host=unused;Username=unused"),
        ("Twitch__HelixClientId", "client"),
        ("Twitch__BroadcasterAccessToken", "hush-access-token"),
    ];
    let (status, written) = run(&environment, &[]).await;
    assert_eq!(status, 2, "{written}");
    for part in ["https://api.twitch.tv", "ca-certificates", "SSL_CERT_FILE"] {
        assert!(written.contains(part), "{part} in {written}");
    }
}

#[tokio::test]
async fn without_ca_certificates_a_backend_that_calls_nobody_starts_all_the_same() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let url = database.url();
    let environment = [
        NO_CERTIFICATES,
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ASPNETCORE_URLS", "http://127.0.0.1:0"),
        ("ConnectionStrings__PostgreSQL", url.as_str()),
        ("Mgm__LogFormat", "json"),
    ];
    let backend = Running::launch(&environment).await;
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0, "{log:#?}");
    assert!(log.iter().any(|line| line.contains("Twitch__BroadcasterAccessToken is not set")), "{log:#?}");
}

#[tokio::test]
async fn an_unknown_setting_ends_with_2_and_names_the_nearest() {
    let (status, written) = run(&[("Mgm__ApiKye", "x")], &["config"]).await;
    assert_eq!(status, 2);
    assert!(written.contains("Mgm__ApiKye") && written.contains("Mgm__ApiKey"), "{written}");
}

#[tokio::test]
async fn the_settings_are_shown_without_secrets() {
    let mut environment = vec![("DATABASE_URL", "postgres://user:hush-password@db/mgm")];
    environment.extend(SECRETS);
    let (status, written) = run(&environment, &["config"]).await;
    assert_eq!(status, 0);
    for key in ["DATABASE_URL", "Mgm__ApiKey", "Roulette__CycleSeconds = 300"] {
        assert!(written.contains(key), "{key} in {written}");
    }
    assert!(!written.contains("hush") && !written.contains("aHVza"), "{written}");
}

#[tokio::test]
async fn a_database_that_stays_away_ends_with_1_and_the_reason() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let database = format!("Host=127.0.0.1;Port={nobody};Database=mgm;Username=u;Password=hush-password");
    let environment = [
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ConnectionStrings__PostgreSQL", &*database),
        ("Mgm__DatabaseWaitSeconds", "1"),
        ("RUST_LOG", "trace"),
    ];
    let (status, written) = run(&environment, &["serve"]).await;
    assert_eq!(status, 1, "{written}");
    let last = written.lines().last().unwrap();
    assert!(last.contains(&format!("127.0.0.1:{nobody}")) && last.contains("refused"), "{last}");
    assert!(!written.contains("hush"), "{written}");
}

#[tokio::test]
async fn a_taken_port_ends_with_2_and_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let database = mgm_test_support::database(&MIGRATOR).await;
    let environment = [
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ASPNETCORE_URLS", &*url),
        ("ConnectionStrings__PostgreSQL", &*database.url()),
    ];
    let (status, written) = run(&environment, &[]).await;
    assert_eq!(status, 2, "{written}");
    assert!(written.contains(&taken.local_addr().unwrap().to_string()), "{written}");
}

#[tokio::test]
async fn sigterm_cuts_no_request_and_leaves_no_announcement() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start(&database, &helix).await;
    let payout = backend.in_progress("ann", "Annhero").await;
    helix.faults(json!([{"kind": "slow", "delayMs": 5_000}])).await;
    let (answer, ()) = tokio::join!(backend.change(&payout, "Sent"), async {
        while helix.messages().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        backend.terminate();
    });
    // Helix takes longer than the answer waits for it: the pending call is still completed.
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "Sent");
    let (status, log) = backend.end().await;
    assert_eq!(status, 0, "{log:#?}");
    let state: String = sqlx::query_scalar("SELECT state FROM announcements").fetch_one(database.pool()).await.unwrap();
    assert_eq!(state, "announced");
}

#[tokio::test]
async fn no_secret_is_ever_in_the_log() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    let helix = HelixStandIn::start();
    let backend = Running::start(&database, &helix).await;
    let payout = backend.in_progress("ann", "Annhero").await;
    helix.status(401).await;
    assert_eq!(backend.change(&payout, "Sent").await.status(), 200);
    let claims = json!({"user_id": "ann", "exp": now() + 3_600});
    let token = ExtensionKeys::parse("aHVzaC1leHRlbnNpb24tc2VjcmV0").unwrap().sign(&claims).unwrap();
    let me = backend.http.get(format!("{}/api/pool/me", backend.url)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.status(), 200);
    backend.chat("bob", "something private").await;
    assert_eq!(
        backend.post("/api/roulette/verify-candidate", &json!({"schemaVersion": "private"})).await.status(),
        400
    );
    backend.terminate();
    let (status, log) = backend.end().await;
    assert_eq!(status, 0);
    // The token was renewed: the tokens that Twitch issued are secrets, too.
    let renewed: (String, String) = sqlx::query_as("SELECT access_token, refresh_token FROM twitch_tokens")
        .fetch_one(database.pool())
        .await
        .unwrap();
    let secrets = SECRETS.iter().map(|(_, secret)| *secret).chain([renewed.0.as_str(), renewed.1.as_str()]);
    for hidden in secrets.chain(["hush", "private", token.as_str()]) {
        let mut lines = log.iter().filter(|line| line.contains(hidden));
        assert_eq!(lines.next(), None, "{hidden}");
    }
    // The log is still useful: it says what happened, for which request, and how long it took.
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = lines.iter().find(|line| line["message"] == "request" && line["span"]["route"] == "/api/pool/me");
    let request = request.unwrap_or_else(|| panic!("{log:#?}"));
    assert_eq!((&request["status"], &request["span"]["method"]), (&json!(200), &json!("GET")));
    assert!(request["span"]["request_id"].is_string() && request["microseconds"].is_number(), "{request}");
}

#[tokio::test]
async fn several_processes_migrate_and_serve_one_database() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(database.pool()).await.unwrap();
    let helix = HelixStandIn::start();
    let start = || Running::start(&database, &helix);
    let (one, two, three) = tokio::join!(start(), start(), start());
    let payout = one.in_progress("ann", "Annhero").await;
    let answers = tokio::join!(one.change(&payout, "Sent"), two.change(&payout, "Sent"), three.change(&payout, "Sent"));
    let mut statuses = [answers.0.status().as_u16(), answers.1.status().as_u16(), answers.2.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    for backend in [one, two, three] {
        backend.terminate();
        assert_eq!(backend.end().await.0, 0);
    }
    assert_eq!(helix.messages().await.len(), 1);
}
