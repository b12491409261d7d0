//! The alert against a fake GitHub.
#![cfg(test)]

use http::{Method, StatusCode};
use mgm_ci_health::alert::{Action, Alert};
use mgm_ci_health::fake::{FakeGitHub, Fault};
use mgm_ci_health::github::{GitHub, Workflow};
use serde_json::{Value, json};

const LABEL: &str = "ci-health";

struct Scene {
    fake: FakeGitHub,
    github: GitHub,
    alert: Alert,
    runs: u64,
}

impl Scene {
    /// Adds runs with these conclusions, the oldest first.
    async fn with(conclusions: &[&str]) -> Self {
        let fake = FakeGitHub::start().await.unwrap();
        let github = GitHub::new(&fake.api(), Some(&"token".into()), FakeGitHub::repository()).unwrap();
        let workflow = Workflow { file: "e2e-test.yml".to_owned(), branch: Some("main".to_owned()) };
        let mut scene = Self { fake, github, alert: Alert { workflow, label: LABEL.to_owned() }, runs: 0 };
        for conclusion in conclusions {
            scene.then(conclusion);
        }
        scene
    }

    fn then(&mut self, conclusion: &str) {
        self.runs += 1;
        self.fake.put_run(run(self.runs, 1, "main", conclusion));
    }

    async fn alert(&self) -> Vec<Action> {
        self.alert.run(&self.github).await.unwrap()
    }

    fn open(&self) -> Vec<u64> {
        let issues = self.fake.issues();
        issues.iter().filter(|issue| issue["state"] == "open").filter_map(|issue| issue["number"].as_u64()).collect()
    }
}

fn run(number: u64, attempt: u32, branch: &str, conclusion: &str) -> Value {
    let minute = number % 60;
    json!({"id": 100 + number, "run_number": number, "run_attempt": attempt, "status": "completed",
        "conclusion": conclusion, "head_branch": branch, "head_sha": "0123456789abcdef",
        "html_url": format!("https://github.test/runs/{}", 100 + number),
        "created_at": format!("2026-04-05T12:{minute:02}:00Z"), "updated_at": format!("2026-04-05T13:{minute:02}:00Z")})
}

#[tokio::test]
async fn two_failures_in_a_row_open_an_issue_and_other_runs_do_not_count() {
    for (conclusions, is_open) in [
        (&[][..], false),
        (&["failure"], false),
        (&["failure", "failure"], true),
        (&["failure", "success", "failure"], false),
        (&["failure", "failure", "success"], false),
        (&["failure", "cancelled", "failure"], true),
        (&["failure", "skipped", "cancelled", "timed_out"], true),
        (&["success", "failure", "cancelled"], false),
    ] {
        let scene = Scene::with(conclusions).await;
        let actions = scene.alert().await;
        assert_eq!(actions.is_empty(), !is_open, "{conclusions:?}: {actions:?}");
        assert_eq!(scene.open().len(), usize::from(is_open), "{conclusions:?}");
    }
}

#[tokio::test]
async fn while_it_fails_there_are_comments_and_when_it_passes_the_issue_is_closed() {
    let mut scene = Scene::with(&["failure", "failure"]).await;
    assert_eq!(scene.alert().await, [Action::Opened { issue: 1 }]);
    assert_eq!(scene.alert().await, []);
    scene.then("failure");
    assert_eq!(scene.alert().await, [Action::Commented { issue: 1, run: 103 }]);
    assert_eq!(scene.alert().await, []);
    scene.then("cancelled");
    assert_eq!(scene.alert().await, []);
    assert_eq!(scene.fake.comments(1).len(), 1);
    scene.then("success");
    assert_eq!(scene.alert().await, [Action::Closed { issue: 1 }]);
    assert_eq!(scene.alert().await, []);
    assert_eq!(scene.fake.comments(1).len(), 2);
    assert_eq!(scene.fake.issues()[0]["state_reason"], "completed");
    for _ in 0..2 {
        scene.then("failure");
    }
    assert_eq!(scene.alert().await, [Action::Opened { issue: 2 }]);
}

#[tokio::test]
async fn a_run_that_is_started_again_counts_as_its_newest_attempt() {
    let mut scene = Scene::with(&["failure", "failure"]).await;
    scene.alert().await;
    scene.fake.put_run(run(2, 2, "main", "failure"));
    assert_eq!(scene.alert().await, [Action::Commented { issue: 1, run: 102 }]);
    scene.fake.put_run(run(2, 3, "main", "success"));
    assert_eq!(scene.alert().await, [Action::Closed { issue: 1 }]);
    scene.then("failure");
    assert_eq!(scene.alert().await, []);
}

#[tokio::test]
async fn an_issue_that_is_open_already_is_the_alerts_when_it_has_the_label() {
    let scene = Scene::with(&["failure", "failure"]).await;
    scene.fake.put_issue("Something else", &["bug"]);
    scene.fake.put_issue("It is red", &["bug", LABEL]);
    assert_eq!(scene.alert().await, [Action::Commented { issue: 2, run: 102 }]);
    assert_eq!(scene.open(), [1, 2]);
}

#[tokio::test]
async fn runs_on_other_branches_do_not_count() {
    let scene = Scene::with(&["failure"]).await;
    scene.fake.put_run(run(2, 1, "feature", "failure"));
    assert_eq!(scene.alert().await, []);
}

#[tokio::test]
async fn alerts_at_once_leave_one_issue_and_one_comment() {
    for _ in 0..10 {
        let mut scene = Scene::with(&["failure", "failure"]).await;
        tokio::join!(scene.alert(), scene.alert(), scene.alert());
        assert_eq!(scene.open().len(), 1);
        scene.then("failure");
        tokio::join!(scene.alert(), scene.alert(), scene.alert());
        let stays = scene.open();
        assert_eq!(stays.len(), 1);
        let again = scene.fake.comments(stays[0]).iter().filter(|text| text.starts_with("It failed again")).count();
        assert_eq!(again, 1);
    }
}

#[tokio::test]
async fn the_newest_decided_runs_are_found_on_later_pages() {
    let mut scene = Scene::with(&["success", "failure"]).await;
    for _ in 0..7 {
        scene.then("cancelled");
    }
    scene.then("failure");
    scene.fake.set_page_size(2);
    assert_eq!(scene.alert().await, [Action::Opened { issue: 1 }]);
}

fn fault(method: Method, path: &'static str, status: StatusCode) -> Fault {
    Fault { method, path, status, headers: vec![], is_done: false }
}

#[tokio::test]
async fn an_issue_that_was_opened_though_the_answer_was_an_error_is_not_opened_again() {
    for is_done in [true, false] {
        let scene = Scene::with(&["failure", "failure"]).await;
        scene.fake.add_fault(Fault { is_done, ..fault(Method::POST, "/issues", StatusCode::BAD_GATEWAY) });
        scene.alert().await;
        assert_eq!(scene.open(), [1]);
        assert_eq!(scene.fake.issues().len(), 1);
    }
}

#[tokio::test]
async fn a_question_is_asked_again_after_an_error_of_the_server_or_when_the_limit_is_over() {
    let scene = Scene::with(&["failure", "failure"]).await;
    let limit = Fault {
        headers: vec![("retry-after", "1".to_owned())],
        ..fault(Method::GET, "/issues", StatusCode::FORBIDDEN)
    };
    scene.fake.add_fault(limit);
    scene.fake.add_fault(fault(Method::GET, "/runs", StatusCode::BAD_GATEWAY));
    scene.fake.add_fault(fault(Method::GET, "/runs", StatusCode::BAD_GATEWAY));
    assert_eq!(scene.alert().await, [Action::Opened { issue: 1 }]);
}

#[tokio::test]
async fn what_is_not_allowed_is_said_at_once_and_in_githubs_words() {
    let scene = Scene::with(&["failure", "failure"]).await;
    scene.fake.add_fault(fault(Method::GET, "/issues", StatusCode::FORBIDDEN));
    let refused = scene.alert.run(&scene.github).await.unwrap_err();
    assert_eq!(refused.to_string(), "GitHub answered 403 Forbidden: A fault that was asked for");
    assert_eq!(scene.fake.writes(), []);
}

#[tokio::test]
async fn nobody_there_is_an_error_that_says_so() {
    let scene = Scene::with(&[]).await;
    let nowhere = GitHub::new(&"http://127.0.0.1:9/".parse().unwrap(), None, FakeGitHub::repository()).unwrap();
    let error = scene.alert.workflow.clone();
    let error = nowhere.newest_decided(&error, 2).await.unwrap_err().to_string();
    assert!(error.starts_with("no valid answer from GitHub: "), "{error}");
}
