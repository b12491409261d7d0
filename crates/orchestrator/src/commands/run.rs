//! `mgm run` and `mgm scenarios`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use mgm_service::shutdown::Signals;
use mgm_settings::Sources;
use mgm_system::{Clock as _, SystemClock};
use serde_json::json;

use super::scenario::{SecretArgs, exchanges, interrupted, invented_viewer, play_watched, stage};
use super::start;
use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::log_dir::LogDir;
use crate::report::{Report, ReportFiles, Run};
use crate::scenario::{self, Recorder, Scenario, Stage, Taken};
use crate::stack::{Keep, Plan, PortArgs, Ready, Stack, StackArgs, StartError};
use crate::targets::{Targets, default_url};
use crate::terminal::{self, DIM};
use crate::value_parser::filled;

/// The options of `mgm run`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Scenario options")]
pub struct RunArgs {
    /// The scenarios; `mgm scenarios` lists them.
    #[arg(value_name = "SCENARIO", value_parser = filled)]
    names: Vec<String>,
    /// Run all scenarios with this tag; may be repeated.
    #[arg(long, value_name = "TAG", value_parser = filled)]
    tag: Vec<String>,
    /// Run all scenarios.
    #[arg(long, conflicts_with_all = ["names", "tag"])]
    all: bool,
    /// How many scenarios run on one stack at the same time, and how many stacks.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=32))]
    jobs: u16,
    /// Start nothing: run against a stack that is already running. Scenarios that need another stack are skipped.
    #[arg(long, conflicts_with_all = StackArgs::ids())]
    attach: bool,
    #[command(flatten)]
    files: ReportFiles,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    stack: StackArgs,
}

/// `mgm scenarios`.
pub fn list(global: &GlobalArgs) -> ExitCode {
    if global.json {
        let all: Vec<_> = scenario::all()
            .map(|one| {
                let steps: Vec<_> = one.steps.iter().map(|step| &step.name).collect();
                json!({ "name": one.name, "title": one.title, "tags": one.tags, "settings": one.settings, "steps": steps })
            })
            .collect();
        terminal::say(format_args!("{:#}", json!(all)));
        return ExitCode::SUCCESS;
    }
    let width = scenario::all().map(|one| one.name.len()).max().unwrap_or_default();
    for one in scenario::all() {
        terminal::say(format_args!("{:width$}  {}  {DIM}{}{DIM:#}", one.name, one.title, one.tags.join(" ")));
    }
    ExitCode::SUCCESS
}

pub async fn run(global: &GlobalArgs, options: RunArgs) -> Result<ExitCode> {
    let begun = Instant::now();
    options.files.check()?;
    let chosen = options.chosen()?;
    if options.targets.is_given() && !options.attach {
        bail!("--backend, --mock-eventsub and so on say where a running stack is; add --attach to use it");
    }
    let mut signals = Signals::new().context("cannot handle signals")?;
    let sources = options.secrets.over(global.sources());
    let (log_dir, report) = if options.attach {
        (None, Report::new(global.json, global.log_dir.as_deref())?)
    } else {
        let log_dir = LogDir::open(global.log_dir.as_deref(), &global.state()?)?;
        let report = Report::new(global.json, Some(log_dir.path()))?;
        (Some(log_dir), report)
    };
    let report = RefCell::new(report);
    let runs = match &log_dir {
        None => tokio::select! {
            runs = attach(&options, &chosen, sources, &report) => runs?,
            () = signals.next() => return Ok(interrupted()),
        },
        Some(log_dir) => {
            match on_own_stacks(global, &options, &chosen, &sources, log_dir.path(), &report, &mut signals).await? {
                Some(runs) => runs,
                None => return Ok(interrupted()),
            }
        }
    };
    report.into_inner().finish_all(&runs, begun.elapsed(), &options.files)?;
    let failed = runs.iter().any(|run| run.skipped.is_none() && !run.passed());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl RunArgs {
    /// The chosen scenarios, in the order of the catalogue.
    fn chosen(&self) -> Result<Vec<&'static Scenario>> {
        for name in &self.names {
            if scenario::find(name).is_none() {
                bail!(
                    "there is no scenario {name}; did you mean {}? `mgm scenarios` lists all",
                    scenario::nearest(name)
                );
            }
        }
        for tag in &self.tag {
            if !scenario::all().any(|one| one.has_tag(tag)) {
                bail!("no scenario has the tag {tag}; `mgm scenarios` lists all");
            }
        }
        let is_chosen = |one: &&Scenario| {
            self.all || self.names.iter().any(|name| name == one.name) || self.tag.iter().any(|tag| one.has_tag(tag))
        };
        let chosen: Vec<_> = scenario::all().filter(is_chosen).collect();
        if chosen.is_empty() {
            bail!("name scenarios, or give --tag or --all; `mgm scenarios` lists them");
        }
        Ok(chosen)
    }
}

async fn attach(
    options: &RunArgs,
    chosen: &[&'static Scenario],
    sources: Sources,
    report: &RefCell<Report>,
) -> Result<Vec<Run>> {
    let settings = StackEnvironment::tier_b(sources, |service| default_url(service).to_string())?.settings;
    let stage = stage(&options.targets, &settings, None)?;
    let (elsewhere, here): (Vec<_>, Vec<_>) = chosen.iter().copied().partition(|one| one.needs_own_stack());
    let mistaken = stage.mistaken(&here).await;
    if !mistaken.is_empty() {
        bail!("{}; --backend, --mock-eventsub and so on say where each service is", mistaken.join("; "));
    }
    let mut runs: Vec<_> = elsewhere
        .into_iter()
        .map(|one| {
            let reason = "it needs a stack of its own; leave --attach out".to_owned();
            Run { attached: true, skipped: Some(reason), ..Run::new(one, invented_viewer()) }
        })
        .collect();
    let play = async |scenario: &'static Scenario| {
        let begun = Instant::now();
        let viewer = invented_viewer();
        let mut ignored = |_: &Taken| {};
        let mut recorder = Recorder::new(&mut ignored);
        // The recorder has the failure.
        drop(stage.play(scenario, &viewer, invented_viewer, &mut recorder).await);
        let (taken, trace_id) = recorder.into_parts();
        let took = begun.elapsed();
        let exchanges = exchanges(&options.files, &stage, &taken, &trace_id).await;
        let run = Run { attached: true, taken, took, exchanges, ..Run::new(scenario, viewer) };
        report.borrow_mut().played(&run, None);
        run
    };
    runs.extend(together(&here, options.jobs, play).await);
    Ok(runs)
}

/// Plays the scenarios that disturb nobody at the same time, then the others one after the other.
async fn together(
    scenarios: &[&'static Scenario],
    jobs: u16,
    play: impl AsyncFn(&'static Scenario) -> Run,
) -> Vec<Run> {
    let (alone, shared): (Vec<_>, Vec<_>) = scenarios.iter().copied().partition(|one| one.alone || one.changes_stack());
    let mut runs: Vec<_> = stream::iter(shared).map(|one| play(one)).buffer_unordered(jobs.into()).collect().await;
    for scenario in alone {
        runs.push(play(scenario).await);
    }
    runs
}

/// Plays the scenarios on one stack for each set of settings. `None` after a signal.
async fn on_own_stacks(
    global: &GlobalArgs,
    options: &RunArgs,
    chosen: &[&'static Scenario],
    sources: &Sources,
    log_dir: &Path,
    report: &RefCell<Report>,
    signals: &mut Signals,
) -> Result<Option<Vec<Run>>> {
    let mut groups: BTreeMap<_, Vec<&'static Scenario>> = BTreeMap::new();
    for one in chosen {
        groups.entry((one.own_stack.then_some(one.name), &one.settings)).or_default().push(one);
    }
    let stacks = groups.into_iter().map(|((alone, settings), scenarios)| {
        let is_shared = alone.is_none() && settings.is_empty();
        let mut sources = sources.clone();
        for (name, value) in settings {
            sources.set(name, value);
        }
        let ports = if is_shared { options.stack.ports.clone() } else { PortArgs::auto() };
        let name = if is_shared { "shared" } else { scenarios[0].name };
        (StackArgs { ports, ..options.stack.clone() }, sources, log_dir.join(name), scenarios)
    });
    let state = global.state()?;
    let stopped = tokio::sync::watch::Sender::new(false);
    let playing = stream::iter(stacks)
        .map(async |(args, sources, log_dir, scenarios)| {
            let plan = Plan::make(&args, sources, &state, Some(&log_dir), Keep::Nothing)?;
            let stack = Stack::new(plan);
            let mut stopping = stopped.subscribe();
            let runs = tokio::select! {
                runs = on_stack(&stack, &scenarios, options, report) => Some(runs),
                _ = stopping.wait_for(|is_stopped| *is_stopped) => None,
            };
            stack.stop().await;
            runs.unwrap_or(Ok(vec![]))
        })
        .buffer_unordered(options.jobs.into())
        .collect::<Vec<Result<Vec<Run>>>>();
    tokio::pin!(playing);
    let (played, interrupted) = tokio::select! {
        played = &mut playing => (played, false),
        () = signals.next() => {
            stopped.send_replace(true);
            (playing.await, true)
        }
    };
    if interrupted {
        return Ok(None);
    }
    let runs: Vec<Vec<Run>> = played.into_iter().collect::<Result<_>>()?;
    let mut runs: Vec<Run> = runs.into_iter().flatten().collect();
    runs.sort_by_key(|run| chosen.iter().position(|one| one.name == run.scenario.name));
    Ok(Some(runs))
}

async fn on_stack(
    stack: &Stack,
    scenarios: &[&'static Scenario],
    options: &RunArgs,
    report: &RefCell<Report>,
) -> Result<Vec<Run>> {
    let mut ready: Vec<Ready> = Vec::new();
    if let Err(error) = start(stack, |one| ready.push(one)).await {
        if error.is_environment() {
            return Err(error.into());
        }
        return Ok(scenarios.iter().map(|one| not_started(one, &error, stack, report)).collect());
    }
    let plan = stack.plan();
    let stage: Stage<'_> = stage(&plan.ports.targets(), &plan.environment.settings, Some(stack))?;
    let one = async |scenario: &'static Scenario| {
        let begun = Instant::now();
        let viewer = invented_viewer();
        let (taken, trace_id) = play_watched(scenario, stack, &stage, &viewer, &mut |_| {}).await;
        let took = begun.elapsed();
        let exchanges = exchanges(&options.files, &stage, &taken, &trace_id).await;
        let log_dir = Some(plan.log_dir.path().to_owned());
        let run = Run { taken, ready: ready.clone(), took, exchanges, log_dir, ..Run::new(scenario, viewer) };
        report.borrow_mut().played(&run, Some(plan.log_dir.path()));
        run
    };
    Ok(together(scenarios, options.jobs, one).await)
}

/// A scenario whose stack did not start, which is reported as the failure of its first step.
fn not_started(scenario: &'static Scenario, error: &StartError, stack: &Stack, report: &RefCell<Report>) -> Run {
    let outcome = Err(scenario::Mismatch {
        expected: "a stack with the settings of the scenario".to_owned(),
        got: error.to_string(),
        ..scenario::Mismatch::default()
    });
    let (at, took, calls) = (SystemClock.now(), Duration::ZERO, vec![]);
    let taken = vec![Taken { step: &scenario.steps[0], at, took, calls, outcome }];
    let log_dir = Some(stack.plan().log_dir.path().to_owned());
    let run = Run { taken, log_dir, ..Run::new(scenario, invented_viewer()) };
    report.borrow_mut().played(&run, Some(stack.plan().log_dir.path()));
    run
}
