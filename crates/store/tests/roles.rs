//! Separate roles for owning the schema and for serving.

mod common;

use common::fixture;

/// Revokes what the role needs to change the schema, as with a separate migration role.
const DENY: &str = "REVOKE CREATE ON SCHEMA public FROM PUBLIC, pg_database_owner";

#[tokio::test]
async fn a_role_that_may_not_change_the_schema_serves_one_that_is_up_to_date() {
    let fixture = fixture().await;
    sqlx::raw_sql(DENY).execute(fixture.database.pool()).await.unwrap();
    fixture.store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_role_that_may_not_change_the_schema_does_not_serve_an_older_one() {
    let fixture = fixture().await;
    let forget = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::raw_sql(DENY).execute(fixture.database.pool()).await.unwrap();
    sqlx::raw_sql(forget).execute(fixture.database.pool()).await.unwrap();
    let error = fixture.store.migrate().await.unwrap_err();
    assert!(format!("{error:?}").contains("permission denied"), "{error:?}");
}
