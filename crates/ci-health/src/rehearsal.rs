//! Runs the report and the alert against a fake GitHub, to see that both work before they are needed.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::alert::{Action, Alert};
use crate::fake::FakeGitHub;
use crate::github::{Error, GitHub, Workflow};
use crate::report;

/// Why a rehearsal failed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The stand-in cannot listen.
    #[error("the stand-in for GitHub cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// Report or alert failed.
    #[error(transparent)]
    GitHub(#[from] Error),
    /// The alert did not do what it should.
    #[error("after {0}: expected {1}, and the alert did {2}")]
    Unexpected(&'static str, &'static str, String),
}

/// The scenes, in order, each with what the alert should do then.
const SCENES: [(&str, Outcome, &str); 7] = [
    ("a run that passes", Outcome::New("success"), "nothing"),
    ("a run that fails", Outcome::New("failure"), "nothing"),
    ("a run that is cancelled", Outcome::New("cancelled"), "nothing"),
    ("a second run that fails", Outcome::New("failure"), "opened"),
    ("the same alert once more", Outcome::Nothing, "nothing"),
    ("a third run that fails", Outcome::New("failure"), "commented"),
    ("that run started again, which passes", Outcome::Again("success"), "closed"),
];

#[derive(Clone, Copy)]
enum Outcome {
    /// A new run ends with this conclusion.
    New(&'static str),
    /// The newest run is restarted, and ends with this conclusion.
    Again(&'static str),
    Nothing,
}

/// Plays all scenes of the month before `now`, and returns, as Markdown, what would have been posted.
pub async fn rehearse(now: OffsetDateTime) -> Result<String, RehearsalError> {
    let fake = FakeGitHub::start().await?;
    let github = GitHub::new(&fake.api(), None, FakeGitHub::repository())?;
    let workflow = Workflow { file: "e2e-test.yml".to_owned(), branch: Some("main".to_owned()) };
    let alert = Alert { workflow: workflow.clone(), label: "ci-health".to_owned() };
    let mut newest = 0;
    for days_ago in (3..=22).rev() {
        newest += 1;
        let conclusion = if newest == 7 { "failure" } else { "success" };
        fake.put_run(run(newest, 1, conclusion, now - Duration::days(days_ago)));
    }
    let mut clock = now - Duration::days(1);
    let mut text = String::new();
    for (scene, outcome, expected) in SCENES {
        clock += Duration::hours(1);
        let started = |attempt, conclusion, newest| {
            fake.put_run(run(newest, attempt, conclusion, clock));
            fake.put_job(1000 + newest, job(attempt, conclusion));
        };
        match outcome {
            Outcome::New(conclusion) => {
                newest += 1;
                started(1, conclusion, newest);
            }
            Outcome::Again(conclusion) => started(2, conclusion, newest),
            Outcome::Nothing => {}
        }
        let before = fake.writes().len();
        let actions = alert.run(&github).await?;
        let done = match actions.as_slice() {
            [] => "nothing",
            [Action::Opened { .. }] => "opened",
            [Action::Commented { .. }] => "commented",
            [Action::Closed { .. }] => "closed",
            _ => "something else",
        };
        if done != expected {
            return Err(RehearsalError::Unexpected(scene, expected, format!("{done}: {actions:?}")));
        }
        let _ = writeln!(text, "## After {scene}\n");
        let writes = &fake.writes()[before..];
        if writes.is_empty() {
            text.push_str("Nothing is posted.\n\n");
        }
        for write in writes {
            let _ = writeln!(text, "`{}`\n\n```json\n{:#}\n```\n", write.request, write.body);
        }
    }
    let report = report::collect(&github, &workflow, 30, now).await?;
    let _ = writeln!(text, "## The report\n\n{}", report.markdown());
    Ok(text)
}

fn run(number: u64, attempt: u32, conclusion: &str, started: OffsetDateTime) -> Value {
    let text = |time: OffsetDateTime| time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default();
    let minutes = 6 + i64::try_from(number % 5).unwrap_or_default();
    json!({
        "id": 1000 + number,
        "run_number": number,
        "run_attempt": attempt,
        "status": "completed",
        "conclusion": conclusion,
        "head_branch": "main",
        "head_sha": format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        "html_url": format!("https://github.com/mimirons/gold/actions/runs/{}", 1000 + number),
        "created_at": text(started),
        "run_started_at": text(started),
        "updated_at": text(started + Duration::minutes(minutes)),
    })
}

fn job(attempt: u32, conclusion: &str) -> Value {
    json!({
        "name": "e2e-tier-a-b",
        "run_attempt": attempt,
        "conclusion": conclusion,
        "steps": [{"name": "Build", "conclusion": "success"}, {"name": "Tier A and B", "conclusion": conclusion}],
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn the_rehearsal_posts_one_issue_one_comment_and_the_end() {
        let text = rehearse(datetime!(2026-04-30 12:00 UTC)).await.unwrap();
        assert_eq!(text.matches("`POST /repos/mimirons/gold/issues`").count(), 1, "{text}");
        assert_eq!(text.matches("`PATCH /repos/mimirons/gold/issues/1`").count(), 1, "{text}");
        assert!(text.contains("| e2e-tier-a-b | Tier A and B | 1 |"), "{text}");
    }
}
