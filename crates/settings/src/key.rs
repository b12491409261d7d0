//! The names of settings, and their sections.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A section that may hold other keys, which belong to other programs.
pub(crate) const SHARED: &str = "ConnectionStrings";

/// One setting, as a section declares it.
#[derive(Debug)]
pub(crate) struct Key {
    /// The environment variable, `Section__Key`.
    pub(crate) variable: &'static str,
    /// The lines of its documentation.
    pub(crate) doc: &'static [&'static str],
}

impl Key {
    /// The names of section and key.
    pub(crate) fn parts(&self) -> (&'static str, &'static str) {
        self.variable.split_once("__").unwrap_or_default()
    }

    /// The path by which `figment` finds its value.
    pub(crate) fn path(&self) -> String {
        self.variable.replace("__", ".")
    }

    /// Its name in the file: `rate_limits.viewer_reads_per_minute` is `RateLimits__ViewerReadsPerMinute`.
    ///
    /// A word begins with a capital that follows a small letter and does not precede another capital (`PostgreSQL` is one word).
    pub(crate) fn in_file(&self) -> String {
        let path = self.path();
        let letters = path.as_bytes();
        let is = |index: usize, kind: fn(&u8) -> bool| letters.get(index).is_some_and(kind);
        let mut written = String::new();
        for (index, letter) in letters.iter().enumerate() {
            let after_small =
                index > 0 && is(index - 1, |letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
            if letter.is_ascii_uppercase() && after_small && !is(index + 1, u8::is_ascii_uppercase) {
                written.push('_');
            }
            written.push(letter.to_ascii_lowercase().into());
        }
        written
    }

    /// The one of `names` that is most similar to `name`.
    pub(crate) fn nearest(name: &str, names: impl Iterator<Item = String>) -> String {
        let name = name.to_ascii_lowercase();
        names.min_by_key(|known| strsim::damerau_levenshtein(&name, &known.to_ascii_lowercase())).unwrap_or_default()
    }
}

/// Settings that belong together.
pub(crate) trait Section: Default + DeserializeOwned + Serialize {
    /// The keys in the order of the documentation.
    const KEYS: &[Key];
}
