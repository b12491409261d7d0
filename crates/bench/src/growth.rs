//! A large pool compared with a small one.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use mgm_domain::{BroadcasterId, roulette::Schedule};
use mgm_store::{DrawOutcome, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, PgPool};
use time::{Duration, OffsetDateTime};

use crate::extent::Extent;
use crate::lab::{Database, Lab, Running};
use crate::load::open;
use crate::notification::{BROADCASTER, Signer};
use crate::report::{Goal, milliseconds, percentile, ratio};

const LARGE: i64 = 1_000_000;
const SMALL: i64 = 1_000;
/// Enrolments per second: far below the machine's limit, so that this measures latency and not a queue.
const A_SECOND: u32 = 200;
const DRAWS: u32 = 50;
/// Higher than the number of any viewer in the filled pools.
const FIRST: usize = 10_000_000;

/// A backend with a pool of some size.
struct Side {
    backend: Running,
    store: Store,
    latencies: Vec<f64>,
    draws: Vec<f64>,
}

/// Latency of an enrolment, and of a draw.
pub async fn measure(lab: &Lab, extent: Extent) -> Result<()> {
    let signer = Signer::new()?;
    let mut large = Side::open(lab, &lab.database("large").await?, &[(BROADCASTER, LARGE)], &[]).await?;
    let mut small = Side::open(lab, &lab.database("small").await?, &[(BROADCASTER, SMALL)], &[]).await?;
    // The statistics do not include the broadcaster that the backend serves.
    let beside = lab.database("beside").await?;
    let mut new = Side::open(lab, &beside, &[("somebody-else", LARGE)], &[(BROADCASTER, SMALL)]).await?;
    let each = usize::try_from(A_SECOND)? * usize::try_from(extent.duration.as_secs())?;
    for round in 0..=usize::try_from(extent.rounds)? {
        for side in [&mut large, &mut small, &mut new] {
            let load: Arc<[_]> = signer.enrolments(FIRST + round * each, each).into();
            let latencies = open(side.backend.address, load, A_SECOND).await?;
            // The first round warms both up.
            if round > 0 {
                side.latencies.push(percentile(&latencies, 0.99));
            }
        }
    }
    ratio(
        "Acknowledgement of an enrolment, p99 of each round at 200/s",
        "ms",
        ("1,000,000 viewers in the pool", &large.latencies),
        ("1,000 viewers in the pool", &small.latencies),
        Goal::AtMost(1.5),
    );
    ratio(
        "The same for a broadcaster unknown to the planner's statistics",
        "ms",
        ("1,000 viewers beside another's 1,000,000", &new.latencies),
        ("1,000 viewers in the pool", &small.latencies),
        Goal::AtMost(1.5),
    );
    for round in 0..extent.rounds {
        for side in [&mut large, &mut small, &mut new] {
            side.draw(round).await?;
        }
    }
    ratio(
        "A draw, median of each round of 50 (and at most 20 ms)",
        "ms",
        ("1,000,000 viewers in the pool", &large.draws),
        ("1,000 viewers in the pool", &small.draws),
        Goal::AtMost(3.0),
    );
    ratio(
        "The same for a broadcaster unknown to the planner's statistics",
        "ms",
        ("1,000 viewers beside another's 1,000,000", &new.draws),
        ("1,000 viewers in the pool", &small.draws),
        Goal::AtMost(3.0),
    );
    for side in [large, small, new] {
        side.close().await;
    }
    Ok(())
}

impl Side {
    /// Fills the pools of some broadcasters, analyses the database, and fills those of others.
    async fn open(lab: &Lab, database: &Database, known: &[(&str, i64)], unknown: &[(&str, i64)]) -> Result<Self> {
        let pool = lab.connect(&mgm_store::connect_options(database.options.clone())).await?;
        if !unknown.is_empty() {
            leave_unattended(&pool).await?;
        }
        for (broadcaster, viewers) in known {
            fill(&pool, broadcaster, *viewers).await?;
        }
        sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await?;
        for (broadcaster, viewers) in unknown {
            fill(&pool, broadcaster, *viewers).await?;
        }
        let store = Store::from_pool(pool, BroadcasterId::parse(BROADCASTER.to_owned())?);
        Ok(Self { backend: lab.backend(database).await?, store, latencies: Vec::new(), draws: Vec::new() })
    }

    /// Draws cycles of long ago, which nobody else draws.
    async fn draw(&mut self, round: u32) -> Result<()> {
        let schedule = Schedule::new(300, 240, 30, 30)?;
        let mut rng = StdRng::seed_from_u64(round.into());
        let mut took = Vec::new();
        for number in 0..DRAWS {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::seconds(i64::from(round * DRAWS + number) * 300 + 250);
            let started = Instant::now();
            let outcome = self.store.draw(schedule, at, &mut rng).await?;
            took.push(milliseconds(started.elapsed()));
            let DrawOutcome::Drawn(_, Some(_)) = outcome else { bail!("nobody was drawn: {outcome:?}") };
        }
        self.draws.push(percentile(&took, 0.5));
        Ok(())
    }

    async fn close(self) {
        self.backend.stop().await;
        self.store.close().await;
    }
}

/// Freezes the database's statistics.
pub async fn leave_unattended(pool: &PgPool) -> Result<()> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('ALTER TABLE %I SET (autovacuum_enabled = false)', tablename) FROM pg_tables
         WHERE schemaname = 'public'",
    )
    .fetch_all(pool)
    .await?;
    sqlx::raw_sql(AssertSqlSafe(tables.join(";"))).execute(pool).await?;
    Ok(())
}

/// Fills a broadcaster's pool.
pub async fn fill(pool: &PgPool, broadcaster: &str, viewers: i64) -> Result<()> {
    let statements = [
        "INSERT INTO viewers (broadcaster_id, viewer_id)
         SELECT $1, 'viewer-' || number FROM generate_series(1, $2) AS number",
        "INSERT INTO pool_members (broadcaster_id, viewer_id, display_name, character_name, name_key, bucket, enrolled_at)
         SELECT $1, viewer, viewer, name, name, (hashtext(viewer) & 255)::smallint, now()
         FROM generate_series(1, $2) AS number,
              LATERAL (SELECT 'viewer-' || number AS viewer,
                              'nn' || translate(number::text, '0123456789', 'abcdefghij') AS name) AS named",
        "INSERT INTO pool_counts (broadcaster_id, shard, members)
         SELECT $1, 0, array_agg(members ORDER BY bucket)
         FROM (SELECT bucket, (count(*) - 1)::integer AS members
               FROM (SELECT hashtext('viewer-' || number) & 255 AS bucket FROM generate_series(1, $2) AS number
                     UNION ALL SELECT generate_series(0, 255)) AS each
               GROUP BY bucket) AS counted",
    ];
    for statement in statements {
        sqlx::query(statement).bind(broadcaster).bind(viewers).execute(pool).await?;
    }
    Ok(())
}
