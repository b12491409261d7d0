//! A fake of the part of GitHub that this crate needs: runs and jobs that tests provide, issues and comments that are
//! stored, pages, and faults on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch};
use axum::{Json, Router};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::Url;

use crate::github::Repository;

/// A fault for a request.
#[derive(Clone, Debug)]
pub struct Fault {
    /// It affects requests with this method, …
    pub method: Method,
    /// … and with a path that ends like this.
    pub path: &'static str,
    /// The answer.
    pub status: StatusCode,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the request takes effect nevertheless.
    pub is_done: bool,
}

/// A request that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its method and path.
    pub request: String,
    /// Its body.
    pub body: Value,
}

#[derive(Debug, Default)]
struct World {
    runs: Vec<Value>,
    jobs: HashMap<u64, Vec<Value>>,
    issues: Vec<Value>,
    /// The comments by id, with the number of their issue.
    comments: BTreeMap<u64, (u64, Value)>,
    next_comment: u64,
    faults: VecDeque<Fault>,
    writes: Vec<Write>,
    requests: u64,
    page_size: Option<usize>,
}

/// A fake GitHub, which runs until it is dropped.
#[derive(Debug)]
pub struct FakeGitHub {
    address: SocketAddr,
    world: Shared,
    task: AbortHandle,
}

type Shared = Arc<Mutex<World>>;

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeGitHub {
    /// Listens on a free loopback port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let world = Shared::default();
        let routes = Router::new()
            .route("/repos/{owner}/{name}/actions/workflows/{file}/runs", get(runs))
            .route("/repos/{owner}/{name}/actions/runs/{run}/jobs", get(jobs))
            .route("/repos/{owner}/{name}/issues", get(issues).post(open_issue))
            .route("/repos/{owner}/{name}/issues/{number}", patch(change_issue))
            .route("/repos/{owner}/{name}/issues/{number}/comments", get(comments).post(comment))
            .route("/repos/{owner}/{name}/issues/comments/{id}", delete(delete_comment))
            .layer(from_fn_with_state(Arc::clone(&world), suffer))
            .with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, world, task: serving.abort_handle() })
    }

    /// The address of its API.
    #[must_use]
    pub fn api(&self) -> Url {
        format!("http://{}/", self.address).parse().expect("an address makes a URL")
    }

    /// Its repository.
    #[must_use]
    pub fn repository() -> Repository {
        "mimirons/gold".parse().expect("this is one")
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Adds a run, or its newest attempt, which replaces the previous one.
    pub fn put_run(&self, run: Value) {
        let mut world = self.world();
        world.runs.retain(|other| other["id"] != run["id"]);
        world.runs.push(run);
    }

    /// Adds a job to a run.
    pub fn put_job(&self, run: u64, job: Value) {
        self.world().jobs.entry(run).or_default().push(job);
    }

    /// Adds an issue that somebody has opened.
    pub fn put_issue(&self, title: &str, labels: &[&str]) {
        let issue = json!({"title": title, "body": null, "labels": labels});
        new_issue(&mut self.world(), &issue);
    }

    /// Adds a fault: it affects the next matching request.
    pub fn add_fault(&self, fault: Fault) {
        self.world().faults.push_back(fault);
    }

    /// Limits pages to this size, whatever is requested.
    pub fn set_page_size(&self, size: usize) {
        self.world().page_size = Some(size);
    }

    /// All changes, in order.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.world().writes.clone()
    }

    /// The number of requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.world().requests
    }

    /// The issues, oldest first.
    #[must_use]
    pub fn issues(&self) -> Vec<Value> {
        self.world().issues.clone()
    }

    /// The comments on an issue, oldest first.
    #[must_use]
    pub fn comments(&self, issue: u64) -> Vec<String> {
        let text = |comment: &Value| comment["body"].as_str().unwrap_or_default().to_owned();
        let world = self.world();
        world.comments.values().filter(|(number, _)| *number == issue).map(|(_, comment)| text(comment)).collect()
    }
}

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    // Every change is complete before anything can panic.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn suffer(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let fault = {
        let mut world = lock(&world);
        world.requests += 1;
        let fits = |fault: &Fault| fault.method == *request.method() && request.uri().path().ends_with(fault.path);
        world.faults.iter().position(fits).and_then(|place| world.faults.remove(place))
    };
    let Some(fault) = fault else { return next.run(request).await };
    if fault.is_done {
        next.run(request).await;
    }
    let mut response = (fault.status, Json(json!({"message": "A fault that was asked for"}))).into_response();
    for (name, value) in fault.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

type Parameters = Query<HashMap<String, String>>;

/// A page of the items, as a list or, with a name, in a frame; with the link to the next page.
fn page(
    world: &World,
    request: &http::Uri,
    parameters: &HashMap<String, String>,
    all: &[Value],
    name: Option<&str>,
) -> Response {
    let number = |name: &str, default: usize| {
        parameters.get(name).and_then(|value| value.parse().ok()).filter(|value| *value > 0).unwrap_or(default)
    };
    let size = number("per_page", 30).min(100).min(world.page_size.unwrap_or(100));
    let this = number("page", 1);
    let shown: Vec<_> = all.iter().skip((this - 1) * size).take(size).cloned().collect();
    let body = match name {
        Some(name) => json!({"total_count": all.len(), name: shown}),
        None => json!(shown),
    };
    let mut response = Json(body).into_response();
    if this * size < all.len() {
        let mut others: Vec<_> = parameters.iter().filter(|(name, _)| *name != "page").collect();
        others.sort();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair("page", &(this + 1).to_string());
        let link = format!("<{}?{}>; rel=\"next\"", request.path(), query.finish());
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

async fn runs(State(world): State<Shared>, uri: http::Uri, Query(parameters): Parameters) -> Response {
    let world = lock(&world);
    let created = |run: &Value| run["created_at"].as_str().unwrap_or_default().to_owned();
    let wanted = |run: &&Value| {
        let is = |name: &str, field: &str| parameters.get(name).is_none_or(|value| run[field] == **value);
        let since = parameters.get("created").and_then(|created| created.strip_prefix(">="));
        is("branch", "head_branch") && is("status", "status") && since.is_none_or(|since| *created(run) >= *since)
    };
    let mut runs: Vec<_> = world.runs.iter().filter(wanted).cloned().collect();
    runs.sort_by_key(|run| std::cmp::Reverse((created(run), run["id"].as_u64())));
    page(&world, &uri, &parameters, &runs, Some("workflow_runs"))
}

async fn jobs(
    State(world): State<Shared>,
    Path((_, _, run)): Path<(String, String, u64)>,
    uri: http::Uri,
    Query(parameters): Parameters,
) -> Response {
    let world = lock(&world);
    let jobs = world.jobs.get(&run).cloned().unwrap_or_default();
    page(&world, &uri, &parameters, &jobs, Some("jobs"))
}

async fn issues(State(world): State<Shared>, uri: http::Uri, Query(parameters): Parameters) -> Response {
    let world = lock(&world);
    let wanted = |issue: &&Value| {
        let state = parameters.get("state").map_or("open", String::as_str);
        let labels = parameters.get("labels").map(String::as_str).unwrap_or_default();
        let has = |label: &str| {
            issue["labels"].as_array().is_some_and(|labels| labels.iter().any(|other| other["name"] == label))
        };
        (state == "all" || issue["state"] == state) && labels.split(',').filter(|label| !label.is_empty()).all(has)
    };
    let mut issues: Vec<_> = world.issues.iter().filter(wanted).cloned().collect();
    issues.reverse();
    page(&world, &uri, &parameters, &issues, None)
}

fn new_issue(world: &mut World, wanted: &Value) -> Value {
    let number = world.issues.len() + 1;
    let labels: Vec<Value> =
        wanted["labels"].as_array().into_iter().flatten().map(|label| json!({"name": label})).collect();
    let issue = json!({
        "number": number,
        "title": wanted["title"],
        "body": wanted["body"],
        "state": "open",
        "labels": labels,
    });
    world.issues.push(issue.clone());
    issue
}

/// Reads a body, and records it with its method and path.
fn write(world: &mut World, method: &Method, uri: &http::Uri, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    world.writes.push(Write { request: format!("{method} {}", uri.path()), body: body.clone() });
    body
}

async fn open_issue(State(world): State<Shared>, method: Method, uri: http::Uri, body: Bytes) -> Response {
    let mut world = lock(&world);
    let wanted = write(&mut world, &method, &uri, &body);
    if !wanted["title"].is_string() {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": "Validation Failed"}))).into_response();
    }
    (StatusCode::CREATED, Json(new_issue(&mut world, &wanted))).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response()
}

async fn change_issue(
    State(world): State<Shared>,
    Path((_, _, number)): Path<(String, String, u64)>,
    method: Method,
    uri: http::Uri,
    body: Bytes,
) -> Response {
    let mut world = lock(&world);
    let change = write(&mut world, &method, &uri, &body);
    let Some(issue) = world.issues.iter_mut().find(|issue| issue["number"] == number) else { return not_found() };
    for field in ["state", "state_reason", "title", "body"] {
        if let Some(value) = change.get(field) {
            issue[field] = value.clone();
        }
    }
    Json(issue.clone()).into_response()
}

async fn comments(
    State(world): State<Shared>,
    Path((_, _, issue)): Path<(String, String, u64)>,
    uri: http::Uri,
    Query(parameters): Parameters,
) -> Response {
    let world = lock(&world);
    let comments: Vec<_> =
        world.comments.values().filter(|(number, _)| *number == issue).map(|(_, comment)| comment.clone()).collect();
    page(&world, &uri, &parameters, &comments, None)
}

async fn comment(
    State(world): State<Shared>,
    Path((_, _, issue)): Path<(String, String, u64)>,
    method: Method,
    uri: http::Uri,
    body: Bytes,
) -> Response {
    let mut world = lock(&world);
    let wanted = write(&mut world, &method, &uri, &body);
    if world.issues.iter().all(|other| other["number"] != issue) {
        return not_found();
    }
    world.next_comment += 1;
    let id = world.next_comment;
    let comment = json!({"id": id, "body": wanted["body"]});
    world.comments.insert(id, (issue, comment.clone()));
    (StatusCode::CREATED, Json(comment)).into_response()
}

async fn delete_comment(
    State(world): State<Shared>,
    Path((_, _, id)): Path<(String, String, u64)>,
    method: Method,
    uri: http::Uri,
) -> Response {
    let mut world = lock(&world);
    write(&mut world, &method, &uri, b"");
    match world.comments.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => not_found(),
    }
}
