//! `mgm up`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use mgm_service::services::{SERVICES, ServiceId};
use mgm_service::shutdown::Signals;
use serde_json::json;

use super::{start, stop};
use crate::cli::{Global, Up};
use crate::report::{self, BAD, DIM, GOOD};
use crate::stack::{Keep, Plan, Stack};
use crate::state::{Published, StateDir};

pub async fn run(global: &Global, options: Up) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let keep = Keep::Data { fresh: options.fresh };
    let stack = Stack::new(Plan::make(&options.stack, global.sources(), &state, global.log_dir.as_deref(), keep)?);
    let result = tokio::select! {
        result = stay_up(global, &stack, &state) => result,
        () = signals.next() => {
            report::note("stopping");
            Ok(ExitCode::SUCCESS)
        }
    };
    stop(stack, &mut signals).await;
    result
}

/// Returns only when something goes wrong.
async fn stay_up(global: &Global, stack: &Stack, state: &StateDir) -> Result<ExitCode> {
    let json = global.json;
    let started = start(stack, |ready| {
        let component = ready.service.service().component;
        report::note(format_args!("{DIM}{component} is ready after {:.2} s{DIM:#}", ready.after.as_secs_f64()));
    })
    .await;
    match started {
        Ok(()) => {}
        Err(error) if error.is_environment() => return Err(error.into()),
        Err(error) => {
            report::note(format_args!("{BAD}FAILED{BAD:#}  {error}"));
            return Ok(ExitCode::FAILURE);
        }
    }
    let published = match stack.connection_string() {
        Some(text) if stack.plan().ports.of(ServiceId::Postgres).is_some() => Some(state.publish(&text)?),
        _ => None,
    };
    if json {
        print_json(stack, published.as_ref());
    } else {
        print_table(stack, published.as_ref());
    }
    let death = stack.first_death().await;
    report::note(format_args!("{BAD}FAILED{BAD:#}  {death}"));
    if json {
        let (service, last_lines) = (death.service.service().name, &death.last_lines);
        report::say(json!({ "event": "died", "service": service, "lastLines": last_lines }));
    }
    Ok(ExitCode::FAILURE)
}

fn print_table(stack: &Stack, published: Option<&Published>) {
    let plan = stack.plan();
    for service in SERVICES {
        let Some(port) = plan.ports.of(service.id) else { continue };
        let log = plan.log(service.id);
        report::say(format_args!("{:20} 127.0.0.1:{port:<6} {DIM}{}{DIM:#}", service.component, log.display()));
    }
    if let Some(published) = published {
        report::say(format_args!("{:20} {DIM}{}{DIM:#}", "connection string", published.path().display()));
    }
    report::say(format_args!("{GOOD}stack ready{GOOD:#}"));
}

fn print_json(stack: &Stack, published: Option<&Published>) {
    let plan = stack.plan();
    let services: Vec<_> = SERVICES
        .iter()
        .filter_map(|service| {
            let port = plan.ports.of(service.id)?;
            Some(json!({
                "name": service.name, "component": service.component, "port": port, "log": plan.log(service.id),
                "pid": stack.pid(service.id),
            }))
        })
        .collect();
    let connection_string = published.map(Published::path);
    report::say(json!({ "event": "ready", "services": services, "connectionStringFile": connection_string }));
}
