//! Finds the one of several servers that accepts writes.
//!
//! A pool connects to one address. Which one is found here by asking each server in turn, and again whenever the
//! current primary is gone or has become a standby. A primary cannot become a standby without ending its connections,
//! so existing connections to it remain correct.

use std::{io, time::Duration};

use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::time::{sleep, timeout};

use crate::StoreError;

/// How often the primary is asked whether it still is the primary.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Connects to the first of `servers` that is not a standby. A single server is used even if it is a standby.
pub(crate) async fn find(
    servers: &[PgConnectOptions],
    patience: Duration,
) -> Result<(PgConnectOptions, PgConnection), StoreError> {
    let mut failures = Vec::new();
    for server in servers {
        let attempt = async {
            let mut connection = PgConnection::connect_with(server).await?;
            let is_right = servers.len() == 1 || !is_standby(&mut connection).await?;
            Ok::<_, sqlx::Error>((connection, is_right))
        };
        let place = format!("{}:{}", server.get_host(), server.get_port());
        match timeout(patience, attempt).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok((connection, true)) => return Ok((server.clone(), connection)),
            Ok((connection, false)) => {
                // Closing properly is only a courtesy.
                drop(connection.close().await);
                failures.push((place, None));
            }
            Err(error) => failures.push((place, Some(StoreError::from(error)))),
        }
    }
    Err(none(failures))
}

/// The error if there is no primary. A refusal comes first, since it does not pass by itself.
fn none(mut failures: Vec<(String, Option<StoreError>)>) -> StoreError {
    let refusal = failures.iter().position(|(_, failure)| failure.as_ref().is_some_and(|it| !it.is_unavailable()));
    let only = if failures.len() == 1 { Some(0) } else { refusal };
    if let Some((_, Some(failure))) = only.map(|index| failures.swap_remove(index)) {
        return failure;
    }
    let told = failures.iter().map(|(place, failure)| match failure {
        None => format!("{place} is a standby"),
        Some(failure) => format!("{place}: {failure}"),
    });
    let told = told.collect::<Vec<_>>().join("; ");
    StoreError::Unavailable(sqlx::Error::Io(io::Error::other(format!("no server is the primary: {told}"))))
}

pub(crate) async fn is_standby(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT pg_is_in_recovery() AS "is_standby!""#).fetch_one(connection).await
}

/// Keeps `pool` connecting to the current primary until it is closed. `watched` is a connection to the current one.
pub(crate) async fn follow(
    pool: PgPool,
    servers: Vec<PgConnectOptions>,
    mut watched: PgConnection,
    patience: Duration,
) {
    let closing = pool.close_event();
    let following = async {
        loop {
            sleep(ASK_EVERY).await;
            let answer = timeout(patience, is_standby(&mut watched)).await;
            if matches!(answer, Ok(Ok(false))) {
                continue;
            }
            match find(&servers, patience).await {
                Ok((primary, connection)) => {
                    tracing::info!(host = primary.get_host(), port = primary.get_port(), "the primary was found anew");
                    pool.set_connect_options(primary);
                    watched = connection;
                }
                Err(error) => tracing::warn!(%error, "the primary is away"),
            }
        }
    };
    tokio::pin!(closing);
    tokio::select! {
        () = closing => {}
        () = following => {}
    }
}
