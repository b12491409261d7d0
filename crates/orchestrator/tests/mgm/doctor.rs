//! `mgm doctor`, on stacks that are broken in one way each.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use mgm_postgres::{Server, ServerOptions, install};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::harness::{Place, Up, wait_until_gone};

/// The findings of the doctor: their ids.
fn findings(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let found = report["findings"].as_array().unwrap_or_else(|| panic!("{output:?}"));
    assert_eq!(output.status.code(), Some(i32::from(!found.is_empty())), "{output:?}");
    for secret in ["hush", "ci-desktop-api-key", "e2e-ci-eventsub-secret", "e2e-ci-broadcast-token"] {
        assert!(!String::from_utf8_lossy(&output.stdout).contains(secret), "{output:?}");
    }
    found.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// Removes the proxy of the other tests, and any of this machine.
fn without_proxy(command: &mut Command) -> &mut Command {
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    command
}

/// The doctor, without the proxy that the other tests have.
fn doctor(place: &Place, up: &Up) -> Command {
    let mut command = place.command(&format!("doctor --json {}", up.targets()));
    without_proxy(&mut command);
    command
}

#[test]
fn a_healthy_stack_has_no_findings() {
    let place = Place::new();
    let up = place.up("");
    assert_eq!(findings(doctor(&place, &up)), Vec::<String>::new());
    let mut people = place.command(&format!("doctor {}", up.targets()));
    let output = without_proxy(&mut people).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "HEALTHY  nothing is wrong\n");
}

#[test]
fn what_differs_between_mgm_and_the_stack_is_named() {
    let place = Place::new();
    let up = place.up("");
    for (name, value, finding) in [
        ("Mgm__ApiKey", "hush-another-key", "api-key"),
        ("Twitch__EventSubSecret", "hush-another-secret", "event-sub-secret-of-backend"),
        ("http_proxy", "http://hush@127.0.0.1:1", "proxy"),
        ("Mgm__ApiKye", "hush", "settings"),
    ] {
        let mut command = doctor(&place, &up);
        command.env(name, value);
        assert_eq!(findings(command)[0], finding, "{name}");
    }
    let mut command = Command::new("sh");
    let doctor = doctor(&place, &up);
    command.args(["-c", r#"ulimit -n 100 && exec "$@""#, "sh"]).arg(doctor.get_program()).args(doctor.get_args());
    for (name, value) in doctor.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    assert_eq!(findings(command), ["descriptors"]);
}

#[test]
fn a_stack_whose_parts_disagree_is_explained() {
    for (settings, finding) in [
        ("[mgm]\nenable_e2e_harness = false\n", "harness"),
        ("[mgm]\ndev_skip_subscriber_check = true\n", "helix-not-asked"),
        ("[mock_helix]\nbroadcaster_scopes = [\"user:write:chat\"]\n", "helix-refuses"),
        ("[twitch]\nhelix_api_base_url = \"http://127.0.0.1:9\"\n", "helix-credentials"),
        ("[backend]\nbase_url = \"http://127.0.0.1:9\"\n", "event-sub-address"),
    ] {
        let place = Place::new();
        let file = place.path("settings.toml");
        std::fs::write(&file, settings).unwrap();
        let up = place.up(&format!("--config {}", file.display()));
        assert_eq!(findings(doctor(&place, &up)), [finding], "{settings}");
    }
}

/// Services that were started by hand, each with its own settings.
#[test]
fn single_services_with_other_settings_are_named() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let place = Place::new();
    let up = place.up("");
    let backend = up.url("backend");
    let cases: [Case<'_>; 4] = [
        (
            "mock-eventsub",
            &[("Twitch__EventSubSecret", "hush-another-secret"), ("Backend__BaseUrl", &backend)],
            "event-sub-secret-of-mock",
        ),
        ("mock-jwt", &[("Twitch__ExtensionSecret", "aHVzaC1odXNoLWh1c2gtaHVzaC1odXNoLWh1c2gtaHVzaA==")], "token-key"),
        ("mock-jwt", &[("Twitch__BroadcasterUserId", "another-channel")], "token-channel"),
        ("synthetic-desktop", &[("SyntheticDesktop__BackendBaseUrl", &backend)], "desktop-key"),
    ];
    for (service, variables, finding) in cases {
        let (_child, url) = serve(&place, service, variables);
        let own = format!("--{service} {}", up.url(service));
        let targets = up.targets().replace(&own, &format!("--{service} {url}"));
        let mut command = place.command(&format!("doctor --json {targets}"));
        without_proxy(&mut command);
        let found = findings(command);
        assert!(found.contains(&finding.to_owned()), "{service} {variables:?}: {found:?}");
    }
}

#[test]
fn a_service_that_is_away_and_another_in_its_place_are_named() {
    let place = Place::new();
    let up = place.up("");
    // The answer of another service.
    let jwt = up.url("mock-jwt");
    let targets =
        up.targets().replace(&format!("--mock-helix {}", up.url("mock-helix")), &format!("--mock-helix {jwt}"));
    let mut command = place.command(&format!("doctor --json {targets}"));
    without_proxy(&mut command);
    assert_eq!(findings(command), ["foreign"]);
    let targets = up.targets().replace(&up.url("synthetic-desktop"), "http://127.0.0.1:1");
    let mut command = place.command(&format!("doctor --json {targets}"));
    without_proxy(&mut command);
    assert_eq!(findings(command), ["missing"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_service_that_was_started_too_early_is_named() {
    let place = Place::new();
    let secret = ("Twitch__EventSubSecret", "e2e-ci-eventsub-secret");
    let backend = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{backend}");
    let (_early, early) = serve(&place, "mock-eventsub", &[secret, ("Backend__BaseUrl", &address)]);
    let up = place.up(&format!("--backend-port {backend}"));
    let targets = up.targets().replace(&up.url("mock-eventsub"), &early);
    let mut command = place.command(&format!("doctor --json {targets}"));
    without_proxy(&mut command);
    assert_eq!(findings(command), ["order"]);
}

#[tokio::test]
async fn what_is_wrong_with_the_database_is_named() {
    let place = Place::new();
    let server = Server::start(&install::install().await.unwrap(), ServerOptions::throw_away()).await.unwrap();
    server.create_database("theirs").await.unwrap();
    let url = server.url("theirs");
    let execute = async |statement: String| {
        let mut connection = server.connect_options("theirs").connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    };
    let examine = |url: &str| {
        // No service runs; only what is said of the database counts here.
        let mut command = place.command(&format!("doctor --json --database-url {url} {}", nowhere()));
        without_proxy(&mut command);
        let mut found = findings(command);
        found.retain(|id| id != "missing");
        found
    };
    assert_eq!(examine(&url), ["migrations-missing"]);
    let migrated = place
        .command("backend migrate")
        .env("ConnectionStrings__PostgreSQL", &url)
        .env("Mgm__Environment", "Development")
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    assert_eq!(examine(&url), Vec::<String>::new());
    execute("REVOKE DELETE ON payouts FROM CURRENT_USER".to_owned()).await;
    assert_eq!(examine(&url), ["database-rights"]);
    execute("GRANT DELETE ON payouts TO CURRENT_USER".to_owned()).await;
    execute("INSERT INTO _sqlx_migrations VALUES (99990101000000, 'later', now(), true, '', 0)".to_owned()).await;
    assert_eq!(examine(&url), ["migrations-newer"]);
    execute("DELETE FROM _sqlx_migrations WHERE version = 99990101000000".to_owned()).await;

    let (_backend, address) = serve(
        &place,
        "backend",
        &[
            ("ConnectionStrings__PostgreSQL", &url),
            ("Mgm__Environment", "Development"),
            ("Mgm__ApiKey", "ci-desktop-api-key"),
        ],
    );
    server.stop().await;
    let targets = nowhere().replacen("http://127.0.0.1:1", &address, 1);
    let mut command = place.command(&format!("doctor --json --database-url {url} {targets}"));
    without_proxy(&mut command);
    let mut found = findings(command);
    found.retain(|id| id != "missing");
    assert_eq!(found, ["database-away", "unhealthy"]);
}

#[test]
fn a_failed_tier_b_prints_the_first_finding_last() {
    let place = Place::new();
    let output = place.command("tier-b --auto-ports").env("Mgm__EnableE2eHarness", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("doctor  harness: ") && last.contains("Mgm__EnableE2eHarness=true"), "{stdout}");
}

/// The options for a stack that is nowhere.
fn nowhere() -> String {
    ["backend", "mock-eventsub", "mock-jwt", "mock-helix", "synthetic-desktop"]
        .map(|name| format!("--{name} http://127.0.0.1:1"))
        .join(" ")
}

/// A single service with settings of its own, and its address.
fn serve(place: &Place, service: &str, variables: &[(&str, &str)]) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = place.command(&format!("serve {service}"));
    command.env("Mgm__Urls", &url).envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(command.spawn().unwrap());
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    for _ in 0..3000 {
        if listens() {
            return (running, url);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{service} does not listen");
}

/// A process that ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        let _ = self.0.kill();
        let _ = self.0.wait();
        wait_until_gone(&[pid]);
    }
}
