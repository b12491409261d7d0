//! `mgm process-compose`: the same stack, supervised by process-compose.

mod composition;
mod definition;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser};
use mgm_service::output;
use mgm_service::services::ServiceId;
use mgm_service::shutdown::Signals;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::scenario::ScenarioCommand;
use super::{INTERRUPTED, WRONG};
use crate::global::GlobalArgs;
use crate::scenario::Tier;
use crate::stack::{DatabasePlan, Keep, Plan, PortArgs, StackArgs, end_of_log};
use crate::state::StateDir;
use crate::terminal::{self, BAD, DIM};
use composition::Composition;
use definition::definition;

const PROGRAM: &str = "process-compose";
/// The start of the title that process-compose sends to a terminal, even if there is none.
const TITLE: u8 = 0x1b;
/// The end of it.
const BELL: u8 = 0x07;

/// The options of `mgm process-compose`.
#[derive(Args, Debug)]
pub struct ProcessComposeArgs {
    /// What to run.
    what: Composition,
    /// Print the definition and start nothing.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    ports: PortArgs,
    /// Arguments for the scenario, such as --json.
    #[arg(last = true, value_name = "SCENARIO OPTIONS")]
    arguments: Vec<OsString>,
}

/// The part of the command line that runs scenarios.
#[derive(Debug, Parser)]
#[command(name = "mgm", version)]
struct ScenarioLine {
    #[command(flatten)]
    _global: GlobalArgs,
    #[command(subcommand)]
    scenario: ScenarioCommand,
}

pub async fn run(global: &GlobalArgs, options: ProcessComposeArgs) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let ProcessComposeArgs { what, print, ports, arguments } = options;
    if what.tier().is_none() && !arguments.is_empty() {
        bail!("arguments after -- are for a scenario, and this runs none");
    }
    if let Some(tier) = what.tier() {
        let line = [OsString::from("mgm"), tier.name().into()].into_iter().chain(arguments.iter().map(OsString::from));
        match ScenarioLine::try_parse_from(line) {
            Ok(ScenarioLine { scenario, .. }) => {
                let (_, scenario) = scenario.into_parts();
                scenario.files.check()?;
            }
            Err(said) => return Ok(output::instead_of_a_command(&said)),
        }
    }
    let state = global.state()?;
    let keep = if what.tier().is_some() { Keep::Nothing } else { Keep::Data { fresh: false } };
    let stack = StackArgs { database_url: None, ports };
    // The ports stay reserved until the services listen on them.
    let plan = Plan::make(&stack, global.sources(), &state, global.log_dir.as_deref(), keep)?;
    let log_dir = plan.log_dir.path();
    // During a scenario, another stack of this user may be running and using the state directory.
    let state = if what.tier().is_some() { StateDir::choose(Some(log_dir.to_owned()))? } else { state };
    let definition = format!("{:#}", definition(what, &plan, &state)?);
    if print {
        terminal::say(definition);
        return Ok(ExitCode::SUCCESS);
    }
    let file = log_dir.join("process-compose.json");
    std::fs::write(&file, definition).with_context(|| format!("cannot write {}", file.display()))?;
    for service in what.services(&plan) {
        // process-compose appends, but the file must only hold this run.
        drop(std::fs::remove_file(plan.log(service.id)));
    }

    let mut command = command(what, &plan, &file);
    command.args(&arguments);
    let database = match &plan.database {
        DatabasePlan::Own { .. } => None,
        named => Some(named.start().await?),
    };
    if let Some(database) = &database {
        command.env("ConnectionStrings__PostgreSQL", database.connection_string().expose_secret());
    }
    if what.tier().is_some() {
        terminal::note(format_args!("{DIM}starting the services under {PROGRAM}{DIM:#}"));
    }
    let ended = supervise(command, &mut signals).await;
    if let Some(database) = database {
        database.stop().await?;
    }
    match (ended?, what.tier()) {
        (Ended::Interrupted, Some(_)) => Ok(ExitCode::from(INTERRUPTED)),
        (Ended::Interrupted, None) => Ok(ExitCode::SUCCESS),
        (Ended::ByItself(status), tier) => {
            let never_played = tier.filter(|_| !plan.log(ServiceId::Orchestrator).exists());
            if let Some(tier) = never_played {
                let json = global.json || arguments.iter().any(|argument| argument == "--json");
                not_started(tier, what, &plan, json);
            }
            Ok(match status.code() {
                Some(0) if never_played.is_none() => ExitCode::SUCCESS,
                Some(status) if status == i32::from(WRONG) => ExitCode::from(WRONG),
                // Also the status of a service that was asked to stop while it was starting.
                _ => ExitCode::FAILURE,
            })
        }
    }
}

/// `process-compose`, configured by the environment not to listen (its server would take the backend's port) and to write
/// its log to the log directory.
fn command(what: Composition, plan: &Plan, file: &Path) -> Command {
    let log_dir = plan.log_dir.path();
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .envs(plan.environment.for_all())
        .env("PC_NO_SERVER", "1")
        .env("PC_DISABLE_DOTENV", "1")
        .env("PC_LOG_FILE", log_dir.join("process-compose.log"));
    if what.tier().is_some() {
        let orchestrator = ServiceId::Orchestrator.service().name;
        command.env("PROC_COMP_CONFIG", log_dir).args(["run", orchestrator, "--config"]).arg(file).arg("--");
    } else {
        let is_shown = output::is_terminal() && std::io::stdin().is_terminal();
        command.args(["up", if is_shown { "--tui=true" } else { "--tui=false" }, "--config"]).arg(file);
    }
    command
}

/// How process-compose ended.
enum Ended {
    ByItself(ExitStatus),
    Interrupted,
}

/// Runs it to its end. Every signal is forwarded.
async fn supervise(mut command: Command, signals: &mut Signals) -> Result<Ended> {
    let is_terminal = output::is_terminal();
    if !is_terminal {
        command.stdout(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "there is no {PROGRAM} on PATH: install it (https://f1bonacc1.github.io/process-compose/installation/), use \
             `nix run`, or let mgm start the stack itself without the word {PROGRAM}"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot start {PROGRAM}")),
    })?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let output = child.stdout.take();
    let copying = async {
        match output {
            Some(output) => without_title(output).await,
            None => Ok(()),
        }
    };
    let mut interrupted = false;
    let waiting = async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                () = signals.next() => {
                    interrupted = true;
                    // From a terminal it has received the signal itself, and it only reacts to the first.
                    // It may have just ended.
                    let _ = pid.map(|pid| kill(pid, Signal::SIGTERM));
                }
            }
        }
    };
    let (status, copied) = tokio::join!(waiting, copying);
    let status = status.with_context(|| format!("cannot wait for {PROGRAM}"))?;
    copied.with_context(|| format!("cannot read what {PROGRAM} says"))?;
    Ok(if interrupted { Ended::Interrupted } else { Ended::ByItself(status) })
}

/// Copies everything except terminal titles to standard output.
async fn without_title(output: impl AsyncRead + Unpin) -> std::io::Result<()> {
    let mut output = BufReader::new(output);
    if output.fill_buf().await?.first() == Some(&TITLE) {
        output.read_until(BELL, &mut Vec::new()).await?;
    }
    loop {
        let chunk = output.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(());
        }
        output::output().write_all(chunk)?;
        let length = chunk.len();
        output.consume(length);
    }
}

/// The verdict if the scenario was not reached: the last line of each service.
fn not_started(tier: Tier, what: Composition, plan: &Plan, json: bool) {
    for service in what.services(plan) {
        for line in end_of_log(&plan.log(service.id), 1) {
            terminal::note(format_args!("  last of {}: {DIM}{line}{DIM:#}", service.component));
        }
    }
    let problem = format!("the stack did not start; its logs are in {}", plan.log_dir.path().display());
    if json {
        terminal::say(json!({ "scenario": tier.name(), "verdict": "failed", "problem": problem }));
    } else {
        terminal::say(format_args!("{BAD}FAILED{BAD:#}  {}: {problem}", tier.title()));
    }
}
