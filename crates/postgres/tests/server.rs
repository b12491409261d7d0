//! A server from start to stop.

mod common;

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use common::{directory, home, is_running};
use mgm_postgres::{Durability, Listen, Server, ServerError, ServerOptions, install};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use secrecy::ExposeSecret as _;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};

async fn start(options: ServerOptions) -> Result<Server, ServerError> {
    Server::start(&install::install().await.expect("there are binaries"), options).await
}

/// The single value that `query` returns, as text.
async fn ask(server: &Server, query: &'static str) -> Result<String, sqlx::Error> {
    let mut connection = server.connect_options("postgres").connect().await?;
    sqlx::query_scalar(query).fetch_one(&mut connection).await
}

fn on_socket(options: ServerOptions) -> ServerOptions {
    ServerOptions { listen: Listen::Socket, ..options }
}

#[tokio::test]
async fn a_throw_away_server_answers_on_a_port_and_on_a_socket() {
    for listen in [Listen::FreePort, Listen::Socket] {
        let server = start(ServerOptions { listen, ..ServerOptions::throw_away() }).await.unwrap();
        server.create_database("mgm").await.unwrap();
        let mut connection = PgConnection::connect(&server.url("mgm")).await.unwrap();
        let database: String =
            sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.unwrap();
        assert_eq!(database, "mgm");
        server.drop_database("mgm").await.unwrap();
        server.stop().await;
    }
}

#[tokio::test]
async fn a_stopped_throw_away_server_leaves_nothing() {
    let server = start(on_socket(ServerOptions::throw_away())).await.unwrap();
    let (home, pid) = (home(&server), server.pid().unwrap());
    assert!(home.exists() && is_running(pid));
    server.stop().await;
    assert!(!home.exists() && !is_running(pid));
}

#[tokio::test]
async fn a_dropped_server_is_stopped() {
    let server = start(on_socket(ServerOptions::throw_away())).await.unwrap();
    let (home, pid) = (home(&server), server.pid().unwrap());
    drop(server);
    assert!(!home.exists() && !is_running(pid));
}

#[tokio::test]
async fn nobody_runs_as_root_or_works_as_superuser() {
    let server = start(ServerOptions::throw_away()).await.unwrap();
    assert_eq!(
        ask(&server, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user").await.unwrap(),
        "false"
    );
    if let Ok(process) = fs::metadata(format!("/proc/{}", server.pid().unwrap())) {
        assert!(!Uid::from_raw(process.uid()).is_root());
    }
}

#[tokio::test]
async fn only_the_password_opens() {
    let server = start(ServerOptions::throw_away()).await.unwrap();
    let error = server.connect_options("postgres").password("guessed");
    let error = PgConnection::connect_with(&error).await.unwrap_err();
    assert!(error.to_string().contains("password authentication failed"), "{error}");
}

#[tokio::test]
async fn persistent_data_and_their_password_outlive_the_server() {
    let directory = directory();
    // A separate directory below, created by the server.
    let options = on_socket(ServerOptions::persistent(directory.path().join("made/below")));
    let server = start(options.clone()).await.unwrap();
    let password = server.password().expose_secret().to_owned();
    server.ensure_database("mgm").await.unwrap();
    server.stop().await;

    let password_file = directory.path().join("made/below/password");
    assert_eq!(fs::metadata(password_file).unwrap().permissions().mode() & 0o777, 0o600);

    let server = start(options).await.unwrap();
    assert_eq!(server.password().expose_secret(), password);
    server.ensure_database("mgm").await.unwrap();
    PgConnection::connect(&server.url("mgm")).await.unwrap();
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_started_over() {
    let directory = directory();
    fs::create_dir(directory.path().join("data.unfinished")).unwrap();
    fs::write(directory.path().join("data.unfinished/PG_VERSION"), "16").unwrap();
    fs::write(directory.path().join("password"), "of the first start").unwrap();
    start(on_socket(ServerOptions::persistent(directory.path()))).await.unwrap();
    assert!(!directory.path().join("data.unfinished").exists());
}

#[tokio::test]
async fn erased_data_are_gone_and_the_log_is_not() {
    let directory = directory();
    let options = on_socket(ServerOptions::persistent(directory.path()));
    let server = start(options.clone()).await.unwrap();
    server.ensure_database("mgm").await.unwrap();
    assert!(matches!(mgm_postgres::erase(directory.path()).await, Err(ServerError::InUse { .. })));
    server.stop().await;

    mgm_postgres::erase(directory.path()).await.unwrap();
    assert!(directory.path().join("postgres.log").exists());
    let server = start(options).await.unwrap();
    assert_eq!(ask(&server, "SELECT count(*)::text FROM pg_database WHERE datname = 'mgm'").await.unwrap(), "0");
}

#[tokio::test]
async fn a_directory_with_other_things_in_it_is_neither_used_nor_erased() {
    let directory = directory();
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::write(directory.path().join("data/thesis.tex"), "").unwrap();
    let options = on_socket(ServerOptions::persistent(directory.path()));
    assert!(matches!(start(options).await, Err(ServerError::Foreign { .. })));
    assert!(matches!(mgm_postgres::erase(directory.path()).await, Err(ServerError::Foreign { .. })));
    assert!(directory.path().join("data/thesis.tex").exists());
}

#[tokio::test]
async fn data_of_another_major_version_are_left_alone() {
    let directory = directory();
    let options = on_socket(ServerOptions::persistent(directory.path()));
    start(options.clone()).await.unwrap().stop().await;
    fs::write(directory.path().join("data/PG_VERSION"), "12\n").unwrap();
    let error = start(options).await.unwrap_err().to_string();
    assert!(error.contains("is of PostgreSQL 12") && error.contains("pg_upgrade"), "{error}");
}

#[tokio::test]
async fn one_directory_serves_one_server_at_a_time() {
    let directory = directory();
    let options = on_socket(ServerOptions::persistent(directory.path()));
    let server = start(options.clone()).await.unwrap();
    match start(options.clone()).await.unwrap_err() {
        ServerError::InUse { pid, .. } => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other}"),
    }
    server.stop().await;
    start(options).await.unwrap();
}

#[tokio::test]
async fn a_process_that_got_the_id_of_a_former_server_is_no_server() {
    if !cfg!(target_os = "linux") {
        // On other systems PostgreSQL's own check has to do.
        return;
    }
    let directory = directory();
    let options = on_socket(ServerOptions::persistent(directory.path()));
    start(options.clone()).await.unwrap().stop().await;

    // As after a crash of the whole machine.
    let data = directory.path().join("data");
    let owner = fs::metadata(&data).unwrap();
    let mut other = Command::new("sleep").arg("600").uid(owner.uid()).gid(owner.gid()).spawn().unwrap();
    fs::write(data.join("postmaster.pid"), format!("{}\n{}\n", other.id(), data.display())).unwrap();
    let started = start(options).await;
    other.kill().unwrap();
    other.wait().unwrap();
    started.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_its_holder() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    let error = start(ServerOptions { listen: Listen::Port(taken), ..ServerOptions::throw_away() }).await.unwrap_err();
    match &error {
        ServerError::PortTaken { port, holder } => {
            assert_eq!(*port, taken);
            if cfg!(target_os = "linux") {
                assert_eq!(holder.as_ref().unwrap().pid, std::process::id());
            }
        }
        other => panic!("{other}"),
    }
    assert!(error.to_string().starts_with(&format!("port {taken} is taken")), "{error}");
}

#[tokio::test]
async fn the_port_asked_for_is_the_port_served() {
    let port = mgm_system::port::free().unwrap();
    let server = start(ServerOptions { listen: Listen::Port(port), ..ServerOptions::throw_away() }).await.unwrap();
    assert_eq!(server.port(), port);
    assert_eq!(ask(&server, "SHOW listen_addresses").await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn durability_is_as_asked_and_on_for_data_that_stay() {
    const DURABILITY: &str = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')";
    let directory = directory();
    for (options, expected) in [
        (ServerOptions::throw_away(), "off off on"),
        (ServerOptions { durability: Durability::On, ..ServerOptions::throw_away() }, "on on on"),
        (ServerOptions::persistent(directory.path()), "on on on"),
    ] {
        let server = start(on_socket(options)).await.unwrap();
        assert_eq!(ask(&server, DURABILITY).await.unwrap(), expected);
        server.stop().await;
    }
}

#[tokio::test]
async fn settings_of_the_caller_win() {
    let settings = vec![("max_connections".to_owned(), "7".to_owned())];
    let server = start(ServerOptions { settings, ..on_socket(ServerOptions::throw_away()) }).await.unwrap();
    assert_eq!(ask(&server, "SHOW max_connections").await.unwrap(), "7");
}

#[tokio::test]
async fn the_log_is_appended_to_the_file_given() {
    let directory = directory();
    let log = directory.path().join("mgm-postgres.log");
    fs::write(&log, "a former line\n").unwrap();
    let server =
        start(ServerOptions { log: Some(log.clone()), ..on_socket(ServerOptions::throw_away()) }).await.unwrap();
    let password = server.password().expose_secret().to_owned();
    server.stop().await;
    let log = fs::read_to_string(log).unwrap();
    assert!(log.starts_with("a former line\n") && log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains(&password));
}

#[tokio::test]
async fn a_start_that_fails_quotes_the_log_and_leaves_nothing() {
    let settings = vec![("shared_buffers".to_owned(), "a lot".to_owned())];
    let error = start(ServerOptions { settings, ..on_socket(ServerOptions::throw_away()) }).await.unwrap_err();
    assert!(matches!(&error, ServerError::Ended(log) if log.contains("shared_buffers")), "{error}");
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let server = start(on_socket(ServerOptions::throw_away())).await.unwrap();
    kill(Pid::from_raw(server.pid().unwrap().cast_signed()), Signal::SIGKILL).unwrap();
    let log = server.ended().await;
    assert!(log.contains("ready to accept connections"), "{log}");
    assert_eq!(server.pid(), None);
}

#[tokio::test]
async fn what_was_committed_outlives_a_restart_and_a_crash() {
    let server = start(on_socket(ServerOptions::throw_away())).await.unwrap();
    server.create_database("mgm").await.unwrap();
    for (number, crash) in [(1, false), (2, true), (3, true)] {
        let mut connection = PgConnection::connect(&server.url("mgm")).await.unwrap();
        connection.execute("CREATE TABLE IF NOT EXISTS kept ()").await.unwrap();
        connection.execute("INSERT INTO kept DEFAULT VALUES").await.unwrap();
        if crash {
            server.crash().await.unwrap();
        } else {
            server.restart().await.unwrap();
        }
        assert!(connection.ping().await.is_err());
        let mut connection = PgConnection::connect(&server.url("mgm")).await.unwrap();
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut connection).await.unwrap();
        assert_eq!(kept, number);
    }
}

#[tokio::test]
async fn a_directory_that_the_unprivileged_user_cannot_reach_is_refused() {
    if !Uid::effective().is_root() {
        // A normal user runs PostgreSQL under their own account.
        return;
    }
    let closed = directory();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let error = start(on_socket(ServerOptions::persistent(closed.path().join("data")))).await.unwrap_err();
    match error {
        ServerError::Barred { barrier, .. } => assert_eq!(barrier, closed.path().canonicalize().unwrap()),
        other => panic!("{other}"),
    }
}
