//! What every subcommand understands.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueHint};
use mgm_settings::{SettingsArgs, Sources};

use crate::state::StateDir;

/// What every subcommand understands.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Write the result to standard output as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Where the data of `up` and the logs stay [default: $XDG_STATE_HOME/mgm or ~/.local/state/mgm; for root /var/lib/mgm].
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// Where the services' log files go [default: logs in the state directory].
    #[arg(
        long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, env = "MGM_LOG_DIR", hide_env_values = true
    )]
    pub log_dir: Option<PathBuf>,
}

impl GlobalArgs {
    /// Where the settings come from.
    pub fn sources(&self) -> Sources {
        self.settings.sources()
    }

    /// The state directory.
    pub fn state(&self) -> Result<StateDir> {
        StateDir::choose(self.state_dir.clone())
    }
}
