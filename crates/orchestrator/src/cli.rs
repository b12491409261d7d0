//! What can be written on the command line.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use secrecy::SecretString;
use url::Url;

use crate::profile;

const EXAMPLES: &str = "\
Examples:
  mgm tier-b                       run Tier B on a throw-away stack
  mgm up                           keep a stack running until Ctrl-C
  mgm tier-b --attach              run Tier B against a stack that is running already
  mgm send-chat --text '!twgold Etoehero' --user-id 42 --login somebody
  mgm check                        ask everything that should be running how it is
  mgm serve mock-helix             play one service alone
  mgm faults --seconds 60          kill and restart two backends under load, and prove that nothing is lost
  mgm backend audit                the backend's own command line: migrate, audit, export and others

Exit status:
  0  passed
  1  a check failed, or a service ended by itself
  2  wrong usage or environment; the message says what to do

Configuration comes from defaults, --config and environment variables such as Mgm__ApiKey; `mgm config` lists them.";

/// Mimiron's Gold-o-Matic: the stack for end-to-end tests, in one program.
///
/// Runs the backend and a real PostgreSQL with a stand-in for every outside party, and drives the whole way from a signed
/// chat message to the recorded chat announcement.
#[derive(Debug, Parser)]
#[command(name = "mgm", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every subcommand understands.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Write the result to standard output as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub settings: mgm_settings::Args,
    /// Where the data of `up` and the logs stay [default: $XDG_STATE_HOME/mgm or ~/.local/state/mgm; for root /var/lib/mgm].
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// Where the services' log files go [default: logs in the state directory].
    #[arg(
        long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, env = "MGM_LOG_DIR", hide_env_values = true
    )]
    pub log_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the stack and keep it running until Ctrl-C.
    ///
    /// Everything is started in order, each service gated on the health of what it needs. Data persists between runs.
    Up(Up),
    /// Run Tier A: a signed chat message in, pool membership out.
    TierA(Scenario),
    /// Run Tier B: Tier A, then a payout through the desktop sequence to the chat announcement.
    TierB(Scenario),
    /// Sign one chat message and post it as Twitch would.
    SendChat(SendChat),
    /// Ask backend and stand-ins for health and identity.
    Check(Targets),
    /// Play one service alone, in the foreground.
    Serve(Serve),
    /// Run backends under load while things fail, and prove that nothing is lost or doubled.
    ///
    /// Starts a private PostgreSQL, stand-ins and several backends on one database. Players enrol, claim, win and take
    /// payouts to Sent; Helix misbehaves; and at random moments processes are killed, PostgreSQL restarts, sessions end and
    /// connections run out. In the end every acknowledged notification has to have had its effect exactly once, every
    /// announcement has to have been said once or be listed as dropped or unknown, and the audit has to find nothing.
    Faults(Faults),
    /// The backend's own command line: serve, migrate, audit, rebuild-projections, export.
    Backend {
        /// What it is to do.
        #[command(subcommand)]
        command: mgm_backend::cli::Command,
    },
    /// Run the same stack under process-compose, which has to be installed.
    ///
    /// The definition is made from the same table of services as everything else here; with --print it goes to standard
    /// output and nothing is started. Logs and reports stay in the log directory.
    ProcessCompose(ProcessCompose),
    /// List all settings with value, origin and meaning; secrets are not shown.
    Config,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a directory.
    #[command(hide = true)]
    Manual {
        /// The directory, which is created.
        directory: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct Up {
    #[command(flatten)]
    pub stack: StackOptions,
    /// Start with an empty database (of the stack's own PostgreSQL).
    #[arg(long)]
    pub fresh: bool,
}

/// How a stack is started.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Stack options")]
pub struct StackOptions {
    /// Use this PostgreSQL (a postgres:// URL or Npgsql keywords) instead of starting one; ConnectionStrings__PostgreSQL
    /// does the same. `tier-a` and `tier-b` create a database of their own there and drop it.
    #[arg(long, value_name = "URL", value_parser = secret, conflicts_with = "pg_port")]
    pub database_url: Option<SecretString>,
    #[command(flatten)]
    pub ports: PortOptions,
}

/// Where a stack listens.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Stack options")]
pub struct PortOptions {
    /// Let the system choose every port that is not given.
    #[arg(long)]
    pub auto_ports: bool,
    /// Port of PostgreSQL [default: 5432].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub pg_port: Option<u16>,
    /// Port of the backend [default: 8080].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub backend_port: Option<u16>,
    /// Port of MockEventSubWebhook [default: 9051].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub mock_eventsub_port: Option<u16>,
    /// Port of MockExtensionJwt [default: 9052].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub mock_jwt_port: Option<u16>,
    /// Port of MockHelixApi [default: 9053].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub mock_helix_port: Option<u16>,
    /// Port of SyntheticDesktop [default: 9054].
    #[arg(long, value_name = "PORT", value_parser = port())]
    pub synthetic_desktop_port: Option<u16>,
}

// What process-compose is told first, the user may say again.
#[derive(Args, Debug)]
#[command(next_help_heading = "Scenario options", args_override_self = true)]
pub struct Scenario {
    /// Start nothing: run against a stack that is running already, with a viewer and a character of its own unless they
    /// are given.
    #[arg(long, conflicts_with_all = [
        "database_url", "auto_ports", "pg_port", "backend_port", "mock_eventsub_port", "mock_jwt_port", "mock_helix_port",
        "synthetic_desktop_port",
    ])]
    pub attach: bool,
    /// The viewer's Twitch id [default: e2e-viewer-1; with --attach a new one].
    #[arg(long, value_name = "ID", value_parser = filled)]
    pub user_id: Option<String>,
    /// The viewer's login [default: that of the viewer].
    #[arg(long, value_name = "NAME", value_parser = filled)]
    pub login: Option<String>,
    /// The viewer's character [default: Etoehero; with --attach a new one].
    #[arg(long, value_name = "NAME", value_parser = filled)]
    pub character: Option<String>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub secrets: Secrets,
    #[command(flatten)]
    pub stack: StackOptions,
}

/// Where a running stack is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Where a running stack is")]
pub struct Targets {
    /// The backend [default: http://127.0.0.1:8080].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub backend: Option<Url>,
    /// MockEventSubWebhook [default: http://127.0.0.1:9051].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub mock_eventsub: Option<Url>,
    /// MockExtensionJwt [default: http://127.0.0.1:9052].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub mock_jwt: Option<Url>,
    /// MockHelixApi [default: http://127.0.0.1:9053].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub mock_helix: Option<Url>,
    /// SyntheticDesktop [default: http://127.0.0.1:9054].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub synthetic_desktop: Option<Url>,
}

/// What a scenario shares with the services. The environment is the better place for it: other users can see a command line.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Secrets (better set as Mgm__ApiKey and Twitch__EventSubSecret)")]
pub struct Secrets {
    /// The desktop program's key.
    #[arg(long, value_name = "KEY", value_parser = secret)]
    pub api_key: Option<SecretString>,
    /// The secret that signs chat messages.
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    pub event_sub_secret: Option<SecretString>,
}

#[derive(Args, Debug)]
pub struct Faults {
    /// How long load and faults go on, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// How many backends share the database.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub processes: u8,
    /// The seed of what is left to chance, to have the same faults at the same moments again [default: a new one].
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// A fault to cause; may be repeated [default: all].
    #[arg(long = "fault", value_name = "FAULT")]
    pub kinds: Vec<crate::faults::Kind>,
    /// Cause none: load alone.
    #[arg(long = "no-faults", conflicts_with = "kinds")]
    pub calm: bool,
}

#[derive(Args, Debug)]
pub struct ProcessCompose {
    /// What to run.
    pub what: Composition,
    /// Print the definition and start nothing.
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub ports: PortOptions,
    /// What the scenario gets to hear, such as --json.
    #[arg(last = true, value_name = "SCENARIO OPTIONS")]
    pub arguments: Vec<OsString>,
}

/// What process-compose can run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Composition {
    /// The stack, then Tier A, and that is all.
    TierA,
    /// The stack, then Tier B, and that is all.
    TierB,
    /// The stack, until Ctrl-C.
    Up,
    /// The four stand-ins, until Ctrl-C.
    Mocks,
}

#[derive(Args, Debug)]
pub struct SendChat {
    /// What is typed.
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    pub text: String,
    /// Who types it: their Twitch id.
    #[arg(long, value_name = "ID", default_value = profile::USER_ID, value_parser = filled)]
    pub user_id: String,
    /// Who types it: their login.
    #[arg(long, value_name = "NAME", default_value = profile::LOGIN, value_parser = filled)]
    pub login: String,
    /// A badge that they wear; may be repeated.
    #[arg(long, value_name = "BADGE", default_value = "subscriber", value_parser = filled)]
    pub badge: Vec<String>,
    /// The channel [default: Twitch__BroadcasterUserId, else that of the Tier B profile].
    #[arg(long, value_name = "ID", value_parser = filled)]
    pub broadcaster_id: Option<String>,
    /// Send the seven fields and the epoch seconds that the .NET pipeline's script sends, which name no channel; not given:
    /// all that Twitch sends.
    #[arg(long, conflicts_with = "broadcaster_id")]
    pub short: bool,
    /// The id of the message, to send one twice; not given: a new one.
    #[arg(long, value_name = "ID", value_parser = filled)]
    pub message_id: Option<String>,
    /// Where to post it; a URL without a path gets /api/twitch/eventsub [default: MockEventSubWebhook].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    pub url: Option<Url>,
    /// The secret that signs it [default: Twitch__EventSubSecret, else that of the Tier B profile].
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    pub event_sub_secret: Option<SecretString>,
}

#[derive(Args, Debug)]
pub struct Serve {
    #[command(subcommand)]
    pub service: Service,
}

#[derive(Debug, Subcommand)]
pub enum Service {
    /// The backend.
    Backend,
    /// MockEventSubWebhook: stands for Twitch's webhook sender.
    #[command(name = "mock-eventsub")]
    MockEventSub,
    /// MockExtensionJwt: stands for Twitch's token issuer.
    MockJwt,
    /// MockHelixApi: stands for Twitch's REST interface.
    MockHelix,
    /// SyntheticDesktop: stands for the streamer's desktop program.
    SyntheticDesktop,
    /// The stack's own PostgreSQL, with the data of `up`.
    Postgres(Postgres),
}

#[derive(Args, Debug)]
pub struct Postgres {
    /// The port.
    #[arg(long, value_name = "PORT", default_value_t = 5432, value_parser = port())]
    pub port: u16,
    /// Start with empty data.
    #[arg(long)]
    pub fresh: bool,
    /// Keep no data.
    #[arg(long, hide = true, conflicts_with = "fresh")]
    pub throw_away: bool,
    /// Write the log to this file.
    #[arg(long, hide = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// What a script leaves empty by mistake must not stand for something else.
fn filled(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

fn secret(text: &str) -> Result<SecretString, &'static str> {
    filled(text).map(SecretString::from)
}

fn port() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

/// An address of a service. What is none is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug)]
struct HttpUrl;

impl TypedValueParser for HttpUrl {
    type Value = Url;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&Arg>, text: &OsStr) -> Result<Url, clap::Error> {
        let url = text.to_str().and_then(|text| Url::parse(text).ok());
        let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
        url.filter(|url| matches!(url.scheme(), "http" | "https") && is_plain(url)).ok_or_else(|| {
            let argument = argument.map_or_else(String::new, |argument| format!("{argument}: "));
            let message = format!("{argument}expected an http:// or https:// URL without credentials\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_what_it_was() {
        let mut command = Cli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for name in ["up", "tier-b", "send-chat", "check", "serve", "faults", "process-compose"] {
            let help = command.find_subcommand_mut(name).unwrap().render_long_help();
            insta::assert_snapshot!(format!("help-{name}"), help);
        }
    }

    #[test]
    fn a_database_url_is_not_shown() {
        let cli = Cli::try_parse_from(["mgm", "up", "--database-url", "postgres://hush"]).unwrap();
        assert!(!format!("{cli:?}").contains("hush"));
    }

    #[test]
    fn an_address_that_is_none_is_not_shown() {
        for url in ["http://u:hush@localhost", "http://hush@localhost", "ftp://hush", "hush", "http://hush hush"] {
            let error = Cli::try_parse_from(["mgm", "check", "--backend", url]).unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains("--backend <URL>: expected an http") && !shown.contains("hush"), "{shown}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn no_argument_may_be_empty() {
        let mut checked = 0;
        for command in Cli::command().get_subcommands() {
            for option in command.get_arguments().filter(|option| option.get_action().takes_values()) {
                let Some(name) = option.get_long() else { continue };
                let is_path = matches!(option.get_value_hint(), ValueHint::FilePath | ValueHint::DirPath);
                for empty in if is_path { &[""][..] } else { &["", " "] } {
                    let line = ["mgm", command.get_name(), &format!("--{name}={empty}")];
                    let error = Cli::try_parse_from(line).unwrap_err();
                    let is_about_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
                    assert!(is_about_value && error.exit_code() == 2, "{line:?}: {error}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 50, "{checked}");
    }

    #[test]
    fn attaching_and_starting_exclude_each_other() {
        for wrong in [
            "tier-b --attach --pg-port 1",
            "tier-b --attach --auto-ports",
            "up --pg-port 0",
            "up --pg-port 1 --database-url x",
        ] {
            assert!(Cli::try_parse_from(std::iter::once("mgm").chain(wrong.split(' '))).is_err(), "{wrong}");
        }
    }
}
