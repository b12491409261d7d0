//! The manual pages of a program, generated from its `--help`.

use std::io::Result;
use std::path::Path;

/// Writes a page for the program and one for each visible subcommand into `directory`, which is created.
pub fn write(command: clap::Command, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), directory)
}
