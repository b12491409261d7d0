//! Pagination: the same parameters and the same `Link` header on every route with a list.

use std::borrow::Cow;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::http::error::ApiError;

/// The maximum number of items in one answer.
const MAX_PAGE: u32 = 1000;

/// Selects a page of a list.
#[derive(Debug, Default, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those after the one with this id, which need not be in the list any more.
    #[serde(default, deserialize_with = "id")]
    after: Option<Uuid>,
    /// The maximum number of items, by default 1000.
    #[serde(default, deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

fn id<'de, D: Deserializer<'de>>(parameter: D) -> Result<Option<Uuid>, D::Error> {
    let text = Cow::<str>::deserialize(parameter)?;
    text.parse().map(Some).map_err(|_| D::Error::custom("must be the id of one in the list, a UUID"))
}

fn limit<'de, D: Deserializer<'de>>(parameter: D) -> Result<Option<u32>, D::Error> {
    let limit = Cow::<str>::deserialize(parameter)?.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
    let expected = || D::Error::custom(format_args!("must be a whole number from 1 to {MAX_PAGE}"));
    limit.map(Some).ok_or_else(expected)
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The id of the last item that the client has.
    pub(super) after: Option<Uuid>,
    limit: u32,
}

impl Page {
    /// The requested part.
    pub(super) fn part(self) -> Part {
        Part { after: self.after, limit: self.limit.unwrap_or(MAX_PAGE) }
    }
}

impl Part {
    /// How many items to read: one more than is shown tells whether there are more.
    pub(super) const fn to_read(self) -> u32 {
        self.limit + 1
    }

    /// The answer, with a link to the next page if there is one. `path` is the list's path with the list's own
    /// parameters; it ends in `?` or `&`.
    pub(super) fn answer<T: Serialize>(self, path: &str, mut read: Vec<T>, id: impl Fn(&T) -> Uuid) -> Response {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = read.len() > limit;
        read.truncate(limit);
        let next = read.last().filter(|_| has_more).map(|last| {
            let (last, limit) = (id(last), self.limit);
            [(header::LINK, format!("<{path}after={last}&limit={limit}>; rel=\"next\""))]
        });
        (next, Json(read)).into_response()
    }
}

/// The error if `after` was never in the list.
pub(super) fn nothing_to_follow(what: &str) -> ApiError {
    ApiError::InvalidPayload(format!("after names no {what}"))
}
