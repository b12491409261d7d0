//! The environment as a layer.
//!
//! A variable is named `<Section>__<Key>`, without regard to case. `<Section>__<Key>__File` names a file that holds the
//! value, as orchestrators and systemd hand secrets out. An empty value counts as not set, and a value is text, whatever it
//! looks like.

use crate::error::Problem;
use crate::key::{SHARED, nearest};
use crate::layer::{Layer, Origin};
use crate::sections::{FALLBACKS, keys};

/// What the variables say: those of the fallback names, and over them those of our own.
pub(crate) fn read(variables: &[(String, String)], problems: &mut Vec<Problem>) -> [Layer; 2] {
    let mut layers = [Layer::default(), Layer::default()];
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        let (variable, is_file) = named_by(name);
        let fallback = FALLBACKS.iter().find(|(fallback, _)| fallback.eq_ignore_ascii_case(variable));
        let own = fallback.map_or(variable, |(_, own)| own);
        let Some(key) = keys().find(|key| key.variable.eq_ignore_ascii_case(own)) else {
            if is_ours(variable) {
                let nearest = nearest(variable, keys().map(|key| key.variable.to_owned()));
                problems.push(Problem::Unknown { key: name.clone(), origin: Origin::Variable(name.clone()), nearest });
            }
            continue;
        };
        let value = if is_file { content(name, value) } else { Ok(value.clone()) };
        let layer = &mut layers[usize::from(fallback.is_none())];
        match value {
            Ok(value) if value.is_empty() => {}
            Ok(value) => problems.extend(layer.add(key, name.clone(), value.into()).err()),
            Err(problem) => problems.push(problem),
        }
    }
    layers
}

/// `DATABASE_URL`, which stands in for a connection string that is set nowhere else.
pub(crate) fn database_url(variables: &[(String, String)]) -> Layer {
    const NAME: &str = "DATABASE_URL";
    let mut layer = Layer::default();
    let url = variables.iter().find(|(name, value)| name == NAME && !value.is_empty());
    let key = keys().find(|key| key.variable == "ConnectionStrings__PostgreSQL");
    if let Some(((_, url), key)) = url.zip(key) {
        // It is the only one of its layer.
        let _ = layer.add(key, NAME.to_owned(), url.clone().into());
    }
    layer
}

/// The variable whose value `name` gives, and whether it does so by the name of a file.
fn named_by(name: &str) -> (&str, bool) {
    const SUFFIX: &str = "__File";
    match name.len().checked_sub(SUFFIX.len()).and_then(|length| name.split_at_checked(length)) {
        Some((variable, suffix)) if suffix.eq_ignore_ascii_case(SUFFIX) => (variable, true),
        _ => (name, false),
    }
}

/// The text of a file that holds one value. The end of its last line does not count.
fn content(variable: &str, path: &str) -> Result<String, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Problem::UnreadableValue { variable: variable.to_owned(), source })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Whether a variable stands under a section of ours and so must be a key of ours.
fn is_ours(variable: &str) -> bool {
    variable.split_once("__").is_some_and(|(section, _)| {
        !section.eq_ignore_ascii_case(SHARED) && keys().any(|key| key.parts().0.eq_ignore_ascii_case(section))
    })
}
