//! If a process is killed at any point between the `PATCH` to `Sent` and Helix's answer, the next process completes the
//! announcement it left: `announced`, said once, or `unknown`; never said twice, never forgotten.
//!
//! The process is held at each point from outside: by a trigger in its database that waits for the test's lock, or by a
//! stand-in for Helix that does not answer.

use mgm_store::MIGRATOR;
use mgm_test_support::{TestDatabase, until};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Transaction};

use crate::{
    helix::HelixStandIn,
    program::{Running, run},
};

/// Short enough to wait for, long enough to kill a process in time.
const SETTINGS: [(&str, &str); 5] = [
    ("Helix__TimeoutSeconds", "3"),
    ("Announcements__LeaseMarginSeconds", "1"),
    // Calls are shorter with a token that cannot be renewed.
    ("Twitch__BroadcasterRefreshToken", ""),
    // No draw interferes.
    ("Roulette__CycleSeconds", "4000000000"),
    ("Roulette__CollectingSeconds", "3999999000"),
];
/// Longer than any process of these tests runs.
const FOR_EVER: u64 = 600_000;

/// The caller whose call is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// The request that made the payout `Sent`.
    Patch,
    /// The worker, after a first attempt that certainly failed.
    Worker,
}

/// A statement on the announcement that waits until the test releases it.
struct Hold {
    /// `INSERT` or `UPDATE`.
    on: &'static str,
    /// The state that the statement sets.
    into: &'static str,
    /// At the commit, which completes without the process; otherwise at the statement, whose transaction ends with the
    /// process.
    at_commit: bool,
}

/// The end of a scene.
struct Settled {
    status: String,
    /// `None` if the payout was not sent.
    announcement: Option<String>,
    /// How often Helix was asked, except for the worker's first attempt.
    asked: usize,
}

/// A backend with a payout in progress.
struct Scene {
    database: TestDatabase,
    helix: HelixStandIn,
    backend: Running,
    payout: String,
    caller: Caller,
    /// Holds the lock that statements wait for.
    gate: PgConnection,
    /// Another lock, released once the process is dead.
    lock: Option<Transaction<'static, Postgres>>,
}

impl Scene {
    async fn new(caller: Caller) -> Self {
        let database = mgm_test_support::database(&MIGRATOR).await;
        let helix = HelixStandIn::start();
        let backend = Running::start_with(&database, &helix, &SETTINGS).await;
        let payout = backend.in_progress("ann", "Annhero").await;
        let mut gate = PgConnection::connect_with(&database.connect_options()).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut gate).await.unwrap();
        let scene = Self { database, helix, backend, payout, caller, gate, lock: None };
        if caller == Caller::Worker {
            scene.helix.status(503).await;
            assert_eq!(scene.backend.change(&scene.payout, "Sent").await.status(), 200);
            scene.execute("UPDATE announcements SET due_at = now() + interval '1 day'").await;
        }
        scene
    }

    async fn execute(&self, statements: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(self.database.pool()).await.unwrap();
    }

    async fn hold(&self, Hold { on, into, at_commit }: Hold) {
        let (constraint, when, deferred) =
            if at_commit { ("CONSTRAINT", "AFTER", "DEFERRABLE INITIALLY DEFERRED") } else { ("", "BEFORE", "") };
        self.execute(format!(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END';
             CREATE {constraint} TRIGGER hold {when} {on} ON announcements {deferred}
                 FOR EACH ROW WHEN (NEW.state = '{into}') EXECUTE FUNCTION hold()"
        ))
        .await;
    }

    /// Lets the caller make its call.
    async fn go(&self) {
        match self.caller {
            Caller::Patch => {
                let request =
                    self.backend.http.patch(format!("{}/api/payouts/{}/status", self.backend.url, self.payout));
                let request = request.header("x-mgm-apikey", "hush-api-key").json(&json!({"status": "Sent"}));
                // Nobody answers, since the process is killed.
                tokio::spawn(request.send());
            }
            Caller::Worker => {
                self.execute(
                    "UPDATE announcements SET due_at = now();
                     SELECT pg_notify('mgm_announcements', broadcaster_id) FROM announcements",
                )
                .await;
            }
        }
    }

    /// Waits until this many sessions wait for a lock.
    async fn held(&self, sessions: i64) {
        let query = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let count = async || sqlx::query_scalar::<_, i64>(query).fetch_one(self.database.pool()).await.unwrap();
        until("the sessions wait", async || count().await >= sessions).await;
    }

    /// Holds the caller at this point and kills the process.
    async fn killed_at(self, hold: Hold) -> Settled {
        self.hold(hold).await;
        self.go().await;
        self.held(1).await;
        self.killed().await
    }

    /// Kills the process while Helix handles its request.
    async fn killed_while_helix_does(self, fault: Value) -> Settled {
        let before = self.helix.messages().await.len();
        self.helix.faults(json!([fault])).await;
        self.go().await;
        until("Helix has the request", async || self.helix.messages().await.len() > before).await;
        self.killed().await
    }

    /// Kills the process, releases its sessions, starts another process, and waits until the announcement is settled.
    async fn killed(self) -> Settled {
        let Self { database, helix, backend, payout, caller, gate, lock } = self;
        backend.kill().await;
        gate.close().await.unwrap();
        drop(lock);
        let sessions = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'mgm-backend'";
        let count = async || sqlx::query_scalar::<_, i64>(sessions).fetch_one(database.pool()).await.unwrap();
        until("the sessions have found out", async || count().await == 0).await;

        let backend = Running::start_with(&database, &helix, &SETTINGS).await;
        let row = "SELECT status, state FROM payouts LEFT JOIN announcements USING (broadcaster_id, payout_id)";
        let look =
            async || sqlx::query_as::<_, (String, Option<String>)>(row).fetch_one(database.pool()).await.unwrap();
        until("the announcement is settled", async || {
            !matches!(look().await.1.as_deref(), Some("pending" | "sending"))
        })
        .await;
        let (status, announcement) = look().await;
        let asked = helix.messages().await.len();
        // The payout keeps its status, whatever the desktop program asks next; if it was not sent, it can be.
        let expected = if announcement.is_none() { (200, asked + 1) } else { (409, asked) };
        let again = backend.change(&payout, "Sent").await.status().as_u16();
        assert_eq!((again, helix.messages().await.len()), expected);
        backend.terminate();
        assert_eq!(backend.end().await.0, 0);
        let url = database.url();
        let environment = [("Mgm__Environment", "Development"), ("ConnectionStrings__PostgreSQL", url.as_str())];
        let (exit, found) = run(&environment, &["audit"]).await;
        assert_eq!(exit, 0, "{found}");
        Settled { status, announcement, asked: asked - usize::from(caller == Caller::Worker) }
    }
}

impl Settled {
    #[track_caller]
    fn is(&self, status: &str, announcement: Option<&str>, asked: usize) {
        let found = (self.status.as_str(), self.announcement.as_deref(), self.asked);
        assert_eq!(found, (status, announcement, asked));
    }
}

#[tokio::test]
async fn killed_before_the_payout_is_sent_it_is_not() {
    let scene = Scene::new(Caller::Patch).await;
    let settled = scene.killed_at(Hold { on: "INSERT", into: "pending", at_commit: false }).await;
    settled.is("InProgress", None, 0);
}

#[tokio::test]
async fn killed_while_the_payout_becomes_sent_it_is_announced() {
    let scene = Scene::new(Caller::Patch).await;
    let settled = scene.killed_at(Hold { on: "INSERT", into: "pending", at_commit: true }).await;
    settled.is("Sent", Some("announced"), 1);
}

#[tokio::test]
async fn killed_while_it_claims_the_announcement_is_unknown() {
    for caller in [Caller::Patch, Caller::Worker] {
        let settled = Scene::new(caller).await.killed_at(Hold { on: "UPDATE", into: "sending", at_commit: true }).await;
        settled.is("Sent", Some("unknown"), 0);
    }
}

#[tokio::test]
async fn killed_before_helix_has_said_it_the_announcement_is_unknown() {
    for caller in [Caller::Patch, Caller::Worker] {
        let fault = json!({"kind": "dropped", "delayMs": FOR_EVER});
        Scene::new(caller).await.killed_while_helix_does(fault).await.is("Sent", Some("unknown"), 1);
    }
}

#[tokio::test]
async fn killed_after_helix_has_said_it_the_announcement_is_unknown_and_not_said_again() {
    for caller in [Caller::Patch, Caller::Worker] {
        let fault = json!({"kind": "slow", "delayMs": FOR_EVER});
        Scene::new(caller).await.killed_while_helix_does(fault).await.is("Sent", Some("unknown"), 1);
    }
}

#[tokio::test]
async fn killed_before_the_answer_is_written_down_the_announcement_is_unknown_and_not_said_again() {
    for caller in [Caller::Patch, Caller::Worker] {
        let hold = Hold { on: "UPDATE", into: "announced", at_commit: false };
        Scene::new(caller).await.killed_at(hold).await.is("Sent", Some("unknown"), 1);
    }
}

#[tokio::test]
async fn killed_while_the_answer_is_written_down_it_stays_announced() {
    for caller in [Caller::Patch, Caller::Worker] {
        let hold = Hold { on: "UPDATE", into: "announced", at_commit: true };
        Scene::new(caller).await.killed_at(hold).await.is("Sent", Some("announced"), 1);
    }
}

#[tokio::test]
async fn killed_before_the_desktop_has_its_answer_it_stays_announced() {
    let mut scene = Scene::new(Caller::Patch).await;
    scene.hold(Hold { on: "UPDATE", into: "announced", at_commit: true }).await;
    scene.go().await;
    scene.held(1).await;
    // Reading the payout after the commit waits for this lock.
    let mut lock = scene.database.pool().begin().await.unwrap();
    let locking = tokio::spawn(async move {
        sqlx::query("LOCK TABLE payouts IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
        lock
    });
    scene.held(2).await;
    sqlx::query("SELECT pg_advisory_unlock(1)").execute(&mut scene.gate).await.unwrap();
    scene.lock = Some(locking.await.unwrap());
    scene.held(1).await;
    scene.killed().await.is("Sent", Some("announced"), 1);
}
