//! The parameters of a query, which may be repeated.

use http::StatusCode;
use url::form_urlencoded;

use super::answer::Answer;

/// The maximum size of a page.
const MOST: usize = 100;

pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, value)| other == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn one<'a>(&'a self, name: &'a str) -> Result<&'a str, Answer> {
        let missing = || bad_request(&format!("Missing required parameter \"{name}\""));
        self.all(name).next().ok_or_else(missing)
    }

    /// The requested page size, if given: from 1 to 100, on every route with pages
    /// (<https://dev.twitch.tv/docs/api/guide/#pagination>).
    pub(super) fn first(&self) -> Result<Option<usize>, Answer> {
        let malformed =
            |how: &str| bad_request(&format!("The parameter \"first\" was malformed: the value must be {how}"));
        let Some(text) = self.all("first").next() else { return Ok(None) };
        match text.parse::<i64>().ok().map(usize::try_from) {
            None => Err(malformed("a number")),
            Some(Err(_) | Ok(0)) => Err(malformed("greater than or equal to 1")),
            Some(Ok(first)) if first > MOST => Err(malformed(&format!("less than or equal to {MOST}"))),
            Some(Ok(first)) => Ok(Some(first)),
        }
    }
}

pub(super) fn bad_request(message: &str) -> Answer {
    Answer::error(StatusCode::BAD_REQUEST, message)
}
