//! The names of settings.

/// A section where other keys may stand: they belong to somebody else.
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

    /// As it is written in the file: `rate_limits.viewer_reads_per_minute` is `RateLimits__ViewerReadsPerMinute`.
    pub(crate) fn in_file(&self) -> String {
        let (section, key) = self.parts();
        format!("{}.{}", snake_case(section), snake_case(key))
    }

    /// What it means, on one line.
    pub(crate) fn meaning(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// A word begins with a capital that stands behind a small letter and not before another capital (`PostgreSQL` is one).
fn snake_case(name: &str) -> String {
    let mut written = String::new();
    let mut letters = name.chars().peekable();
    let mut after_small = false;
    while let Some(letter) = letters.next() {
        if letter.is_uppercase() && after_small && !letters.peek().is_some_and(|next| next.is_uppercase()) {
            written.push('_');
        }
        after_small = !letter.is_uppercase();
        written.extend(letter.to_lowercase());
    }
    written
}

/// The one of `names` that looks most like `name`.
pub(crate) fn nearest(name: &str, names: impl Iterator<Item = String>) -> String {
    let name = name.to_ascii_lowercase();
    names.min_by_key(|known| strsim::damerau_levenshtein(&name, &known.to_ascii_lowercase())).unwrap_or_default()
}
