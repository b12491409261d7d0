//! The most likely cause of a refused call, and what to do about it.

use std::sync::OnceLock;

use mgm_service::services::ServiceId;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Action, ServiceName};
use super::expectation::differences;
use super::values::Values;
use crate::http::{Answer, NoAnswer};

/// The table of causes.
const TABLE: &str = include_str!("../../scenarios/causes.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    causes: Vec<Cause>,
}

/// A cause, and the calls and answers that point to it. A condition that is not given always holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    /// The services that are called.
    #[serde(default)]
    of: Vec<ServiceName>,
    /// Whether it is a chat message.
    #[serde(default)]
    chat: bool,
    /// The beginning of the path.
    #[serde(default)]
    path: String,
    /// The status of the answer.
    #[serde(default)]
    status: Option<u16>,
    /// The code of the error.
    #[serde(default)]
    code: Option<String>,
    /// A part of the body.
    #[serde(default)]
    body: Option<Value>,
    /// The cause and the remedy.
    text: String,
}

fn table() -> &'static [Cause] {
    static CAUSES: OnceLock<Vec<Cause>> = OnceLock::new();
    CAUSES.get_or_init(|| toml::from_str::<Table>(TABLE).expect("a constant, which a test reads").causes)
}

/// There is no answer from an address.
pub fn cause_of_silence(silence: &NoAnswer) -> String {
    let service = silence.service.service();
    format!(
        "{} is not running at {}, or has another address. Start the stack with `mgm up`, or give its address with --{}.",
        service.component, silence.url, service.name
    )
}

/// The first cause in the table that fits.
pub(super) fn of_answer(service: ServiceId, action: &Action, answer: &Answer, values: &Values) -> Option<String> {
    let path = action.request().map_or("", |(_, _, path)| path);
    let (body, code): (Option<Value>, _) = (answer.json(), answer.code());
    let fits = |cause: &&Cause| {
        (cause.of.is_empty() || cause.of.iter().any(|of| of.0 == service))
            && (!cause.chat || action.chat.is_some())
            && path.starts_with(&cause.path)
            && cause.status.is_none_or(|status| status == answer.status)
            && cause.code.as_ref().is_none_or(|wanted| code.as_ref() == Some(wanted))
            && cause.body.as_ref().is_none_or(|part| differences(part, body.as_ref()).is_empty())
    };
    let cause = table().iter().find(fits)?;
    Some(values.text(&cause.text).unwrap_or_else(|_| cause.text.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_each_cause_has_a_condition() {
        for cause in table() {
            let has_condition = cause.chat || cause.status.is_some() || !cause.path.is_empty() || cause.body.is_some();
            assert!(has_condition, "{cause:?}");
        }
    }
}
