//! Where the command line and the process say that settings are.

use std::path::PathBuf;

use clap::ValueHint;

/// The part of a program's command line that is about settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// Read settings from this TOML file; environment variables win over it.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// Where settings come from, beside the built-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file of `--config`.
    pub file: Option<PathBuf>,
    /// The environment, read once in `main`.
    pub environment: Vec<(String, String)>,
    /// Whether `DATABASE_URL` stands in for a connection string that is set nowhere else. Only the backend's own program
    /// says yes.
    pub accept_database_url: bool,
}

impl SettingsArgs {
    /// What the command line says, and the environment of this process. What is not Unicode gets replacement characters.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Sources { file: self.config.clone(), environment, accept_database_url: false }
    }
}
