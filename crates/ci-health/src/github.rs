//! The part of GitHub's REST API that this crate needs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use octocrab::service::middleware::retry::{RateLimitMetrics, RetryConfig};
use octocrab::{OctoBody, Octocrab, Page};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::run::{Job, Run, Verdict};

/// How many times a request is retried after a server error or when GitHub says to wait.
const RETRIES: usize = 5;
/// How long to wait if GitHub says to wait but not for how long, in seconds.
const WAIT: u64 = 60;
/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest page that GitHub allows.
const PAGE: u8 = 100;

/// A repository, as `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(String);

/// The text is not `owner/name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a repository is written as owner/name")]
pub struct NotARepository;

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let is_part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_part(owner) && is_part(name) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(NotARepository),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Selects runs: those of a workflow, and if a branch is given, those on it.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// The name of its file, such as `ci.yml`.
    pub file: String,
    /// The branch.
    pub branch: Option<String>,
}

/// An issue (<https://docs.github.com/en/rest/issues/issues>).
#[derive(Clone, Debug, Deserialize)]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
    /// Set for pull requests, which GitHub also lists as issues.
    #[serde(default)]
    pull_request: Option<Value>,
}

/// A comment on an issue.
#[derive(Clone, Debug, Deserialize)]
pub struct Comment {
    /// GitHub's id for it; later ones are greater.
    pub id: u64,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
}

/// Why GitHub could not be reached, or did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It answered with an error.
    #[error("GitHub answered {status}: {message}")]
    Answered {
        /// The status.
        status: StatusCode,
        /// Its message.
        message: String,
    },
    /// It could not be reached, or its answer could not be read.
    #[error("no valid answer from GitHub: {}", causes(.0))]
    Failed(#[source] Box<octocrab::Error>),
    /// The address is invalid.
    #[error("the address of GitHub's API must be an http or https URL")]
    Address,
}

impl Error {
    /// Whether a retry may succeed. The request may have taken effect nevertheless.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Answered { status, message } => {
                let is_limit = *status == StatusCode::FORBIDDEN && message.to_ascii_lowercase().contains("rate limit");
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS || is_limit
            }
            Self::Failed(_) => true,
            Self::Address => false,
        }
    }
}

impl From<octocrab::Error> for Error {
    fn from(error: octocrab::Error) -> Self {
        match error {
            octocrab::Error::GitHub { source, .. } => {
                Self::Answered { status: source.status_code, message: source.message.clone() }
            }
            other => Self::Failed(Box::new(other)),
        }
    }
}

/// The error and its causes, in one line.
fn causes(error: &octocrab::Error) -> String {
    let first: &dyn std::error::Error = error;
    let mut said: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(first), |error| error.source()) {
        let text = cause.to_string();
        // Some errors repeat their causes.
        let text = text.lines().next().unwrap_or_default().trim().to_owned();
        if !text.is_empty() && said.last().is_none_or(|last| *last != text) {
            said.push(text);
        }
    }
    said.join(": ")
}

/// One repository on GitHub.
#[derive(Clone, Debug)]
pub struct GitHub {
    /// The client that retries.
    reader: Octocrab,
    /// The client that does not: a failed request may have taken effect.
    writer: Octocrab,
    repository: Repository,
}

/// Reports that it waits, and why.
struct Patience;

impl RateLimitMetrics for Patience {
    fn retry_after_error(&self, request: &http::Request<OctoBody>, status: StatusCode, retries: usize) {
        eprintln!("GitHub answered {status} to {}; {retries} more tries", request.uri().path());
    }

    fn rate_limited(&self, _: &http::Request<OctoBody>, _: StatusCode, _: usize, seconds: u64) {
        eprintln!("GitHub's rate limit is reached; waiting {seconds} s");
    }
}

impl GitHub {
    /// A repository at this address of the API, with this token. Must be called in a runtime.
    pub fn new(api: &Url, token: Option<&SecretString>, repository: Repository) -> Result<Self, Error> {
        let client = |retry: RetryConfig| {
            let mut builder = Octocrab::builder()
                .base_uri(api.as_str())?
                .add_retry_config(retry)
                .set_connect_timeout(Some(TIMEOUT))
                .set_read_timeout(Some(TIMEOUT));
            if let Some(token) = token {
                builder = builder.personal_token(token.clone());
            }
            builder.build()
        };
        if !matches!(api.scheme(), "http" | "https") {
            return Err(Error::Address);
        }
        let reader = client(RetryConfig::HandleRateLimits {
            metrics: Arc::new(Patience),
            max_retries: RETRIES,
            min_wait_seconds: WAIT,
            retry_on_forbidden: false,
        })?;
        Ok(Self { reader, writer: client(RetryConfig::None)?, repository })
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    fn route(&self, path: &str) -> String {
        format!("/repos/{}{path}", self.repository)
    }

    async fn first<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, String)]) -> Result<Page<T>, Error> {
        let mut all = vec![("per_page", PAGE.to_string())];
        all.extend(parameters.iter().cloned());
        Ok(self.reader.get(self.route(path), Some(&all)).await?)
    }

    async fn next<T: DeserializeOwned>(&self, page: &Page<T>) -> Result<Option<Page<T>>, Error> {
        Ok(self.reader.get_page(&page.next).await?)
    }

    async fn all<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, String)]) -> Result<Vec<T>, Error> {
        let first = self.first(path, parameters).await?;
        Ok(self.reader.all_pages(first).await?)
    }

    /// The runs of a workflow that were created since then, newest first.
    pub async fn runs_since(&self, workflow: &Workflow, since: OffsetDateTime) -> Result<Vec<Run>, Error> {
        let mut parameters = workflow.parameters();
        let since_text = since.format(&Rfc3339).unwrap_or_default();
        parameters.push(("created", format!(">={since_text}")));
        let mut runs: Vec<Run> = self.all(&workflow.path(), &parameters).await?;
        runs.retain(|run| run.created_at >= since);
        runs.sort_by_key(|run| std::cmp::Reverse(run.age_key()));
        Ok(runs)
    }

    /// The newest `count` runs that passed or failed, newest first.
    pub async fn newest_decided(&self, workflow: &Workflow, count: usize) -> Result<Vec<Run>, Error> {
        let mut parameters = workflow.parameters();
        parameters.push(("status", "completed".to_owned()));
        let mut page = self.first::<Run>(&workflow.path(), &parameters).await?;
        let mut decided = Vec::new();
        loop {
            let is_decided = |run: &Run| matches!(run.verdict(), Some(Verdict::Success | Verdict::Failure));
            decided.extend(page.take_items().into_iter().filter(is_decided));
            if decided.len() >= count {
                break;
            }
            match self.next(&page).await? {
                Some(next) => page = next,
                None => break,
            }
        }
        decided.sort_by_key(|run| std::cmp::Reverse(run.age_key()));
        decided.truncate(count);
        Ok(decided)
    }

    /// The jobs of every attempt of a run.
    pub async fn jobs(&self, run: u64) -> Result<Vec<Job>, Error> {
        self.all(&format!("/actions/runs/{run}/jobs"), &[("filter", "all".to_owned())]).await
    }

    /// The open issues with this label, oldest first.
    pub async fn open_issues(&self, label: &str) -> Result<Vec<Issue>, Error> {
        let parameters = [("state", "open".to_owned()), ("labels", label.to_owned())];
        let mut issues: Vec<Issue> = self.all("/issues", &parameters).await?;
        issues.retain(|issue| issue.pull_request.is_none());
        issues.sort_by_key(|issue| issue.number);
        Ok(issues)
    }

    /// The comments on an issue, oldest first.
    pub async fn comments(&self, issue: u64) -> Result<Vec<Comment>, Error> {
        let mut comments: Vec<Comment> = self.all(&format!("/issues/{issue}/comments"), &[]).await?;
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    /// Opens an issue with one label.
    pub async fn open_issue(&self, title: &str, body: &str, label: &str) -> Result<Issue, Error> {
        let issue = json!({"title": title, "body": body, "labels": [label]});
        Ok(self.writer.post(self.route("/issues"), Some(&issue)).await?)
    }

    /// Comments on an issue.
    pub async fn comment(&self, issue: u64, body: &str) -> Result<Comment, Error> {
        let route = self.route(&format!("/issues/{issue}/comments"));
        Ok(self.writer.post(route, Some(&json!({"body": body}))).await?)
    }

    /// Deletes a comment.
    pub async fn delete_comment(&self, comment: u64) -> Result<(), Error> {
        let route = self.route(&format!("/issues/comments/{comment}"));
        let answer = self.writer._delete(route, None::<&()>).await?;
        octocrab::map_github_error(answer).await?;
        Ok(())
    }

    /// Closes an issue, as completed or as not planned.
    pub async fn close_issue(&self, issue: u64, is_done: bool) -> Result<(), Error> {
        let reason = if is_done { "completed" } else { "not_planned" };
        let change = json!({"state": "closed", "state_reason": reason});
        let _: Issue = self.writer.patch(self.route(&format!("/issues/{issue}")), Some(&change)).await?;
        Ok(())
    }
}

impl Workflow {
    fn path(&self) -> String {
        format!("/actions/workflows/{}/runs", self.file)
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        self.branch.iter().map(|branch| ("branch", branch.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        assert_eq!("mimirons/gold.o-matic_2".parse::<Repository>().unwrap().to_string(), "mimirons/gold.o-matic_2");
        for text in ["", "gold", "/gold", "mimirons/", "a/b/c", "a/b?c", "a/../b", "a/..", "a b/c"] {
            assert_eq!(text.parse::<Repository>(), Err(NotARepository), "{text}");
        }
    }
}
