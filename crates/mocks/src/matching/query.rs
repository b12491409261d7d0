//! Filters in a query.

use mgm_api_types::mocks::RequestMatch;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::matcher::Matcher;
use crate::error::Refusal;

/// Reads the filter of a query, whose parameters have the names of the fields of [`RequestMatch`]. A header is
/// `header=<name>:<value>`, a value of the body `json=<pointer>=<value>`. The parameters of `others` are left to the caller.
pub(crate) fn from_query(query: Option<&str>, others: &[&str]) -> Result<Matcher, Refusal> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let pair = |separator, how: &str| {
            let pair = value.split_once(separator);
            pair.map(|(name, value)| (name.trim().to_owned(), Value::from(value.trim())))
                .ok_or_else(|| Refusal::invalid(format!("{name}: it is written {name}={how}")))
        };
        let (table, entry) = match &*name {
            other if others.contains(&other) => continue,
            "header" => ("headers", pair(':', "<name>:<value>")?),
            "json" => ("json", pair('=', "<pointer>=<value>")?),
            "since" | "status" => {
                let number = value.parse::<u64>().map_err(|_| Refusal::invalid(format!("{name}: it is a number")))?;
                fields.insert(name.into_owned(), number.into());
                continue;
            }
            _ => {
                if fields.insert(name.clone().into_owned(), value.as_ref().into()).is_some() {
                    return Err(Refusal::invalid(format!("{name}: it is given twice")));
                }
                continue;
            }
        };
        let table = fields.entry(table).or_insert_with(|| Map::new().into());
        if let Value::Object(table) = table {
            table.insert(entry.0, entry.1);
        }
    }
    // An error may repeat a value, but never a token, which is any text.
    let wanted: Result<RequestMatch, _> = serde_json::from_value(fields.into());
    wanted.map(Matcher::new).map_err(|error| Refusal::invalid(format!("the query: {error}")))
}

/// Reads a query that may name a caller, by `client_id`, `token` or `token_fingerprint`, and nothing else.
pub(crate) fn caller_of(query: Option<&str>) -> Result<Option<Matcher>, Refusal> {
    caller_and(query, &[])
}

/// The same, if the query may also have the parameters of `others`, which are left to the caller.
pub(crate) fn caller_and(query: Option<&str>, others: &[&str]) -> Result<Option<Matcher>, Refusal> {
    let matcher = from_query(query, others)?;
    let RequestMatch { client_id, token_fingerprint, .. } = matcher.wanted();
    let named = RequestMatch {
        client_id: client_id.clone(),
        token_fingerprint: token_fingerprint.clone(),
        ..RequestMatch::default()
    };
    if named != *matcher.wanted() {
        return Err(Refusal::invalid("the query: only client_id, token and token_fingerprint are possible here"));
    }
    Ok(Some(matcher).filter(|matcher| *matcher.wanted() != RequestMatch::default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_in_a_query_is_the_same_as_in_json() {
        let query =
            "method=POST&path=/helix/*&status=200&header=x-a:b&header=x-c:%20d&json=/a/b=1=2&since=7&n=5&token=t";
        let matcher = from_query(Some(query), &["n"]).unwrap();
        let expected = Matcher::new(
            serde_json::from_value(json!({
                "method": "POST", "path": "/helix/*", "status": 200, "headers": {"x-a": "b", "x-c": "d"},
                "json": {"/a/b": "1=2"}, "since": 7, "token": "t",
            }))
            .unwrap(),
        );
        assert_eq!(matcher.wanted(), expected.wanted());
        assert_eq!(from_query(None, &[]).unwrap().wanted(), &RequestMatch::default());
    }

    #[test]
    fn a_caller_is_named_by_client_and_token() {
        let caller = |query| caller_of(Some(query)).map(|caller| caller.is_some());
        assert!(matches!(caller("client_id=a&token=t"), Ok(true)));
        assert!(matches!(caller(""), Ok(false)));
        assert!(caller("client_id=a&path=/").is_err());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for query in
            ["colour=red", "status=ok", "status=70000", "header=x", "json=/a", "path=/a&path=/b", "kind=letter"]
        {
            assert!(from_query(Some(query), &[]).is_err(), "{query}");
        }
    }
}
