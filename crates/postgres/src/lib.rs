//! A private PostgreSQL 16: found or fetched, started quickly, and never left behind.
//!
//! [`install`](install::install) finds the binaries, [`Server`] runs them:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mgm_postgres::{ServerOptions, Server, install};
//!
//! let server = Server::start(&install::install().await?, ServerOptions::throw_away()).await?;
//! server.create_database("mgm").await?;
//! println!("{}", server.url("mgm"));
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod directory;
mod error;
mod initdb;
pub mod install;
mod log;
mod options;
mod quoting;
mod server;
mod settings;
mod sys;
mod wait;

pub use account::NoAccount;
pub use error::ServerError;
pub use mgm_system::ParentDeath;
pub use options::{Data, Durability, Listen, ServerOptions};
pub use server::{Server, USER};

/// Removes the data of a persistent server, so that the next one in this directory starts empty. Refused while a server is
/// using it.
pub async fn erase(directory: impl Into<std::path::PathBuf>) -> Result<(), ServerError> {
    let path = directory.into();
    blocking(move || {
        if !path.exists() {
            return Ok(());
        }
        let account = account::Account::for_this_process()?;
        directory::Directory::persistent(&path, &account)?.erase()
    })
    .await
}

/// Runs blocking code on a thread for such code.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
