//! A claim whose lease has expired sends nothing more.

use std::time::Duration;

use mgm_test_support::until;
use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;

use crate::{app::TestApp, tokens::renewing};

/// How often Helix received the message.
async fn said(app: &TestApp) -> usize {
    let journal = app.helix.journal().await;
    let said = |path: &str, status: Option<u16>| path == "/helix/chat/messages" && status == Some(200);
    journal.requests.iter().filter(|request| said(&request.path, request.status)).count()
}

/// A payout that only needs to become `Sent`; the token has expired, so the announcement waits for a new one.
async fn scene(call_seconds: u64) -> (TestApp, String) {
    let app = TestApp::with(|settings| {
        renewing(settings);
        settings.helix.timeout = Duration::from_secs(call_seconds);
        settings.announcements.lease_margin = Duration::from_secs(1);
    })
    .await;
    app.helix.expire_tokens().await;
    app.enrolled("ann", "Annhero").await;
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    (app, payout)
}

/// Another session locks the table of tokens: in one mode it can be read, so that the first call is made and the
/// renewal after its 401 waits; in the other the first call waits too. The lease expires, and the operator asks for
/// another attempt.
#[tokio::test]
async fn a_claim_whose_lease_passes_while_it_waits_for_a_token_is_not_said_beside_the_retry() {
    for (mode, calls_before) in [("SHARE ROW EXCLUSIVE", 1), ("ACCESS EXCLUSIVE", 0)] {
        let (app, payout) = scene(1).await;
        let idle = app.tasks.len();
        let mut kept = app.database.pool().begin().await.unwrap();
        let lock = format!("LOCK TABLE twitch_tokens IN {mode} MODE");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *kept).await.unwrap();
        let meanwhile = async {
            let waits = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'twitch_tokens'::regclass";
            until("it waits for the table", async || {
                sqlx::query_scalar::<_, bool>(waits).fetch_one(app.database.pool()).await.unwrap()
            })
            .await;
            assert_eq!(app.helix.messages().await.len(), calls_before, "{mode}");
            // Longer than any lease.
            app.advance(600);
            let other = app.another(|_| ());
            mgm_backend::work::workers::announcements::round(&other.worker_context(), &CancellationToken::new())
                .await
                .unwrap();
            assert_eq!(app.announcement(&payout).await["state"], "unknown", "{mode}");
            app.post(&format!("/api/announcements/{payout}/retry")).desktop().send().await.ok();
            kept.rollback().await.unwrap();
            // The first attempt ends before the second begins, so that its result would still be accepted.
            until("the attempt is over", async || app.tasks.len() == idle).await;
        };
        let (sent, ()) = tokio::join!(app.change(&payout, "Sent"), meanwhile);
        sent.ok();
        assert_eq!(said(&app).await, 0, "{mode}: the claim has passed to nobody, and nothing may be said by it");
        app.announce_due().await;
        assert_eq!(app.announcement(&payout).await["state"], "announced", "{mode}");
        assert_eq!(said(&app).await, 1, "{mode}");
        app.finish().await;
    }
}

/// The claim still stands, but a call could outlast it: nothing was said, so it is retried, and the operator sees why.
#[tokio::test]
async fn a_call_that_could_outlast_the_lease_is_put_off() {
    let (app, payout) = scene(10).await;
    let lease = app.state.helix.longest_call() + Duration::from_secs(1);
    app.helix.faults(json!([{"kind": "slow", "route": "token", "delayMs": 300}])).await;
    let meanwhile = async {
        until("a token is asked for", async || app.helix.token_requests().await == 1).await;
        // Ten seconds are left, and a call may take that long.
        app.clock.advance(lease.checked_sub(Duration::from_secs(10)).unwrap());
    };
    let (sent, ()) = tokio::join!(app.change(&payout, "Sent"), meanwhile);
    sent.ok();
    let announcement = app.announcement(&payout).await;
    assert_eq!(announcement["state"], "pending", "{announcement}");
    assert_eq!(announcement["detail"], "its turn was nearly over before Twitch could be asked");
    assert!(announcement["nextAttemptAt"].is_string(), "{announcement}");
    assert_eq!(said(&app).await, 0);
    app.advance(60);
    app.announce_due().await;
    assert_eq!((said(&app).await, &app.announcement(&payout).await["state"]), (1, &json!("announced")));
    app.finish().await;
}
