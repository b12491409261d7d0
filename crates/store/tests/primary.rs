//! Several servers, one of which accepts writes: real ones; the standby is one by its `standby.signal`.

#![expect(clippy::unwrap_used, reason = "tests: a failure is a failure")]

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::Duration,
};

use mgm_domain::BroadcasterId;
use mgm_postgres::{Durability, Server, ServerOptions, install};
use mgm_store::{Store, StoreError, StoreOptions};
use mgm_test_support::until;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

const DATABASE: &str = "mgm";

/// A server that is a standby while the file exists.
struct Standby {
    server: Server,
    signal: PathBuf,
    _directory: TempDir,
}

impl Standby {
    async fn start() -> Self {
        let directory = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let home = directory.path().join("standby");
        let binaries = install::install().await.unwrap();
        let options = ServerOptions { durability: Durability::Off, ..ServerOptions::persistent(&home) };
        let server = Server::start(&binaries, options).await.unwrap();
        server.create_database(DATABASE).await.unwrap();
        let signal = home.join("data/standby.signal");
        fs::write(&signal, "").unwrap();
        server.restart().await.unwrap();
        Self { server, signal, _directory: directory }
    }

    async fn promote(&self) {
        fs::remove_file(&self.signal).unwrap();
        self.server.restart().await.unwrap();
    }

    async fn demote(&self) {
        fs::write(&self.signal, "").unwrap();
        self.server.restart().await.unwrap();
    }

    fn options(&self) -> PgConnectOptions {
        self.server.connect_options(DATABASE)
    }
}

/// An address where nothing listens.
fn nobody() -> PgConnectOptions {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("nobody")
}

fn options() -> StoreOptions {
    StoreOptions {
        broadcaster: BroadcasterId::parse("streamer").unwrap(),
        max_connections: 4,
        min_connections: 2,
        acquire_timeout: Duration::from_secs(10),
    }
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options.connect().await.unwrap()
}

async fn is_migrated(options: &PgConnectOptions) -> bool {
    let sql = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    sqlx::query_scalar(sql).fetch_one(&mut connect(options).await).await.unwrap()
}

#[tokio::test]
async fn the_primary_is_used_and_after_a_fail_over_the_new_one() {
    let standby = Standby::start().await;
    let primary = Server::start(&install::install().await.unwrap(), ServerOptions::throw_away()).await.unwrap();
    primary.create_database(DATABASE).await.unwrap();

    let servers = vec![nobody(), standby.options(), primary.connect_options(DATABASE)];
    let store = Store::connect(servers, options()).await.unwrap();
    store.migrate().await.unwrap();
    assert!(is_migrated(&primary.connect_options(DATABASE)).await);
    assert!(!is_migrated(&standby.options()).await);

    primary.stop().await;
    let error = store.ready().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    standby.promote().await;
    until("the new primary is in use", async || store.migrate().await.is_ok()).await;
    assert!(is_migrated(&standby.options()).await);
    store.close().await;
}

#[tokio::test]
async fn a_primary_that_has_become_a_standby_is_connected_to_no_more() {
    let server = Standby::start().await;
    server.promote().await;
    let patience = StoreOptions { acquire_timeout: Duration::from_secs(1), ..options() };
    let store = Store::connect(vec![nobody(), server.options()], patience).await.unwrap();
    store.migrate().await.unwrap();
    store.ready().await.unwrap();
    server.demote().await;
    assert!(is_migrated(&server.options()).await, "it answers those who only read");
    for _ in 0..3 {
        let error = store.ready().await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
    }
    server.promote().await;
    until("the primary is in use again", async || store.ready().await.is_ok()).await;
    store.close().await;
}

#[tokio::test]
async fn without_a_primary_each_server_is_told_with_its_reason() {
    let standby = Standby::start().await;
    let (gone, port) = (nobody(), standby.server.port());
    let error = Store::connect(vec![gone.clone(), standby.options()], options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let said = error.to_string();
    assert!(said.contains(&format!("127.0.0.1:{port} is a standby")), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{}: ", gone.get_port())), "{said}");
    // A wrong password is not retried.
    let stranger = standby.options().password("wrong");
    let error = Store::connect(vec![gone, stranger], options()).await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
}
