//! `mgm tier-a` and `mgm tier-b`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use mgm_service::shutdown::Signals;
use mgm_settings::{Settings, Sources};
use mgm_system::RandomSource;
use secrecy::{ExposeSecret as _, SecretString};

use super::{INTERRUPTED, start, stop};
use crate::doctor::{self, Finding};
use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::profile;
use crate::report::{self, Exchange, Report, ReportFiles, Run};
use crate::scenario::{Mismatch, Recorder, Scenario, Stage, Taken, Tier, Viewer};
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
    #[command(flatten)]
    pub files: ReportFiles,
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
pub(super) struct SecretArgs {
    /// The desktop program's key.
    #[arg(long, value_name = "KEY", value_parser = secret)]
    api_key: Option<SecretString>,
    /// The secret that signs chat messages.
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    event_sub_secret: Option<SecretString>,
}

impl SecretArgs {
    /// The sources of the settings, with the given secrets.
    pub(super) fn over(&self, mut sources: Sources) -> Sources {
        let given = [("Mgm__ApiKey", &self.api_key), ("Twitch__EventSubSecret", &self.event_sub_secret)];
        for (name, value) in given {
            if let Some(value) = value {
                sources.set(name, value.expose_secret());
            }
        }
        sources
    }
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
    let scenario = tier.scenario();
    options.files.check()?;
    let sources = options.secrets.over(global.sources());
    if options.attach {
        attach(scenario, global, &options, sources).await
    } else if options.targets.is_given() {
        bail!("--backend, --mock-eventsub and so on say where a running stack is; add --attach to use it")
    } else {
        on_own_stack(scenario, global, &options, sources).await
    }
}

async fn attach(
    scenario: &'static Scenario,
    global: &GlobalArgs,
    options: &ScenarioArgs,
    sources: Sources,
) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let settings = StackEnvironment::tier_b(sources, |service| default_url(service).to_string())?.settings;
    let mut report = Report::new(global.json, global.log_dir.as_deref())?;
    let viewer = new_viewer(options);
    let stage = stage(&options.targets, &settings, None)?;
    let only = [scenario];
    let mistaken = tokio::select! {
        mistaken = stage.mistaken(&only) => mistaken,
        () = signals.next() => return Ok(interrupted()),
    };
    if !mistaken.is_empty() {
        bail!("{}; --backend, --mock-eventsub and so on say where each service is", mistaken.join("; "));
    }
    report.title(scenario, &viewer);
    let mut on_taken = |taken: &Taken| report.taken(taken);
    let mut recorder = Recorder::new(&mut on_taken);
    tokio::select! {
        // The recorder has the failure.
        _ = stage.play(scenario, &viewer, invented_viewer, &mut recorder) => {}
        () = signals.next() => return Ok(interrupted()),
    }
    let (taken, trace_id) = recorder.into_parts();
    let finding = first_finding(&taken, &stage).await;
    let exchanges = exchanges(&options.files, &stage, &taken, &trace_id).await;
    let took = begun.elapsed();
    let run =
        Run { attached: true, taken, took, exchanges, log_dir: global.log_dir.clone(), ..Run::new(scenario, viewer) };
    finish(report, &run, finding.as_ref(), options)
}

async fn on_own_stack(
    scenario: &'static Scenario,
    global: &GlobalArgs,
    options: &ScenarioArgs,
    sources: Sources,
) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let state = global.state()?;
    let plan = Plan::make(&options.stack, sources, &state, global.log_dir.as_deref(), Keep::Nothing)?;
    let mut report = Report::new(global.json, Some(plan.log_dir.path()))?;
    let viewer = fixed_viewer(options);
    report.title(scenario, &viewer);
    let stack = Stack::new(plan);
    let mut ready = Vec::new();
    let played = tokio::select! {
        played = start_and_play(scenario, &stack, &viewer, &options.files, &mut report, &mut ready) => Some(played),
        () = signals.next() => None,
    };
    stop(stack, &mut signals).await;
    match played {
        None => Ok(interrupted()),
        Some(Err(error)) => match error.downcast::<StartError>() {
            Ok(error) if !error.is_environment() => {
                report.not_started(scenario, &error);
                Ok(ExitCode::FAILURE)
            }
            Ok(error) => Err(error.into()),
            Err(error) => Err(error),
        },
        Some(Ok((run, finding))) => {
            let run = Run { ready, took: begun.elapsed(), ..run };
            finish(report, &run, finding.as_ref(), options)
        }
    }
}

async fn start_and_play(
    scenario: &'static Scenario,
    stack: &Stack,
    viewer: &Viewer,
    files: &ReportFiles,
    report: &mut Report,
    ready: &mut Vec<Ready>,
) -> Result<(Run, Option<Finding>)> {
    start(stack, |one| {
        report.ready(one);
        ready.push(one);
    })
    .await?;
    let plan = stack.plan();
    let stage = stage(&plan.ports.targets(), &plan.environment.settings, Some(stack))?;
    let (taken, trace_id) = play_watched(scenario, stack, &stage, viewer, &mut |taken| report.taken(taken)).await;
    let finding = first_finding(&taken, &stage).await;
    let exchanges = exchanges(files, &stage, &taken, &trace_id).await;
    let log_dir = Some(plan.log_dir.path().to_owned());
    Ok((Run { taken, exchanges, log_dir, ..Run::new(scenario, viewer.clone()) }, finding))
}

/// Plays a scenario on a stack of this process, up to the unexpected end of one of its services.
pub(super) async fn play_watched(
    scenario: &'static Scenario,
    stack: &Stack,
    stage: &Stage<'_>,
    viewer: &Viewer,
    on_taken: &mut dyn FnMut(&Taken),
) -> (Vec<Taken>, String) {
    let mut recorder = Recorder::new(on_taken);
    let result = tokio::select! {
        result = stage.play(scenario, viewer, invented_viewer, &mut recorder) => result.map_err(|_| None),
        death = stack.first_death() => Err(Some(death)),
    };
    match result {
        Ok(()) => {}
        Err(Some(death)) => recorder.broken_off(scenario, mismatch(&death)),
        // The step may have failed because of a death that has not been noticed yet.
        Err(None) => {
            if let Ok(death) = tokio::time::timeout(DEATH_NOTICED_WITHIN, stack.first_death()).await {
                recorder.explain(mismatch(&death));
            }
        }
    }
    recorder.into_parts()
}

pub(super) fn interrupted() -> ExitCode {
    terminal::note("interrupted");
    ExitCode::from(INTERRUPTED)
}

fn mismatch(death: &Death) -> Mismatch {
    Mismatch { expected: "every service keeps running".to_owned(), got: death.to_string(), ..Mismatch::default() }
}

/// The calls between the parties, if a page is asked for.
pub(super) async fn exchanges(
    files: &ReportFiles,
    stage: &Stage<'_>,
    taken: &[Taken],
    trace_id: &str,
) -> Vec<Exchange> {
    if files.html.is_some() { report::collect(stage, taken, trace_id).await } else { Vec::new() }
}

/// What the doctor finds first after a failure.
async fn first_finding(taken: &[Taken], stage: &Stage<'_>) -> Option<Finding> {
    if taken.iter().all(|taken| taken.outcome.is_ok()) {
        return None;
    }
    doctor::of_stack(stage).await.into_iter().next()
}

fn finish(report: Report, run: &Run, finding: Option<&Finding>, options: &ScenarioArgs) -> Result<ExitCode> {
    report.finish(run, finding, &options.files)?;
    Ok(if run.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn stage<'a>(targets: &Targets, settings: &Settings, stack: Option<&'a Stack>) -> Result<Stage<'a>> {
    let endpoints = targets.endpoints()?;
    let api_key = settings.mgm.api_key.clone().context("no desktop key is set (Mgm__ApiKey)")?;
    let broadcaster_id = settings.twitch.broadcaster_user_id.as_ref().map(ToString::to_string);
    let broadcaster_id = broadcaster_id.context("no broadcaster is set (Twitch__BroadcasterUserId)")?;
    let event_sub_secret = settings.twitch.event_sub_secret.clone();
    let skips_check = settings.mgm.dev_skip_subscriber_check;
    let switches = skips_check.then_some("Mgm__DevSkipSubscriberCheck").into_iter().collect();
    Ok(Stage { endpoints, api_key, broadcaster_id, event_sub_secret, switches, stack })
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
    let invented = invented_viewer();
    let user_id = options.user_id.clone().unwrap_or(invented.user_id);
    let login = options.login.clone().unwrap_or_else(|| user_id.replace('-', ""));
    Viewer { user_id, login, character: options.character.clone().unwrap_or(invented.character) }
}

/// A viewer whom nobody else uses.
pub fn invented_viewer() -> Viewer {
    let random = RandomSource::from_system();
    let letters = random.letters(12);
    Viewer {
        user_id: format!("e2e-{letters}"),
        login: format!("e2e{letters}"),
        character: format!("E{}", random.letters(11)),
    }
}
