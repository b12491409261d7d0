//! `GET authorize`, the consent page
//! (<https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#authorization-code-grant-flow>): plain, with a
//! button for each user. With `approve` and a user's id (or `deny`) in the query, the page is skipped.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use url::Url;

use super::answers::{refused, users};
use super::client::{client, needed, proven_client, scopes};
use crate::call::{Answer, Call, MockTwitch, Parameters};
use crate::world::State;
use crate::world::token_store::{Request, USER_SECONDS};

/// `GET authorize`.
pub(super) async fn page(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Response {
    let mut state = helix.world.enter();
    let decided = decision(&call.parameters);
    let answer = match decided {
        Some(decision) => decide(&mut state, &call.parameters, decision),
        None => ask(&state, &call.parameters).map(|page| Html(page).into_response()),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

/// `POST authorize`, which the page's buttons send.
pub(super) async fn approve(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Response {
    let mut state = helix.world.enter();
    let decision = decision(&call.parameters).ok_or_else(|| refused("missing approve or deny"));
    decision
        .and_then(|decision| decide(&mut state, &call.parameters, decision))
        .unwrap_or_else(IntoResponse::into_response)
}

/// `POST authorize` of the official tool: issues a user token without asking for consent.
pub(super) async fn give(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Answer {
    let mut state = helix.world.enter();
    give_token(&mut state, &call.parameters).unwrap_or_else(|refusal| refusal)
}

fn give_token(state: &mut State, parameters: &Parameters) -> Result<Answer, Answer> {
    let client_id = proven_client(state, parameters)?.to_owned();
    match needed(parameters, "grant_type", "grant type")? {
        "user_token" => {}
        _ => return Err(refused("unsupported grant type")),
    }
    let user = existing(state, needed(parameters, "user_id", "user id")?)?;
    let scopes = scopes(parameters);
    state.grant_scopes(&client_id, &user, &scopes);
    Ok(users(state.issue_to_user(&client_id, &user, scopes, false)))
}

/// The user's answer.
#[derive(Clone, Copy)]
enum Decision<'a> {
    /// This user approves.
    Approve(&'a str),
    /// The user refuses.
    Deny,
}

fn decision(parameters: &Parameters) -> Option<Decision<'_>> {
    let denied = parameters.get("deny").map(|_| Decision::Deny);
    denied.or_else(|| parameters.get("approve").map(Decision::Approve))
}

fn existing(state: &State, user: &str) -> Result<String, Answer> {
    state.user(user).map(|user| user.id).ok_or_else(|| refused("there is no such user"))
}

/// The client's request, and where to redirect the user.
struct Asked {
    request: Request,
    back: Url,
    /// Whether the client wants the token itself rather than a code (the implicit flow).
    wants_token: bool,
    state: Option<String>,
}

fn asked(state: &State, parameters: &Parameters) -> Result<Asked, Answer> {
    let client_id = client(state, parameters)?;
    let wants_token = match needed(parameters, "response_type", "response type")? {
        "code" => false,
        "token" => true,
        _ => return Err(refused("unsupported response type")),
    };
    let redirect_uri = needed(parameters, "redirect_uri", "redirect uri")?;
    let registered = state.client(client_id).map(|client| &client.redirect_uris).filter(|uris| !uris.is_empty());
    if registered.is_some_and(|uris| !uris.iter().any(|uri| uri == redirect_uri)) {
        return Err(refused("redirect_mismatch"));
    }
    let request = Request {
        client_id: client_id.to_owned(),
        scopes: scopes(parameters),
        redirect_uri: Some(redirect_uri.to_owned()),
    };
    let back = Url::parse(redirect_uri).map_err(|_| refused("redirect_mismatch"))?;
    Ok(Asked { request, back, wants_token, state: parameters.get("state").map(str::to_owned) })
}

/// Redirects the user, or shows that the device was approved.
fn decide(state: &mut State, parameters: &Parameters, decision: Decision<'_>) -> Result<Response, Answer> {
    if let Some(user_code) = parameters.get("user_code") {
        let Decision::Approve(user) = decision else {
            return Ok(
                Html("<!doctype html><title>Not approved</title><p>The device was not approved.").into_response()
            );
        };
        let user = existing(state, user)?;
        if !state.approve_device(user_code, &user) {
            return Err(Answer::refused(StatusCode::NOT_FOUND, "there is no such device"));
        }
        return Ok(Html("<!doctype html><title>Approved</title><p>The device was approved.").into_response());
    }
    let Asked { request, mut back, wants_token, state: passed_on } = asked(state, parameters)?;
    let passed_on = passed_on.as_deref().map(|text| ("state", text));
    let user = match decision {
        Decision::Approve(user) => existing(state, user)?,
        Decision::Deny => {
            let denied = [("error", "access_denied"), ("error_description", "The user denied you access")];
            back.query_pairs_mut().extend_pairs(denied.into_iter().chain(passed_on));
            return Ok(Redirect::to(back.as_str()).into_response());
        }
    };
    let scope = request.scopes.join(" ");
    if wants_token {
        state.grant_scopes(&request.client_id, &user, &request.scopes);
        let pair = state.issue_to_user(&request.client_id, &user, request.scopes, false);
        let seconds = USER_SECONDS.to_string();
        let said = [
            ("access_token", pair.access.as_str()),
            ("expires_in", &seconds),
            ("scope", &scope),
            ("token_type", "bearer"),
        ];
        let fragment = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(said.into_iter().chain(passed_on))
            .finish();
        back.set_fragment(Some(&fragment));
    } else {
        let code = state.approve(request, &user);
        let said = [("code", code.as_str()), ("scope", &scope)];
        back.query_pairs_mut().extend_pairs(said.into_iter().chain(passed_on));
    }
    Ok(Redirect::to(back.as_str()).into_response())
}

/// The consent page.
fn ask(state: &State, parameters: &Parameters) -> Result<String, Answer> {
    let what = if let Some(user_code) = parameters.get("user_code") {
        format!("A device shows the code {}.", escaped(user_code))
    } else {
        let Asked { request, .. } = asked(state, parameters)?;
        format!("{} asks for: {}", escaped(&request.client_id), escaped(&request.scopes.join(" ")))
    };
    let mut page = format!(
        "<!doctype html><title>Authorize</title><p>{what}</p><form method=\"post\" action=\"/oauth2/authorize\">"
    );
    for name in ["client_id", "redirect_uri", "response_type", "scope", "state", "user_code"] {
        if let Some(value) = parameters.get(name) {
            let _ = write!(page, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value));
        }
    }
    let stranger = state.records.users.is_empty().then(|| state.anybody().0);
    let listed = state.records.users.iter().map(|user| (user.id.clone(), user.name().to_owned()));
    for (id, name) in listed.chain(stranger.map(|id| (id.clone(), id))) {
        let _ = write!(
            page,
            "<button name=\"approve\" value=\"{}\">Authorize as {}</button>",
            escaped(&id),
            escaped(&name)
        );
    }
    page.push_str("<button name=\"deny\" value=\"1\">Cancel</button></form>");
    Ok(page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
