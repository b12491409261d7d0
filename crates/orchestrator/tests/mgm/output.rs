//! What becomes of results that cannot be written.

use std::fs::File;
use std::io::ErrorKind;
use std::process::Stdio;

use crate::harness::{Place, Said};

/// Commands that print and start nothing.
const COMMANDS: [&str; 12] = [
    "config",
    "config --json",
    "check --backend http://127.0.0.1:1",
    "check --json --backend http://127.0.0.1:1",
    "completions bash",
    "completions zsh",
    "--help",
    "--version",
    "help tier-b",
    "backend config",
    "backend completions fish",
    "process-compose up --print --auto-ports",
];

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_is_lost_is_said_and_ends_with_2() {
    let place = Place::new();
    for line in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let said = Said::from(
            place.command(line).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap(),
        );
        assert_eq!(said.status, Some(2), "{line}: {said:?}");
        assert_eq!(said.stderr.matches("cannot write to standard output").count(), 1, "{line}: {said:?}");
    }
}

#[test]
fn a_reader_that_has_gone_is_nobodys_fault() {
    let place = Place::new();
    for line in COMMANDS.into_iter().filter(|line| !line.starts_with("check")) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(line);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_found_before_the_stack_starts() {
    let place = Place::new();
    for line in [
        "tier-b --auto-ports --junit /nowhere/junit.xml",
        "tier-a --attach --junit /nowhere/junit.xml",
        "process-compose tier-b --auto-ports -- --junit /nowhere/junit.xml",
    ] {
        let said = place.run(line);
        assert_eq!(said.status, Some(2), "{line}: {said:?}");
        assert!(said.stderr.contains("cannot write the JUnit report /nowhere/junit.xml"), "{line}: {said:?}");
        assert!(!place.path("state/mgm").exists(), "{line}: nothing is begun");
    }
    // Whether it can be written is found out without leaving a file.
    let junit = place.path("junit.xml");
    let said = place.run(&format!(
        "tier-b --attach --backend http://127.0.0.1:1 --junit {} --log-dir /dev/null/x",
        junit.display()
    ));
    assert_eq!(said.status, Some(2), "{said:?}");
    assert_eq!(std::fs::metadata(&junit).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_log_folder_that_cannot_be_written_is_found_before_the_stack_starts() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").unwrap();
    std::fs::create_dir_all(place.path("occupied/mgm-backend.log")).unwrap();
    for directory in ["file/logs", "occupied"] {
        for command in ["tier-b --auto-ports", "up --auto-ports", "process-compose up --auto-ports"] {
            let said = place.run(&format!("{command} --log-dir {}", place.path(directory).display()));
            assert_eq!(said.status, Some(2), "{command}: {said:?}");
            assert!(said.stderr.contains(directory), "{command}: {said:?}");
            assert!(!place.path("state/mgm/postgres").exists(), "{command}: nothing is begun");
        }
    }
}

/// PostgreSQL is the first to need more: 58 besides those that it has open already, whose number differs by machine.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_open_files_that_is_too_low_is_named() {
    let place = Place::new();
    let mut command = std::process::Command::new("sh");
    let mgm = place.command("tier-b --auto-ports");
    command.args(["-c", r#"ulimit -n 48 && exec "$@""#, "sh"]).arg(mgm.get_program()).args(mgm.get_args());
    command.envs(mgm.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(said.stderr.contains("only 48 files open") && said.stderr.contains("ulimit -n"), "{said:?}");
}
