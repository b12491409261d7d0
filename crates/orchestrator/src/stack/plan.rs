//! The plan of a stack, made before anything is started.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mgm_service::connection_string::ConnectionString;
use mgm_service::services::ServiceId;
use mgm_settings::{Settings, Sources};
use mgm_system::RandomSource;
use secrecy::{ExposeSecret as _, SecretString};

use super::database::DatabasePlan;
use super::ports::{self, PortArgs, Ports};
use super::throw_away;
use crate::environment::StackEnvironment;
use crate::log_dir::LogDir;
use crate::state::StateDir;
use crate::terminal;
use crate::value_parser::secret;

/// How a stack is started.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Stack options")]
pub struct StackArgs {
    /// Use this PostgreSQL (a postgres:// URL or Npgsql keywords) instead of starting one; ConnectionStrings__PostgreSQL
    /// does the same. `tier-a` and `tier-b` create their own database there and drop it.
    #[arg(long, value_name = "URL", value_parser = secret, conflicts_with = ports::port_option(ServiceId::Postgres))]
    pub database_url: Option<SecretString>,
    #[command(flatten)]
    pub ports: PortArgs,
}

impl StackArgs {
    /// The ids of all these options, for options that exclude them.
    pub fn ids() -> impl Iterator<Item = String> {
        std::iter::once("database_url".to_owned()).chain(PortArgs::ids())
    }
}

/// What happens to the data when the stack stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// It is kept for the next time.
    Data {
        /// Whether existing data is removed first.
        fresh: bool,
    },
    /// It is removed.
    Nothing,
}

/// The plan of a stack.
#[derive(Debug)]
pub struct Plan {
    /// The ports of the services.
    pub ports: Ports,
    /// The database.
    pub database: DatabasePlan,
    /// The environment of the services.
    pub environment: StackEnvironment,
    /// The directory for their output.
    pub log_dir: LogDir,
}

impl Plan {
    /// Makes the plan and reserves the ports. Starts nothing.
    pub fn make(
        options: &StackArgs,
        sources: Sources,
        state: &StateDir,
        log_dir: Option<&Path>,
        keep: Keep,
    ) -> Result<Self> {
        let named = named_database(options, &sources)?;
        for warning in named.iter().flat_map(|to| &to.warnings) {
            terminal::note(format_args!("warning: {warning}"));
        }
        let ports = Ports::reserve(&options.ports, named.is_none())?;
        let environment = StackEnvironment::tier_b(sources, |service| ports.url(service))?;
        let log_dir = LogDir::open(log_dir, state)?;
        let database = match (named, keep) {
            (None, keep) => {
                let (data, fresh) = match keep {
                    Keep::Data { fresh } => (Some(state.postgres()), fresh),
                    Keep::Nothing => (None, false),
                };
                let port = ports.of(ServiceId::Postgres).context("the stack's own PostgreSQL has no port")?;
                DatabasePlan::Own { port, data, fresh, log: log_file(log_dir.path(), ServiceId::Postgres) }
            }
            (Some(_), Keep::Data { fresh: true }) => bail!(
                "--fresh empties only the stack's own PostgreSQL, never a database that was named; \
                 leave --fresh out, or leave out --database-url and ConnectionStrings__PostgreSQL"
            ),
            (Some(to), Keep::Data { fresh: false }) => DatabasePlan::Named(to),
            (Some(server), Keep::Nothing) => {
                DatabasePlan::ThrowAway { server, name: throw_away::name(&RandomSource::from_system()) }
            }
        };
        Ok(Self { ports, database, environment, log_dir })
    }

    /// The log file of a service.
    pub fn log(&self, service: ServiceId) -> PathBuf {
        log_file(self.log_dir.path(), service)
    }
}

/// The log file of a service in a log directory.
pub fn log_file(log_dir: &Path, service: ServiceId) -> PathBuf {
    log_dir.join(service.service().log_file)
}

/// The database of `--database-url`, or else of the settings. Never that of a stray `DATABASE_URL`.
fn named_database(options: &StackArgs, sources: &Sources) -> Result<Option<ConnectionString>> {
    let to = match &options.database_url {
        Some(url) => Some(ConnectionString::parse(url.expose_secret())?),
        None => Settings::load(sources)?.settings.connection_strings.postgresql,
    };
    if let Some(to) = &to {
        to.check_files()?;
    }
    Ok(to)
}
