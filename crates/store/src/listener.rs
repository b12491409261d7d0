//! Notifications that an announcement changed, in any process.

use std::{io, time::Duration};

use mgm_domain::BroadcasterId;
use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Store, StoreError};

/// How long to wait for the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives notifications of changed announcements. It has its own connection, so that no request waits for it.
#[derive(Debug)]
pub struct AnnouncementListener {
    listener: PgListener,
    broadcaster: BroadcasterId,
}

impl Store {
    /// Starts to listen, on a connection outside the store's pool.
    pub async fn listen(&self) -> Result<AnnouncementListener, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with((*self.pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen("mgm_announcements").await?;
        Ok(AnnouncementListener { listener, broadcaster: self.broadcaster.clone() })
    }
}

impl AnnouncementListener {
    /// Waits until an announcement of the broadcaster changes. After an error the connection is lost, and notifications
    /// with it: check for changes, and listen again.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        loop {
            match self.listener.try_recv().await? {
                Some(told) if told.payload() == self.broadcaster.as_str() => return Ok(()),
                Some(_) => {}
                None => return Err(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into()).into()),
            }
        }
    }
}
