//! Twitch, as the faults of its routes need to know it.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use mgm_api_types::mocks::{DropReason, FaultRoute};
use serde_json::json;

use super::caller::Caller;
use super::{chat, extensions};
use crate::call::{Answer, MockTwitch};
use crate::faults::Party;

/// Helix and the token service.
#[derive(Debug)]
pub(super) struct Twitch(pub(super) Arc<MockTwitch>);

/// The path below the prefix of Helix, if it is one of Helix.
fn of_helix(path: &str) -> Option<&str> {
    let below = ["/helix", "/mock"].iter().find_map(|prefix| path.strip_prefix(prefix));
    below.or_else(|| path.starts_with("/eventsub/").then_some(path))
}

impl Party for Twitch {
    fn default_route(&self) -> Option<FaultRoute> {
        Some(FaultRoute::Chat)
    }

    fn is_on(&self, route: FaultRoute, method: &Method, path: &str) -> bool {
        let below = of_helix(path);
        match route {
            FaultRoute::Chat => method == Method::POST && below == Some("/chat/messages"),
            FaultRoute::Subscription => {
                method == Method::GET && matches!(below, Some("/subscriptions" | "/subscriptions/user"))
            }
            FaultRoute::EventSub => below == Some("/eventsub/subscriptions"),
            FaultRoute::Token => method == Method::POST && matches!(path, "/oauth2/token" | "/auth/token"),
        }
    }

    fn admits(&self, head: &Parts) -> bool {
        let Some(below) = of_helix(head.uri.path()) else { return true };
        let state = self.0.world.enter();
        if below.starts_with("/extensions/") {
            extensions::of(&state, &head.headers).is_ok()
        } else {
            Caller::of(&state, &head.headers).is_ok()
        }
    }

    fn refuse(&self, path: &str, status: StatusCode, message: &'static str) -> Response {
        let answer = if of_helix(path).is_some() { Answer::error } else { Answer::refused };
        answer(status, message).into_response()
    }

    fn not_done(&self, head: &Parts, DropReason { code, message }: &DropReason) -> Response {
        let path = head.uri.path();
        let answer = if self.is_on(FaultRoute::Chat, &head.method, path) {
            chat::dropped(code, message)
        } else if of_helix(path).is_some() && head.method != Method::DELETE {
            Answer::data(vec![])
        } else {
            Answer::ok(json!({}))
        };
        answer.into_response()
    }
}
