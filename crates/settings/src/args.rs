//! Where to read settings from, by the command line and the process.

use std::path::PathBuf;

use clap::ValueHint;

/// The part of a program's command line that concerns settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// Read settings from this TOML file; environment variables win over it.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// Where settings come from, besides the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file given by `--config`.
    pub file: Option<PathBuf>,
    /// The environment, read once in `main`.
    pub environment: Vec<(String, String)>,
    /// Whether `DATABASE_URL` is used if the connection string is set nowhere else. Only the backend's own program enables
    /// this.
    pub accept_database_url: bool,
}

impl Sources {
    /// Sets a variable from an option, overriding the environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.environment.push((name.to_owned(), value.to_owned()));
    }
}

impl SettingsArgs {
    /// The command line's choices, and the environment of this process. Invalid Unicode becomes replacement characters.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Sources { file: self.config.clone(), environment, accept_database_url: false }
    }
}
