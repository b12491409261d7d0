//! The alert: exactly one open issue while a workflow keeps failing.
//!
//! The action follows only from what GitHub shows, so the alert may be run at any time, twice at once, and again after it
//! has failed half-way. GitHub cannot open an issue on condition that there is none, so two concurrent alerts may open one
//! each. Each of them checks again after it has opened its own, so at least one of them sees both, and the newer is closed.
//! The same holds for comments.

use std::fmt::{self, Write as _};
use std::time::Duration;

use backon::{ExponentialBuilder, RetryableWithContext};
use serde::Serialize;

use crate::github::{Error, GitHub, Issue, Workflow};
use crate::run::{Run, Verdict};

/// What the alert watches, and how it recognises its issue.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The workflow.
    pub workflow: Workflow,
    /// The label of the issue; an open issue with this label is the alert's.
    pub label: String,
}

/// What the alert did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// It opened the issue.
    Opened {
        /// The number of the issue.
        issue: u64,
    },
    /// It commented on the issue that the workflow has failed again.
    Commented {
        /// The number of the issue.
        issue: u64,
        /// The run that failed.
        run: u64,
    },
    /// It closed the issue, since the workflow passes again.
    Closed {
        /// The number of the issue.
        issue: u64,
    },
    /// It closed an issue that another alert had opened at the same time.
    ClosedDuplicate {
        /// The number of the issue.
        issue: u64,
        /// The issue that stays open.
        of: u64,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { issue } => write!(formatter, "opened #{issue}"),
            Self::Commented { issue, run } => write!(formatter, "commented on #{issue}: run {run} failed"),
            Self::Closed { issue } => write!(formatter, "closed #{issue}"),
            Self::ClosedDuplicate { issue, of } => write!(formatter, "closed #{issue}, a duplicate of #{of}"),
        }
    }
}

/// The state of the workflow.
#[derive(Clone, Copy, Debug)]
enum State<'a> {
    /// The newest run passed.
    Green(&'a Run),
    /// The newest run failed, and the one before did not.
    FailedOnce(&'a Run),
    /// The two newest runs failed.
    Red(&'a Run, &'a Run),
    /// There is no run.
    Unknown,
}

/// The state from the newest runs that passed or failed, newest first.
fn state(newest: &[Run]) -> State<'_> {
    let has_failed = |run: &Run| run.verdict() == Some(Verdict::Failure);
    match newest {
        [] => State::Unknown,
        [run, ..] if !has_failed(run) => State::Green(run),
        [run, before, ..] if has_failed(before) => State::Red(run, before),
        [run, ..] => State::FailedOnce(run),
    }
}

impl Alert {
    /// Opens, comments on or closes the issue as needed. Tries again after errors that may pass.
    pub async fn run(&self, github: &GitHub) -> Result<Vec<Action>, Error> {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_max_delay(Duration::from_secs(30))
            .with_max_times(5)
            .with_jitter();
        let attempt = |mut actions: Vec<Action>| async {
            let done = self.once(github, &mut actions).await;
            (actions, done)
        };
        let (actions, done) = attempt
            .retry(policy)
            .context(Vec::new())
            .when(Error::is_passing)
            .notify(|error, _| eprintln!("{error}; looking again"))
            .await;
        done.map(|()| actions)
    }

    async fn once(&self, github: &GitHub, actions: &mut Vec<Action>) -> Result<(), Error> {
        let newest = github.newest_decided(&self.workflow, 2).await?;
        let open = github.open_issues(&self.label).await?;
        match (state(&newest), open.first()) {
            (State::Red(newest, before), None) => self.open(github, [newest, before], actions).await,
            (State::Red(run, _) | State::FailedOnce(run), Some(issue)) => {
                self.comment(github, issue, run, actions).await?;
                close_duplicates(github, &open, actions).await
            }
            (State::Green(run), Some(_)) => {
                for issue in &open {
                    self.say(github, issue.number, &passed(run), run).await?;
                    github.close_issue(issue.number, true).await?;
                    actions.push(Action::Closed { issue: issue.number });
                }
                Ok(())
            }
            (State::FailedOnce(_) | State::Green(_) | State::Unknown, None) | (State::Unknown, Some(_)) => Ok(()),
        }
    }

    async fn open(&self, github: &GitHub, runs: [&Run; 2], actions: &mut Vec<Action>) -> Result<(), Error> {
        let branch = self.workflow.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
        let title = format!("{} keeps failing{branch}", self.workflow.file);
        let opened = github.open_issue(&title, &self.body(runs), &self.label).await?;
        actions.push(Action::Opened { issue: opened.number });
        let mut open = github.open_issues(&self.label).await?;
        // Lists may lag behind.
        if open.iter().all(|issue| issue.number != opened.number) {
            open.push(opened);
            open.sort_by_key(|issue| issue.number);
        }
        close_duplicates(github, &open, actions).await
    }

    fn body(&self, runs: [&Run; 2]) -> String {
        let mut body = format!("The {} newest completed runs of `{}` failed:\n\n", runs.len(), self.workflow.file);
        for run in runs {
            let _ = writeln!(body, "- {}", link(run));
        }
        body.push_str(
            "\nEach further failure is a comment here. The issue is closed when a run passes; cancelled and skipped runs do \
             not count.\n",
        );
        for run in runs {
            let _ = write!(body, "\n{}", marker(run));
        }
        body
    }

    async fn comment(&self, github: &GitHub, issue: &Issue, run: &Run, actions: &mut Vec<Action>) -> Result<(), Error> {
        if issue.body.as_ref().is_some_and(|body| body.contains(&marker(run))) {
            return Ok(());
        }
        if self.say(github, issue.number, &format!("It failed again: {}", link(run)), run).await? {
            actions.push(Action::Commented { issue: issue.number, run: run.id });
        }
        Ok(())
    }

    /// Comments about a run once, whoever does it.
    async fn say(&self, github: &GitHub, issue: u64, text: &str, run: &Run) -> Result<bool, Error> {
        let marker = marker(run);
        let has_marker = |body: &Option<String>| body.as_ref().is_some_and(|body| body.contains(&marker));
        let first = github.comments(issue).await?.into_iter().find(|comment| has_marker(&comment.body));
        if first.is_some() {
            return Ok(false);
        }
        let ours = github.comment(issue, &format!("{text}\n\n{marker}")).await?;
        let first = github.comments(issue).await?.into_iter().find(|comment| has_marker(&comment.body));
        if first.is_some_and(|first| first.id < ours.id) {
            github.delete_comment(ours.id).await?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// Closes all but the oldest.
async fn close_duplicates(github: &GitHub, open: &[Issue], actions: &mut Vec<Action>) -> Result<(), Error> {
    let [stays, duplicates @ ..] = open else { return Ok(()) };
    for duplicate in duplicates {
        github.comment(duplicate.number, &format!("A duplicate of #{}.", stays.number)).await?;
        github.close_issue(duplicate.number, false).await?;
        actions.push(Action::ClosedDuplicate { issue: duplicate.number, of: stays.number });
    }
    Ok(())
}

fn passed(run: &Run) -> String {
    format!("It passes again: {}", link(run))
}

fn link(run: &Run) -> String {
    let attempt = if run.run_attempt > 1 { format!(", attempt {}", run.run_attempt) } else { String::new() };
    let commit = run.head_sha.get(..7).map(|sha| format!(" on {sha}")).unwrap_or_default();
    format!("[run {}{attempt}]({}){commit}", run.run_number, run.html_url)
}

/// Marks a comment as being about a run; Markdown does not show it.
fn marker(run: &Run) -> String {
    format!("<!-- mgm ci-health: run {} attempt {} -->", run.id, run.run_attempt)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runs(conclusions: &[&str]) -> Vec<Run> {
        let run = |(id, conclusion): (usize, &&str)| {
            serde_json::from_value(json!({"id": id, "status": "completed", "conclusion": conclusion,
                "created_at": "2026-04-05T12:00:00Z"}))
            .unwrap()
        };
        conclusions.iter().enumerate().map(run).collect()
    }

    #[test]
    fn two_failures_in_a_row_are_red() {
        assert!(matches!(state(&[]), State::Unknown));
        for (newest, is_green, is_red) in [
            (["success", "failure"], true, false),
            (["success", "success"], true, false),
            (["failure", "success"], false, false),
            (["failure", "failure"], false, true),
            (["timed_out", "startup_failure"], false, true),
        ] {
            let newest = runs(&newest);
            let state = state(&newest);
            assert_eq!(
                (matches!(state, State::Green(_)), matches!(state, State::Red(..))),
                (is_green, is_red),
                "{state:?}"
            );
        }
        assert!(matches!(state(&runs(&["failure"])), State::FailedOnce(_)));
    }
}
