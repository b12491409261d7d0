//! The report of a scenario: for people while it runs, for machines at the end.

mod durations;
mod exchange;
mod files;
pub mod junit;
mod page;
mod run;
mod summary;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use mgm_service::services::ServiceId;
use serde_json::{Value, json};

use crate::doctor::Finding;
use crate::scenario::{Mismatch, Scenario, Step, Taken, Viewer};
use crate::stack::{LAST_LINES, Ready, StartError, end_of_log, log_file};
use crate::terminal::{self, BAD, DIM, GOOD};
use junit::{Case, Outcome, Suite};
use summary::Summary;

pub use durations::{in_milliseconds, milliseconds, seconds};
pub use exchange::{Exchange, collect};
pub use files::{ReportFiles, can_write};
pub use run::Run;

/// Reports what happens as it happens.
#[derive(Debug)]
pub struct Report {
    json: bool,
    /// The orchestrator's own log file: the output for people, without colours.
    transcript: Option<File>,
    /// The directory of the services' log files, if known.
    log_dir: Option<PathBuf>,
    /// Of the job, where this runs in one.
    summary: Option<Summary>,
}

impl Report {
    /// With `log_dir`, writes a transcript there and quotes the services' logs.
    pub fn new(json: bool, log_dir: Option<&Path>) -> Result<Self> {
        let create = |directory: &Path| {
            let path = log_file(directory, ServiceId::Orchestrator);
            std::fs::create_dir_all(directory)
                .and_then(|()| File::create(&path))
                .with_context(|| format!("cannot write the log file {}", path.display()))
        };
        Ok(Self {
            json,
            transcript: log_dir.map(create).transpose()?,
            log_dir: log_dir.map(Path::to_owned),
            summary: Summary::open()?,
        })
    }

    /// Reports the start.
    pub fn title(&mut self, scenario: &Scenario, viewer: &Viewer) {
        let Viewer { user_id, login, character } = viewer;
        self.say(&format!("{}: viewer {user_id} ({login}), character {character}", scenario.title));
    }

    /// Reports that a service is ready.
    pub fn ready(&mut self, ready: Ready) {
        let service = ready.service.service();
        self.say(&format!("{DIM} ready {:>9}  {}{DIM:#}", milliseconds(ready.after), service.component));
    }

    /// Reports a scenario that was run among others; `log_dir` has the logs of its stack.
    pub fn played(&mut self, run: &Run, log_dir: Option<&Path>) {
        let (took, name, title) = (seconds(run.took), run.scenario.name, &run.scenario.title);
        if run.passed() {
            self.say(&format!("{GOOD}PASSED{GOOD:#} {took:>9}  {name}: {DIM}{title}{DIM:#}"));
            return;
        }
        self.say(&format!("{BAD}FAILED{BAD:#} {took:>9}  {name}: {title}"));
        let of_report = std::mem::replace(&mut self.log_dir, log_dir.map(Path::to_owned));
        for taken in &run.taken {
            self.taken(taken);
        }
        self.log_dir = of_report;
    }

    /// Reports the end of several scenarios.
    pub fn finish_all(mut self, runs: &[Run], took: Duration, files: &ReportFiles) -> Result<()> {
        write(files, &runs.iter().collect::<Vec<_>>(), took, None)?;
        if let Some(summary) = &mut self.summary {
            summary.write(&summary::markdown_of_all(runs, took))?;
        }
        for run in runs.iter().filter(|run| run.skipped.is_some()) {
            let reason = run.skipped.as_deref().unwrap_or_default();
            self.say(&format!("{DIM}skipped  {}: {reason}{DIM:#}", run.scenario.name));
        }
        if let Some(directory) = &self.log_dir {
            let logs = format!("{DIM}  logs           {}{DIM:#}", directory.display());
            self.say(&logs);
        }
        let count = |verdict: &str| runs.iter().filter(|run| run.verdict() == verdict).count();
        let (passed, failed, skipped) = (count("passed"), count("failed"), count("skipped"));
        let mut verdict = format!("{passed} passed, {failed} failed, {skipped} skipped in {}", seconds(took));
        let failures = runs.iter().filter(|run| run.verdict() == "failed").map(|run| run.scenario.name);
        let failures = failures.collect::<Vec<_>>().join(", ");
        if failed > 0 {
            verdict = format!("{verdict}: {failures}");
            self.say(&format!("{BAD}FAILED{BAD:#}  {verdict}"));
        } else {
            self.say(&format!("{GOOD}PASSED{GOOD:#}  {verdict}"));
        }
        if self.json {
            let verdict = if failed > 0 { "failed" } else { "passed" };
            let scenarios: Vec<_> = runs.iter().map(Run::json).collect();
            let all = json!({ "verdict": verdict, "durationMs": in_milliseconds(took), "scenarios": scenarios });
            terminal::say(format_args!("{all:#}"));
        }
        Ok(())
    }

    /// Reports a step.
    pub fn taken(&mut self, taken: &Taken) {
        let took = milliseconds(taken.took);
        let name = &taken.step.name;
        match &taken.outcome {
            Ok(seen) => self.say(&format!("{GOOD}    ok{GOOD:#} {took:>9}  {name}: {DIM}{seen}{DIM:#}")),
            Err(mismatch) => {
                self.say(&format!("{BAD}FAILED{BAD:#} {took:>9}  {name}"));
                self.mismatch(mismatch, &taken.step.services());
            }
        }
    }

    /// Reports that the stack did not start because of a service.
    pub fn not_started(mut self, scenario: &Scenario, error: &StartError) {
        self.say(&format!("{error}"));
        self.say(&format!("{BAD}FAILED{BAD:#}  {}: the stack did not start", scenario.title));
        if let Some(summary) = &mut self.summary {
            // The verdict stands without it.
            drop(summary.write(&summary::not_started(&scenario.title, &error.to_string())));
        }
        if self.json {
            terminal::say(format_args!(
                "{:#}",
                json!({ "scenario": scenario.name, "verdict": "failed", "problem": error.to_string() })
            ));
        }
    }

    fn mismatch(&mut self, mismatch: &Mismatch, involved: &[ServiceId]) {
        let Mismatch { expected, got, differences, cause } = mismatch;
        self.say(&format!("  expected  {expected}"));
        self.say(&format!("  got       {got}"));
        for difference in differences {
            self.say(&format!("  differs   {difference}"));
        }
        if let Some(cause) = cause {
            self.say(&format!("  likely    {cause}"));
        }
        for (component, lines) in self.last_lines(involved) {
            self.say(&format!("  last lines of {component}:"));
            for line in lines {
                self.say(&format!("    {DIM}{line}{DIM:#}"));
            }
        }
    }

    fn last_lines(&self, involved: &[ServiceId]) -> Vec<(&'static str, Vec<String>)> {
        let Some(directory) = &self.log_dir else { return Vec::new() };
        involved
            .iter()
            .map(|service| (service.service().component, end_of_log(&log_file(directory, *service), LAST_LINES)))
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }

    /// Reports the end: the verdict as the last line, or the whole report as JSON; and writes the requested files.
    pub fn finish(mut self, run: &Run, finding: Option<&Finding>, files: &ReportFiles) -> Result<()> {
        write(files, &[run], run.took, finding)?;
        if let Some(summary) = &mut self.summary {
            summary.write(&summary::markdown(run))?;
        }
        let title = &run.scenario.title;
        let took = seconds(run.took);
        if let Some(directory) = &self.log_dir {
            let logs = format!("{DIM}  logs           {}{DIM:#}", directory.display());
            self.say(&logs);
        }
        if run.passed() {
            self.say(&format!("{GOOD}PASSED{GOOD:#}  {title} in {took}"));
        } else {
            let failed =
                run.taken.iter().find(|taken| taken.outcome.is_err()).map_or("", |taken| taken.step.name.as_str());
            self.say(&format!("{BAD}FAILED{BAD:#}  {title} after {took}: {failed}"));
        }
        if let Some(Finding { id, symptom, cause, remedy, .. }) = finding {
            self.say(&format!("{BAD}doctor{BAD:#}  {id}: {symptom}; {cause}. To do: {remedy}"));
        }
        if self.json {
            let mut run = run.json();
            run["finding"] = json!(finding);
            terminal::say(format_args!("{run:#}"));
        }
        Ok(())
    }

    /// Writes to standard output, unless that is for JSON, and to the transcript.
    fn say(&mut self, line: &str) {
        if !self.json {
            terminal::say(format_args!("{line}"));
        }
        if let Some(transcript) = &mut self.transcript {
            // The transcript is a convenience; a full disk must not change the verdict.
            drop(writeln!(transcript, "{}", anstream::adapter::strip_str(line)));
        }
    }
}

fn write(files: &ReportFiles, runs: &[&Run], took: Duration, finding: Option<&Finding>) -> Result<()> {
    if let Some(path) = &files.junit {
        junit::write(path, runs.iter().map(|run| run.suite()), took)?;
    }
    if let Some(path) = &files.html {
        let page = page::page(runs, took, finding);
        std::fs::write(path, page).with_context(|| format!("cannot write the page {}", path.display()))?;
    }
    Ok(())
}

impl Run {
    /// Its steps, as JUnit has them.
    fn suite(&self) -> Suite {
        let case = |(index, step): (usize, &'static Step)| {
            let taken = self.taken.get(index);
            let outcome = match taken.map(|taken| &taken.outcome) {
                None => Outcome::Skipped(None),
                Some(Ok(seen)) => Outcome::Passed(seen.clone()),
                Some(Err(Mismatch { expected, got, differences, cause })) => {
                    let more: Vec<_> = differences.iter().chain(cause).map(String::as_str).collect();
                    let description = (!more.is_empty()).then(|| more.join("\n"));
                    Outcome::Failed { message: format!("expected {expected}, got {got}"), description }
                }
            };
            Case { name: &step.name, took: taken.map(|taken| taken.took), outcome }
        };
        let cases = self.scenario.steps.iter().enumerate().map(case).collect();
        Suite { name: self.scenario.name, cases, took: self.took }
    }

    fn json(&self) -> Value {
        let step = |(index, step): (usize, &Step)| match self.taken.get(index).map(|taken| (&taken.outcome, taken.took))
        {
            None => json!({ "name": step.name, "status": "skipped" }),
            Some((Ok(seen), took)) => {
                json!({ "name": step.name, "status": "passed", "durationMs": in_milliseconds(took), "seen": seen })
            }
            Some((Err(Mismatch { expected, got, differences, cause }), took)) => json!({
                "name": step.name, "status": "failed", "durationMs": in_milliseconds(took),
                "expected": expected, "got": got, "differences": differences, "likelyCause": cause,
            }),
        };
        let steps: Vec<_> = self.scenario.steps.iter().enumerate().map(step).collect();
        let services: Vec<_> = self
            .ready
            .iter()
            .map(|ready| json!({ "name": ready.service.service().name, "readyAfterMs": in_milliseconds(ready.after) }))
            .collect();
        json!({
            "scenario": self.scenario.name,
            "verdict": self.verdict(),
            "reason": self.skipped,
            "durationMs": in_milliseconds(self.took),
            "attached": self.attached,
            "viewer": { "userId": self.viewer.user_id, "login": self.viewer.login, "character": self.viewer.character },
            "services": services,
            "steps": steps,
        })
    }
}
