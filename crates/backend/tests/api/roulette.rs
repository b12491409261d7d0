//! The roulette: its clock, its candidate, its verification.

use mgm_domain::roulette::Schedule;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

async fn state(app: &TestApp) -> Value {
    app.get("/api/roulette/state").viewer("somebody").send().await.ok()
}

async fn phase(app: &TestApp) -> Value {
    state(app).await["spinPhase"].clone()
}

async fn candidate(app: &TestApp) -> Value {
    app.get("/api/roulette/candidate").desktop().send().await.ok()
}

fn report(cycle: &Value, name: &str, online: bool) -> Value {
    json!({"schemaVersion": 1, "spinCycleId": cycle, "characterName": name, "online": online,
           "capturedAt": "2026-01-02T03:09:20.1234567Z"})
}

async fn verify(app: &TestApp, body: &Value) -> Answer {
    app.post("/api/roulette/verify-candidate").desktop().json(body).send().await
}

/// A backend 250 s into a cycle that has drawn `ann`.
async fn drawn() -> (TestApp, Value) {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    app.advance(240);
    app.draw().await;
    let cycle = candidate(&app).await["spinCycleId"].clone();
    (app, cycle)
}

#[tokio::test]
async fn the_state_is_as_documented() {
    let app = TestApp::start().await;
    assert_eq!(
        state(&app).await,
        json!({
            "nextSpinAt": "2026-01-02T03:10:00.000Z", "serverNow": "2026-01-02T03:05:10.000Z",
            "spinIntervalSeconds": 300, "poolParticipantCount": 0, "spinPhase": "idle", "currentSpinCycleId": null,
        })
    );
    app.enrolled("ann", "Etoehero").await;
    app.enrolled("bob", "Bobhero").await;
    let now = state(&app).await;
    assert_eq!((&now["poolParticipantCount"], &now["spinPhase"]), (&json!(2), &json!("collecting")));
    assert_eq!(now["currentSpinCycleId"].as_str().unwrap().len(), 36);
    // The boundary is strictly later than now.
    app.advance(290);
    let later = state(&app).await;
    assert_eq!(later["nextSpinAt"], "2026-01-02T03:15:00.000Z");
    assert_ne!(later["currentSpinCycleId"], now["currentSpinCycleId"]);
    app.finish().await;
}

#[tokio::test]
async fn a_cycle_goes_through_its_phases() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    app.advance(229);
    app.draw().await;
    assert_eq!(phase(&app).await, "collecting");
    app.get("/api/roulette/candidate").desktop().send().await.is(404, "no_candidate");
    app.advance(1);
    // Due, but not yet drawn.
    assert_eq!(phase(&app).await, "completed");
    app.draw().await;
    assert_eq!(phase(&app).await, "spinning");
    let drawn = candidate(&app).await;
    assert_eq!(
        drawn,
        json!({"spinCycleId": state(&app).await["currentSpinCycleId"], "characterName": "Etoehero",
               "inGameName": "Etoehero", "drawnAt": "2026-01-02T03:09:00.000Z", "deadline": "2026-01-02T03:10:30.000Z"})
    );
    app.advance(29);
    assert_eq!(phase(&app).await, "spinning");
    app.advance(1);
    assert_eq!(phase(&app).await, "verification");
    verify(&app, &report(&drawn["spinCycleId"], "Etoehero", false)).await.ok();
    assert_eq!(phase(&app).await, "completed");
    app.advance(30);
    assert_eq!(phase(&app).await, "collecting");
    app.finish().await;
}

#[tokio::test]
async fn a_cycle_is_drawn_once() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    app.advance(240);
    app.draw().await;
    let first = candidate(&app).await;
    for name in ["Bobhero", "Cidhero", "Doehero", "Evehero"] {
        app.enrolled(name, name).await;
        app.draw().await;
        assert_eq!(candidate(&app).await, first);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_missed_draw_is_made_up_until_the_cycle_ends_and_never_later() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    app.advance(289);
    app.draw().await;
    assert_eq!(candidate(&app).await["drawnAt"], "2026-01-02T03:09:59.000Z");
    app.advance(300 + 1);
    app.draw().await;
    app.get("/api/roulette/candidate").desktop().send().await.is(404, "no_candidate");
    app.finish().await;
}

#[tokio::test]
async fn who_cannot_win_is_not_drawn() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    app.pending("ann").await;
    app.advance(240);
    app.draw().await;
    app.get("/api/roulette/candidate").desktop().send().await.is(404, "no_candidate");
    assert_eq!(phase(&app).await, "completed");
    app.finish().await;
}

#[tokio::test]
async fn who_is_online_wins_and_a_repeat_changes_nothing() {
    let (app, cycle) = drawn().await;
    let won = verify(&app, &report(&cycle, "ETOEHERO", true)).await.ok();
    assert_eq!(won["spinCycleId"], cycle);
    let payout = app.get("/api/payouts/pending").desktop().send().await.ok()[0].clone();
    assert_eq!((&payout["id"], &payout["status"]), (&won["payoutId"], &json!("Pending")));
    let hex = cycle.as_str().unwrap().replace('-', "");
    assert_eq!(payout["enrollmentRequestId"], format!("spin:{hex}"));
    app.get("/api/roulette/candidate").desktop().send().await.is(404, "no_candidate");
    for repeat in [report(&cycle, "Etoehero", true), report(&cycle, "Etoehero", false), report(&cycle, "Another", true)]
    {
        assert_eq!(verify(&app, &repeat).await.ok(), won);
    }
    // Even after the deadline, and with the id in its other form.
    app.advance(3_600);
    assert_eq!(verify(&app, &report(&json!(hex), "Etoehero", true)).await.ok(), won);
    assert_eq!(app.get("/api/payouts/pending").desktop().send().await.ok().as_array().unwrap().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_candidate_is_verified_by_the_name_as_typed_and_by_the_games() {
    for spelling in ["characterName", "inGameName"] {
        let app = TestApp::start().await;
        app.enrolled("ann", "ёЛОЧКА").await;
        app.advance(240);
        app.draw().await;
        let drawn = candidate(&app).await;
        assert_eq!((&drawn["characterName"], &drawn["inGameName"]), (&json!("ёЛОЧКА"), &json!("Ёлочка")));
        let won = verify(&app, &report(&drawn["spinCycleId"], drawn[spelling].as_str().unwrap(), true)).await.ok();
        assert!(won["payoutId"].is_string(), "{spelling}: {won}");
        let payout = app.get("/api/payouts/pending").desktop().send().await.ok()[0].clone();
        assert_eq!((&payout["characterName"], &payout["inGameName"]), (&json!("ёЛОЧКА"), &json!("Ёлочка")));
        app.finish().await;
    }
}

#[tokio::test]
async fn the_time_of_a_verification_may_leave_out_its_zone() {
    let (app, cycle) = drawn().await;
    for captured_at in [
        json!("2026-01-02T03:09:20"),
        json!("2026-01-02T03:09:20.1"),
        json!("2026-01-02T03:09:20.1234567"),
        json!("0001-01-01T00:00:00"),
        json!("2026-01-02T03:09:20Z"),
        json!("2026-01-02T06:09:20.1234567+03:00"),
        json!(null),
    ] {
        let mut body = report(&cycle, "Etoehero", true);
        body["capturedAt"] = captured_at;
        assert!(verify(&app, &body).await.ok()["payoutId"].is_string(), "{body}");
    }
    app.finish().await;
}

#[tokio::test]
async fn who_is_not_online_does_not_win_and_stays_in_the_pool() {
    let (app, cycle) = drawn().await;
    let lost = json!({"spinCycleId": cycle, "payoutId": null});
    assert_eq!(verify(&app, &report(&cycle, "Etoehero", false)).await.ok(), lost);
    assert_eq!(verify(&app, &report(&cycle, "Etoehero", true)).await.ok(), lost);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Etoehero"));
    app.finish().await;
}

#[tokio::test]
async fn a_verification_is_checked_in_a_fixed_order() {
    let (app, cycle) = drawn().await;
    let with = |field: &str, value: Value| {
        let mut body = report(&cycle, "1", true);
        body[field] = value;
        body
    };
    for body in [
        json!({}),
        with("schemaVersion", json!(2)),
        with("schemaVersion", json!("1")),
        with("schemaVersion", json!(null)),
        with("spinCycleId", json!("nonsense")),
        with("online", json!("yes")),
        with("characterName", json!(null)),
        with("capturedAt", json!("yesterday")),
    ] {
        verify(&app, &body).await.is(400, "invalid_payload");
    }
    // The payload is valid: the name's syntax is checked next, then the cycle.
    let unknown = json!("0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4");
    verify(&app, &report(&unknown, "1", true)).await.is(400, "invalid_character_name");
    verify(&app, &report(&unknown, "Etoehero", true)).await.is(400, "out_of_sequence");
    for online in [true, false] {
        verify(&app, &report(&cycle, "Another", online)).await.is(400, "out_of_sequence");
    }
    verify(&app, &report(&cycle, "Etoehero", true)).await.ok();
    app.finish().await;
}

#[tokio::test]
async fn a_candidate_can_be_verified_for_thirty_seconds_into_the_next_cycle() {
    let (app, cycle) = drawn().await;
    app.advance(80);
    assert_eq!(state(&app).await["serverNow"], "2026-01-02T03:10:30.000Z");
    assert_eq!(phase(&app).await, "collecting");
    assert_eq!(candidate(&app).await["spinCycleId"], cycle);
    assert!(verify(&app, &report(&cycle, "Etoehero", true)).await.ok()["payoutId"].is_string());
    app.finish().await;

    let (app, cycle) = drawn().await;
    app.advance(81);
    app.get("/api/roulette/candidate").desktop().send().await.is(404, "no_candidate");
    verify(&app, &report(&cycle, "Etoehero", true)).await.is(400, "out_of_sequence");
    app.finish().await;
}

#[tokio::test]
async fn the_present_cycle_cannot_be_verified_before_its_draw() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let cycle = state(&app).await["currentSpinCycleId"].clone();
    verify(&app, &report(&cycle, "Etoehero", true)).await.is(400, "out_of_sequence");
    app.finish().await;
}

#[tokio::test]
async fn the_candidate_is_the_one_recorded_at_the_draw() {
    let (app, cycle) = drawn().await;
    app.enrolled("ann", "Renamed").await;
    app.enrolled("bob", "Etoehero").await;
    verify(&app, &report(&cycle, "Renamed", true)).await.is(400, "out_of_sequence");
    verify(&app, &report(&cycle, "Etoehero", true)).await.ok();
    let mine = app.get("/api/payouts/my-last").viewer("ann").send().await.ok();
    assert_eq!(mine["characterName"], "Etoehero");
    app.get("/api/payouts/my-last").viewer("bob").send().await.is(404, "not_found");
    app.finish().await;
}

#[tokio::test]
async fn a_candidate_who_may_no_longer_win_decides_the_cycle_without_a_winner() {
    let (app, cycle) = drawn().await;
    app.pending("ann").await;
    verify(&app, &report(&cycle, "Etoehero", true)).await.is(409, "active_payout_exists");
    assert_eq!(phase(&app).await, "completed");
    let decided = json!({"spinCycleId": cycle, "payoutId": null});
    assert_eq!(verify(&app, &report(&cycle, "Etoehero", true)).await.ok(), decided);
    app.finish().await;
}

#[tokio::test]
async fn a_candidate_who_reached_the_cap_since_decides_the_cycle_without_a_winner() {
    let app = TestApp::start().await;
    for _ in 0..9 {
        app.sent("ann", "Etoehero").await;
    }
    app.enrolled("ann", "Etoehero").await;
    app.advance(240);
    app.draw().await;
    let cycle = candidate(&app).await["spinCycleId"].clone();
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    app.change(&payout, "Sent").await.ok();
    // With a candidate the cycle is not idle, although the pool is empty.
    assert_eq!(phase(&app).await, "spinning");
    verify(&app, &report(&cycle, "Etoehero", true)).await.is(409, "lifetime_cap_reached");
    assert_eq!(verify(&app, &report(&cycle, "Etoehero", true)).await.ok()["payoutId"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn the_lengths_are_configurable() {
    let app = TestApp::with(|settings| {
        settings.schedule = Schedule::new(20, 10, 5, 30).unwrap();
    })
    .await;
    app.enrolled("ann", "Etoehero").await;
    let now = state(&app).await;
    assert_eq!((&now["spinIntervalSeconds"], &now["nextSpinAt"]), (&json!(20), &json!("2026-01-02T03:05:20.000Z")));
    app.draw().await;
    assert_eq!(phase(&app).await, "spinning");
    app.advance(5);
    assert_eq!(phase(&app).await, "verification");
    app.finish().await;
}
