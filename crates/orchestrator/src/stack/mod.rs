//! A stack: started in the order of the service table, watched, and stopped in reverse.

mod database;
mod plan;
mod ports;
mod throw_away;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable as _};
use futures_util::future::{FutureExt as _, select_all, try_join_all};
use mgm_service::descriptors;
use mgm_service::services::{SERVICES, Service, ServiceId};
use mgm_system::{Child, ParentDeath, Program, last_lines};
use nix::sys::signal::Signal;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::Command;
use tokio::sync::watch;

use crate::health::{Unhealthy, probe};
use crate::http::Endpoint;
use crate::terminal;
use database::{Database, DatabaseError};
use ports::PortsTaken;

pub use database::{DatabaseFault, DatabasePlan};
pub use plan::{Keep, Plan, StackArgs, log_file};
pub use ports::{PortArgs, ReservedPort, port_option};

/// Longer than the backend waits for its database.
const HEALTHY_WITHIN: Duration = Duration::from_secs(60);
/// Much longer than a loopback round trip, and much shorter than a service's start.
const PROBE_EVERY: Duration = Duration::from_millis(5);
/// Longer than a service takes to finish what it has accepted.
pub const STOPPED_WITHIN: Duration = Duration::from_secs(15);
/// The number of log lines that a report quotes.
pub const LAST_LINES: usize = 15;

/// A stack that is being started, is running, or is being stopped. [`Stack::stop`] leaves nothing of it behind.
#[derive(Debug)]
pub struct Stack {
    plan: Plan,
    database: OnceCell<Database>,
    /// In start order.
    children: RefCell<Vec<(ServiceId, Child)>>,
    /// How many faults the database has had, in which it may end.
    troubles: Cell<u64>,
}

/// A service that has become ready.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The service.
    pub service: ServiceId,
    /// Time since the stack was started.
    pub after: Duration,
}

/// A service that has stopped unexpectedly.
#[derive(Clone, Debug)]
pub struct Death {
    /// The service.
    pub service: ServiceId,
    /// Its exit status, if the system tells.
    pub status: Option<ExitStatus>,
    /// The end of its log.
    pub last_lines: Vec<String>,
}

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another process took a port at the last moment.
    #[error(transparent)]
    Taken(#[from] PortsTaken),
    /// A process cannot be started.
    #[error("cannot start {component}: {source}")]
    Spawn {
        /// The service.
        component: &'static str,
        /// The error.
        source: io::Error,
    },
    /// A service stopped instead of becoming ready.
    #[error("{0}")]
    Died(Death),
    /// A service does not become ready.
    #[error("{component} is not healthy after {} s: {last}", HEALTHY_WITHIN.as_secs())]
    NotHealthy {
        /// The service.
        component: &'static str,
        /// The last problem.
        last: Unhealthy,
    },
    /// No client for the probes can be built.
    #[error(transparent)]
    Client(#[from] mgm_http_client::ClientError),
}

impl StartError {
    /// Whether usage or environment are wrong; otherwise a service is.
    pub fn is_environment(&self) -> bool {
        const WRONG: Option<i32> = Some(2);
        match self {
            Self::Died(death) => death.status.and_then(|status| status.code()) == WRONG,
            Self::NotHealthy { .. } => false,
            Self::Database(_) | Self::Taken(_) | Self::Spawn { .. } | Self::Client(_) => true,
        }
    }
}

impl Stack {
    /// A stack of which nothing has been started.
    pub fn new(plan: Plan) -> Self {
        Self { plan, database: OnceCell::new(), children: RefCell::default(), troubles: Cell::default() }
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Starts everything, as concurrently as the order allows, and returns when all are ready. May be cancelled at any time;
    /// whatever the outcome, [`Stack::stop`] must be called.
    pub async fn start(&self, on_ready: impl Fn(Ready)) -> Result<(), StartError> {
        let all: Vec<_> = SERVICES.iter().filter(|service| service.port.is_some()).map(|service| service.id).collect();
        self.start_only(&all, on_ready).await
    }

    /// Starts some services, none of which needs another of them.
    pub async fn start_only(&self, only: &[ServiceId], on_ready: impl Fn(Ready)) -> Result<(), StartError> {
        let begun = Instant::now();
        let services = || SERVICES.iter().filter(|service| only.contains(&service.id));
        let gates: HashMap<_, _> = services().map(|service| (service.id, watch::Sender::new(false))).collect();
        let start = |service: &'static Service| {
            let (gates, on_ready) = (&gates, &on_ready);
            async move {
                for needed in service.waits_for {
                    // An error would mean that the sender is gone, but it lives until all of these futures have ended.
                    drop(gates[needed].subscribe().wait_for(|ready| *ready).await);
                }
                self.start_one(service).await?;
                gates[&service.id].send_replace(true);
                on_ready(Ready { service: service.id, after: begun.elapsed() });
                Ok::<_, StartError>(())
            }
        };
        try_join_all(services().map(start)).await.map(drop)
    }

    async fn start_one(&self, service: &'static Service) -> Result<(), StartError> {
        if service.id == ServiceId::Postgres {
            let database = self.plan.database.start().await?;
            self.database.get_or_init(|| database);
            return Ok(());
        }
        self.run(service, File::create(self.plan.log(service.id)), &[]).await
    }

    /// Starts a process and waits until it is healthy.
    async fn run(
        &self,
        service: &'static Service,
        output: io::Result<File>,
        settings: &[(String, String)],
    ) -> Result<(), StartError> {
        let ended = self.spawn(service, output, settings)?;
        tokio::select! {
            result = self.until_healthy(service) => result,
            status = ended => Err(match self.plan.ports.lost(service.id) {
                Some(taken) => taken.into(),
                None => StartError::Died(self.death(service.id, status)),
            }),
        }
    }

    /// Returns a future that resolves when the new process ends.
    fn spawn(
        &self,
        service: &'static Service,
        output: io::Result<File>,
        settings: &[(String, String)],
    ) -> Result<impl Future<Output = Option<ExitStatus>> + use<>, StartError> {
        let spawn = || {
            let child = self.program(service, self.plan.ports.url(service.id), settings)?.spawn(output?)?;
            let ended = child.ended();
            self.children.borrow_mut().push((service.id, child));
            Ok(ended)
        };
        spawn().map_err(|source| StartError::Spawn { component: service.component, source })
    }

    /// Starts an additional backend, with its output appended to `log`. The caller has to stop it.
    pub fn spawn_backend(&self, port: &ReservedPort, log: &Path) -> Result<Child, StartError> {
        let service = ServiceId::Backend.service();
        let spawn = || {
            let output = File::options().append(true).create(true).open(log)?;
            self.program(service, port.url(), &[])?.spawn(output)
        };
        spawn().map_err(|source| StartError::Spawn { component: service.component, source })
    }

    /// The command that runs this program as a service that listens there, with settings that override those of the stack.
    fn program(&self, service: &'static Service, url: String, settings: &[(String, String)]) -> io::Result<Program> {
        let environment = &self.plan.environment;
        let connection_string = (service.id == ServiceId::Backend)
            .then(|| self.connection_string().map(|text| text.expose_secret().to_owned()))
            .flatten();
        // There is nobody left for whom to finish anything.
        let mut program = Program::new(own_program()?, ParentDeath::default(), Signal::SIGKILL);
        let command = program.command();
        command.arg0("mgm").args(["serve", service.name]).env_clear().stdin(Stdio::null());
        if let Some(config) = &environment.config {
            command.arg("--config").arg(config);
        }
        command.envs(environment.for_service(url, connection_string)).envs(settings.iter().cloned());
        Ok(program)
    }

    /// Runs one of the backend's operator subcommands to its end.
    pub async fn operate(&self, arguments: &[&str]) -> io::Result<Output> {
        let connection_string = self.connection_string().map(|text| text.expose_secret().to_owned());
        let mut command = Command::new(own_program()?);
        command.arg0("mgm").arg("backend").args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        if let Some(config) = &self.plan.environment.config {
            command.arg("--config").arg(config);
        }
        command.envs(self.plan.environment.for_service(String::new(), connection_string)).output().await
    }

    /// Injects a fault into the stack's own PostgreSQL; returns when it is over.
    pub async fn trouble_database(&self, fault: DatabaseFault) -> Result<(), DatabaseError> {
        self.troubles.update(|troubles| troubles + 1);
        match self.database.get() {
            Some(database) => database.trouble(fault).await,
            None => Ok(()),
        }
    }

    async fn until_healthy(&self, service: &'static Service) -> Result<(), StartError> {
        let url = self.plan.ports.url(service.id).parse().expect("loopback and a port make a URL");
        self.until_healthy_at(&Endpoint::new(service.id, url)?).await
    }

    /// Waits for a service at its address.
    pub async fn until_healthy_at(&self, endpoint: &Endpoint) -> Result<(), StartError> {
        let service = endpoint.service.service();
        let Some(health) = &service.health else { return Ok(()) };
        let begun = Instant::now();
        let probed = (|| probe(endpoint, health))
            .retry(ConstantBuilder::default().with_delay(PROBE_EVERY).without_max_times())
            .when(|_| begun.elapsed() <= HEALTHY_WITHIN)
            .await;
        probed.map(drop).map_err(|last| StartError::NotHealthy { component: service.component, last })
    }

    /// The connection string, once there is a database.
    pub fn connection_string(&self) -> Option<SecretString> {
        self.database.get().map(Database::connection_string)
    }

    /// The process of a service.
    pub fn pid(&self, service: ServiceId) -> Option<u32> {
        if service == ServiceId::Postgres {
            return self.database.get().and_then(Database::pid);
        }
        self.children.borrow().iter().find(|(id, _)| *id == service).map(|(_, child)| child.pid())
    }

    /// Resolves when a service that is ready stops unexpectedly.
    pub async fn first_death(&self) -> Death {
        let child = |(service, child): &(ServiceId, Child)| {
            let (service, ended, pid) = (*service, child.ended(), child.pid());
            let death = async move {
                let status = ended.await;
                if !self.children.borrow().iter().any(|(_, child)| child.pid() == pid) {
                    // It was stopped on purpose.
                    std::future::pending::<()>().await;
                }
                self.death(service, status)
            };
            death.boxed_local()
        };
        let mut deaths: Vec<_> = self.children.borrow().iter().map(child).collect();
        if let Some(database) = self.database.get() {
            let death = async {
                let troubles = self.troubles.get();
                database.ended().await;
                if self.troubles.get() != troubles {
                    // It was stopped on purpose.
                    std::future::pending::<()>().await;
                }
                self.death(ServiceId::Postgres, None)
            };
            deaths.push(death.boxed_local());
        }
        if deaths.is_empty() {
            return std::future::pending().await;
        }
        select_all(deaths).await.0
    }

    fn death(&self, service: ServiceId, status: Option<ExitStatus>) -> Death {
        Death { service, status, last_lines: end_of_log(&self.plan.log(service), LAST_LINES) }
    }

    /// Stops a service cleanly, on purpose. PostgreSQL, which all of the stack needs, is left running.
    pub async fn halt(&self, service: ServiceId) {
        if let Some(child) = self.take(service) {
            child.stop(STOPPED_WITHIN).await;
        }
    }

    /// Starts a service again, with settings that override those of the stack, and waits until it is healthy.
    pub async fn resume(&self, service: ServiceId, settings: &[(String, String)]) -> Result<(), StartError> {
        let output = File::options().append(true).create(true).open(self.plan.log(service));
        self.run(service.service(), output, settings).await
    }

    /// Stops a service cleanly and starts it again.
    pub async fn restart(&self, service: ServiceId, settings: &[(String, String)]) -> Result<(), StartError> {
        if service == ServiceId::Postgres {
            return Ok(self.trouble_database(DatabaseFault::Restart).await?);
        }
        self.halt(service).await;
        self.resume(service, settings).await
    }

    /// Kills a service and starts it again.
    pub async fn kill(&self, service: ServiceId) -> Result<(), StartError> {
        if service == ServiceId::Postgres {
            return Ok(self.trouble_database(DatabaseFault::Crash).await?);
        }
        if let Some(child) = self.take(service) {
            child.kill().await;
        }
        self.resume(service, &[]).await
    }

    /// The process of a service, which from now on may end.
    fn take(&self, service: ServiceId) -> Option<Child> {
        let mut children = self.children.borrow_mut();
        let place = children.iter().position(|(id, _)| *id == service)?;
        Some(children.remove(place).1)
    }

    /// Stops everything in reverse start order.
    pub async fn stop(self) {
        for (_, child) in self.children.into_inner().into_iter().rev() {
            child.stop(STOPPED_WITHIN).await;
        }
        if let Some(database) = self.database.into_inner()
            && let Err(error) = database.stop().await
        {
            terminal::note(format_args!("warning: {error}"));
        }
    }
}

/// The end of a log file, as far as it can be read.
pub fn end_of_log(path: &Path, count: usize) -> Vec<String> {
    last_lines(path, 0, count).unwrap_or_default()
}

/// The path of this very program, even if a newer build has replaced it in the meantime.
pub fn own_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // Linux appends a word to the name of a deleted file; the link still leads to it.
    if cfg!(target_os = "linux") && !path.exists() { Ok("/proc/self/exe".into()) } else { Ok(path) }
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, status, last_lines } = self;
        let how = status.map_or_else(String::new, |status| format!(" ({status})"));
        write!(f, "{} has stopped unexpectedly{how}", service.service().component)?;
        for line in last_lines {
            write!(f, "\n    {line}")?;
        }
        match last_lines.iter().find_map(|line| descriptors::explain(line)) {
            Some(limit) => write!(f, "\n{limit}"),
            None => Ok(()),
        }
    }
}
