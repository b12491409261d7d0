//! The report: the results of a workflow in the last weeks.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;
use time::{Date, Duration, OffsetDateTime};

use crate::chart::sparkline;
use crate::github::{Error, GitHub, Workflow};
use crate::run::{Job, Run, Verdict};
use crate::summary::cell;

/// The maximum number of runs whose jobs are requested, newest first.
const MOST_RUNS_WITH_JOBS: usize = 100;

/// The results of a workflow. Durations are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The file of the workflow.
    pub workflow: String,
    /// The branch, if the report is about a single one.
    pub branch: Option<String>,
    /// The first day, in UTC.
    pub from: Date,
    /// The last day, in UTC.
    pub until: Date,
    /// The runs of all these days.
    pub total: Tally,
    /// The same by weeks, oldest first.
    pub weeks: Vec<Week>,
    /// The median duration of each day's passed runs, oldest first; `None` on a day without one.
    pub daily_durations: Vec<Option<f64>>,
    /// Steps that failed and passed on the same commit, the most frequent first.
    pub flaky: Vec<FlakyStep>,
    /// The newest run that passed or failed.
    pub newest: Option<Newest>,
}

/// The results of some runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// All that were started.
    pub runs: usize,
    /// Those that passed.
    pub success: usize,
    /// Those that failed.
    pub failure: usize,
    /// Those that were cancelled, skipped or similar, or have not ended.
    pub other: usize,
    /// The share that passed among those that passed or failed, from 0 to 1.
    pub success_rate: Option<f64>,
    /// The median duration of those that passed, in seconds.
    pub median_duration: Option<f64>,
}

/// A week.
#[derive(Clone, Debug, Serialize)]
pub struct Week {
    /// Its first day.
    pub from: Date,
    /// Its runs.
    #[serde(flatten)]
    pub tally: Tally,
}

/// A step that failed, and passed on the same commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlakyStep {
    /// The job.
    pub job: String,
    /// The step; `None` if the job failed outside of its steps.
    pub step: Option<String>,
    /// The number of commits.
    pub commits: usize,
    /// The page of the newest run in which it failed.
    pub last_failed: String,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Newest {
    /// Its result.
    pub verdict: Verdict,
    /// Its page.
    pub url: String,
}

/// Requests the runs of this many days before `now` from GitHub, and whatever else the report needs.
pub async fn collect(github: &GitHub, workflow: &Workflow, days: u16, now: OffsetDateTime) -> Result<Report, Error> {
    let from = now.date() - Duration::days(i64::from(days.max(1)) - 1);
    let runs = github.runs_since(workflow, from.midnight().assume_utc()).await?;
    let mut jobs = Vec::new();
    for run in worth_a_look(&runs) {
        jobs.push((run.clone(), github.jobs(run.id).await?));
    }
    let mut report = summarize(&runs, from, now.date());
    report.repository = github.repository().to_string();
    report.workflow.clone_from(&workflow.file);
    report.branch.clone_from(&workflow.branch);
    report.flaky = flaky(&jobs);
    Ok(report)
}

/// The runs whose jobs show whether something is flaky: those that were restarted, and those of a commit on which one
/// run failed and another passed.
fn worth_a_look(runs: &[Run]) -> Vec<&Run> {
    let commits = |wanted: Verdict| -> HashSet<&str> {
        let of = |run: &&Run| run.verdict() == Some(wanted) && !run.head_sha.is_empty();
        runs.iter().filter(of).map(|run| run.head_sha.as_str()).collect()
    };
    let (failed, passed) = (commits(Verdict::Failure), commits(Verdict::Success));
    let both: HashSet<_> = failed.intersection(&passed).copied().collect();
    let is_worth = |run: &&Run| run.run_attempt > 1 || both.contains(run.head_sha.as_str());
    runs.iter().filter(is_worth).take(MOST_RUNS_WITH_JOBS).collect()
}

/// Builds the report from the runs alone, which are newest first.
fn summarize(runs: &[Run], from: Date, until: Date) -> Report {
    let on = |first: Date, days: i64| {
        let after = first + Duration::days(days);
        runs.iter().filter(move |run| (first..after).contains(&run.created_at.date()))
    };
    let days = (until - from).whole_days() + 1;
    let weeks = (0..days).step_by(7).map(|day| {
        let first = from + Duration::days(day);
        Week { from: first, tally: tally(on(first, 7.min(days - day))) }
    });
    let newest = runs.iter().find_map(|run| match run.verdict() {
        Some(verdict @ (Verdict::Success | Verdict::Failure)) => Some(Newest { verdict, url: run.html_url.clone() }),
        Some(Verdict::Other) | None => None,
    });
    Report {
        repository: String::new(),
        workflow: String::new(),
        branch: None,
        from,
        until,
        total: tally(runs.iter()),
        weeks: weeks.collect(),
        daily_durations: (0..days).map(|day| tally(on(from + Duration::days(day), 1)).median_duration).collect(),
        flaky: vec![],
        newest,
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many runs")]
fn tally<'a>(runs: impl Iterator<Item = &'a Run>) -> Tally {
    let mut tally = Tally::default();
    let mut durations = Vec::new();
    for run in runs {
        tally.runs += 1;
        match run.verdict() {
            Some(Verdict::Success) => {
                tally.success += 1;
                durations.extend(run.duration().map(Duration::as_seconds_f64));
            }
            Some(Verdict::Failure) => tally.failure += 1,
            Some(Verdict::Other) | None => tally.other += 1,
        }
    }
    let decided = tally.success + tally.failure;
    tally.success_rate = (decided > 0).then(|| tally.success as f64 / decided as f64);
    tally.median_duration = median(durations);
    tally
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The steps that failed and passed on the same commit. The runs are newest first.
fn flaky(runs: &[(Run, Vec<Job>)]) -> Vec<FlakyStep> {
    #[derive(Default)]
    struct Seen {
        passed: bool,
        /// The page of the newest run.
        failed: Option<String>,
    }
    let mut seen: BTreeMap<(String, Option<String>), BTreeMap<&str, Seen>> = BTreeMap::new();
    for (run, jobs) in runs {
        for job in jobs {
            let mut note = |step: Option<&str>, conclusion: &str| {
                let commits = seen.entry((job.name.clone(), step.map(str::to_owned))).or_default();
                let on = commits.entry(&run.head_sha).or_default();
                match Verdict::of(conclusion) {
                    Verdict::Success => on.passed = true,
                    Verdict::Failure => drop(on.failed.get_or_insert_with(|| run.html_url.clone())),
                    Verdict::Other => {}
                }
            };
            let steps = job.steps.iter().filter_map(|step| Some((&*step.name, step.conclusion.as_deref()?)));
            let has_failed = steps.clone().any(|(_, conclusion)| Verdict::of(conclusion) == Verdict::Failure);
            for (step, conclusion) in steps {
                note(Some(step), conclusion);
            }
            let conclusion = job.conclusion.as_deref().unwrap_or_default();
            // A failed step says more than its job.
            if Verdict::of(conclusion) != Verdict::Failure || !has_failed {
                note(None, conclusion);
            }
        }
    }
    let mut flaky: Vec<_> = seen
        .into_iter()
        .filter_map(|((job, step), commits)| {
            let both: Vec<_> = commits.into_values().filter(|on| on.passed).filter_map(|on| on.failed).collect();
            let last_failed = both.first()?.clone();
            Some(FlakyStep { job, step, commits: both.len(), last_failed })
        })
        .collect();
    flaky.sort_by_key(|one| std::cmp::Reverse(one.commits));
    flaky
}

impl Report {
    /// The report as Markdown, for the summary of a job.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let branch = self.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
        let _ = writeln!(text, "# {}{branch}: {} to {}\n", self.workflow, self.from, self.until);
        let _ = writeln!(text, "{}\n", self.verdict());
        text.push_str("| week from | runs | passed | failed | other | success rate | median duration |\n");
        text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        let weeks = self.weeks.iter().map(|week| (week.from.to_string(), &week.tally));
        for (name, tally) in weeks.chain([("**all**".to_owned(), &self.total)]) {
            let Tally { runs, success, failure, other, success_rate, median_duration } = tally;
            let _ = writeln!(
                text,
                "| {name} | {runs} | {success} | {failure} | {other} | {} | {} |",
                percent(*success_rate),
                seconds(*median_duration),
            );
        }
        let known: Vec<_> = self.daily_durations.iter().flatten().copied().collect();
        if let (Some(least), Some(most)) =
            (known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max))
        {
            let chart = sparkline(&self.daily_durations);
            let (least, most) = (seconds(Some(least)), seconds(Some(most)));
            let _ = writeln!(text, "\nMedian duration by day, from {least} to {most}:\n\n```\n{chart}\n```");
        }
        text.push_str("\n## Flaky steps\n\n");
        if self.flaky.is_empty() {
            text.push_str("No step both failed and passed on the same commit.\n");
        } else {
            text.push_str("| job | step | commits on which it failed and passed | last failure |\n");
            text.push_str("| --- | --- | ---: | --- |\n");
            for FlakyStep { job, step, commits, last_failed } in &self.flaky {
                let step = step.as_deref().unwrap_or("(outside of its steps)");
                let _ = writeln!(text, "| {} | {} | {commits} | [run]({last_failed}) |", cell(job), cell(step));
            }
        }
        text
    }

    fn verdict(&self) -> String {
        let Tally { runs, success, failure, .. } = self.total;
        if runs == 0 {
            return "There was no run.".to_owned();
        }
        let newest = match &self.newest {
            Some(Newest { verdict: Verdict::Failure, url }) => format!(" The [newest]({url}) failed."),
            Some(Newest { url, .. }) => format!(" The [newest]({url}) passed."),
            None => String::new(),
        };
        let rate = percent(self.total.success_rate);
        format!("**{rate}** of {} decided runs passed.{newest}", success + failure)
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn seconds(duration: Option<f64>) -> String {
    let Some(duration) = duration else { return "–".to_owned() };
    let whole = Duration::seconds_f64(duration.round());
    match (whole.whole_minutes(), whole.whole_seconds() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::date;

    use super::*;

    fn run(id: u64, created_at: &str, conclusion: &str, minutes: i64) -> Run {
        let created: OffsetDateTime =
            OffsetDateTime::parse(created_at, &time::format_description::well_known::Rfc3339).unwrap();
        let ended =
            (created + Duration::minutes(minutes)).format(&time::format_description::well_known::Rfc3339).unwrap();
        serde_json::from_value(json!({"id": id, "status": "completed", "conclusion": conclusion,
            "head_sha": format!("commit-{id}"), "html_url": format!("https://github.test/runs/{id}"),
            "created_at": created_at, "updated_at": ended}))
        .unwrap()
    }

    #[test]
    fn runs_are_counted_by_weeks_and_days() {
        let runs = [
            run(5, "2026-04-10T12:00:00Z", "failure", 1),
            run(4, "2026-04-10T00:00:00Z", "success", 6),
            run(3, "2026-04-02T12:00:00Z", "cancelled", 1),
            run(2, "2026-04-01T23:59:59Z", "success", 4),
            run(1, "2026-04-01T00:00:00Z", "success", 2),
        ];
        let report = summarize(&runs, date!(2026 - 04 - 01), date!(2026 - 04 - 10));
        assert_eq!((report.total.runs, report.total.success, report.total.failure, report.total.other), (5, 3, 1, 1));
        assert_eq!((report.total.success_rate, report.total.median_duration), (Some(0.75), Some(240.0)));
        let weeks: Vec<_> = report.weeks.iter().map(|week| (week.from, week.tally.runs)).collect();
        assert_eq!(weeks, [(date!(2026 - 04 - 01), 3), (date!(2026 - 04 - 08), 2)]);
        assert_eq!(report.daily_durations.len(), 10);
        assert_eq!((report.daily_durations[0], report.daily_durations[1]), (Some(180.0), None));
        assert_eq!(report.daily_durations[9], Some(360.0));
        assert_eq!(report.newest.unwrap().verdict, Verdict::Failure);
    }

    fn job(name: &str, attempt: u32, steps: &[(&str, &str)]) -> Job {
        let steps: Vec<_> =
            steps.iter().map(|(name, conclusion)| json!({"name": name, "conclusion": conclusion})).collect();
        let has_failed = steps.iter().any(|step| step["conclusion"] == "failure");
        let conclusion = if has_failed { "failure" } else { "success" };
        serde_json::from_value(json!({"name": name, "run_attempt": attempt, "conclusion": conclusion, "steps": steps}))
            .unwrap()
    }

    #[test]
    fn a_step_is_flaky_when_it_failed_and_passed_on_the_same_commit() {
        let again = Run { run_attempt: 2, ..run(1, "2026-04-01T00:00:00Z", "success", 2) };
        let broken = Run { run_attempt: 2, ..run(2, "2026-04-01T00:00:00Z", "failure", 2) };
        let found = flaky(&[
            (
                again,
                vec![
                    job("test", 1, &[("build", "success"), ("run", "failure")]),
                    job("test", 2, &[("build", "success"), ("run", "success")]),
                ],
            ),
            (
                broken,
                vec![
                    job("test", 1, &[("build", "failure"), ("run", "skipped")]),
                    job("test", 2, &[("build", "failure"), ("run", "skipped")]),
                ],
            ),
        ]);
        let run = FlakyStep {
            job: "test".to_owned(),
            step: Some("run".to_owned()),
            commits: 1,
            last_failed: "https://github.test/runs/1".to_owned(),
        };
        assert_eq!(found, [run]);
    }

    #[test]
    fn a_job_that_failed_outside_of_its_steps_is_flaky_as_a_whole() {
        let lost: Job = serde_json::from_value(json!({"name": "test", "conclusion": "failure"})).unwrap();
        let passed = job("test", 2, &[("run", "success")]);
        let found = flaky(&[(run(1, "2026-04-01T00:00:00Z", "success", 2), vec![lost, passed])]);
        assert_eq!((found.len(), found[0].step.as_ref()), (1, None));
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
