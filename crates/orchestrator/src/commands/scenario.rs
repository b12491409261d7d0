//! `mgm tier-a` and `mgm tier-b`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueHint};
use mgm_service::shutdown::Signals;
use mgm_settings::{Settings, Sources};
use mgm_system::RandomSource;
use secrecy::{ExposeSecret as _, SecretString};

use super::{INTERRUPTED, set_variable, start, stop};
use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::profile;
use crate::report::{Report, Run};
use crate::scenario::{Mismatch, Recorder, Stage, Taken, Tier, Viewer};
use crate::stack::{Death, Keep, Plan, Ready, Stack, StackArgs, StartError};
use crate::targets::{Targets, default_url};
use crate::terminal;
use crate::value_parser::{filled, secret};

/// The maximum delay after a step in which the death of a service is noticed.
const DEATH_NOTICED_WITHIN: Duration = Duration::from_millis(300);

/// The scenarios.
#[derive(Debug, Subcommand)]
pub enum ScenarioCommand {
    /// Run Tier A: a signed chat message in, pool membership out.
    TierA(ScenarioArgs),
    /// Run Tier B: Tier A, then a payout through the desktop sequence to the chat announcement.
    TierB(ScenarioArgs),
}

/// The options of `mgm tier-a` and `mgm tier-b`.
// Options that process-compose gets first can be repeated by the user.
#[derive(Args, Debug)]
#[command(next_help_heading = "Scenario options", args_override_self = true)]
pub struct ScenarioArgs {
    /// Start nothing: run against a stack that is already running, with a new viewer and a new character unless they
    /// are given.
    #[arg(long, conflicts_with_all = StackArgs::ids())]
    attach: bool,
    /// The viewer's Twitch id [default: e2e-viewer-1; with --attach a new one].
    #[arg(long, value_name = "ID", value_parser = filled)]
    user_id: Option<String>,
    /// The viewer's login [default: that of the viewer].
    #[arg(long, value_name = "NAME", value_parser = filled)]
    login: Option<String>,
    /// The viewer's character [default: Etoehero; with --attach a new one].
    #[arg(long, value_name = "NAME", value_parser = filled)]
    character: Option<String>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    stack: StackArgs,
}

/// Secrets shared by a scenario and the services. Prefer the environment, since other users can see a command line.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Secrets (better set as Mgm__ApiKey and Twitch__EventSubSecret)")]
struct SecretArgs {
    /// The desktop program's key.
    #[arg(long, value_name = "KEY", value_parser = secret)]
    api_key: Option<SecretString>,
    /// The secret that signs chat messages.
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    event_sub_secret: Option<SecretString>,
}

impl ScenarioCommand {
    /// The scenario, and its options.
    pub fn into_parts(self) -> (Tier, ScenarioArgs) {
        match self {
            Self::TierA(args) => (Tier::A, args),
            Self::TierB(args) => (Tier::B, args),
        }
    }
}

pub async fn run(global: &GlobalArgs, command: ScenarioCommand) -> Result<ExitCode> {
    let (tier, options) = command.into_parts();
    Report::can_write_junit(options.junit.as_deref())?;
    let mut sources = global.sources();
    let secrets = &options.secrets;
    let given = [("Mgm__ApiKey", &secrets.api_key), ("Twitch__EventSubSecret", &secrets.event_sub_secret)];
    for (name, value) in given {
        if let Some(value) = value {
            set_variable(&mut sources, name, value.expose_secret());
        }
    }
    if options.attach {
        attach(tier, global, &options, sources).await
    } else if options.targets.is_given() {
        bail!("--backend, --mock-eventsub and so on say where a running stack is; add --attach to use it")
    } else {
        on_own_stack(tier, global, &options, sources).await
    }
}

async fn attach(tier: Tier, global: &GlobalArgs, options: &ScenarioArgs, sources: Sources) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let settings = StackEnvironment::tier_b(sources, |service| default_url(service).to_string())?.settings;
    let mut report = Report::new(global.json, global.log_dir.as_deref())?;
    let viewer = new_viewer(options);
    let stage = stage(&options.targets, viewer.clone(), &settings)?;
    let mistaken = tokio::select! {
        mistaken = stage.mistaken(tier) => mistaken,
        () = signals.next() => return Ok(interrupted()),
    };
    if !mistaken.is_empty() {
        bail!("{}; --backend, --mock-eventsub and so on say where each service is", mistaken.join("; "));
    }
    report.title(tier, &viewer);
    let mut on_taken = |taken: &Taken| report.taken(taken);
    let mut recorder = Recorder::new(&mut on_taken);
    tokio::select! {
        // The recorder has the failure.
        _ = stage.play(tier, &mut recorder) => {}
        () = signals.next() => return Ok(interrupted()),
    }
    let taken = recorder.into_taken();
    let run = Run { tier, viewer, attached: true, taken, ready: Vec::new(), took: begun.elapsed() };
    finish(report, &run, options)
}

async fn on_own_stack(tier: Tier, global: &GlobalArgs, options: &ScenarioArgs, sources: Sources) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let plan = Plan::make(&options.stack, sources, &state, global.log_dir.as_deref(), Keep::Nothing)?;
    let mut report = Report::new(global.json, Some(plan.log_dir.path()))?;
    let viewer = fixed_viewer(options);
    report.title(tier, &viewer);
    let stack = Stack::new(plan);
    let mut ready = Vec::new();
    let played = tokio::select! {
        played = start_and_play(tier, &stack, viewer.clone(), &mut report, &mut ready) => Some(played),
        () = signals.next() => None,
    };
    stop(stack, &mut signals).await;
    match played {
        None => Ok(interrupted()),
        Some(Err(error)) => match error.downcast::<StartError>() {
            Ok(error) if !error.is_environment() => {
                report.not_started(tier, &error);
                Ok(ExitCode::FAILURE)
            }
            Ok(error) => Err(error.into()),
            Err(error) => Err(error),
        },
        Some(Ok(taken)) => {
            let run = Run { tier, viewer, attached: false, taken, ready, took: begun.elapsed() };
            finish(report, &run, options)
        }
    }
}

async fn start_and_play(
    tier: Tier,
    stack: &Stack,
    viewer: Viewer,
    report: &mut Report,
    ready: &mut Vec<Ready>,
) -> Result<Vec<Taken>> {
    start(stack, |one| {
        report.ready(one);
        ready.push(one);
    })
    .await?;
    let plan = stack.plan();
    let stage = stage(&plan.ports.targets(), viewer, &plan.environment.settings)?;
    let mut on_taken = |taken: &Taken| report.taken(taken);
    let mut recorder = Recorder::new(&mut on_taken);
    let result = tokio::select! {
        result = stage.play(tier, &mut recorder) => result.map_err(|_| None),
        death = stack.first_death() => Err(Some(death)),
    };
    match result {
        Ok(()) => {}
        Err(Some(death)) => recorder.broken_off(tier, mismatch(&death)),
        // The step may have failed because of a death that has not been noticed yet.
        Err(None) => {
            if let Ok(death) = tokio::time::timeout(DEATH_NOTICED_WITHIN, stack.first_death()).await {
                recorder.explain(mismatch(&death));
            }
        }
    }
    Ok(recorder.into_taken())
}

fn interrupted() -> ExitCode {
    terminal::note("interrupted");
    ExitCode::from(INTERRUPTED)
}

fn mismatch(death: &Death) -> Mismatch {
    Mismatch { expected: "every service keeps running".to_owned(), got: death.to_string(), cause: None }
}

fn finish(report: Report, run: &Run, options: &ScenarioArgs) -> Result<ExitCode> {
    report.finish(run, options.junit.as_deref())?;
    Ok(if run.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stage(targets: &Targets, viewer: Viewer, settings: &Settings) -> Result<Stage> {
    let endpoints = targets.endpoints()?;
    let api_key = settings.mgm.api_key.clone().context("no desktop key is set (Mgm__ApiKey)")?;
    let broadcaster_id = settings.twitch.broadcaster_user_id.as_ref().map(ToString::to_string);
    let broadcaster_id = broadcaster_id.context("no broadcaster is set (Twitch__BroadcasterUserId)")?;
    let event_sub_secret = settings.twitch.event_sub_secret.clone();
    let skips_subscriber_check = settings.mgm.dev_skip_subscriber_check;
    let message_id = RandomSource::from_system().uuid().to_string();
    Ok(Stage { endpoints, viewer, api_key, broadcaster_id, event_sub_secret, skips_subscriber_check, message_id })
}

/// The viewer of the Tier B profile, except for given values.
fn fixed_viewer(options: &ScenarioArgs) -> Viewer {
    let given = |option: &Option<String>, default: &str| option.clone().unwrap_or_else(|| default.to_owned());
    let user_id = given(&options.user_id, profile::USER_ID);
    let login = given(&options.login, if user_id == profile::USER_ID { profile::LOGIN } else { &user_id });
    Viewer { login, character: given(&options.character, profile::CHARACTER), user_id }
}

/// A new viewer and character, except for given values: on a stack that keeps its data, a fixed viewer would
/// reach the lifetime cap.
fn new_viewer(options: &ScenarioArgs) -> Viewer {
    let random = RandomSource::from_system();
    let user_id = options.user_id.clone().unwrap_or_else(|| format!("e2e-{}", random.letters(12)));
    let login = options.login.clone().unwrap_or_else(|| user_id.replace('-', ""));
    let character = options.character.clone().unwrap_or_else(|| format!("E{}", random.letters(11)));
    Viewer { user_id, login, character }
}
