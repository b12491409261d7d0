//! `mgm mocks`.

mod ports;
mod ready;
mod stand_ins;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::on_one_thread;
use crate::global::GlobalArgs;
use stand_ins::StandInArgs;
use verify::VerifyArgs;

/// The options of `mgm mocks`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MocksArgs {
    #[command(subcommand)]
    command: Option<MocksCommand>,
    #[command(flatten)]
    stand_ins: StandInArgs,
}

/// The subcommands of `mgm mocks`.
#[derive(Debug, Subcommand)]
enum MocksCommand {
    /// Check whether a webhook receiver keeps Twitch's contract.
    ///
    /// Sends the receiver what Twitch sends (challenges, notifications, revocations, duplicates) and what Twitch would never
    /// send (forged, old, malformed and oversized messages), and judges the answers. Any 2xx is accepted for what a receiver
    /// must take, any 4xx for what it must refuse. The receiver is not told that this is a test: it will believe that its
    /// subscription was revoked.
    Verify(VerifyArgs),
}

pub fn run(global: &GlobalArgs, options: MocksArgs) -> Result<ExitCode> {
    match options.command {
        None => stand_ins::run(global, &options.stand_ins),
        Some(MocksCommand::Verify(options)) => on_one_thread(verify::run(global, options)),
    }
}
