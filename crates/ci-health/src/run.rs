//! A run of a workflow, and its result.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// A run, as GitHub lists it (<https://docs.github.com/en/rest/actions/workflow-runs>). Unused fields are left out, and
/// those that GitHub may leave out are optional.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// GitHub's id for it; the same for all its attempts.
    pub id: u64,
    /// The number of the run within the workflow, from 1.
    #[serde(default)]
    pub run_number: u64,
    /// The number of its newest attempt, from 1.
    #[serde(default = "first")]
    pub run_attempt: u32,
    /// `completed`, or its current state.
    pub status: Option<String>,
    /// How its newest attempt ended.
    pub conclusion: Option<String>,
    /// The commit that it ran on.
    #[serde(default)]
    pub head_sha: String,
    /// Its page.
    #[serde(default)]
    pub html_url: String,
    /// When it was first started, by GitHub's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its newest attempt was started.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub run_started_at: Option<OffsetDateTime>,
    /// When it last changed, by GitHub's clock: for a completed run, when it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
}

const fn first() -> u32 {
    1
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passed.
    Success,
    /// It failed, ran out of time, or could not even start.
    Failure,
    /// It was cancelled, skipped or similar, which says nothing about the code.
    Other,
}

impl Verdict {
    /// The meaning of one of GitHub's conclusions.
    #[must_use]
    pub fn of(conclusion: &str) -> Self {
        match conclusion {
            "success" => Self::Success,
            "failure" | "timed_out" | "startup_failure" => Self::Failure,
            _ => Self::Other,
        }
    }
}

impl Run {
    /// Its result; `None` while it has not ended.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if self.status.as_deref().is_some_and(|status| status != "completed") {
            return None;
        }
        self.conclusion.as_deref().map(Verdict::of)
    }

    /// The duration of its newest attempt; `None` while it has not ended.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.verdict()?;
        let duration = self.updated_at? - self.run_started_at.unwrap_or(self.created_at);
        Some(duration.max(Duration::ZERO))
    }

    /// Newer runs compare as greater.
    #[must_use]
    pub fn age_key(&self) -> (OffsetDateTime, u64, u64) {
        (self.created_at, self.run_number, self.id)
    }
}

/// A job of one attempt of a run (<https://docs.github.com/en/rest/actions/workflow-jobs>).
#[derive(Clone, Debug, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// The attempt of the run that it belongs to, from 1.
    #[serde(default = "first")]
    pub run_attempt: u32,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Its steps, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub conclusion: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_with_what_it_needs_and_no_more() {
        let run: Run = serde_json::from_str(
            r#"{"id": 7, "status": null, "conclusion": "failure", "new": {},
            "created_at": "2026-04-05T12:00:00Z"}"#,
        )
        .unwrap();
        assert_eq!((run.run_attempt, run.verdict(), run.duration()), (1, Some(Verdict::Failure), None));
    }

    #[test]
    fn what_neither_passed_nor_failed_is_other_and_what_has_not_ended_is_nothing() {
        for (conclusion, verdict) in [
            ("success", Verdict::Success),
            ("failure", Verdict::Failure),
            ("timed_out", Verdict::Failure),
            ("startup_failure", Verdict::Failure),
            ("cancelled", Verdict::Other),
            ("skipped", Verdict::Other),
            ("neutral", Verdict::Other),
            ("stale", Verdict::Other),
            ("action_required", Verdict::Other),
        ] {
            assert_eq!(Verdict::of(conclusion), verdict, "{conclusion}");
        }
        let run: Run = serde_json::from_str(
            r#"{"id": 7, "status": "in_progress", "conclusion": "failure",
            "created_at": "2026-04-05T12:00:00Z", "updated_at": "2026-04-05T12:10:00Z"}"#,
        )
        .unwrap();
        assert_eq!((run.verdict(), run.duration()), (None, None));
    }

    #[test]
    fn a_run_that_was_started_again_took_as_long_as_its_newest_attempt() {
        let run: Run = serde_json::from_str(
            r#"{"id": 7, "status": "completed", "conclusion": "success", "run_attempt": 2,
            "created_at": "2026-04-05T12:00:00Z", "run_started_at": "2026-04-06T12:00:00Z",
            "updated_at": "2026-04-06T12:10:00Z"}"#,
        )
        .unwrap();
        assert_eq!(run.duration(), Some(Duration::minutes(10)));
    }
}
