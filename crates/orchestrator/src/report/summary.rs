//! A scenario as Markdown, for the summary of a job.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mgm_ci_health::summary::{self, VARIABLE, cell};

use super::durations::{milliseconds, seconds};
use super::run::Run;
use crate::scenario::{Mismatch, Scenario};

/// The summary of the current job.
#[derive(Debug)]
pub(super) struct Summary {
    path: PathBuf,
    file: File,
}

impl Summary {
    /// `None` outside of a job. The file is opened before anything is started.
    pub(super) fn open() -> Result<Option<Self>> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) else {
            return Ok(None);
        };
        let file = summary::open(&path)
            .with_context(|| format!("cannot write the job's summary {} ({VARIABLE})", path.display()))?;
        Ok(Some(Self { path, file }))
    }

    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        writeln!(self.file, "{text}").with_context(|| format!("cannot write the job's summary {}", self.path.display()))
    }
}

/// The verdict, then what failed and why, then the durations.
pub(super) fn markdown(run: &Run) -> String {
    let title = &run.scenario.title;
    let took = seconds(run.took);
    let mut text = if run.passed() {
        format!("## ✅ {title} passed in {took}\n\n")
    } else {
        format!("## ❌ {title} failed after {took}\n\n")
    };
    for taken in &run.taken {
        if let Err(Mismatch { expected, got, differences, cause }) = &taken.outcome {
            let _ = writeln!(text, "**{}** failed.\n", taken.step.name);
            let _ = writeln!(text, "| expected | {} |\n| --- | --- |\n| got | {} |", cell(expected), cell(got));
            for difference in differences {
                let _ = writeln!(text, "| differs | {} |", cell(difference));
            }
            if let Some(cause) = cause {
                let _ = writeln!(text, "| likely | {} |", cell(cause));
            }
            text.push('\n');
        }
    }
    text.push_str("| step | verdict | time | seen |\n| --- | --- | ---: | --- |\n");
    for (index, step) in run.scenario.steps.iter().enumerate() {
        let (verdict, took, seen) = match run.taken.get(index) {
            None => ("skipped", String::new(), String::new()),
            Some(taken) => match &taken.outcome {
                Ok(seen) => ("passed", milliseconds(taken.took), cell(seen)),
                Err(_) => ("**failed**", milliseconds(taken.took), String::new()),
            },
        };
        let _ = writeln!(text, "| {} | {verdict} | {took} | {seen} |", step.name);
    }
    if !run.ready.is_empty() {
        text.push_str("\n| service | ready after |\n| --- | ---: |\n");
        for ready in &run.ready {
            let _ = writeln!(text, "| {} | {} |", ready.service.service().component, milliseconds(ready.after));
        }
    }
    text
}

/// The verdict of several scenarios, what failed and why, and a line for each.
pub(super) fn markdown_of_all(runs: &[Run], took: Duration) -> String {
    let failed = runs.iter().filter(|run| run.verdict() == "failed").count();
    let took = seconds(took);
    let mut text = if failed == 0 {
        format!("## ✅ {} scenarios passed in {took}\n\n", runs.len())
    } else {
        format!("## ❌ {failed} of {} scenarios failed after {took}\n\n", runs.len())
    };
    for run in runs.iter().filter(|run| run.verdict() == "failed") {
        text.push_str(&markdown(run));
        text.push('\n');
    }
    text.push_str("| scenario | shows | verdict | time |\n| --- | --- | --- | ---: |\n");
    for run in runs {
        let verdict = if run.verdict() == "failed" { "**failed**" } else { run.verdict() };
        let Scenario { name, title, .. } = run.scenario;
        let _ = writeln!(text, "| {name} | {} | {verdict} | {} |", cell(title), seconds(run.took));
    }
    text
}

/// Reports that the stack did not start.
pub(super) fn not_started(title: &str, problem: &str) -> String {
    format!("## ❌ {title} failed: the stack did not start\n\n```\n{problem}\n```\n")
}
