//! Several backends on one database, under load, with faults. `MGM_FAULTS_SECONDS` makes the runs longer.

use crate::harness::{Place, Said};

fn run(options: &str) -> Said {
    let seconds = std::env::var("MGM_FAULTS_SECONDS").unwrap_or_else(|_| "10".to_owned());
    let place = Place::new();
    let said = place.run(&format!("faults --json --seconds {seconds} {options}"));
    assert!(place.remnants().is_empty(), "{:?}", place.remnants());
    // Includes the seed, to reproduce the run.
    eprintln!("{}", said.stderr);
    said
}

#[test]
fn four_processes_under_load_have_one_effect_each() {
    let said = run("--processes 4 --no-faults");
    let report = said.json();
    assert_eq!((said.status, &report["verdict"]), (Some(0), &"passed".into()), "{said:?}");
    assert_eq!(report["counts"]["faults"], 0);
    for counted in ["notifications", "claims", "cycles", "payoutsSent", "announced"] {
        assert!(report["counts"][counted].as_u64().unwrap() > 0, "{counted}: {said:?}");
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_processes_and_database_fail() {
    let said = run("--processes 2");
    let report = said.json();
    assert_eq!((said.status, &report["verdict"]), (Some(0), &"passed".into()), "{said:?}");
    assert!(report["counts"]["faults"].as_u64().unwrap() > 0, "{said:?}");
    assert!(report["counts"]["payoutsSent"].as_u64().unwrap() > 0, "{said:?}");
}
