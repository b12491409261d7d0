//! The TOML file as a layer. `ApiKey` of `Mgm` is `api_key` under `[mgm]`; case and underscores do not matter.

use std::path::Path;

use figment::value::{Empty, Value};

use crate::error::Problem;
use crate::key::{Key, SHARED, nearest};
use crate::layer::{Layer, Origin};
use crate::sections::keys;

/// What the file says.
pub(crate) fn read(path: &Path, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::of_file(path);
    let table = match parse(path) {
        Ok(table) => table,
        Err(problem) => {
            problems.push(problem);
            return layer;
        }
    };
    let unknown = |key: String| {
        let nearest = nearest(&key, keys().map(Key::in_file));
        Problem::Unknown { key, origin: Origin::File(path.to_owned()), nearest }
    };
    for (section, value) in table {
        let toml::Value::Table(entries) = value else {
            problems.push(unknown(section));
            continue;
        };
        for (name, value) in entries {
            let written = format!("{section}.{name}");
            match keys().find(|key| plain(&key.in_file()) == plain(&written)) {
                Some(_) if value.as_str() == Some("") => {}
                Some(key) => {
                    // There is nothing in TOML that would not go in; what is of no use is refused when it is read.
                    let value = Value::serialize(value).unwrap_or_else(|_| Empty::Unit.into());
                    problems.extend(layer.add(key, written, value).err());
                }
                None if SHARED.eq_ignore_ascii_case(&plain(&section)) => {}
                None => problems.push(unknown(written)),
            }
        }
    }
    layer
}

fn parse(path: &Path) -> Result<toml::Table, Problem> {
    let text = std::fs::read_to_string(path).map_err(|source| Problem::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        Problem::Syntax { path: path.to_owned(), line, message: error.message().to_owned() }
    })
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}
