//! The summary of a job, as Markdown
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>).

use std::fs::File;
use std::io;
use std::path::Path;

/// The variable that names the file to which a job's summary is appended; GitHub sets it.
pub const VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// Opens a summary to append to it.
pub fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Escapes text for a table cell.
#[must_use]
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
