//! `mgm ci-health`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};
use mgm_service::output;
use mgm_system::{Clock as _, SystemClock};
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

use crate::alert::Alert;
use crate::github::{Error, GitHub, Repository, Workflow};
use crate::{rehearsal, report, summary};

/// The command could not be carried out.
const WRONG: u8 = 2;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum CiHealthCommand {
    /// Report the results of a workflow in the last weeks, as Markdown: on standard output, and in the job's summary.
    Report(ReportArgs),
    /// Open one issue when the two newest runs of a workflow failed, comment on it while that lasts, close it when one passes.
    ///
    /// Cancelled and skipped runs do not count. The alert may be run at any time, and twice at once.
    Alert(AlertArgs),
    /// Run report and alert against a fake GitHub, and print what would be posted.
    Rehearse,
}

/// The repository and the workflow.
#[derive(Args, Debug)]
pub struct TargetArgs {
    /// The repository.
    #[arg(long, value_name = "OWNER/NAME", env = "GITHUB_REPOSITORY")]
    repository: Repository,
    /// The file of the workflow.
    #[arg(long, value_name = "FILE", default_value = "e2e-test.yml", value_parser = file_name)]
    workflow: String,
    /// Only look at the runs on this branch.
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// The address of GitHub's API.
    #[arg(long, value_name = "URL", env = "GITHUB_API_URL", default_value = "https://api.github.com")]
    api_url: Url,
    /// The token [default: none, which is enough for the report of a public repository].
    #[arg(long, value_name = "TOKEN", env = "GITHUB_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
}

/// The options of [`CiHealthCommand::Report`].
#[derive(Args, Debug)]
pub struct ReportArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The number of days, including today.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Also append the report to this file [default: that of the job's summary, in a workflow].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = summary::VARIABLE, hide_env_values = true)]
    summary: Option<PathBuf>,
}

/// The options of [`CiHealthCommand::Alert`].
#[derive(Args, Debug)]
pub struct AlertArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The label of the issue: an open issue with this label is the alert's.
    #[arg(long, value_name = "LABEL", default_value = "ci-health")]
    label: String,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// GitHub did not carry out a request.
    #[error(transparent)]
    GitHub(#[from] Error),
    /// The rehearsal found a problem.
    #[error(transparent)]
    Rehearsal(#[from] rehearsal::RehearsalError),
    /// The summary cannot be written.
    #[error("cannot write to {0}: {1}")]
    Summary(PathBuf, #[source] std::io::Error),
    /// Standard output cannot be written to.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
}

impl CiHealthCommand {
    /// Runs the command and reports errors. The exit status is 0 if it was carried out and 2 if it could not be; the state of
    /// the workflow does not change it.
    #[must_use]
    pub fn execute(self, json: bool) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = match runtime {
            Ok(runtime) => runtime.block_on(self.run(json, SystemClock.now())),
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("{failure}");
                ExitCode::from(WRONG)
            }
        }
    }

    async fn run(self, json: bool, now: OffsetDateTime) -> Result<(), Failure> {
        match self {
            Self::Report(ReportArgs { target, days, summary }) => {
                // Checked before GitHub is asked.
                let mut file = match summary {
                    Some(path) => match summary::open(&path) {
                        Ok(file) => Some((file, path)),
                        Err(error) => return Err(Failure::Summary(path, error)),
                    },
                    None => None,
                };
                let (github, workflow) = target.open()?;
                let report = report::collect(&github, &workflow, days, now).await?;
                let markdown = report.markdown();
                if let Some((file, path)) = &mut file {
                    writeln!(file, "{markdown}").map_err(|error| Failure::Summary(path.clone(), error))?;
                }
                if json { print_json(&report)? } else { writeln!(output::output(), "{markdown}")? }
            }
            Self::Alert(AlertArgs { target, label }) => {
                let (github, workflow) = target.open()?;
                let actions = Alert { workflow, label }.run(&github).await?;
                if json {
                    print_json(&actions)?;
                } else if actions.is_empty() {
                    writeln!(output::output(), "nothing to do")?;
                } else {
                    for action in actions {
                        writeln!(output::output(), "{action}")?;
                    }
                }
            }
            Self::Rehearse => writeln!(output::output(), "{}", rehearsal::rehearse(now).await?)?,
        }
        Ok(())
    }
}

impl TargetArgs {
    fn open(self) -> Result<(GitHub, Workflow), Error> {
        let Self { repository, workflow, branch, api_url, token } = self;
        Ok((GitHub::new(&api_url, token.as_ref(), repository)?, Workflow { file: workflow, branch }))
    }
}

fn print_json(value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut output = output::output();
    serde_json::to_writer_pretty(&mut output, value)?;
    writeln!(output)
}

/// The name of a workflow's file, which becomes part of a URL.
fn file_name(text: &str) -> Result<String, &'static str> {
    let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    let is_file = !matches!(text, "" | "." | "..") && text.chars().all(is_name);
    if is_file { Ok(text.to_owned()) } else { Err("expected the name of a file in .github/workflows") }
}
