//! A running server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mgm_system::{Child, Program, port};
use nix::sys::signal::Signal;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::account::Account;
use crate::directory::{Directory, postmaster_line, postmaster_pid, remove_shared_memory};
use crate::error::ServerError;
use crate::initdb::{SUPERUSER, initdb};
use crate::install::Installation;
use crate::log::Log;
use crate::options::{Data, Listen, ServerOptions};
use crate::quoting::{identifier, url_part};
use crate::wait::until;
use crate::{blocking, settings};

/// The role for all work: it may log in, create databases and drop its own, no more.
pub const USER: &str = "mgm";

/// Longer than crash recovery takes under the heaviest load.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How long a shutdown may take before the next harsher one.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// How often to try another free port if another process was faster.
const PORT_ATTEMPTS: usize = 5;
/// The longest path of a Unix socket is 103 bytes on macOS and 107 on Linux.
const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A running PostgreSQL. It stops when this value is dropped, with the process, or on request.
#[derive(Debug)]
pub struct Server {
    running: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    installation: Installation,
    options: ServerOptions,
    account: Account,
    directory: Directory,
    log: Log,
    port: u16,
    password: SecretString,
    process: Mutex<Option<Child>>,
}

impl Server {
    /// Starts a server and returns when it accepts connections.
    pub async fn start(installation: &Installation, options: ServerOptions) -> Result<Self, ServerError> {
        let installation = installation.clone();
        let running = blocking(move || Running::launch(installation, options)).await?;
        let server = Self { running: Arc::new(running) };
        server.create_user().await?;
        Ok(server)
    }

    /// The address or, for a Unix socket, the directory to connect to.
    #[must_use]
    pub fn host(&self) -> String {
        match self.running.options.listen {
            Listen::Socket => self.running.directory.socket().display().to_string(),
            Listen::Port(_) | Listen::FreePort => "127.0.0.1".to_owned(),
        }
    }

    /// The TCP port or, for a Unix socket, the number in the name of its file.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.running.port
    }

    /// The role to work with, which is not a superuser.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The password of [`Self::user`].
    #[must_use]
    pub fn password(&self) -> &SecretString {
        &self.running.password
    }

    /// The options for connecting to `database`.
    #[must_use]
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        self.connect_as(USER, database)
    }

    /// The same as a URL; it holds the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (host, database) = (url_part(&self.host()), url_part(database));
        let password = self.password().expose_secret();
        format!("postgres://{USER}:{password}@{host}:{}/{database}", self.port())
    }

    /// The server's process id; `None` once it has stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.process().as_ref().filter(|process| process.exit_status().is_none()).map(Child::pid)
    }

    /// Creates a database.
    pub async fn create_database(&self, name: &str) -> Result<(), ServerError> {
        self.execute(&format!("CREATE DATABASE {}", identifier(name))).await
    }

    /// Creates a database unless it exists.
    pub async fn ensure_database(&self, name: &str) -> Result<(), ServerError> {
        let mut connection = self.connect_options("postgres").connect().await?;
        let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_optional(&mut connection)
            .await?;
        connection.close().await?;
        if found.is_some() { Ok(()) } else { self.create_database(name).await }
    }

    /// Drops a database if it exists, ending its sessions.
    pub async fn drop_database(&self, name: &str) -> Result<(), ServerError> {
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name))).await
    }

    /// Stops the server cleanly (a *fast* shutdown) and starts it again in the same place.
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.restart_after(Signal::SIGINT).await
    }

    /// Kills the server and starts it again in the same place: it recovers.
    pub async fn crash(&self) -> Result<(), ServerError> {
        self.restart_after(Signal::SIGKILL).await
    }

    async fn restart_after(&self, signal: Signal) -> Result<(), ServerError> {
        let running = Arc::clone(&self.running);
        blocking(move || {
            running.shut_down(signal);
            running.run()
        })
        .await
    }

    /// Resolves when the server has stopped, with the end of its log.
    pub async fn ended(&self) -> String {
        let exited = self.running.process().as_ref().map(Child::ended);
        if let Some(exited) = exited {
            exited.await;
        }
        self.running.log.tail()
    }

    /// Stops the server and waits until it has stopped; a throw-away directory is removed.
    pub async fn stop(self) {
        blocking(move || drop(self)).await;
    }

    /// The superuser is needed once, to create the user, who gets the same password. It is copied inside the server, so that no
    /// statement, which might be logged, holds it.
    async fn create_user(&self) -> Result<(), ServerError> {
        const CREATE_USER: &str = "
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mgm') THEN
                    EXECUTE format(
                        'CREATE ROLE mgm LOGIN CREATEDB PASSWORD %L',
                        (SELECT rolpassword FROM pg_authid WHERE rolname = current_user)
                    );
                END IF;
            END $$";
        let mut connection = self.connect_as(SUPERUSER, "postgres").connect().await?;
        sqlx::raw_sql(CREATE_USER).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    fn connect_as(&self, user: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host(&self.host())
            .port(self.port())
            .username(user)
            .password(self.password().expose_secret())
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    async fn execute(&self, statement: &str) -> Result<(), ServerError> {
        let mut connection: PgConnection = self.connect_options("postgres").connect().await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

impl Running {
    fn launch(installation: Installation, options: ServerOptions) -> Result<Self, ServerError> {
        let account = Account::for_this_process()?;
        if let Listen::Port(port) = options.listen {
            refuse_taken(port)?;
        }
        let directory = match &options.data {
            Data::ThrowAway => Directory::throw_away(&account)?,
            Data::Persistent(path) => Directory::persistent(path, &account)?,
        };
        let log = Log::open(options.log.clone().unwrap_or_else(|| directory.log()))?;
        let password = directory.password(&account)?;
        let mut running =
            Self { installation, options, account, directory, log, port: 5432, password, process: Mutex::new(None) };
        running.prepare()?;
        running.listen()?;
        Ok(running)
    }

    fn prepare(&self) -> Result<(), ServerError> {
        let ours = self.installation.major();
        match self.directory.version()? {
            None => initdb(&self.installation, &self.options, &self.directory, &self.account, &self.log),
            Some(found) if found == ours.to_string() => Ok(()),
            Some(found) => Err(ServerError::OtherVersion { directory: self.directory.data(), found, ours }),
        }
    }

    fn listen(&mut self) -> Result<(), ServerError> {
        match self.options.listen {
            Listen::Socket => {}
            Listen::Port(port) => self.port = port,
            Listen::FreePort => {
                for _ in 1..PORT_ATTEMPTS {
                    self.port = port::free().map_err(ServerError::io("find a free port on", Path::new("127.0.0.1")))?;
                    match self.run() {
                        Err(ServerError::PortTaken { .. }) => {}
                        other => return other,
                    }
                }
            }
        }
        self.run()
    }

    /// Starts the server and waits until it is ready.
    fn run(&self) -> Result<(), ServerError> {
        let data = self.directory.data();
        let socket = self.socket()?;
        let path = self.installation.program("postgres");
        let mut program = Program::new(&path, self.options.parent_death, self.last_signal());
        let arguments = settings::arguments(&self.options, &data, self.port, socket.as_deref());
        self.account.prepare(program.command().args(arguments).stdin(self.directory.lock()?));
        let process = program.spawn(self.log.file()?).map_err(ServerError::io("start", &path))?;
        let pid = process.pid();
        let ready = until(READY_WITHIN, || {
            if process.exit_status().is_some() {
                return Some(false);
            }
            let is_ready = postmaster_pid(&data) == Some(pid) && postmaster_line(&data, 8).as_deref() == Some("ready");
            is_ready.then_some(true)
        });
        *self.process() = Some(process);
        match ready {
            Some(true) => Ok(()),
            Some(false) => {
                if socket.is_none() {
                    refuse_taken(self.port)?;
                }
                Err(ServerError::Ended(self.log.tail()))
            }
            None => Err(ServerError::NotReady { seconds: READY_WITHIN.as_secs(), log: self.log.tail() }),
        }
    }

    /// An empty directory for the socket, if the server listens on one.
    fn socket(&self) -> Result<Option<PathBuf>, ServerError> {
        if self.options.listen != Listen::Socket {
            return Ok(None);
        }
        let directory = self.directory.socket();
        let path = directory.join(format!(".s.PGSQL.{}", self.port));
        if path.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(ServerError::SocketPathTooLong(path));
        }
        // A killed server leaves its socket's lock file, which would be trusted if its process id were in use again.
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(ServerError::io("remove", &directory))?;
        }
        fs::create_dir(&directory).map_err(ServerError::io("create", &directory))?;
        self.account.give(&directory).map_err(ServerError::io("hand over", &directory))?;
        Ok(Some(directory))
    }

    /// A throw-away server does not need to write anything when it stops.
    fn last_signal(&self) -> Signal {
        match self.options.data {
            Data::ThrowAway => Signal::SIGQUIT,
            Data::Persistent(_) => Signal::SIGINT,
        }
    }

    /// Stops the server, starting with `signal`, and waits.
    fn shut_down(&self, signal: Signal) {
        let Some(mut process) = self.process().take() else { return };
        for signal in [signal, Signal::SIGQUIT, Signal::SIGKILL] {
            process.signal(signal);
            if until(STOPPED_WITHIN, || process.exit_status()).is_some() {
                break;
            }
        }
        process.wait();
        remove_shared_memory(&self.directory.data());
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shut_down(self.last_signal());
        self.directory.discard();
    }
}

fn refuse_taken(port: u16) -> Result<(), ServerError> {
    if port::is_taken(port) { Err(ServerError::PortTaken { port, holder: port::holder(port) }) } else { Ok(()) }
}
