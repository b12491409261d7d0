//! The definition for process-compose. `.ci/process-compose` runs it with the real program.

use mgm_service::services::{SERVICES, ServiceId};
use serde_json::Value;

use crate::harness::Place;

fn definition(place: &Place, options: &str) -> Value {
    let said = place.run(&format!("process-compose --print --auto-ports {options}"));
    assert_eq!(said.status, Some(0), "{said:?}");
    said.json()
}

fn port_of(process: &Value) -> String {
    let variables = process["environment"].as_array().unwrap();
    let urls = variables.iter().find_map(|variable| variable.as_str().unwrap().strip_prefix("Mgm__Urls=")).unwrap();
    urls.strip_prefix("http://127.0.0.1:").unwrap().to_owned()
}

#[test]
fn every_service_of_the_table_is_gated_on_what_it_waits_for() {
    let processes = definition(&Place::new(), "tier-b")["processes"].take();
    assert_eq!(processes.as_object().unwrap().len(), SERVICES.len());
    for service in SERVICES {
        let process = &processes[service.name];
        let gates = process["depends_on"].as_object().unwrap();
        assert_eq!(gates.len(), service.waits_for.len(), "{}", service.name);
        for needed in service.waits_for {
            let name = needed.service().name;
            assert_eq!(gates[name]["condition"], "process_healthy", "{}", service.name);
            assert!(processes[name]["readiness_probe"].is_object(), "{name}");
        }
        if let Some(health) = &service.health {
            let request = &process["readiness_probe"]["http_get"];
            assert_eq!(request["path"], health.path);
            assert_eq!(request["port"], port_of(process));
            assert!(process["log_location"].as_str().unwrap().ends_with(service.log_file));
        }
    }
}

#[test]
fn the_scenario_ends_everything_and_meets_the_services_where_they_listen() {
    let processes = definition(&Place::new(), "tier-b")["processes"].take();
    let orchestrator = &processes[ServiceId::Orchestrator.service().name];
    assert_eq!(orchestrator["availability"]["exit_on_end"], true);
    let options: Vec<_> =
        orchestrator["entrypoint"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let backend = options.iter().position(|option| *option == "--backend").unwrap();
    assert_eq!(options[backend + 1], format!("http://127.0.0.1:{}", port_of(&processes["backend"])));
}

#[test]
fn nothing_of_the_users_is_written_down() {
    let place = Place::new();
    let mut command = place.command("process-compose --print --auto-ports up");
    let output =
        command.env("Mgm__ApiKey", "hush").env("ConnectionStrings__PostgreSQL", "postgres://u:hush@h/d").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.contains("Twitch__EventSubSecret=e2e-ci-eventsub-secret"), "{text}");
    assert!(!text.contains("hush"), "{text}");
    assert!(!text.contains("\"postgres\":"), "a database that was named needs no PostgreSQL: {text}");
}

#[test]
fn without_the_program_the_message_says_what_to_do() {
    let place = Place::new();
    let output = place.command("process-compose tier-b --auto-ports").env("PATH", place.path("tmp")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no process-compose on PATH: install it"));
}
