//! A stack that stays up.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};

use crate::harness::{Place, Said, wait_until_gone};

#[test]
fn a_running_stack_can_be_attached_to_again_and_again() {
    let place = Place::new();
    let up = place.up("");
    let targets = up.targets();
    for _ in 0..2 {
        let said = place.run(&format!("tier-b --attach --json {targets}"));
        assert_eq!(said.json()["verdict"], "passed", "{said:?}");
    }
    let said = place.run(&format!("check {targets}"));
    assert_eq!(said.status, Some(0), "{said:?}");
    let said = place.run(&format!("send-chat --text hello --json --url {}", up.url("mock-eventsub")));
    assert_eq!((said.status, &said.json()["status"]), (Some(0), &200.into()), "{said:?}");

    let said = place.run(&format!("send-chat --short --text hello --json --url {}", up.url("mock-eventsub")));
    assert_eq!((said.status, &said.json()["status"]), (Some(0), &200.into()), "{said:?}");

    for (hostile, status) in
        [("bad-signature", 401), ("changed", 401), ("stale", 403), ("future", 403), ("oversized", 413), ("slow", 200)]
    {
        let url = up.url("backend");
        let said = place.run(&format!("send-chat --hostile {hostile} --text hello --json --url {url}"));
        assert_eq!(said.json()["status"], status, "{hostile}: {said:?}");
        assert_eq!(said.status, Some(i32::from(status != 200)), "{hostile}: {said:?}");
    }
    for (options, messages) in [("duplicate --text a", 2), ("reordered --text a --text b", 2)] {
        let said = place.run(&format!("send-chat --hostile {options} --url {}", up.url("backend")));
        assert_eq!((said.status, said.stdout.matches("accepted").count()), (Some(0), messages), "{said:?}");
    }
    for options in ["--hostile reordered --text a", "--message-id m --text a --text b", "--hostile friendly --text a"] {
        assert_eq!(place.run(&format!("send-chat {options}")).status, Some(2), "{options}");
    }

    let said = place.run(&format!("tier-b --attach --api-key wrong {targets}"));
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("forbidden_apikey") && said.stdout.contains("Set Mgm__ApiKey"), "{said:?}");
    let last: Vec<_> = said.stdout.lines().rev().take(2).collect();
    assert!(last[0].starts_with("doctor  api-key: ") && last[1].starts_with("FAILED"), "{said:?}");

    let said = place.run(&format!("tier-a --attach --event-sub-secret wrong-wrong-wrong --json {targets}"));
    let report = said.json();
    assert_eq!((said.status, &report["verdict"]), (Some(1), &"failed".into()), "{said:?}");
    assert!(report["steps"][0]["likelyCause"].as_str().unwrap().contains("Twitch__EventSubSecret"));
    assert_eq!(report["steps"][1]["status"], "skipped");

    // One service in the place of another.
    let said = place.run(&format!("check {} --mock-jwt {}", without(&targets, "--mock-jwt"), up.url("mock-helix")));
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("is MockHelixApi, not MockExtensionJwt"), "{said:?}");

    up.signal(Signal::SIGTERM);
    assert_eq!(up.wait(), Some(0));
    let said = place.run(&format!("tier-a --attach {targets}"));
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("MockEventSubWebhook is not running at"), "{said:?}");
}

#[test]
fn two_scenarios_at_once_do_not_take_each_others_announcement_for_their_own() {
    let place = Place::new();
    let up = place.up("");
    let line = format!("tier-b --attach --json {}", up.targets());
    // The longer both last, the surer is each one's announcement followed by the other's.
    for _ in 0..3 {
        let runs =
            [(); 4].map(|()| place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        for run in runs {
            let said = Said::from(run.wait_with_output().unwrap());
            assert_eq!((said.status, said.json()["verdict"].as_str()), (Some(0), Some("passed")), "{said:?}");
        }
    }
}

#[test]
fn a_service_in_the_place_of_another_is_named_before_anything_is_done() {
    let place = Place::new();
    let up = place.up("");
    let services = [
        ("backend", "backend"),
        ("mock-eventsub", "MockEventSubWebhook"),
        ("mock-jwt", "MockExtensionJwt"),
        ("mock-helix", "MockHelixApi"),
        ("synthetic-desktop", "SyntheticDesktop"),
    ];
    for (at, (option, expected)) in services.into_iter().enumerate() {
        let (other, found) = services[(at + 1) % services.len()];
        let (targets, url) = (without(&up.targets(), &format!("--{option}")), up.url(other));
        let words = format!("{url} is {found}, not {expected}");
        let said = place.run(&format!("tier-b --attach {targets} --{option} {url}"));
        assert_eq!((said.status, said.stdout.as_str()), (Some(2), ""), "{said:?}");
        assert!(said.stderr.contains(&words), "{words}: {said:?}");
        let said = place.run(&format!("check {targets} --{option} {url}"));
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.stdout.contains(&format!("is {found}, not {expected}")), "{words}: {said:?}");
    }
}

/// The options without one of them.
fn without(options: &str, name: &str) -> String {
    let words: Vec<_> = options.split(' ').collect();
    words.chunks(2).filter(|pair| pair[0] != name).flatten().copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn data_stay_between_runs_until_a_fresh_start() {
    let place = Place::new();
    let enrol = |up: &crate::harness::Up, user: &str| {
        let line = format!("tier-a --attach --json --user-id {user} --character Keeper {}", up.targets());
        place.run(&line).json()["verdict"].clone()
    };
    let stop = |up: crate::harness::Up| {
        up.signal(Signal::SIGINT);
        assert_eq!(up.wait(), Some(0));
    };
    let up = place.up("");
    assert_eq!(enrol(&up, "first"), "passed");
    stop(up);
    let up = place.up("");
    assert_eq!(enrol(&up, "second"), "failed", "the name is the first viewer's");
    stop(up);
    let up = place.up("--fresh");
    assert_eq!(enrol(&up, "second"), "passed");
    stop(up);
}

#[test]
fn a_second_start_says_which_ports_are_taken_and_by_whom() {
    let place = Place::new();
    let up = place.up("");
    let port = up.url("backend").rsplit(':').next().unwrap().to_owned();
    let said = place.run(&format!("up --auto-ports --backend-port {port}"));
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(said.stderr.contains(&format!("port {port} (backend) is taken by ")), "{said:?}");
    if cfg!(target_os = "linux") {
        assert!(said.stderr.contains(&format!("mgm serve backend (pid {})", up.pid_of("backend"))), "{said:?}");
        assert!(said.stderr.contains("A stack is running already"), "{said:?}");
    }
}

#[test]
fn a_service_that_dies_is_reported_with_its_last_lines_and_the_rest_stops() {
    let place = Place::new();
    let mut up = place.up("");
    let pids = up.pids();
    kill(up.pid_of("backend"), Signal::SIGKILL).unwrap();
    let died = up.next_result();
    assert_eq!((&died["event"], &died["service"]), (&"died".into(), &"backend".into()), "{died}");
    assert!(!died["lastLines"].as_array().unwrap().is_empty());
    assert_eq!(up.wait(), Some(1));
    wait_until_gone(&pids);
}

#[test]
fn a_killed_program_takes_every_process_along_and_the_next_start_works() {
    let place = Place::new();
    let up = place.up("");
    let pids = up.pids();
    up.signal(Signal::SIGKILL);
    assert_eq!(up.wait(), None);
    wait_until_gone(&pids);
    let up = place.up("");
    up.signal(Signal::SIGTERM);
    assert_eq!(up.wait(), Some(0));
}

#[test]
fn a_stopped_stack_leaves_no_process_and_no_open_door() {
    let place = Place::new();
    let up = place.up("");
    let (pids, file) = (up.pids(), up.connection_string_file());
    assert!(file.exists());
    up.signal(Signal::SIGTERM);
    assert_eq!(up.wait(), Some(0));
    wait_until_gone(&pids);
    assert!(!file.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_replaced_by_a_newer_build_goes_on_as_it_was() {
    let place = Place::new();
    let copy = place.path("mgm");
    std::fs::copy(env!("CARGO_BIN_EXE_mgm"), &copy).unwrap();
    let mut child =
        place.command_of(&copy, "tier-a --auto-ports --json").stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::fs::remove_file(copy).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
}
