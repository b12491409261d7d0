//! The options of MockHelixApi on a command line.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use mgm_settings::Sources;
use mgm_twitch::eventsub::MappedCallback;

use crate::program::OwnArgs;

/// The options of MockHelixApi.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct HelixArgs {
    /// Call callbacks of one origin at another; path, query and Host header stay. May be repeated [default:
    /// MockHelix__Callbacks].
    #[arg(long, value_name = "https://HOST=http://ADDRESS:PORT")]
    callback: Vec<MappedCallback>,
}

impl OwnArgs for HelixArgs {
    fn apply(&self, sources: &mut Sources) {
        if !self.callback.is_empty() {
            let mapped: Vec<_> = self.callback.iter().map(ToString::to_string).collect();
            sources.set("MockHelix__Callbacks", &mapped.join(","));
        }
    }
}
