//! `mgm mocks`: the stand-ins in one process, and the check of receivers.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::harness::Place;

/// A running `mgm mocks`.
struct Mocks {
    child: Child,
    ready: Value,
}

impl Mocks {
    fn start(place: &Place, options: &str) -> Self {
        let mut command = place.command(&format!("mocks --json --auto-ports {options}"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(ready["event"], "ready", "{line}");
        Self { child, ready }
    }

    fn services(&self) -> Vec<&str> {
        self.ready["services"].as_array().unwrap().iter().map(|service| service["name"].as_str().unwrap()).collect()
    }

    fn url(&self, name: &str) -> &str {
        let services = self.ready["services"].as_array().unwrap();
        services.iter().find(|service| service["name"] == name).unwrap()["url"].as_str().unwrap()
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Mocks {
    fn drop(&mut self) {
        // After a failed assertion.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn http() -> Client {
    mgm_http_client::client(&"http://127.0.0.1".parse().unwrap(), Duration::from_secs(5)).unwrap()
}

async fn get(url: &str) -> (StatusCode, Value) {
    let answer = http().get(url).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn all_stand_ins_run_in_one_process_that_ends_when_asked() {
    let place = Place::new();
    let mocks = Mocks::start(&place, "");
    assert_eq!(
        mocks.services(),
        ["mock-eventsub", "mock-jwt", "mock-helix"],
        "without a key there is no desktop program"
    );
    for (name, identity) in [
        ("mock-eventsub", json!({"status": "ok", "service": "MockEventSubWebhook"})),
        ("mock-jwt", json!({"status": "ok", "service": "MockExtensionJwt"})),
        ("mock-helix", json!({"status": "healthy", "component": "MockHelixApi"})),
    ] {
        assert_eq!(get(&format!("{}/health", mocks.url(name))).await, (StatusCode::OK, identity));
    }
    let helix = mocks.url("mock-helix");
    let variables = &mocks.ready["variables"];
    assert_eq!(variables["TWITCH_HELIX_URL"], format!("{helix}/mock/"));
    assert!(helix.ends_with(&format!(":{}", variables["TWURPLE_MOCK_API_PORT"].as_str().unwrap())), "{variables}");
    // Without a fixture any token is good.
    let users = http().get(format!("{helix}/helix/users")).bearer_auth("any").send().await.unwrap();
    assert_eq!(users.status(), StatusCode::OK);
    // The backend may be away.
    let notification = http().post(format!("{}/api/twitch/eventsub", mocks.url("mock-eventsub"))).body("{}");
    let backend = "--backend http://127.0.0.1:1";
    assert!(matches!(notification.send().await.unwrap().status(), StatusCode::BAD_GATEWAY | StatusCode::UNAUTHORIZED));
    assert_eq!(mocks.stop(Signal::SIGTERM), Some(0));

    let mocks = Mocks::start(&place, &format!("--tier-b {backend}"));
    assert_eq!(mocks.services(), ["mock-eventsub", "mock-jwt", "mock-helix", "synthetic-desktop"]);
    let users = http().get(format!("{}/helix/users", mocks.url("mock-helix"))).bearer_auth("any").send().await.unwrap();
    assert_eq!(users.status(), StatusCode::UNAUTHORIZED, "the profile is strict");
    assert_eq!(mocks.stop(Signal::SIGINT), Some(0));
}

#[tokio::test]
async fn the_token_issuer_knows_the_extensions_of_the_world() {
    let place = Place::new();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../mocks/examples/world.toml");
    let mocks = Mocks::start(&place, &format!("--fixture {fixture}"));
    let (jwt, helix) = (mocks.url("mock-jwt"), mocks.url("mock-helix"));
    let query = "userId=1001&role=external&extension=extension";
    let (status, token) = get(&format!("{jwt}/token?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    let secrets = http()
        .get(format!("{helix}/helix/extensions/jwt/secrets?extension_id=extension"))
        .bearer_auth(token["access_token"].as_str().unwrap())
        .header("client-id", "extension");
    assert_eq!(secrets.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(mocks.stop(Signal::SIGTERM), Some(0));
}

#[tokio::test]
async fn twitchs_own_names_are_served_with_tls_and_reached_by_the_proxy() {
    let place = Place::new();
    let mocks = Mocks::start(&place, "--tls --proxy");
    let tls = &mocks.ready["tls"];
    let certificate = std::fs::read(tls["certificate"].as_str().unwrap()).unwrap();
    assert_eq!(mocks.ready["variables"]["NODE_EXTRA_CA_CERTS"], tls["certificate"]);
    assert_eq!(mocks.ready["variables"]["HTTPS_PROXY"], tls["proxy"]);
    let front: SocketAddr = tls["address"].as_str().unwrap().parse().unwrap();
    // Installs the provider of TLS.
    drop(http());
    let client = || {
        let trusted = reqwest::Certificate::from_pem(&certificate).unwrap();
        Client::builder().tls_certs_only([trusted]).timeout(Duration::from_secs(10))
    };
    let direct = client().no_proxy().resolve("api.twitch.tv", front).resolve("id.twitch.tv", front).build().unwrap();
    let proxy = reqwest::Proxy::https(tls["proxy"].as_str().unwrap()).unwrap();
    let proxied = client().proxy(proxy).build().unwrap();
    for (client, port) in [(&direct, format!(":{}", front.port())), (&proxied, String::new())] {
        let users = client.get(format!("https://api.twitch.tv{port}/helix/users?id=1")).bearer_auth("any");
        let users = users.send().await.unwrap();
        assert_eq!((users.status(), users.headers()["ratelimit-limit"].to_str().unwrap()), (StatusCode::OK, "800"));
        let form = "client_id=c&client_secret=s&grant_type=client_credentials";
        let token = client.post(format!("https://id.twitch.tv{port}/oauth2/token")).body(form);
        assert_eq!(token.send().await.unwrap().json::<Value>().await.unwrap()["token_type"], "bearer");
    }
    let elsewhere = proxied.get("https://example.com/").send().await.unwrap_err();
    assert!(elsewhere.is_connect(), "{elsewhere:?}");
    // Connections that are kept open do not keep the program.
    assert_eq!(mocks.stop(Signal::SIGTERM), Some(0));
    assert_eq!(place.run("mocks --proxy --auto-ports").status, Some(2));
}

#[test]
fn a_taken_port_of_a_stand_in_is_named_with_its_holder() {
    let place = Place::new();
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, other] = taken.each_ref().map(|listener| listener.local_addr().unwrap().port());
    let said = place.run(&format!("mocks --auto-ports --mock-jwt-port {one} --mock-helix-port {other}"));
    assert_eq!((said.status, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    for (component, port) in [("MockExtensionJwt", one), ("MockHelixApi", other)] {
        assert!(said.stderr.contains(&format!("{component}: 127.0.0.1:{port} is taken by ")), "{said:?}");
    }
    assert!(said.stderr.contains("--mock-jwt-port, --mock-helix-port or --auto-ports"), "{said:?}");
    for wrong in ["--host not/a/host", "--fixture /nowhere/world.toml --auto-ports", "--mock-jwt-port 0", "verify"] {
        assert_eq!(place.run(&format!("mocks {wrong}")).status, Some(2), "{wrong}");
    }
}

#[test]
fn the_backend_keeps_the_contract_of_webhooks() {
    let place = Place::new();
    let up = place.up("");
    let callback = format!("--callback {}/api/twitch/eventsub", up.url("backend"));
    let condition = "--condition broadcaster_user_id=e2e-ci-broadcaster --condition user_id=e2e-ci-broadcaster";
    let secret = "--secret e2e-ci-eventsub-secret";
    let junit = place.path("junit.xml");
    let line = format!("mocks verify --strict --json {callback} {condition} {secret} --junit {}", junit.display());
    let said = place.run(&line);
    let report = said.json();
    assert_eq!((said.status, &report["verdict"]), (Some(0), &"passed".into()), "{said:?}");
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 30 && checks.iter().all(|check| check["status"] == "passed"), "{said:?}");
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains(&format!(r#"tests="{}" skipped="0" failures="0""#, checks.len())), "{junit}");

    let said = place.run(&format!("mocks verify {callback} {condition} --secret another-secret"));
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("FAILED  "), "{said:?}");
    assert!(said.stdout.contains("got       401") && !said.stdout.contains("another-secret"), "{said:?}");
    let all = "challenge notification revocation";
    let allowed: Vec<_> = all.split(' ').map(|id| format!("--allow {id}")).collect();
    let said = place.run(&format!("mocks verify {callback} --secret another-secret {}", allowed.join(" ")));
    assert_eq!(said.status, Some(0), "{said:?}");

    let said = place.run(&format!("mocks verify --callback http://127.0.0.1:1/callback {secret}"));
    assert_eq!((said.status, said.stdout.lines().count()), (Some(2), 1), "{said:?}");
    assert!(said.stderr.contains("the receiver cannot be reached"), "{said:?}");
    for wrong in ["--secret short", "--allow nothing", "--condition broadcaster", "--within 0", ""] {
        let said = place.run(&format!("mocks verify {callback} {wrong}"));
        assert_eq!(said.status, Some(2), "{wrong}: {said:?}");
    }
}
