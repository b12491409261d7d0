//! Runs as one page of HTML that needs nothing else.

use std::path::Path;
use std::time::Duration;

use mgm_service::services::{SERVICES, ServiceId};
use mgm_system::{Clock as _, SystemClock};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::durations::in_milliseconds;
use super::exchange::{PLAYER, since_1970};
use super::run::Run;
use crate::doctor::Finding;
use crate::stack::{end_of_log, log_file};

/// The page, with a place for the data.
const PAGE: &str = include_str!("page.html");
const DATA: &str = "{\"the data\": \"goes here\"}";

/// The services from left to right, so that arrows are short.
const PARTIES: [ServiceId; 5] = [
    ServiceId::MockJwt,
    ServiceId::MockEventSub,
    ServiceId::Backend,
    ServiceId::MockHelix,
    ServiceId::SyntheticDesktop,
];

/// How many of the last lines of each log are shown.
const LINES: usize = 2000;

/// The page of one scenario or several.
pub(super) fn page(runs: &[&Run], took: Duration, finding: Option<&Finding>) -> String {
    let parties: Vec<_> =
        std::iter::once(PLAYER).chain(PARTIES.iter().map(|service| service.service().component)).collect();
    let mut directories: Vec<&Path> = runs.iter().filter_map(|run| run.log_dir.as_deref()).collect();
    directories.dedup();
    // Logs go on from run to run.
    let begun = SystemClock.now() - took;
    let logs: Vec<_> = directories.into_iter().flat_map(|directory| lines(directory, begun)).collect();
    let runs: Vec<_> = runs.iter().map(|run| data(run)).collect();
    let data = json!({
        "tookMs": in_milliseconds(took), "parties": parties, "runs": runs, "logs": logs, "finding": finding,
    });
    filled(&data)
}

/// The page with the data. No text can end the script or begin another.
fn filled(data: &Value) -> String {
    PAGE.replacen(DATA, &data.to_string().replace('<', "\\u003c"), 1)
}

fn data(run: &Run) -> Value {
    let mut data = run.json();
    data["title"] = json!(run.scenario.title);
    data["tags"] = json!(run.scenario.tags);
    data["exchanges"] = json!(run.exchanges);
    let steps = data["steps"].as_array_mut().into_iter().flatten();
    for (step, taken) in steps.zip(&run.taken) {
        step["atMs"] = json!(since_1970(taken.at));
    }
    data
}

/// The lines of all logs in a directory since then, each with its time.
fn lines(directory: &Path, begun: OffsetDateTime) -> Vec<Value> {
    let of_service = |service: &'static mgm_service::services::Service| {
        let mut last = None;
        let mut line = |text: &String| {
            let (at, text) = match stamp(text) {
                Some((at, rest)) => (Some(at), rest),
                // It goes on with the line before.
                None => (last, text.as_str()),
            };
            last = at;
            let at = at.filter(|at| *at >= begun)?;
            Some(json!({ "atMs": since_1970(at), "service": service.component, "text": text }))
        };
        let lines = end_of_log(&log_file(directory, service.id), LINES);
        lines.iter().filter_map(&mut line).collect::<Vec<_>>()
    };
    SERVICES.iter().filter(|service| service.port.is_some()).flat_map(of_service).collect()
}

/// The time at the beginning of a line: in RFC 3339, or as PostgreSQL writes it.
fn stamp(line: &str) -> Option<(OffsetDateTime, &str)> {
    let (first, rest) = line.split_once(' ')?;
    if let Ok(at) = OffsetDateTime::parse(first, &Rfc3339) {
        return Some((at, rest.trim_start()));
    }
    let (clock, rest) = rest.split_once(" UTC ")?;
    let at = OffsetDateTime::parse(&format!("{first}T{clock}Z"), &Rfc3339).ok()?;
    Some((at.to_offset(UtcOffset::UTC), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_both_kinds_of_lines_are_read() {
        let (at, rest) = stamp("2026-11-27T11:38:16.011820Z  WARN mgm: text").unwrap();
        assert_eq!((at.unix_timestamp(), rest), (1_795_779_496, "WARN mgm: text"));
        let (other, rest) = stamp("2026-11-27 11:38:16.011 UTC [7] LOG:  text").unwrap();
        assert_eq!((other.unix_timestamp(), rest), (at.unix_timestamp(), "[7] LOG:  text"));
        assert_eq!(stamp("This user must also own the server process."), None);
    }

    #[test]
    fn no_text_ends_the_script_or_begins_another() {
        let data = json!({ "title": "<!-- <script> </script>" });
        let page = filled(&data);
        assert_eq!(page.matches("<script").count(), PAGE.matches("<script").count());
        assert_eq!(page.matches("</script").count(), PAGE.matches("</script").count());
        let (_, rest) = page.split_once("id=\"data\">").unwrap();
        let (text, _) = rest.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), data);
    }

    #[test]
    fn the_page_has_one_place_for_the_data_and_refers_to_nothing_outside() {
        assert_eq!(PAGE.matches(DATA).count(), 1);
        for outside in ["http:", "https:", "src=", "@import", "url("] {
            let found = PAGE.replace("http://www.w3.org/2000/svg", "").contains(outside);
            assert!(!found, "{outside}");
        }
    }
}
