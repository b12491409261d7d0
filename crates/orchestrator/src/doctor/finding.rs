//! What can be found, and what to do about it.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::scenario::Values;

/// The table of all findings.
const TABLE: &str = include_str!("findings.toml");

/// A finding.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its name for machines.
    pub id: String,
    /// What is to be seen.
    pub symptom: String,
    /// Why.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// What the doctor saw, word for word.
    #[serde(default)]
    pub evidence: String,
}

#[derive(Deserialize)]
struct Table {
    findings: Vec<Finding>,
}

fn table() -> &'static [Finding] {
    static FINDINGS: OnceLock<Vec<Finding>> = OnceLock::new();
    FINDINGS.get_or_init(|| toml::from_str::<Table>(TABLE).expect("a constant, which a test reads").findings)
}

impl Finding {
    /// The finding with this id; the values replace the names in its texts.
    pub(super) fn new(id: &str, evidence: impl Into<String>, values: &[(&str, &str)]) -> Self {
        let mut known = Values::default();
        for (name, value) in values {
            known.set(*name, *value);
        }
        let fill = |text: &str| known.text(text).unwrap_or_else(|_| text.to_owned());
        let found = table().iter().find(|finding| finding.id == id).expect("every id is in the table");
        Self {
            id: found.id.clone(),
            symptom: fill(&found.symptom),
            cause: fill(&found.cause),
            remedy: fill(&found.remedy),
            evidence: evidence.into(),
        }
    }
}

/// The table as Markdown, as `docs/troubleshooting.md` has it.
#[cfg_attr(not(test), expect(dead_code, reason = "a test compares it with the document"))]
pub(super) fn markdown() -> String {
    let mut text = String::from("| finding | you see | it means | do |\n| --- | --- | --- | --- |\n");
    let plain = |text: &str| text.replace("${", "*").replace('}', "*");
    for Finding { id, symptom, cause, remedy, .. } in table() {
        let _ = writeln!(text, "| `{id}` | {} | {} | {} |", plain(symptom), plain(cause), plain(remedy));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
        let document = std::fs::read_to_string(path).unwrap();
        assert!(document.contains(&markdown()), "docs/troubleshooting.md must contain:\n{}", markdown());
    }

    #[test]
    fn every_id_that_the_code_names_is_in_the_table() {
        let sources = [include_str!("machine.rs"), include_str!("stack.rs"), include_str!("database.rs")];
        let mut named = 0;
        for source in sources {
            for after in source.split("Finding::new(").skip(1) {
                let id = after.trim_start().trim_start_matches('"').split('"').next().unwrap();
                assert!(table().iter().any(|finding| finding.id == id), "{id}");
                named += 1;
            }
        }
        assert!(named >= table().len(), "every finding is named somewhere");
    }
}
