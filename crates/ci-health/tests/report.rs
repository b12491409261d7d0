//! The report against a fake GitHub.
#![cfg(test)]

use mgm_ci_health::fake::FakeGitHub;
use mgm_ci_health::github::{GitHub, Workflow};
use mgm_ci_health::report::collect;
use serde_json::{Value, json};
use time::macros::datetime;

fn run(number: u64, day: &str, conclusion: Option<&str>, minutes: u64) -> Value {
    let status = if conclusion.is_some() { "completed" } else { "in_progress" };
    json!({"id": number, "run_number": number, "status": status, "conclusion": conclusion, "head_branch": "main",
        "head_sha": format!("commit-{}", number / 2), "html_url": format!("https://github.test/runs/{number}"),
        "created_at": format!("2026-04-{day}T10:00:00Z"), "updated_at": format!("2026-04-{day}T10:{minutes:02}:30Z")})
}

fn job(conclusion: &str) -> Value {
    json!({"name": "e2e-tier-a-b", "conclusion": conclusion,
        "steps": [{"name": "Build", "conclusion": "success"}, {"name": "Tier | B", "conclusion": conclusion}]})
}

#[tokio::test]
async fn the_report_counts_the_runs_of_the_days_asked_for_over_all_pages() {
    let fake = FakeGitHub::start().await.unwrap();
    fake.set_page_size(2);
    for (number, day, conclusion, minutes) in [
        (1, "01", Some("failure"), 1),
        (2, "20", Some("success"), 4),
        (3, "20", Some("success"), 6),
        (4, "21", Some("failure"), 2),
        (5, "21", Some("success"), 8),
        (6, "29", Some("cancelled"), 2),
        (7, "30", Some("failure"), 3),
        (8, "30", None, 0),
    ] {
        fake.put_run(run(number, day, conclusion, minutes));
    }
    for (number, conclusion) in [(4, "failure"), (5, "success")] {
        fake.put_job(number, job(conclusion));
    }
    let github = GitHub::new(&fake.api(), None, FakeGitHub::repository()).unwrap();
    let workflow = Workflow { file: "e2e-test.yml".to_owned(), branch: None };
    let report = collect(&github, &workflow, 14, datetime!(2026-04-30 12:00 UTC)).await.unwrap();
    insta::assert_snapshot!(report.markdown(), @r"
    # e2e-test.yml: 2026-04-17 to 2026-04-30

    **60.0 %** of 5 decided runs passed. The [newest](https://github.test/runs/7) failed.

    | week from | runs | passed | failed | other | success rate | median duration |
    | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | 2026-04-17 | 4 | 3 | 1 | 0 | 75.0 % | 6 min 30 s |
    | 2026-04-24 | 3 | 0 | 1 | 2 | 0.0 % | – |
    | **all** | 7 | 3 | 2 | 2 | 60.0 % | 6 min 30 s |

    Median duration by day, from 5 min 30 s to 8 min 30 s:

    ```
    ···▆█·········
    ```

    ## Flaky steps

    | job | step | commits on which it failed and passed | last failure |
    | --- | --- | ---: | --- |
    | e2e-tier-a-b | Tier \| B | 1 | [run](https://github.test/runs/4) |
    ");
    assert_eq!(serde_json::to_value(&report).unwrap()["total"]["success_rate"], 0.6);
    assert_eq!(fake.writes(), []);
}

#[tokio::test]
async fn a_month_without_a_run_is_a_report_too() {
    let fake = FakeGitHub::start().await.unwrap();
    let github = GitHub::new(&fake.api(), None, FakeGitHub::repository()).unwrap();
    let workflow = Workflow { file: "e2e-test.yml".to_owned(), branch: Some("main".to_owned()) };
    let report = collect(&github, &workflow, 30, datetime!(2026-04-30 12:00 UTC)).await.unwrap();
    assert!(report.markdown().contains("There was no run."), "{}", report.markdown());
}
