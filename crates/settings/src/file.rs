//! The TOML file as a layer. `ApiKey` of `Mgm` is `api_key` under `[mgm]`; case and underscores do not matter.

use std::path::Path;

use figment::Figment;
use figment::value::{Empty, Value};

use crate::error::Problem;
use crate::key::{Key, SHARED};
use crate::layer::Given;

/// The values of the file.
pub(crate) fn read(path: &Path, keys: &[&'static Key], problems: &mut Vec<Problem>) -> Figment {
    let mut layer = Figment::new();
    let table = parse(path).unwrap_or_else(|problem| {
        problems.push(problem);
        toml::Table::new()
    });
    let unknown = |key: &str| {
        let nearest = Key::nearest(key, keys.iter().copied().map(Key::in_file));
        Problem::unknown(key, format_args!("file {}", path.display()), &nearest)
    };
    for (section, value) in table {
        let toml::Value::Table(entries) = value else {
            problems.push(unknown(&section));
            continue;
        };
        for (name, value) in entries {
            let spelled = format!("{section}.{name}");
            match keys.iter().copied().find(|key| plain(&key.in_file()) == plain(&spelled)) {
                Some(_) if value.as_str() == Some("") => {}
                Some(key) => {
                    // Every TOML value can be converted; unusable ones are refused when they are read.
                    let value = Value::serialize(value).unwrap_or_else(|_| Empty::Unit.into());
                    let given = Given { key, spelled, file: Some(path.to_owned()), value };
                    problems.extend(given.add_to(&mut layer).err());
                }
                None if plain(&section).eq_ignore_ascii_case(SHARED) => {}
                None => problems.push(unknown(&spelled)),
            }
        }
    }
    layer
}

fn parse(path: &Path) -> Result<toml::Table, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("{} cannot be read: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        // The message does not include the invalid text.
        Problem::new(format!("{}, line {line}: {}", path.display(), error.message()))
    })
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "")
}
