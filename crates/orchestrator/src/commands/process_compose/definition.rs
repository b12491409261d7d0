//! The definition of a stack for process-compose, generated from the table of services.
//!
//! Protocol document: <https://f1bonacc1.github.io/process-compose/configuration/>.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use mgm_service::services::{SERVICES, Service, ServiceId};
use serde_json::{Map, Value, json};

use super::composition::Composition;
use crate::profile;
use crate::scenario::Tier;
use crate::stack::{DatabasePlan, Plan, own_program};
use crate::state::StateDir;

/// Longer than the backend waits for its database, in seconds; also the number of probes.
const READY_WITHIN: u32 = 60;
/// Longer than a service takes to finish what it has accepted, in seconds.
const STOPPED_WITHIN: u32 = 45;

/// The path of a scenario's JUnit report.
fn junit(log_dir: &Path, tier: Tier) -> PathBuf {
    log_dir.join(format!("mgm-{}.xml", tier.name()))
}

/// The definition. It holds the values of the Tier B profile, and none of the user's.
pub fn definition(what: Composition, plan: &Plan, state: &StateDir) -> Result<Value> {
    let mut processes = Map::new();
    for service in what.services(plan) {
        let mut process = process(what, service, plan, state)?;
        process["depends_on"] = what
            .services(plan)
            .filter(|other| service.waits_for.contains(&other.id))
            .map(|needed| (needed.name.to_owned(), json!({ "condition": "process_healthy" })))
            .collect::<Map<_, _>>()
            .into();
        processes.insert(service.name.to_owned(), process);
    }
    Ok(json!({
        "version": "0.5",
        "is_strict": true,
        // Everything is meant literally.
        "disable_env_expansion": true,
        "ordered_shutdown": true,
        "environment": plan.environment.profile.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "processes": processes,
    }))
}

fn process(what: Composition, service: &Service, plan: &Plan, state: &StateDir) -> Result<Value> {
    let mut command = vec![text(&own_program()?)?];
    if let Some(config) = &plan.environment.config {
        command.extend(["--config".to_owned(), text(&std::path::absolute(config)?)?]);
    }
    let log = text(&plan.log(service.id))?;
    let mut process = json!({
        "description": service.component,
        "is_template_disabled": true,
        // A process that ends by itself stops the rest, and its status becomes that of the whole.
        "availability": { "restart": "exit_on_failure" },
        "shutdown": { "signal": 15, "timeout_seconds": STOPPED_WITHIN },
    });
    match (service.id, what.tier()) {
        (ServiceId::Orchestrator, Some(tier)) => {
            let mut options = vec![("--log-dir".to_owned(), text(plan.log_dir.path())?)];
            options.push(("--junit".to_owned(), text(&junit(plan.log_dir.path(), tier))?));
            let viewer = [("user-id", profile::USER_ID), ("login", profile::LOGIN), ("character", profile::CHARACTER)];
            options.extend(viewer.map(|(name, value)| (format!("--{name}"), value.to_owned())));
            options.extend(
                SERVICES
                    .iter()
                    .filter(|service| service.health.is_some())
                    .map(|service| (format!("--{}", service.name), plan.ports.url(service.id))),
            );
            command.extend([tier.name().to_owned(), "--attach".to_owned()]);
            command.extend(options.into_iter().flat_map(<[_; 2]>::from));
            // It is in the process group of process-compose, which must not be signalled as a whole.
            process["shutdown"]["parent_only"] = true.into();
            process["availability"] = json!({ "exit_on_end": true, "exit_on_skipped": true });
        }
        (ServiceId::Postgres, _) => {
            let port = plan.ports.of(service.id).context("the stack's own PostgreSQL has no port")?.to_string();
            let state_dir = text(state.path())?;
            let options = ["serve", service.name, "--state-dir", &state_dir, "--log-file", &log, "--port", &port];
            command.extend(options.map(str::to_owned));
            if let DatabasePlan::Own { data: None, .. } = plan.database {
                command.push("--throw-away".to_owned());
            }
            // Written once it answers, removed when it stops.
            let connection_string = text(&state.connection_string())?.replace('\'', r"'\''");
            process["readiness_probe"] =
                probe(&json!({ "exec": { "command": format!("test -s '{connection_string}'") } }));
        }
        _ => {
            command.extend(["serve", service.name].map(str::to_owned));
            let mut variables = vec![format!("Mgm__Urls={}", plan.ports.url(service.id))];
            if service.id == ServiceId::Backend && matches!(plan.database, DatabasePlan::Own { .. }) {
                let path = text(&state.connection_string())?;
                variables.push(format!("ConnectionStrings__PostgreSQL__File={path}"));
            }
            process["environment"] = variables.into();
            process["log_location"] = log.into();
            process["log_configuration"] = json!({
                "disable_json": true, "no_metadata": true, "no_color": true, "fields_order": ["message"],
                "flush_each_line": true,
            });
        }
    }
    if let (Some(health), Some(port)) = (&service.health, plan.ports.of(service.id)) {
        let request = json!({ "host": "127.0.0.1", "port": port.to_string(), "path": health.path });
        process["readiness_probe"] = probe(&json!({ "http_get": request }));
    }
    process["entrypoint"] = command.into();
    Ok(process)
}

fn probe(how: &Value) -> Value {
    let mut probe = json!({ "period_seconds": 1, "timeout_seconds": 5, "failure_threshold": READY_WITHIN });
    if let (Value::Object(probe), Value::Object(how)) = (&mut probe, how.clone()) {
        probe.extend(how);
    }
    probe
}

/// A path in the form that a definition can hold.
fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("the path {} is not Unicode", path.display()))
}
