//! The program `mgm-backend` as a separate process.

use std::{process::Stdio, time::Duration};

use axum::http::HeaderMap;
use mgm_test_support::TestDatabase;
use mgm_twitch::eventsub::{ChatMessageBuilder, SigningSecrets};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::helix::{CLIENT_ID, HelixStandIn};

pub const PATIENCE: Duration = Duration::from_secs(60);
/// What must never occur in a log. Each value occurs nowhere else in the environment of a test.
pub const SECRETS: [(&str, &str); 7] = [
    ("Mgm__ApiKey", "hush-api-key"),
    ("Mgm__ApiKeyPrevious", "hush-api-key-before"),
    ("Twitch__EventSubSecret", "hush-eventsub-secret"),
    ("Twitch__BroadcasterAccessToken", "hush-access-token"),
    ("Twitch__BroadcasterRefreshToken", "hush-refresh-token"),
    ("Twitch__HelixClientSecret", "hush-client-secret"),
    ("Twitch__ExtensionSecret", "aHVzaC1leHRlbnNpb24tc2VjcmV0"),
];

/// `mgm-backend` with only the given environment.
pub fn program(environment: &[(&str, &str)]) -> Command {
    as_program(Command::new(env!("CARGO_BIN_EXE_mgm-backend")), environment)
}

fn as_program(mut command: Command, environment: &[(&str, &str)]) -> Command {
    command.env_clear().envs(environment.iter().copied()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; returns the exit status and all its output.
pub async fn run(environment: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let output = timeout(PATIENCE, program(environment).args(arguments).output()).await.unwrap().unwrap();
    let written = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), written)
}

pub struct Running {
    child: Child,
    pub url: String,
    pub http: reqwest::Client,
    log: UnboundedReceiver<String>,
    pub written: Vec<String>,
}

impl Running {
    /// Starts the Tier B profile with our secrets on free ports, and waits until it listens.
    pub async fn start(database: &TestDatabase, helix: &HelixStandIn) -> Self {
        Self::start_with(database, helix, &[]).await
    }

    /// The same with further settings.
    pub async fn start_with(database: &TestDatabase, helix: &HelixStandIn, further: &[(&str, &str)]) -> Self {
        Self::start_as(database, helix, further, program).await
    }

    /// The same with a limit on file descriptors.
    pub async fn start_with_descriptors(database: &TestDatabase, helix: &HelixStandIn, descriptors: u32) -> Self {
        let quiet = [("RUST_LOG", "info")];
        let limited = |environment: &[(&str, &str)]| {
            let mut shell = as_program(Command::new("/bin/sh"), environment);
            let limit = format!("ulimit -n {descriptors} && exec \"$0\"");
            shell.args(["-c", &limit, env!("CARGO_BIN_EXE_mgm-backend")]);
            shell
        };
        Self::start_as(database, helix, &quiet, limited).await
    }

    async fn start_as(
        database: &TestDatabase,
        helix: &HelixStandIn,
        further: &[(&str, &str)],
        command: impl FnOnce(&[(&str, &str)]) -> Command,
    ) -> Self {
        let url = database.url();
        let mut environment = vec![
            ("ASPNETCORE_ENVIRONMENT", "Development"),
            ("ASPNETCORE_URLS", "http://127.0.0.1:0"),
            ("ConnectionStrings__PostgreSQL", url.as_str()),
            ("Mgm__EnableE2eHarness", "true"),
            ("Mgm__DevSkipSubscriberCheck", "true"),
            ("Mgm__MetricsUrls", "http://127.0.0.1:0"),
            ("Mgm__MetricsRefreshSeconds", "1"),
            ("Mgm__LogFormat", "json"),
            ("Twitch__HelixApiBaseUrl", helix.url.as_str()),
            ("Twitch__OAuthBaseUrl", helix.url.as_str()),
            ("Twitch__HelixClientId", CLIENT_ID),
            ("RUST_LOG", "trace"),
        ];
        environment.extend(SECRETS);
        environment.extend(further);
        Self::from(command(&environment)).await
    }

    /// Starts it with this environment, and JSON logs, and waits until it listens.
    pub async fn launch(environment: &[(&str, &str)]) -> Self {
        Self::from(program(environment)).await
    }

    async fn from(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (sender, mut log) = unbounded_channel();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        tokio::spawn(async move {
            let is_shown = std::env::var_os("RUST_LOG").is_some_and(|filter| !filter.is_empty());
            while let Ok(Some(line)) = lines.next_line().await {
                if is_shown {
                    println!("{line}");
                }
                let _ = sender.send(line);
            }
        });
        let (mut written, mut found) = (vec![], None);
        while found.is_none() {
            let line = timeout(PATIENCE, log.recv()).await.unwrap().unwrap_or_else(|| panic!("ended: {written:#?}"));
            found = address(&line, "listening");
            written.push(line);
        }
        let url = format!("http://{}", found.unwrap());
        let http = mgm_http_client::client(&url.parse().unwrap(), PATIENCE).unwrap();
        Self { child, url, http, log, written }
    }

    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).header("x-mgm-apikey", "hush-api-key");
        request.json(body).send().await.unwrap()
    }

    pub async fn change(&self, payout: &str, status: &str) -> reqwest::Response {
        let request = self.http.patch(format!("{}/api/payouts/{payout}/status", self.url));
        request.header("x-mgm-apikey", "hush-api-key").json(&json!({"status": status})).send().await.unwrap()
    }

    pub async fn chat(&self, user: &str, text: &str) -> reqwest::Response {
        self.notify(notification(user, text).1).await
    }

    /// Delivers a signed notification.
    pub async fn notify(&self, body: Vec<u8>) -> reqwest::Response {
        let headers = signed(&body);
        self.http.post(format!("{}/api/twitch/eventsub", self.url)).headers(headers).body(body).send().await.unwrap()
    }

    /// Enrols a viewer and takes a payout of theirs to `InProgress`; returns its id.
    pub async fn in_progress(&self, user: &str, name: &str) -> String {
        assert_eq!(self.chat(user, &format!("!twgold {name}")).await.status(), 200);
        let prepared = self.post("/api/e2e/prepare-pending-payout", &json!({"twitchUserId": user})).await;
        let prepared: Value = prepared.json().await.unwrap();
        let payout = prepared["payoutId"].as_str().unwrap_or_else(|| panic!("{prepared}")).to_owned();
        assert_eq!(self.change(&payout, "InProgress").await.status(), 200);
        payout
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    pub fn terminate(&self) {
        let pid = self.pid();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    }

    /// Kills it, as a crash would, whatever it is doing.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end; returns the exit status and the whole log.
    pub async fn end(mut self) -> (i32, Vec<String>) {
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        while let Some(line) = self.log.recv().await {
            self.written.push(line);
        }
        (status.code().unwrap_or_else(|| panic!("killed: {:#?}", self.written)), self.written)
    }
}

/// A chat message as Twitch sends it.
pub fn notification(user: &str, text: &str) -> (HeaderMap, Vec<u8>) {
    let message = format!("{user} says {text}");
    let body = ChatMessageBuilder::by_subscriber(&message, "dev-broadcaster", user, user, text).full_body();
    (signed(&body), body)
}

/// The headers of a notification that Twitch signed.
fn signed(body: &[u8]) -> HeaderMap {
    let secrets = SigningSecrets::new([&SecretString::from("hush-eventsub-secret")]).unwrap();
    secrets.notification_headers("id", &now().to_string(), body)
}

/// The first address in the log line with this message.
pub fn address(line: &str, message: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).unwrap();
    let addresses = (line["message"] == message).then(|| line["addresses"].as_str())??;
    Some(addresses.trim_matches(['[', ']']).split(',').next()?.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the program has the machine's clock")]
pub fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
