//! The environment as layers.
//!
//! A variable is named `<Section>__<Key>`, ignoring case. `<Section>__<Key>__File` names a file that holds the value, which is
//! how orchestrators and systemd pass secrets. An empty value counts as not set, and a value is text, whatever it looks
//! like.

use figment::Figment;

use crate::args::Sources;
use crate::error::Problem;
use crate::key::{Key, SHARED};
use crate::layer::Given;

/// Other programs' names for our settings, each with its layer. The fallback for a connection string that is set nowhere
/// else is below the file, the others are above it; our own names take precedence.
const ELSEWHERE: &[(&str, &str, usize)] = &[
    ("DATABASE_URL", "ConnectionStrings__PostgreSQL", 0),
    ("ASPNETCORE_ENVIRONMENT", "Mgm__Environment", 1),
    ("ASPNETCORE_URLS", "Mgm__Urls", 1),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "Mgm__OtlpEndpoint", 1),
];
const OWN: usize = 2;

/// The values of the variables, the lowest layer first.
pub(crate) fn read(sources: &Sources, keys: &[&'static Key], problems: &mut Vec<Problem>) -> [Figment; 3] {
    let mut layers = [Figment::new(), Figment::new(), Figment::new()];
    for (spelled, value) in sources.environment.iter().filter(|(_, value)| !value.is_empty()) {
        let (variable, is_file) = named_by(spelled);
        let elsewhere = ELSEWHERE.iter().find(|(name, ..)| name.eq_ignore_ascii_case(variable));
        let &(_, name, layer) = elsewhere.unwrap_or(&("", variable, OWN));
        if layer == 0 && !sources.accept_database_url {
            continue;
        }
        let Some(key) = keys.iter().copied().find(|key| key.variable.eq_ignore_ascii_case(name)) else {
            if is_ours(variable, keys) {
                let nearest = Key::nearest(variable, keys.iter().map(|key| key.variable.to_owned()));
                problems.push(Problem::unknown(spelled, format_args!("environment variable {spelled}"), &nearest));
            }
            continue;
        };
        let value = if is_file { content(spelled, value) } else { Ok(value.clone()) };
        let added = value.and_then(|value| match value.as_str() {
            "" => Ok(()),
            text => Given { key, spelled: spelled.clone(), file: None, value: text.into() }.add_to(&mut layers[layer]),
        });
        problems.extend(added.err());
    }
    layers
}

/// The variable whose value `name` gives, and whether it names a file.
fn named_by(name: &str) -> (&str, bool) {
    const SUFFIX: &str = "__File";
    match name.len().checked_sub(SUFFIX.len()).and_then(|length| name.split_at_checked(length)) {
        Some((variable, suffix)) if suffix.eq_ignore_ascii_case(SUFFIX) => (variable, true),
        _ => (name, false),
    }
}

/// The text of a file that holds one value, without its final line break. Errors do not repeat the file's name, since it is
/// also a value: somebody may have put the secret itself there.
fn content(variable: &str, path: &str) -> Result<String, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("{variable}: the file that it names cannot be read: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Whether a variable is in one of our sections and therefore must be one of our keys.
fn is_ours(variable: &str, keys: &[&Key]) -> bool {
    variable.split_once("__").is_some_and(|(section, _)| {
        !section.eq_ignore_ascii_case(SHARED) && keys.iter().any(|key| key.parts().0.eq_ignore_ascii_case(section))
    })
}
