//! Runs a command with a private PostgreSQL whose database has the project's migrations; `DATABASE_URL` names it:
//!
//! ```sh
//! cargo run -p mgm-test-support --example with-database -- bash -c 'cd crates/store && cargo sqlx prepare'
//! ```

use std::{
    path::Path,
    process::{Command, ExitCode},
};

use sqlx::migrate::Migrator;

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with-database COMMAND [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let migrator: &'static Migrator = match Migrator::new(migrations).await {
        Ok(migrator) => Box::leak(Box::new(migrator)),
        Err(error) => {
            eprintln!("with-database: the migrations cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let database = mgm_test_support::database(migrator).await;
    let status =
        Command::new(&program).args(words).env("DATABASE_URL", database.url()).env("SQLX_OFFLINE", "false").status();
    match status {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("with-database: {} cannot be run: {error}", program.display());
            ExitCode::from(127)
        }
    }
}
