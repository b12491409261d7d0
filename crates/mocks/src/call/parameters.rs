//! The parameters of a call, which may be repeated: clients send them in the query, in a form or in JSON.

use std::convert::Infallible;

use axum::RequestExt as _;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::answer::{Answer, bad_request};

/// The default page size of most lists.
pub(crate) const PAGE: usize = 20;
/// Their maximum page size, and how often a parameter may be given.
pub(crate) const MOST: usize = 100;

/// A call; its headers identify the caller.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) parameters: Parameters,
    pub(crate) query: Option<String>,
    pub(crate) body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (headers, query) = (request.headers().clone(), request.uri().query().map(str::to_owned));
        // The whole body has already been read.
        let body = request.extract::<Bytes, _>().await.unwrap_or_default();
        Ok(Self { headers, parameters: Parameters::of(query.as_deref(), &body), query, body })
    }
}

/// Names with values; those of the query come first.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses a query, and a body that is a form or a JSON object.
    pub(crate) fn of(query: Option<&str>, body: &[u8]) -> Self {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
        let body = match serde_json::from_slice::<Map<String, Value>>(body) {
            Ok(object) => object.into_iter().flat_map(|(name, value)| texts(name, value)).collect(),
            Err(_) => form_urlencoded::parse(body).into_owned().collect::<Vec<_>>(),
        };
        Self(query.chain(body).collect())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, value)| other == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The first value of this name.
    pub(crate) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    pub(crate) fn one<'a>(&'a self, name: &'a str) -> Result<&'a str, Answer> {
        self.get(name).ok_or_else(|| bad_request(&format!("Missing required parameter \"{name}\"")))
    }

    /// All values of this name, at most a hundred.
    pub(crate) fn many<'a>(&'a self, name: &'a str) -> Result<Vec<&'a str>, Answer> {
        let all: Vec<_> = self.all(name).collect();
        if all.len() > MOST {
            return Err(bad_request(&format!("The number of {name} parameters is more than {MOST}")));
        }
        Ok(all)
    }

    /// A flag, if it is given.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Answer> {
        let malformed =
            |_| bad_request(&format!("The parameter \"{name}\" was malformed: the value must be a boolean"));
        self.get(name).map(|text| text.parse().map_err(malformed)).transpose()
    }

    /// A number, if it is given.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>, Answer> {
        let malformed = |_| bad_request(&format!("The parameter \"{name}\" was malformed: the value must be a number"));
        self.get(name).map(|text| text.parse().map_err(malformed)).transpose()
    }

    /// The requested page size, if it is given: from 1 to `most`, on all routes with pages
    /// (<https://dev.twitch.tv/docs/api/guide/#pagination>).
    fn first(&self, most: usize) -> Result<Option<usize>, Answer> {
        let malformed =
            |how: &str| bad_request(&format!("The parameter \"first\" was malformed: the value must be {how}"));
        let Some(text) = self.get("first") else { return Ok(None) };
        match text.parse::<i64>().ok().map(usize::try_from) {
            None => Err(malformed("a number")),
            Some(Err(_) | Ok(0)) => Err(malformed("greater than or equal to 1")),
            Some(Ok(first)) if first > most => Err(malformed(&format!("less than or equal to {most}"))),
            Some(Ok(first)) => Ok(Some(first)),
        }
    }

    /// The page of rows requested by `first`, `after` and `before`, and the pagination. Each row comes with its cursor.
    /// `size` is the default page size, `most` the maximum.
    pub(crate) fn page<T>(&self, rows: Vec<(String, T)>, size: usize, most: usize) -> Result<(Vec<T>, Value), Answer> {
        let size = self.first(most)?.unwrap_or(size);
        let place = |cursor: &str| {
            let place = rows.iter().position(|(key, _)| key == cursor);
            place.ok_or_else(|| bad_request("The cursor is not valid"))
        };
        let start = match (self.get("after"), self.get("before")) {
            (Some(_), Some(_)) => return Err(bad_request("only one of after and before can be given")),
            (Some(after), None) => place(after)? + 1,
            (None, Some(before)) => place(before)?.saturating_sub(size),
            (None, None) => 0,
        };
        let has_more = rows.len() > start + size;
        let shown: Vec<_> = rows.into_iter().skip(start).take(size).collect();
        let cursor = shown.last().filter(|_| has_more).map(|(key, _)| key.clone());
        let pagination = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        Ok((shown.into_iter().map(|(_, row)| row).collect(), pagination))
    }
}

/// The values of a JSON field, as a query would have them.
fn texts(name: String, value: Value) -> Vec<(String, String)> {
    match value {
        Value::String(text) => vec![(name, text)],
        Value::Array(values) => values.into_iter().flat_map(|value| texts(name.clone(), value)).collect(),
        Value::Bool(_) | Value::Number(_) => vec![(name, value.to_string())],
        Value::Null | Value::Object(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_by_the_query_a_form_or_json() {
        for (query, body) in [
            ("a=1&b=x%20y&b=z", ""),
            ("", "a=1&b=x+y&b=z"),
            ("", r#"{"a": 1, "b": ["x y", "z"], "c": null}"#),
            ("a=1", r#"{"b": ["x y", "z"]}"#),
            ("a=1", "b=x+y&b=z"),
        ] {
            let parameters = Parameters::of(Some(query), body.as_bytes());
            assert_eq!(parameters.get("a"), Some("1"), "{query} {body}");
            assert_eq!(parameters.all("b").collect::<Vec<_>>(), ["x y", "z"], "{query} {body}");
            assert_eq!(parameters.get("c"), None);
        }
    }

    #[test]
    fn a_cursor_leads_to_the_next_page_and_the_last_has_none() {
        let rows = || (0..5).map(|number| (format!("k{number}"), number)).collect::<Vec<_>>();
        for (query, shown, cursor) in [
            ("", vec![0, 1, 2], Some("k2")),
            ("first=2", vec![0, 1], Some("k1")),
            ("after=k2", vec![3, 4], None),
            ("first=2&after=k1", vec![2, 3], Some("k3")),
            ("first=2&before=k3", vec![1, 2], Some("k2")),
            ("first=5", vec![0, 1, 2, 3, 4], None),
            ("after=k4", vec![], None),
        ] {
            let (page, pagination) = Parameters::of(Some(query), b"").page(rows(), 3, 100).unwrap();
            assert_eq!((page, pagination["cursor"].as_str()), (shown, cursor), "{query}");
        }
        for query in ["after=k9", "first=0", "first=101", "after=k1&before=k2"] {
            let refused = Parameters::of(Some(query), b"").page(rows(), 3, 100).unwrap_err();
            assert_eq!(refused.status, 400, "{query}");
        }
    }
}
