//! Every table and column has a comment.

mod common;

use common::fixture;

/// `_sqlx_migrations` is sqlx's own and not described here.
#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let fixture = fixture().await;
    let described: Vec<(String, bool)> = sqlx::query_as(
        "SELECT concat_ws('.', relname, attname), coalesce(col_description(pg_class.oid, attnum), '') <> ''
         FROM pg_class
         CROSS JOIN LATERAL (
             SELECT NULL AS attname, 0 AS attnum
             UNION ALL
             SELECT attname, attnum FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
         ) AS part
         WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = 'public'::regnamespace
           AND relname <> '_sqlx_migrations'",
    )
    .fetch_all(fixture.database.pool())
    .await
    .unwrap();
    assert!(described.iter().any(|(name, _)| name == "payouts"), "{described:?}");
    assert!(described.iter().any(|(name, _)| name == "payouts.status"), "{described:?}");
    let silent: Vec<_> = described.iter().filter(|(_, has)| !has).map(|(name, _)| name).collect();
    assert_eq!(silent, [] as [&str; 0], "without a comment");
}
