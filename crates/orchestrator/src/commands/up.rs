//! `mgm up`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use mgm_service::services::{SERVICES, ServiceId};
use mgm_service::shutdown::Signals;
use serde_json::json;

use super::{start, stop};
use crate::global::GlobalArgs;
use crate::stack::{Keep, Plan, Stack, StackArgs};
use crate::state::{Published, StateDir};
use crate::terminal::{self, BAD, DIM, GOOD};

/// The options of `mgm up`.
#[derive(Args, Debug)]
pub struct UpArgs {
    #[command(flatten)]
    stack: StackArgs,
    /// Start with an empty database (of the stack's own PostgreSQL).
    #[arg(long)]
    fresh: bool,
}

pub async fn run(global: &GlobalArgs, options: UpArgs) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let keep = Keep::Data { fresh: options.fresh };
    let stack = Stack::new(Plan::make(&options.stack, global.sources(), &state, global.log_dir.as_deref(), keep)?);
    let result = tokio::select! {
        result = stay_up(global, &stack, &state) => result,
        () = signals.next() => {
            terminal::note("stopping");
            Ok(ExitCode::SUCCESS)
        }
    };
    stop(stack, &mut signals).await;
    result
}

/// Returns only if something goes wrong.
async fn stay_up(global: &GlobalArgs, stack: &Stack, state: &StateDir) -> Result<ExitCode> {
    let json = global.json;
    let started = start(stack, |ready| {
        let component = ready.service.service().component;
        terminal::note(format_args!("{DIM}{component} is ready after {:.2} s{DIM:#}", ready.after.as_secs_f64()));
    })
    .await;
    match started {
        Ok(()) => {}
        Err(error) if error.is_environment() => return Err(error.into()),
        Err(error) => {
            terminal::note(format_args!("{BAD}FAILED{BAD:#}  {error}"));
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
    terminal::note(format_args!("{BAD}FAILED{BAD:#}  {death}"));
    if json {
        let (service, last_lines) = (death.service.service().name, &death.last_lines);
        terminal::say(json!({ "event": "died", "service": service, "lastLines": last_lines }));
    }
    Ok(ExitCode::FAILURE)
}

fn print_table(stack: &Stack, published: Option<&Published>) {
    let plan = stack.plan();
    for service in SERVICES {
        let Some(port) = plan.ports.of(service.id) else { continue };
        let log = plan.log(service.id);
        terminal::say(format_args!("{:20} 127.0.0.1:{port:<6} {DIM}{}{DIM:#}", service.component, log.display()));
    }
    if let Some(published) = published {
        terminal::say(format_args!("{:20} {DIM}{}{DIM:#}", "connection string", published.path().display()));
    }
    terminal::say(format_args!("{GOOD}stack ready{GOOD:#}"));
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
    terminal::say(json!({ "event": "ready", "services": services, "connectionStringFile": connection_string }));
}
