//! Lists that come in pages: the same parameters and the same `Link` on every route that has one.

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

/// The most of anything in one answer.
const MAX_PAGE: u32 = 1000;

/// Which part of the list.
#[derive(Debug, Default, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Those that follow the one with this id, which need not be in the list any more.
    #[serde(default, deserialize_with = "id")]
    after: Option<Uuid>,
    /// How many at the most; 1000 when it is not given.
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

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The id of the last one that is known.
    pub(super) after: Option<Uuid>,
    limit: u32,
}

impl Page {
    /// The part that is asked for.
    pub(super) fn part(self) -> Part {
        Part { after: self.after, limit: self.limit.unwrap_or(MAX_PAGE) }
    }
}

impl Part {
    /// How many to read: one more than is shown tells whether there are more.
    pub(super) const fn to_read(self) -> u32 {
        self.limit + 1
    }

    /// The answer, with a link to what follows where there is more. `path` is the list's, with the parameters that are its
    /// own and end in `?` or `&`.
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

/// The error where `after` names nothing that was ever in the list.
pub(super) fn nothing_to_follow(what: &str) -> ApiError {
    ApiError::InvalidPayload(format!("after names no {what}"))
}
