//! No output contains a secret: there is a canary in every setting, and in every answer of Twitch's.

use std::{collections::VecDeque, fmt::Write, sync::Arc, sync::Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mgm_backend::config::BackendConfig;
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use mgm_settings::{Row, Settings, Sources};
use mgm_store::MIGRATOR;
use mgm_test_support::{TestDatabase, until};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::program::{PATIENCE, Running, SECRETS, address, run};

const CANARY: &str = "hush-canary";

/// Invalid values of every kind that contain the canary.
fn values() -> Vec<String> {
    let shapes = [
        "§",
        "§;§",
        "§,§",
        "§=§",
        "1§",
        "true§",
        "é§",
        "§\t§",
        "'§",
        "http://u:§@host",
        "http://:§@host:1",
        "http://§",
        "http://§:99999",
        "https://host/§",
        "https://host?§",
        "ftp://§",
        "http://127.0.0.1:§",
        "http://h/§;http://h",
        "10.0.0.0/§",
        "[\"§\"]",
        "Host=h;Username=u;Port=§",
        "Host=h;Username=u;Password='§",
        "Host=h;Password=a;§=b;§§=c",
        "Host=h;§§=1;Username=u;Timeout=§",
        "Host=h;Username=u;SSL Mode=§",
        "postgres://u:§@h:port/db",
        "postgres://u:%ff§@h/db",
        "postgres:/u:§@h/db?a=b",
        "mysql://u:§@h/db?x=y",
    ];
    shapes.iter().map(|shape| shape.replace('§', CANARY)).collect()
}

fn rows() -> Vec<Row> {
    Settings::load(&Sources::default()).unwrap().rows
}

/// The names of all settings, including inherited ones.
fn variables() -> Vec<String> {
    let own = rows().into_iter().map(|row| row.key.to_owned());
    let inherited = ["ASPNETCORE_ENVIRONMENT", "ASPNETCORE_URLS", "OTEL_EXPORTER_OTLP_ENDPOINT", "DATABASE_URL"];
    own.chain(inherited.map(str::to_owned)).collect()
}

/// All output about settings of the programs that read them.
fn said(file: Option<&str>, environment: &[(&str, &str)]) -> String {
    let directory = tempfile(file);
    let sources = Sources {
        file: directory.as_ref().map(|file| file.0.clone()),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        accept_database_url: true,
    };
    let mut said = String::new();
    match Settings::load(&sources) {
        Err(error) => write!(said, "{error}\n{error:?}").unwrap(),
        Ok(loaded) => {
            let settings = &loaded.settings;
            // Production lacks too many settings to start, so all problems are reported.
            let error = BackendConfig::new(settings).unwrap_err();
            write!(said, "{error}\n{error:?}").unwrap();
            if let Err(error) = mgm_mocks::synthetic_desktop::SyntheticDesktopConfig::from_settings(settings) {
                write!(said, "\n{error}\n{error:?}").unwrap();
            }
        }
    }
    said
}

/// A file that is deleted on drop.
struct File(std::path::PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests: any unused name will do")]
fn tempfile(content: Option<&str>) -> Option<File> {
    let path = std::env::temp_dir().join(format!("mgm-{}", uuid::Uuid::new_v4()));
    std::fs::write(&path, content?).unwrap();
    Some(File(path))
}

#[track_caller]
fn is_silent(said: &str, where_it_was: &str) {
    assert!(!said.to_lowercase().contains(CANARY), "{where_it_was}: {said}");
}

#[test]
fn no_error_of_a_setting_holds_its_value() {
    let mut refused = 0;
    for variable in variables() {
        for value in values() {
            let of_variable = said(None, &[(&variable, &value)]);
            is_silent(&of_variable, &format!("{variable}={value}"));
            refused += usize::from(of_variable.contains(&variable));
            let file = tempfile(Some(&value)).unwrap();
            let path = file.0.to_str().unwrap();
            is_silent(&said(None, &[(&format!("{variable}__File"), path)]), &format!("{variable}: {value} in a file"));
            // The secret itself in place of its file's name.
            is_silent(&said(None, &[(&format!("{variable}__File"), &value)]), &format!("{variable}__File={value}"));
            // Twice, with different values.
            let again = variable.to_uppercase();
            is_silent(
                &said(None, &[(&variable, &value), (&again, "other")]),
                &format!("{variable}={value} and another"),
            );
        }
    }
    assert!(refused > 500, "most of these are refused by name: {refused}");
}

#[test]
fn no_error_of_the_file_holds_what_stands_in_it() {
    for row in rows() {
        let (section, key) = row.file_key.split_once('.').unwrap();
        for value in values() {
            let text = toml_text(&value);
            for line in [
                format!("{key} = {text}"),
                format!("{key} = [{text}, 5]"),
                format!("{key} = {{ a = {text} }}"),
                // Not TOML, but what people write.
                format!("{key} = {value}"),
                format!("{key} = \"{CANARY}"),
                format!("{key} = '{CANARY}"),
                format!("{key} = \"\\{CANARY}\""),
                format!("{key} = 2026-{CANARY}"),
                format!("{key}: {value}"),
                format!("{key} {CANARY} = 1"),
                format!("{key} = {text} {CANARY}"),
                format!("{key} = {text}\n{key} = {text}"),
            ] {
                is_silent(&said(Some(&format!("[{section}]\n{line}\n")), &[]), &line);
            }
        }
    }
}

fn toml_text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"))
}

#[tokio::test]
async fn a_program_that_does_not_start_tells_no_value() {
    let variables = variables();
    for value in values() {
        let mut environment: Vec<(&str, &str)> = vec![("RUST_LOG", "trace")];
        environment.extend(variables.iter().map(|name| (name.as_str(), value.as_str())));
        let (status, written) = run(&environment, &[]).await;
        assert_eq!(status, 2, "{written}");
        is_silent(&written, &value);
        // As far as the database, which does not exist.
        let environment = [
            ("RUST_LOG", "info"),
            ("Mgm__Environment", "Development"),
            ("Mgm__DatabaseWaitSeconds", "0"),
            ("ConnectionStrings__PostgreSQL", value.as_str()),
        ];
        let (status, written) = run(&environment, &["audit"]).await;
        assert_eq!(status, 2, "{written}");
        is_silent(&written, &value);
    }
    let (status, written) =
        run(&[("RUST_LOG", &format!("a=b={CANARY}[{CANARY}")), ("Mgm__Environment", "Development")], &["audit"]).await;
    assert_eq!(status, 2, "{written}");
    is_silent(&written, "RUST_LOG");
}

/// A Twitch that repeats what it was sent in every text of every answer.
struct Parrot {
    url: String,
    state: Arc<Heard>,
    _running: DropGuard,
}

#[derive(Default)]
struct Heard {
    /// The statuses of the answers to the next chat messages.
    chat: Mutex<VecDeque<u16>>,
    paths: Mutex<Vec<String>>,
}

const APP_TOKEN: &str = "hush-app-token";

impl Parrot {
    fn start(chat: &[u16]) -> Self {
        let state = Arc::new(Heard { chat: Mutex::new(chat.iter().copied().collect()), ..Heard::default() });
        let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
        let url = format!("http://{}", listeners.addresses()[0]);
        let shutdown = CancellationToken::new();
        let router = Router::new().fallback(repeat).with_state(Arc::clone(&state));
        tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
        Self { url, state, _running: shutdown.drop_guard() }
    }

    fn has_heard(&self, path: &str) -> bool {
        self.state.paths.lock().unwrap().iter().any(|heard| heard.starts_with(path))
    }
}

/// A secret in the encodings in which it may be repeated.
fn written(secret: &str) -> [String; 4] {
    let each = |form: fn(u8) -> String| secret.bytes().map(form).collect();
    [
        secret.to_owned(),
        secret.to_uppercase(),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
    ]
}

async fn repeat(State(heard): State<Arc<Heard>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let path = parts.uri.path().to_owned();
    heard.paths.lock().unwrap().push(format!("{path} {} {body}", parts.method));
    let authorization = parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let secrets = SECRETS.iter().map(|(_, secret)| *secret).chain([APP_TOKEN]);
    let sent: Vec<_> = secrets
        .filter(|secret| body.contains(secret) || authorization.as_ref().is_some_and(|text| text.ends_with(secret)))
        .collect();
    assert!(!sent.is_empty(), "{path} {body}");
    let said = sent.iter().flat_map(|secret| written(secret)).collect::<Vec<_>>().join(" and ");
    let said = format!("parrot: {said}");
    let error = |status: u16| {
        let body = json!({"error": said, "status": status, "message": said});
        (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
    };
    match path.as_str() {
        "/oauth2/token" if body.contains("client_credentials") => {
            json!({"access_token": APP_TOKEN, "expires_in": 5000, "message": said}).to_string().into_response()
        }
        "/oauth2/token" => error(400),
        "/oauth2/validate" => error(500),
        "/helix/chat/messages" => {
            let next = heard.chat.lock().unwrap().pop_front();
            match next {
                Some(200) => json!({"data": [{"message_id": said, "is_sent": true}]}).to_string().into_response(),
                Some(status) => error(status),
                None => {
                    let reason = json!({"code": said, "message": said});
                    let dropped = json!({"data": [{"message_id": said, "is_sent": false, "drop_reason": reason}]});
                    dropped.to_string().into_response()
                }
            }
        }
        "/helix/eventsub/subscriptions" if parts.method == "GET" => {
            let row = json!({
                "id": said,
                "status": said,
                "type": "channel.chat.message",
                "condition": {"broadcaster_user_id": "another", "user_id": "another"},
                "transport": {"method": "webhook", "callback": said},
            });
            json!({"data": [row], "pagination": {}}).to_string().into_response()
        }
        _ => error(403),
    }
}

/// Every row of every table, except for the tokens, which one table stores.
async fn kept(database: &TestDatabase) -> String {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            .fetch_all(database.pool())
            .await
            .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut kept = String::new();
    for table in tables {
        let rows = format!("SELECT (to_jsonb(t) - '{{access_token,refresh_token}}'::text[])::text FROM \"{table}\" t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_all(database.pool()).await.unwrap();
        kept.extend(rows.into_iter().map(|row| format!("{table}: {row}\n")));
    }
    kept
}

#[tokio::test]
async fn what_twitch_repeats_is_in_nothing_that_comes_out() {
    let database = mgm_test_support::database(&MIGRATOR).await;
    // A 500 would be retried and then dropped; after a 401 the token would be renewed.
    let chat = [400, 403, 502, 200, 302, 401];
    let parrot = Parrot::start(&chat);
    let url = database.url();
    let callback = "http://127.0.0.1:9/api/twitch/eventsub";
    let mut environment = vec![
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ASPNETCORE_URLS", "http://127.0.0.1:0"),
        ("ConnectionStrings__PostgreSQL", url.as_str()),
        ("Mgm__EnableE2eHarness", "true"),
        ("Mgm__MetricsUrls", "http://127.0.0.1:0"),
        ("Mgm__LogFormat", "json"),
        ("Twitch__BroadcasterUserId", "dev-broadcaster"),
        ("Twitch__HelixApiBaseUrl", parrot.url.as_str()),
        ("Twitch__OAuthBaseUrl", parrot.url.as_str()),
        ("Twitch__HelixClientId", "client"),
        ("Twitch__EventSubCallbackUrl", callback),
        ("RUST_LOG", "trace"),
    ];
    environment.extend(SECRETS);
    let backend = Running::launch(&environment).await;
    let get = async |path: &str| {
        let request = backend.http.get(format!("{}{path}", backend.url)).header("x-mgm-apikey", "hush-api-key");
        request.send().await.unwrap().text().await.unwrap()
    };
    let mut out = String::new();
    for number in 0..=chat.len() {
        let name = format!("Hero{}", char::from(b'a' + u8::try_from(number).unwrap()));
        let payout = backend.in_progress(&format!("viewer-{number}"), &name).await;
        let settled = async || {
            let all: Value = serde_json::from_str(&get("/api/announcements").await).unwrap();
            let waits = [format!("\"state\":\"{}\"", "pending"), format!("\"state\":\"{}\"", "sending")];
            !waits.iter().any(|state| all.to_string().contains(state))
        };
        out += &backend.change(&payout, "Sent").await.text().await.unwrap();
        until("the announcement is settled", settled).await;
    }
    backend.chat("giver", "!twgift Givehero").await;
    for path in ["/oauth2/validate", "/oauth2/token", "/helix/subscriptions", "/helix/eventsub/subscriptions POST"] {
        until(path, async || parrot.has_heard(path)).await;
    }
    until("why there is no subscription is kept", async || {
        kept(&database).await.lines().any(|line| line.contains("subscription") && line.contains("parrot"))
    })
    .await;
    let announcements = get("/api/announcements").await;
    assert!(announcements.matches("parrot: (not shown)").count() >= 6, "{announcements}");
    let kept = kept(&database).await;
    assert!(kept.contains("\"refusal\": \"Twitch answered 400: parrot: (not shown)"), "{kept}");
    let metrics = backend.written.iter().find_map(|line| address(line, "serving metrics")).unwrap();
    let metrics = backend.http.get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
    out.extend([announcements, kept, metrics, get("/health/ready").await, get("/api/payouts/pending").await]);
    backend.terminate();
    let (status, log) = tokio::time::timeout(PATIENCE, backend.end()).await.unwrap();
    assert_eq!(status, 0);
    let log = log.join("\n");
    assert!(log.contains("parrot: (not shown)"), "{log}");
    out += &log;
    // Nested JSON doubles its backslashes.
    let out = out.to_lowercase().replace("\\\\", "\\");
    for secret in SECRETS.iter().map(|(_, secret)| *secret).chain([APP_TOKEN]) {
        for form in written(secret) {
            let found = out.find(&form.to_lowercase());
            let around =
                found.map(|at| &out[out.floor_char_boundary(at.saturating_sub(300))..out.ceil_char_boundary(at + 100)]);
            assert!(found.is_none(), "{form} in …{}…", around.unwrap_or_default());
        }
    }
}
