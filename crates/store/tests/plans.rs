//! Every statement of a request or a worker touches as many pages in a large pool as in a small one, whatever the
//! planner's statistics say: on a database that was never analysed, on an analysed one, for a new broadcaster beside a
//! large one, and in a pool that was emptied and has filled again.
//!
//! The statements are those recorded for the offline check, so a new one is covered as soon as it is recorded. Each is
//! planned while its tables are as at the start of the scenario, as a connection's cached plan is, and executed when
//! they have grown; once with generic and once with custom plans.

#![expect(clippy::unwrap_used, reason = "tests: a failure is a failure")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use mgm_store::{MIGRATOR, connect_options};
use mgm_test_support::TestDatabase;
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};
use tokio::task::JoinSet;

/// Statements that read a whole table, or what a page of it needs, on purpose: those of the operator's subcommands, and
/// the draw's last resort. Each is given by a fragment that no other statement has.
const WHOLE: &[(&str, &str)] = &[
    ("count(*) AS \"count!\" FROM announcements WHERE broadcaster_id = $1", "audit"),
    ("count(*) AS \"count!\" FROM roulette_cycles", "audit"),
    ("count(*) AS \"count!\" FROM events", "audit"),
    ("string_agg(DISTINCT kind, ', ')", "audit"),
    ("SELECT payout_id, state FROM announcements", "audit"),
    ("JOIN roulette_cycles AS cycle", "audit"),
    ("FROM pool_members AS member JOIN payouts AS payout", "audit"),
    ("FULL JOIN (SELECT bucket", "audit"),
    ("FULL JOIN (SELECT * FROM gift_verifications", "audit"),
    ("payout.viewer_id AS \"viewer_id?\"", "audit"),
    ("GROUP BY viewer_id HAVING", "audit"),
    ("SELECT viewer_id FROM pool_members AS member", "draw, when hardly anybody of the pool can win"),
];

/// Statements that read no table that grows.
const WITHOUT_TABLE: &[&str] = &["SELECT set_config", "SELECT pg_is_in_recovery()"];

/// Members of the small pool.
const SMALL: u32 = 500;
/// Members of the large pool.
const LARGE: u32 = 20_000;
/// Keys in each array.
const KEYS: u32 = 10;

/// How many pages may be touched in the large pool, given the number in the small one: a B-tree is a level deeper, and
/// a page or two more are found full.
fn allowed(small: u64) -> u64 {
    small * 2 + u64::from(KEYS) * 8
}

struct Statement {
    /// With whitespace collapsed.
    text: String,
    types: Vec<String>,
}

impl Statement {
    fn recorded() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
        let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let statements = files.iter().map(|file| {
            let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let text = recorded["query"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            let types = recorded["describe"]["parameters"]["Left"].as_array().unwrap();
            Self { text, types: types.iter().map(|name| name.as_str().unwrap().to_owned()).collect() }
        });
        statements.filter(|one| !WITHOUT_TABLE.iter().any(|start| one.text.starts_with(start))).collect()
    }

    fn whole(&self) -> Option<&'static str> {
        WHOLE.iter().map(|(fragment, _)| *fragment).find(|fragment| self.text.contains(fragment))
    }

    fn declaration(&self, number: usize) -> String {
        let types: Vec<_> = self.types.iter().map(|name| sql_type(name)).collect();
        let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
        format!("PREPARE statement_{number} {types} AS {}", self.text)
    }

    fn execution(&self, number: usize, broadcaster: &str) -> String {
        let arguments: Vec<_> = (0..self.types.len()).map(|index| self.argument(index, broadcaster)).collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        format!("EXECUTE statement_{number} {arguments}")
    }

    /// A value for a parameter: of existing rows for statements that read, a new one for those that write.
    fn argument(&self, index: usize, broadcaster: &str) -> String {
        let inserts = self.text.contains("INSERT INTO");
        // The first rows include open ones.
        let number = |number: u32| if inserts { 900_000 + number } else { number * 7 };
        let key = |index: u32| format!("v{}", number(index));
        let array = |element: &dyn Fn(u32) -> String| {
            let elements: Vec<_> = (1..=KEYS).map(element).collect();
            format!("'{{{}}}'", elements.join(","))
        };
        if index == 0 && self.types[0] == "Text" && self.text.contains("broadcaster_id") {
            return format!("'{broadcaster}'");
        }
        match (self.types[index].as_str(), self.compared_with(index + 1)) {
            ("Text", "status") => "'Pending'".to_owned(),
            ("Text", "state") => if self.text.contains("gift_requests") { "'Pending'" } else { "'pending'" }.to_owned(),
            ("Text", "kind") => "'payout'".to_owned(),
            ("Text", _) => format!("'{}'", key(1)),
            ("Uuid", _) => format!("'{}'", uuid(number(1))),
            ("Int2" | "Int4", _) => "1".to_owned(),
            ("Int8", _) => "10".to_owned(),
            ("Timestamptz", _) => "'2026-01-01Z'".to_owned(),
            ("Jsonb", _) => "'{}'".to_owned(),
            // Whether the counts of the pool change.
            ("Bool", _) => self.text.contains("pool_counts").to_string(),
            ("TextArray", _) => array(&key),
            ("UuidArray", _) => array(&|index| uuid(number(index))),
            ("TimestamptzArray", _) => array(&|index| format!("2026-01-01 00:{index:02}:00Z")),
            ("BoolArray", _) => array(&|_| "true".to_owned()),
            ("Int2Array", _) => array(&|index| index.to_string()),
            // The counts of all buckets.
            ("Int4Array", _) => format!("'{{{}}}'", ["1"; 256].join(",")),
            (name, _) => panic!("no argument is known for the type {name} of {}", self.text),
        }
    }

    /// The column that a parameter is compared with or written to.
    fn compared_with(&self, parameter: usize) -> &str {
        let place = format!("${parameter}");
        if let Some(comparison) = self.text.find(&format!(" = {place}")) {
            return self.text[..comparison].rsplit([' ', '(', '.']).next().unwrap();
        }
        let values =
            self.text.split_once(" VALUES (").map(|(before, after)| (before, after.split(')').next().unwrap()));
        let Some((before, values)) = values else { return "" };
        let columns = before.rsplit('(').next().unwrap().trim_end_matches(')');
        let found = values.split(", ").position(|value| value == place);
        found.and_then(|found| columns.split(", ").nth(found)).unwrap_or_default()
    }
}

fn sql_type(name: &str) -> String {
    match name {
        "Text" | "Uuid" | "Int2" | "Int4" | "Int8" | "Timestamptz" | "Jsonb" | "Bool" => name.to_lowercase(),
        _ => format!("{}[]", name.strip_suffix("Array").unwrap_or_else(|| panic!("a new type: {name}")).to_lowercase()),
    }
}

/// The id of the payout, gift request, cycle and stream with this number.
fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Inserts rows `from` to `to` into every table that grows. A few of each are open, however many there are.
const FILL: &[&str] = &[
    "INSERT INTO viewers SELECT $1, 'v' || n FROM generate_series($2, $3) AS n",
    "INSERT INTO pool_members
     SELECT $1, 'v' || n, 'Viewer', 'Name', 'v' || n, (hashtext('v' || n) & 255)::smallint, at + n * second
     FROM generate_series($2, $3) AS n, start",
    "INSERT INTO claims SELECT $1, 'v' || n, 'v' || n, 'Name', at + n * second FROM generate_series($2, $3) AS n, start",
    "INSERT INTO chat_inbox SELECT $1, 'v' || n, at + n * second FROM generate_series($2, $3) AS n, start",
    "INSERT INTO events (broadcaster_id, stream_id, version, kind, event_type, schema_version, data, recorded_at)
     SELECT $1, id(n), version, CASE WHEN n % 2 = 0 THEN 'payout' ELSE 'gift' END, 'Any', 1, '{}', at + n * second
     FROM generate_series($2, $3) AS n, generate_series(1, 3) AS version, start",
    "INSERT INTO payouts (broadcaster_id, payout_id, version, viewer_id, display_name, character_name, gold,
                          enrollment_request_id, status, announced, created_at)
     SELECT $1, id(n), 3, 'v' || n, 'Viewer', 'Name', 1000, 'v' || n,
            CASE WHEN n <= 10 THEN 'Pending' WHEN n <= 20 THEN 'InProgress' ELSE 'Sent' END, n > 20, at + n * second
     FROM generate_series($2, $3) AS n, start",
    "INSERT INTO announcements (broadcaster_id, payout_id, message, state, due_at, created_at, updated_at)
     SELECT $1, id(n), 'Said', CASE WHEN n <= 10 THEN 'pending' WHEN n <= 20 THEN 'sending' ELSE 'announced' END,
            at + n * second, at + n * second, at + n * second
     FROM generate_series($2, $3) AS n, start",
    "INSERT INTO roulette_cycles (broadcaster_id, cycle_id, starts_at, drawn_at, deadline, candidate_viewer_id,
                                  candidate_display_name, candidate_character_name, decided_at, payout_id)
     SELECT $1, id(n), at + n * second, at + n * second, at + n * second, 'v' || n, 'Viewer', 'Name',
            CASE WHEN n > 1 THEN at + n * second END, CASE WHEN n > 1 THEN id(n) END
     FROM generate_series($2, $3) AS n, start",
    "INSERT INTO gift_requests (broadcaster_id, gift_id, version, viewer_id, display_name, character_name, state, timeout_at,
                                failure_reason, created_at, updated_at)
     SELECT $1, id(n), 3, 'v' || n, 'Viewer', 'Name', state,
            CASE WHEN state IN ('Unverified', 'SelectingItem') THEN at + n * second END,
            CASE WHEN state = 'Failed' THEN 'any' END, at + n * second, at + n * second
     FROM generate_series($2, $3) AS n, start,
          LATERAL (SELECT CASE WHEN n <= 5 THEN 'Unverified' WHEN n = 6 THEN 'SelectingItem' WHEN n <= 20 THEN 'Pending'
                               WHEN n % 2 = 0 THEN 'Completed' ELSE 'Failed' END AS state) AS stands",
    "INSERT INTO gift_verifications SELECT $1, id(n), 'v' || n, 0, at FROM generate_series($2, $3) AS n, start WHERE n <= 5",
    "INSERT INTO gift_queues SELECT $1 WHERE $2 = 1 AND $3 > 0",
    "INSERT INTO twitch_tokens SELECT $1, 'v' || n, 'any', 'any', NULL, NULL, at FROM generate_series($2, $3) AS n, start
     WHERE n <= 20",
];

/// The definitions that the statements of [`FILL`] use.
const WORDS: &str = "
    CREATE FUNCTION id(n integer) RETURNS uuid LANGUAGE sql AS
    $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
    CREATE VIEW start AS SELECT '2026-01-01Z'::timestamptz AS at, interval '1 second' AS second;
    -- No plan depends on them, and the arguments are of the right type only.
    DO $$ DECLARE found record; BEGIN
        FOR found IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
                     WHERE contype = 'c' AND connamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.relation, found.conname);
        END LOOP;
    END $$;";

/// A database whose statistics only the test changes, and one connection to it with the store's settings.
struct Lab {
    connection: PgConnection,
    statements: Vec<Statement>,
    _database: TestDatabase,
}

impl Lab {
    async fn open() -> Self {
        let database = mgm_test_support::database(&MIGRATOR).await;
        let mut connection = connect_options(database.connect_options()).connect().await.unwrap();
        sqlx::raw_sql(WORDS).execute(&mut connection).await.unwrap();
        let tables: Vec<String> = sqlx::query_scalar("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for table in tables {
            let unattended = format!("ALTER TABLE {table} SET (autovacuum_enabled = false)");
            sqlx::raw_sql(AssertSqlSafe(unattended)).execute(&mut connection).await.unwrap();
        }
        Self { connection, statements: Statement::recorded(), _database: database }
    }

    async fn run(&mut self, statement: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut self.connection).await;
        done.unwrap_or_else(|error| panic!("{error}: {statement}"));
    }

    async fn fill(&mut self, broadcaster: &str, from: u32, to: u32) {
        for statement in FILL {
            let statement = statement
                .replace("$1", &format!("'{broadcaster}'"))
                .replace("$2", &from.to_string())
                .replace("$3", &to.to_string());
            self.run(&statement).await;
        }
    }

    async fn empty(&mut self) {
        let tables = "viewers, pool_members, claims, chat_inbox, events, payouts, announcements, roulette_cycles,
                      gift_requests, gift_verifications, gift_queues, twitch_tokens";
        for table in tables.split(',') {
            self.run(&format!("DELETE FROM {table}")).await;
        }
    }

    /// Prepares all statements with plans of this kind, from the current statistics.
    async fn plan(&mut self, mode: &str, broadcaster: &str) {
        self.run(&format!("DEALLOCATE ALL; SET plan_cache_mode = {mode}")).await;
        for number in 0..self.statements.len() {
            let statement = &self.statements[number];
            let (declared, executed) = (statement.declaration(number), statement.execution(number, broadcaster));
            self.run(&declared).await;
            self.run(&format!("EXPLAIN {executed}")).await;
        }
    }

    /// The number of pages that each statement touches, and its plan.
    async fn touched(&mut self, broadcaster: &str) -> Vec<(u64, String)> {
        let mut touched = Vec::with_capacity(self.statements.len());
        for number in 0..self.statements.len() {
            if self.statements[number].whole().is_some() {
                touched.push((0, String::new()));
                continue;
            }
            let executed = self.statements[number].execution(number, broadcaster);
            let explained = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {executed}");
            self.run("BEGIN").await;
            let row = sqlx::raw_sql(AssertSqlSafe(explained)).fetch_one(&mut self.connection).await;
            let row = row.unwrap_or_else(|error| panic!("{error}: {}\n{executed}", self.statements[number].text));
            self.run("ROLLBACK").await;
            let explained: Value = row.try_get_unchecked::<String, _>(0).unwrap().parse().unwrap();
            let plan = &explained[0]["Plan"];
            let blocks = ["Shared Hit Blocks", "Shared Read Blocks"].map(|name| plan[name].as_u64().unwrap());
            touched.push((blocks.iter().sum(), steps(plan, 0)));
        }
        touched
    }

    async fn grow(&mut self, broadcaster: &str, from: u32, to: u32, analyse: bool) {
        self.fill(broadcaster, from, to).await;
        if analyse {
            self.run("ANALYZE").await;
        }
    }
}

/// A plan, one step per line.
fn steps(plan: &Value, depth: usize) -> String {
    let mut steps = String::new();
    let of = |name: &str| plan[name].as_str().unwrap_or_default();
    let pages = plan["Shared Hit Blocks"].as_u64().unwrap() + plan["Shared Read Blocks"].as_u64().unwrap();
    let (kind, on) =
        (of("Node Type"), [of("Relation Name"), of("Index Name"), of("Index Cond"), of("Filter")].join(" "));
    writeln!(steps, "{:depth$}  {kind} {on} ({pages} pages, {} times)", "", plan["Actual Loops"]).unwrap();
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        steps += &self::steps(inner, depth + 2);
    }
    steps
}

/// The state of a database when the statements are planned, and the broadcaster whose pool then grows.
struct Scenario {
    name: &'static str,
    before: &'static [Before],
    planned_for: &'static str,
    grows: &'static str,
    analysed: bool,
}

enum Before {
    Filled(&'static str),
    Emptied,
    Ran(&'static str),
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "never analysed", before: &[], planned_for: "streamer", grows: "streamer", analysed: false },
    Scenario { name: "analysed", before: &[], planned_for: "streamer", grows: "streamer", analysed: true },
    Scenario {
        name: "a new broadcaster beside a large one",
        before: &[Before::Filled("large"), Before::Ran("VACUUM ANALYZE")],
        planned_for: "large",
        grows: "new",
        analysed: false,
    },
    Scenario {
        name: "a pool that was emptied",
        before: &[Before::Filled("streamer"), Before::Ran("ANALYZE"), Before::Emptied, Before::Ran("VACUUM ANALYZE")],
        planned_for: "streamer",
        grows: "streamer",
        analysed: false,
    },
];

const MODES: [&str; 2] = ["force_generic_plan", "force_custom_plan"];

impl Scenario {
    /// Compares the pages touched in a large pool with those in a small one.
    async fn hold(&self, mode: &str) -> Vec<String> {
        let mut lab = Lab::open().await;
        for step in self.before {
            match step {
                Before::Filled(broadcaster) => lab.fill(broadcaster, 1, LARGE).await,
                Before::Emptied => lab.empty().await,
                Before::Ran(statement) => lab.run(statement).await,
            }
        }
        lab.plan(mode, self.planned_for).await;
        lab.grow(self.grows, 1, SMALL, self.analysed).await;
        let small = lab.touched(self.grows).await;
        lab.grow(self.grows, SMALL + 1, LARGE, self.analysed).await;
        let large = lab.touched(self.grows).await;
        let compared = lab.statements.iter().zip(small).zip(large);
        let grown = compared.filter(|((_, (small, _)), (large, _))| *large > allowed(*small));
        let told = grown.map(|((statement, (small, _)), (large, steps))| {
            format!("{}, {mode}: {small} pages, then {large}: {}\n{steps}", self.name, statement.text)
        });
        told.collect()
    }
}

#[tokio::test]
async fn plans_do_not_grow_with_the_pool() {
    let mut held = JoinSet::new();
    for scenario in &SCENARIOS {
        for mode in MODES {
            held.spawn(scenario.hold(mode));
        }
    }
    let wrong = held.join_all().await.concat();
    assert!(wrong.is_empty(), "{} statements read more in a larger pool:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_exception_is_one_statement_that_exists() {
    let statements = Statement::recorded();
    let mut seen = BTreeSet::new();
    for statement in &statements {
        let matching: Vec<_> = WHOLE.iter().filter(|(fragment, _)| statement.text.contains(fragment)).collect();
        assert!(matching.len() <= 1, "{matching:?} all mean {}", statement.text);
        assert!(matching.iter().all(|(fragment, _)| seen.insert(*fragment)), "{matching:?} mean several statements");
    }
    let unused: Vec<_> = WHOLE.iter().filter(|(fragment, _)| !seen.contains(fragment)).collect();
    assert!(unused.is_empty(), "no statement has {unused:?}");
}
