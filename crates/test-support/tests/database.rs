//! Databases for tests, tested.

use std::borrow::Cow;

use mgm_test_support::{Durability, TestServer, VARIABLE, database};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlSafeStr as _};
use tokio::sync::OnceCell;

static MIGRATOR: OnceCell<Migrator> = OnceCell::const_new();

async fn migrator() -> &'static Migrator {
    MIGRATOR
        .get_or_init(async || {
            let sql = AssertSqlSafe("CREATE TABLE payout (id integer PRIMARY KEY)").into_sql_str();
            Migrator::with_migrations(vec![Migration::new(
                1,
                Cow::Borrowed("payout"),
                MigrationType::Simple,
                sql,
                false,
            )])
        })
        .await
}

async fn insert(pool: &PgPool, id: i32) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO payout VALUES ($1)").bind(id).execute(pool).await?;
    Ok(())
}

async fn count(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM payout").fetch_one(pool).await
}

#[tokio::test]
async fn each_database_is_migrated_and_nobody_elses() {
    let (one, other) = tokio::join!(database(migrator().await), database(migrator().await));
    insert(one.pool(), 1).await.unwrap();
    assert_eq!(count(one.pool()).await.unwrap(), 1);
    assert_eq!(count(other.pool()).await.unwrap(), 0);
}

#[tokio::test]
async fn many_databases_at_once_are_as_good_as_one() {
    let migrator = migrator().await;
    let databases: Vec<_> = (0..10).map(|_| tokio::spawn(database(migrator))).collect();
    for made in databases {
        insert(made.await.unwrap().pool(), 1).await.unwrap();
    }
}

#[tokio::test]
async fn the_url_leads_to_the_database() {
    let database = database(migrator().await).await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.unwrap();
    assert_eq!(name, database.name());
}

#[tokio::test]
async fn terminated_sessions_are_gone_and_the_next_one_works() {
    let database = database(migrator().await).await;
    let mut held = database.pool().acquire().await.unwrap();
    assert_eq!(database.terminate_sessions().await, 1);
    assert!(sqlx::query("SELECT 1").execute(&mut *held).await.is_err());
    insert(database.pool(), 1).await.unwrap();
}

#[tokio::test]
async fn what_was_committed_outlives_a_restart_and_a_crash() {
    let server = TestServer::start(Durability::On).await;
    let database = server.database(migrator().await).await;
    insert(database.pool(), 1).await.unwrap();
    server.server().restart().await.unwrap();
    insert(&PgPool::connect_with(database.connect_options()).await.unwrap(), 2).await.unwrap();
    server.server().crash().await.unwrap();
    assert_eq!(count(&PgPool::connect_with(database.connect_options()).await.unwrap()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_server_that_is_given_is_used_and_left_as_it_was() {
    let given = TestServer::start(Durability::Off).await;
    let url = given.server().url("postgres");
    let mut tests = tokio::process::Command::new(std::env::current_exe().unwrap());
    tests.args(["--exact", "many_databases_at_once_are_as_good_as_one", "the_url_leads_to_the_database"]);
    let output = tests.env(VARIABLE, &url).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 passed"), "{said}");

    let mut connection = PgConnection::connect(&url).await.unwrap();
    let names = sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'mgm%'");
    let names: Vec<String> = names.fetch_all(&mut connection).await.unwrap();
    assert_eq!(names.len(), 1, "the template alone: {names:?}");
    assert!(names[0].starts_with("mgm_template_"), "{names:?}");
}
