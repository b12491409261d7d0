//! Options of every subcommand.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueHint};
use mgm_settings::{SettingsArgs, Sources};

use crate::state::StateDir;

/// Options of every subcommand.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Write the result to standard output as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// The directory for logs and the data of `up` [default: $XDG_STATE_HOME/mgm or ~/.local/state/mgm; for root /var/lib/mgm].
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// The directory for the services' log files [default: logs in the state directory].
    #[arg(
        long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, env = "MGM_LOG_DIR", hide_env_values = true
    )]
    pub log_dir: Option<PathBuf>,
}

impl GlobalArgs {
    /// The sources of the settings.
    pub fn sources(&self) -> Sources {
        self.settings.sources()
    }

    /// The state directory.
    pub fn state(&self) -> Result<StateDir> {
        StateDir::choose(self.state_dir.clone())
    }
}
