//! A scenario as Markdown, for the summary of a job.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use mgm_ci_health::summary::{self, VARIABLE, cell};

use super::durations::{milliseconds, seconds};
use super::run::Run;
use crate::scenario::Mismatch;

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
    let title = run.tier.title();
    let took = seconds(run.took);
    let mut text = if run.passed() {
        format!("## ✅ {title} passed in {took}\n\n")
    } else {
        format!("## ❌ {title} failed after {took}\n\n")
    };
    for taken in &run.taken {
        if let Err(Mismatch { expected, got, cause }) = &taken.outcome {
            let _ = writeln!(text, "**{}** failed.\n", taken.step.name);
            let _ = writeln!(text, "| expected | {} |\n| --- | --- |\n| got | {} |", cell(expected), cell(got));
            if let Some(cause) = cause {
                let _ = writeln!(text, "| likely | {} |", cell(cause));
            }
            text.push('\n');
        }
    }
    text.push_str("| step | verdict | time | seen |\n| --- | --- | ---: | --- |\n");
    for (index, step) in run.tier.steps().iter().enumerate() {
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

/// Reports that the stack did not start.
pub(super) fn not_started(title: &str, problem: &str) -> String {
    format!("## ❌ {title} failed: the stack did not start\n\n```\n{problem}\n```\n")
}
