//! What an answer must be, and how it differs.

use std::fmt::Write as _;

use serde_json::Value;

/// Where `got` differs from `expected`: one line for each place, named by its JSON pointer.
///
/// An object may have further fields, and an array must have exactly the expected items. A field of an object whose name
/// begins with a dollar is a condition on the value instead:
///
/// | condition | holds if the value |
/// | --- | --- |
/// | `$contains` | is an array with an item like that, or a text with that part |
/// | `$lacks` | is not so |
/// | `$length` | is an array or a text of that length |
/// | `$last` | is an array whose last item is like that |
/// | `$not` | is not like that |
/// | `$is` | is there (`true`) or not (`false`) |
pub fn differences(expected: &Value, got: Option<&Value>) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, got, "", &mut found);
    found
}

fn compare(expected: &Value, got: Option<&Value>, at: &str, found: &mut Vec<String>) {
    let place = if at.is_empty() { "the body" } else { at };
    match (expected, got) {
        (Value::Object(fields), _) if fields.keys().any(|name| name.starts_with('$')) => {
            for (name, value) in fields {
                if let Err(problem) = condition(name, value, got) {
                    found.push(format!("{place} {problem}, got {}", shown(got)));
                }
            }
        }
        (Value::Object(fields), Some(Value::Object(others))) => {
            for (name, value) in fields {
                compare(value, others.get(name), &format!("{at}/{name}"), found);
            }
        }
        (Value::Array(items), Some(Value::Array(others))) => {
            if items.len() != others.len() {
                found.push(format!("{place} must have {} items, got {}", items.len(), others.len()));
            }
            for (index, (item, other)) in items.iter().zip(others).enumerate() {
                compare(item, Some(other), &format!("{at}/{index}"), found);
            }
        }
        _ if got == Some(expected) => {}
        _ => found.push(format!("{place} must be {expected}, got {}", shown(got))),
    }
}

fn condition(name: &str, value: &Value, got: Option<&Value>) -> Result<(), String> {
    let is_like = |item: &Value| differences(value, Some(item)).is_empty();
    let contains = || match got {
        Some(Value::Array(items)) => items.iter().any(is_like),
        Some(Value::String(text)) => value.as_str().is_some_and(|part| text.contains(part)),
        _ => false,
    };
    let length = || match got {
        Some(Value::Array(items)) => Some(items.len()),
        Some(Value::String(text)) => Some(text.chars().count()),
        _ => None,
    };
    let (holds, problem) = match name {
        "$contains" => (contains(), format!("must contain {value}")),
        "$lacks" => (!contains(), format!("must not contain {value}")),
        "$length" => (
            length().and_then(|length| u64::try_from(length).ok()) == value.as_u64(),
            format!("must have the length {value}"),
        ),
        "$last" => (
            got.and_then(Value::as_array).and_then(|items| items.last()).is_some_and(is_like),
            format!("must end with {value}"),
        ),
        "$not" => (!got.is_some_and(is_like), format!("must not be {value}")),
        "$is" => (
            got.is_some() == (*value == Value::Bool(true)),
            if *value == true { "must exist" } else { "must not exist" }.to_owned(),
        ),
        _ => (false, format!("has the unknown condition {name}")),
    };
    if holds { Ok(()) } else { Err(problem) }
}

fn shown(got: Option<&Value>) -> String {
    let Some(got) = got else { return "nothing".to_owned() };
    let text = got.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The expected body in words: `isEnrolled true and characterName Etoehero`.
pub(super) fn in_words(expected: &Value) -> String {
    let Value::Object(fields) = expected else { return expected.to_string() };
    let mut words = String::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        let separator = match index {
            0 => "",
            last if last + 1 == fields.len() => " and ",
            _ => ", ",
        };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(words, "{separator}{name} {value}");
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_mentioned_may_be_anything() {
        for (expected, got) in [
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (json!({"a": {"b": []}}), json!({"a": {"b": [], "c": 1}})),
            (json!({"a": {"$contains": {"b": 1}}}), json!({"a": [{"b": 2}, {"b": 1, "c": 3}]})),
            (json!({"a": {"$contains": "ell"}}), json!({"a": "hello"})),
            (json!({"a": {"$lacks": "x", "$length": 5}}), json!({"a": "hello"})),
            (json!({"$length": 0}), json!([])),
            (json!({"$last": {"b": 1}}), json!([{"b": 2}, {"b": 1}])),
            (json!({"a": {"$is": false}, "b": {"$is": true}, "c": {"$not": 1}}), json!({"b": null, "c": 2})),
        ] {
            assert_eq!(differences(&expected, Some(&got)), Vec::<String>::new(), "{expected} {got}");
        }
    }

    #[test]
    fn every_difference_is_named_by_its_place() {
        for (expected, got, said) in [
            (
                json!({"a": 1, "b": {"c": "x"}}),
                json!({"a": 2, "b": {}}),
                vec!["/a must be 1, got 2", "/b/c must be \"x\", got nothing"],
            ),
            (json!([1, 2]), json!([1]), vec!["the body must have 2 items, got 1"]),
            (json!({"a": {"$contains": 1}}), json!({"a": [2]}), vec!["/a must contain 1, got [2]"]),
            (json!({"$lacks": 1}), json!([1]), vec!["the body must not contain 1, got [1]"]),
            (json!({"$length": 1}), json!(null), vec!["the body must have the length 1, got null"]),
            (json!({"$last": 1}), json!([]), vec!["the body must end with 1, got []"]),
            (json!({"a": {"$is": true}}), json!({}), vec!["/a must exist, got nothing"]),
            (json!({"a": {"$not": 1}}), json!({"a": 1}), vec!["/a must not be 1, got 1"]),
            (json!({"$no": 1}), json!(1), vec!["the body has the unknown condition $no, got 1"]),
        ] {
            assert_eq!(differences(&expected, Some(&got)), said, "{expected} {got}");
        }
    }

    #[test]
    fn an_expectation_reads_as_a_sentence() {
        assert_eq!(in_words(&json!({"a": true, "b": "x", "c": 1})), "a true, b x and c 1");
    }
}
