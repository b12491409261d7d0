//! What is measured, and on what: the release builds, as separate processes, on a separate PostgreSQL.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use mgm_postgres::install::{Installation, install};
use mgm_postgres::{Data, Durability, Server, ServerOptions};
use mgm_store::MIGRATOR;
use mgm_system::port;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::notification::{BROADCASTER, SECRET};

/// Long enough for a backend that migrates an empty database on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A PostgreSQL and the programs beside this one.
#[derive(Debug)]
pub struct Lab {
    /// The binaries of PostgreSQL.
    pub installation: Installation,
    server: Server,
    programs: PathBuf,
    logs: TempDir,
}

/// A program beside this one.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// The backend.
    Backend,
    /// The command line program.
    Mgm,
    /// This one.
    Bench,
}

/// A migrated database.
#[derive(Debug)]
pub struct Database {
    /// The options for connecting to it.
    pub options: PgConnectOptions,
    /// The same as a URL; it holds the password.
    pub url: String,
}

/// A listening process.
#[derive(Debug)]
pub struct Running {
    /// Its address.
    pub address: SocketAddr,
    child: Child,
}

impl Lab {
    /// Starts the PostgreSQL.
    pub async fn open() -> Result<Self> {
        let this = std::env::current_exe().context("cannot find the path of this program")?;
        let programs = this.parent().context("this program has no directory")?.to_owned();
        for program in [Program::Backend, Program::Mgm] {
            let path = programs.join(program.name());
            ensure!(path.is_file(), "{} is missing; run `cargo build --release --workspace` first", path.display());
        }
        let installation = install().await?;
        let options =
            ServerOptions { data: Data::ThrowAway, durability: Durability::On, ..ServerOptions::throw_away() };
        let server = Server::start(&installation, options).await?;
        Ok(Self { installation, server, programs, logs: TempDir::new()? })
    }

    /// Prints the machine, versions and settings.
    pub async fn introduce(&self) -> Result<()> {
        let cores = std::thread::available_parallelism()?;
        let processor = processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        println!("machine     {cores} cores, {processor}, {}", std::env::consts::OS);
        println!(
            "mgm         {} ({})",
            env!("CARGO_PKG_VERSION"),
            if cfg!(debug_assertions) { "DEBUG" } else { "release" }
        );
        let pool = self.connect(&self.server.connect_options("postgres")).await?;
        let mut settings = vec![format!("PostgreSQL {}", self.installation.version())];
        for name in ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections"] {
            let value: String = sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&pool).await?;
            settings.push(format!("{name}={value}"));
        }
        println!("database    {}", settings.join(", "));
        pool.close().await;
        Ok(())
    }

    /// A database of this name with all migrations.
    pub async fn database(&self, name: &str) -> Result<Database> {
        self.server.create_database(name).await?;
        let options = self.server.connect_options(name);
        let pool = self.connect(&options).await?;
        MIGRATOR.run(&pool).await?;
        pool.close().await;
        Ok(Database { options, url: self.server.url(name) })
    }

    /// A few connections.
    pub async fn connect(&self, options: &PgConnectOptions) -> Result<PgPool> {
        Ok(PgPoolOptions::new().max_connections(4).connect_with(options.clone()).await?)
    }

    /// The options with which others connect to the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A backend in Production, with limits that the load does not reach.
    pub async fn backend(&self, database: &Database) -> Result<Running> {
        let port = port::free()?;
        let settings = [
            ("Mgm__Environment", "Production"),
            ("Mgm__Urls", &format!("http://127.0.0.1:{port}")),
            ("Mgm__ApiKey", "benchmark-api-key"),
            ("ConnectionStrings__PostgreSQL", &database.url),
            ("Twitch__EventSubSecret", SECRET),
            ("Twitch__ExtensionSecret", "YmVuY2htYXJrLWV4dGVuc2lvbi1zZWNyZXQtb2YtMzItYnl0ZXM="),
            ("Twitch__BroadcasterUserId", BROADCASTER),
            // Nothing is announced; a call would stay on this machine and fail.
            ("Twitch__HelixApiBaseUrl", "http://127.0.0.1:9"),
            ("Mgm__MetricsUrls", &format!("http://127.0.0.1:{}", port::free()?)),
        ];
        self.start(Program::Backend, &[], &settings, port).await
    }

    /// A program as a process, once its port answers.
    pub async fn start(
        &self,
        program: Program,
        arguments: &[&str],
        settings: &[(&str, &str)],
        port: u16,
    ) -> Result<Running> {
        let log = self.logs.path().join(format!("{}-{port}.log", program.name()));
        let output = std::fs::File::create(&log)?;
        let mut child = self
            .command(program)
            .args(arguments)
            .envs(settings.iter().copied())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended with {status}:\n{}", program.name(), read(&log));
            }
            ensure!(started.elapsed() < READY_WITHIN, "{} does not listen:\n{}", program.name(), read(&log));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Running { address, child })
    }

    /// The command of a program, which stops with this one.
    pub fn command(&self, program: Program) -> Command {
        let mut command = Command::new(self.programs.join(program.name()));
        command.stdin(Stdio::null()).kill_on_drop(true);
        // Settings in this program's environment must not influence the measurement.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().contains("__") {
                command.env_remove(name);
            }
        }
        command
    }

    /// A directory for files of a measurement, removed with the lab.
    pub fn scratch(&self) -> &Path {
        self.logs.path()
    }

    /// Stops the PostgreSQL.
    pub async fn close(self) {
        self.server.stop().await;
    }
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Backend => "mgm-backend",
            Self::Mgm => "mgm",
            Self::Bench => "mgm-bench",
        }
    }
}

impl Running {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            // It may have stopped by itself.
            let _ended_already = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
        }
        drop(self.child.wait().await);
    }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
