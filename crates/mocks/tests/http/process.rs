//! The programs, run as processes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mgm_mocks::RunError;
use mgm_service::bind::BindUrls;
use mgm_settings::Settings;
use tokio_util::sync::CancellationToken;

const PROGRAMS: [&str; 4] = [
    env!("CARGO_BIN_EXE_mgm-mock-eventsub"),
    env!("CARGO_BIN_EXE_mgm-mock-jwt"),
    env!("CARGO_BIN_EXE_mgm-mock-helix"),
    env!("CARGO_BIN_EXE_mgm-synthetic-desktop"),
];

#[test]
fn each_program_listens_where_the_environment_says() {
    for program in PROGRAMS {
        let mut child = Command::new(program)
            .env_clear()
            .env("ASPNETCORE_URLS", "http://127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.map_while(Result::ok).find(|line| line.contains("listening"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(listening.is_some_and(|line| line.contains("127.0.0.1:")), "{program}");
    }
}

#[test]
fn wrong_settings_end_a_program_with_2_and_the_key_at_fault() {
    for program in PROGRAMS {
        let output = Command::new(program).env_clear().env("MockHelix__StrictAuth", "perhaps").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("MockHelix__StrictAuth") && !said.contains("perhaps"), "{said}");
    }
}

#[test]
fn only_the_mock_helix_maps_callbacks_and_an_option_wins_over_the_environment() {
    for program in PROGRAMS {
        let run = |mapping: &str| {
            let mut command = Command::new(program);
            command.env_clear().env("MockHelix__Callbacks", "https://a.test=http://127.0.0.1:1");
            command.args(["--callback", mapping, "config"]).output().unwrap()
        };
        let output = run("https://b.test=http://127.0.0.1:2");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.success(), program.ends_with("mgm-mock-helix"), "{program}");
        assert_eq!(said.contains("= https://b.test=http://127.0.0.1:2"), output.status.success(), "{said}");
        assert_eq!(run("https://b.test").status.code(), Some(2), "{program}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_is_lost_ends_a_program_with_2() {
    for program in PROGRAMS {
        for arguments in [&["config"][..], &["--help"], &["--version"], &["completions", "bash"]] {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = Command::new(program);
            let child = command.env_clear().args(arguments).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{program} {arguments:?}: {said}");
            assert!(said.contains("cannot write to standard output"), "{program} {arguments:?}: {said}");
        }
    }
}

#[tokio::test]
async fn a_service_ends_at_the_shutdown_and_says_when_its_port_is_taken() {
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let mut settings = Settings::default();
    settings.general.urls = Some(BindUrls::loopback(0));
    mgm_mocks::eventsub::run(&settings, shutdown.clone()).await.unwrap();
    mgm_mocks::jwt::run(&settings, shutdown.clone()).await.unwrap();
    mgm_mocks::helix::run(&settings, shutdown.clone()).await.unwrap();
    mgm_mocks::synthetic_desktop::run(&settings, shutdown.clone()).await.unwrap();

    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    settings.general.urls = Some(BindUrls::loopback(port));
    let error = mgm_mocks::helix::run(&settings, shutdown).await.unwrap_err();
    assert!(matches!(error, RunError::Bind(_)) && error.to_string().contains(&port.to_string()), "{error}");
}
