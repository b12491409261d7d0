//! `mgm tier-a` and `mgm tier-b`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mgm_service::services::ServiceId;
use mgm_service::shutdown::Signals;
use mgm_settings::{Settings, Sources};
use mgm_system::RandomSource;
use secrecy::ExposeSecret as _;

use super::{INTERRUPTED, set_variable, start, stop};
use crate::cli::{Global, Scenario, Targets};
use crate::environment::Environment;
use crate::profile;
use crate::report::{self, Report, Run};
use crate::scenario::{Endpoints, Mismatch, Recorder, Stage, Taken, Tier, Viewer};
use crate::stack::{Death, Keep, Plan, Ready, Stack, StartError};
use crate::targets::default_url;

/// A service that dies in a step is noticed at most this much later than the step.
const DEATH_NOTICED_WITHIN: Duration = Duration::from_millis(300);

pub async fn run(tier: Tier, global: &Global, options: Scenario) -> Result<ExitCode> {
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

async fn attach(tier: Tier, global: &Global, options: &Scenario, sources: Sources) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot handle signals")?;
    let settings = Environment::tier_b(sources, |service| default_url(service).to_string())?.settings;
    let mut report = Report::new(global.json, global.log_dir.as_deref())?;
    let viewer = new_viewer(options)?;
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
        // The recorder knows.
        _ = stage.play(tier, &mut recorder) => {}
        () = signals.next() => return Ok(interrupted()),
    }
    let taken = recorder.into_taken();
    let run = Run { tier, viewer, attached: true, taken, ready: Vec::new(), took: begun.elapsed() };
    finish(report, &run, options)
}

async fn on_own_stack(tier: Tier, global: &Global, options: &Scenario, sources: Sources) -> Result<ExitCode> {
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
    let stage = stage(&plan.ports.targets()?, viewer, &plan.environment.settings)?;
    let mut on_taken = |taken: &Taken| report.taken(taken);
    let mut recorder = Recorder::new(&mut on_taken);
    let result = tokio::select! {
        result = stage.play(tier, &mut recorder) => result.map_err(|_| None),
        death = stack.first_death() => Err(Some(death)),
    };
    match result {
        Ok(()) => {}
        Err(Some(death)) => recorder.broken_off(tier, mismatch(&death)),
        // The step may have failed because of a death that was not noticed yet.
        Err(None) => {
            if let Ok(death) = tokio::time::timeout(DEATH_NOTICED_WITHIN, stack.first_death()).await {
                recorder.explain(mismatch(&death));
            }
        }
    }
    Ok(recorder.into_taken())
}

fn interrupted() -> ExitCode {
    report::note("interrupted");
    ExitCode::from(INTERRUPTED)
}

fn mismatch(death: &Death) -> Mismatch {
    Mismatch { expected: "every service keeps running".to_owned(), got: death.to_string(), cause: None }
}

fn finish(report: Report, run: &Run, options: &Scenario) -> Result<ExitCode> {
    report.finish(run, options.junit.as_deref())?;
    Ok(if run.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stage(targets: &Targets, viewer: Viewer, settings: &Settings) -> Result<Stage> {
    let endpoints = Endpoints {
        backend: targets.endpoint(ServiceId::Backend)?,
        mock_eventsub: targets.endpoint(ServiceId::MockEventSub)?,
        mock_jwt: targets.endpoint(ServiceId::MockJwt)?,
        mock_helix: targets.endpoint(ServiceId::MockHelix)?,
        synthetic_desktop: targets.endpoint(ServiceId::SyntheticDesktop)?,
    };
    let api_key = settings.mgm.api_key.clone().context("no desktop key is set (Mgm__ApiKey)")?;
    let broadcaster_id = settings.twitch.broadcaster_user_id.as_ref().map(ToString::to_string);
    let broadcaster_id = broadcaster_id.context("no broadcaster is set (Twitch__BroadcasterUserId)")?;
    let event_sub_secret = settings.twitch.event_sub_secret.clone();
    let skips_subscriber_check = settings.mgm.dev_skip_subscriber_check;
    let message_id = RandomSource::from_system().uuid().to_string();
    Ok(Stage { endpoints, viewer, api_key, broadcaster_id, event_sub_secret, skips_subscriber_check, message_id })
}

/// The viewer of the Tier B profile, except for what is given.
fn fixed_viewer(options: &Scenario) -> Viewer {
    let given = |option: &Option<String>, default: &str| option.clone().unwrap_or_else(|| default.to_owned());
    let user_id = given(&options.user_id, profile::USER_ID);
    let login = given(&options.login, if user_id == profile::USER_ID { profile::LOGIN } else { &user_id });
    Viewer { login, character: given(&options.character, profile::CHARACTER), user_id }
}

/// A viewer and a character that nobody has met, except for what is given: on a stack that stays, the fixed viewer would
/// reach the lifetime cap.
fn new_viewer(options: &Scenario) -> Result<Viewer> {
    let random = RandomSource::from_system();
    let user_id = options.user_id.clone().unwrap_or_else(|| format!("e2e-{}", random.letters(12)));
    let login = options.login.clone().unwrap_or_else(|| user_id.replace('-', ""));
    let character = options.character.clone().unwrap_or_else(|| format!("E{}", random.letters(11)));
    Ok(Viewer { user_id, login, character })
}
