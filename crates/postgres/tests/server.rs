//! A server from start to stop.

use mgm_postgres::{Listen, Options, Server, install};
use sqlx::{ConnectOptions as _, Connection as _};

#[tokio::test]
async fn a_throw_away_server_answers() {
    let installation = install::install().await.unwrap();
    for listen in [Listen::FreePort, Listen::Socket] {
        let server = Server::start(&installation, Options { listen, ..Options::throw_away() }).await.unwrap();
        server.create_database("mgm").await.unwrap();
        let mut connection = server.connect_options("mgm").connect().await.unwrap();
        let version: String = sqlx::query_scalar("SELECT version()").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        server.stop().await;
        assert!(version.starts_with(&format!("PostgreSQL {}", installation.major())), "{version}");
    }
}
