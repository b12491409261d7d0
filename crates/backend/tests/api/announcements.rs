//! The announcement in chat: at most once, and never forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{ACCESS_TOKEN, Answer, BROADCASTER, TestApp};

const TEXT: &str = "Награда отправлена персонажу Etoehero на почту, проверяй ящик!";

/// A payout that is in progress.
async fn in_progress(app: &TestApp) -> String {
    app.enrolled("ann", "Etoehero").await;
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    payout
}

async fn listed(app: &TestApp, state: &str) -> Vec<Value> {
    let listed = app.get(&format!("/api/announcements?state={state}")).desktop().send().await.ok();
    listed.as_array().unwrap().clone()
}

async fn retry(app: &TestApp, payout: &str) -> Answer {
    app.post(&format!("/api/announcements/{payout}/retry")).desktop().send().await
}

async fn resolve(app: &TestApp, payout: &str, announced: bool) -> Answer {
    let call = app.post(&format!("/api/announcements/{payout}/resolve")).desktop();
    call.json(&json!({"announced": announced})).send().await
}

async fn is_announced(app: &TestApp) -> Value {
    app.get("/api/payouts/my-last").viewer("ann").send().await.ok()["isRewardSentAnnouncedToChat"].clone()
}

#[tokio::test]
async fn sent_is_announced_with_the_exact_text_before_the_answer() {
    let app = TestApp::start().await;
    let payout = in_progress(&app).await;
    let sent = app.change(&payout, "Sent").await.ok();
    assert_eq!((&sent["status"], &sent["isRewardSentAnnouncedToChat"]), (&json!("Sent"), &json!(true)));
    let body = json!({"broadcaster_id": BROADCASTER, "sender_id": BROADCASTER, "message": TEXT});
    let last = app.helix.last_request().await;
    assert_eq!(last["body"], body);
    assert_eq!(last["authorizationHeader"], format!("Bearer {ACCESS_TOKEN}"));
    assert_eq!(last["clientIdHeader"], "e2e-ci-helix-client");
    assert_eq!(app.announcement(&payout).await["state"], "announced");
    assert_eq!(is_announced(&app).await, true);
    app.announce_due().await;
    assert_eq!(app.helix.messages().await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn each_fault_of_helix_leaves_the_state_that_the_rules_name_and_never_undoes_sent() {
    for (fault, state) in [
        (json!({"kind": "status", "status": 204}), "announced"),
        (json!({"kind": "status", "status": 202}), "announced"),
        (json!({"kind": "not_sent"}), "dropped"),
        (json!({"kind": "duplicate"}), "dropped"),
        (json!({"kind": "status", "status": 400}), "failed"),
        (json!({"kind": "status", "status": 401}), "failed"),
        (json!({"kind": "status", "status": 403}), "failed"),
        (json!({"kind": "status", "status": 422}), "failed"),
        (json!({"kind": "status", "status": 429}), "pending"),
        (json!({"kind": "status", "status": 500}), "pending"),
        (json!({"kind": "status", "status": 503}), "pending"),
        (json!({"kind": "status", "status": 502}), "unknown"),
        (json!({"kind": "status", "status": 504}), "unknown"),
        (json!({"kind": "reply_lost"}), "unknown"),
        (json!({"kind": "dropped"}), "unknown"),
        (json!({"kind": "truncated"}), "unknown"),
    ] {
        let app = TestApp::start().await;
        app.helix.faults(json!([fault])).await;
        let payout = in_progress(&app).await;
        let sent = app.change(&payout, "Sent").await.ok();
        assert_eq!(
            (&sent["status"], &sent["isRewardSentAnnouncedToChat"]),
            (&json!("Sent"), &json!(state == "announced"))
        );
        let announcement = app.announcement(&payout).await;
        assert_eq!(announcement["state"], state, "{fault}: {announcement}");
        assert_eq!(announcement["message"], TEXT);
        assert_eq!(announcement["attempts"], 1);
        assert_eq!(listed(&app, &state.to_uppercase()).await, [announcement]);
        // Only pending announcements are retried automatically.
        app.advance(3_600);
        app.announce_due().await;
        let (after, tries) = if state == "pending" { ("announced", 2) } else { (state, 1) };
        assert_eq!(app.announcement(&payout).await["state"], after, "{fault}");
        assert_eq!(app.helix.messages().await.len(), tries, "{fault}");
        app.finish().await;
    }
}

#[tokio::test]
async fn the_reason_is_kept_for_the_operator() {
    let app = TestApp::start().await;
    app.helix.faults(json!([{"kind": "not_sent"}, {"kind": "status", "status": 401}])).await;
    let payout = app.sent("ann", "Etoehero").await;
    let detail = app.announcement(&payout).await["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty());
    retry(&app, &payout).await.ok();
    app.announce_due().await;
    let announcement = app.announcement(&payout).await;
    assert_eq!(announcement["state"], "failed");
    assert!(announcement["detail"].as_str().unwrap().contains("Twitch__BroadcasterAccessToken"), "{announcement}");
    app.finish().await;
}

#[tokio::test]
async fn a_helix_that_cannot_be_reached_is_tried_again_later_and_later() {
    let app = TestApp::with(|settings| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        settings.twitch.helix_api_base_url = Some(format!("http://{nobody}").parse().unwrap());
    })
    .await;
    let payout = app.sent("ann", "Etoehero").await;
    assert_eq!(app.announcement(&payout).await["state"], "pending");
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["attempts"], 1, "not due yet");
    for attempt in 2..12 {
        app.advance(600);
        app.announce_due().await;
        let announcement = app.announcement(&payout).await;
        assert_eq!((&announcement["state"], &announcement["attempts"]), (&json!("pending"), &json!(attempt)));
    }
    app.advance(600);
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn without_credentials_no_call_is_made() {
    for unset in ["token", "client"] {
        let app = TestApp::with(|settings| match unset {
            "token" => settings.twitch.broadcaster_access_token = None,
            _ => settings.twitch.helix_client_id = None,
        })
        .await;
        let payout = app.sent("ann", "Etoehero").await;
        assert_eq!(app.announcement(&payout).await["state"], "failed");
        assert_eq!(app.helix.journal().await.total, 0);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_slow_helix_holds_the_answer_up_for_three_seconds_and_is_heard_out() {
    let app = TestApp::start().await;
    let payout = in_progress(&app).await;
    app.helix.faults(json!([{"kind": "slow", "delayMs": 6_000}])).await;
    let sent = app.change(&payout, "Sent").await.ok();
    assert_eq!((&sent["status"], &sent["isRewardSentAnnouncedToChat"]), (&json!("Sent"), &json!(false)));
    assert_eq!(app.announcement(&payout).await["state"], "sending");
    app.announce_due().await;
    wait_for(&app, &payout, "announced").await;
    assert_eq!(app.helix.messages().await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_call_that_takes_longer_than_its_time_out_is_unknown() {
    let app = TestApp::with(|settings| settings.helix.timeout = Duration::from_secs(1)).await;
    app.helix.faults(json!([{"kind": "slow", "delayMs": 5_000}])).await;
    let payout = app.sent("ann", "Etoehero").await;
    assert_eq!(app.announcement(&payout).await["state"], "unknown");
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_the_announcement_along() {
    let app = TestApp::start().await;
    let payout = in_progress(&app).await;
    app.helix.faults(json!([{"kind": "slow", "delayMs": 500}])).await;
    let asked = async {
        while app.helix.journal().await.total == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answer = app.change(&payout, "Sent") => panic!("answered before Helix did: {answer:?}"),
        () = asked => {}
    }
    wait_for(&app, &payout, "announced").await;
    assert_eq!(app.helix.messages().await.len(), 1);
    app.finish().await;
}

async fn wait_for(app: &TestApp, payout: &str, state: &str) {
    let waiting = async {
        while app.announcement(payout).await["state"] != state {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn what_a_process_that_is_gone_was_sending_becomes_unknown() {
    let app = TestApp::start().await;
    let payout = in_progress(&app).await;
    let id = mgm_domain::PayoutId::from_uuid(payout.parse().unwrap());
    // Like a process that is killed after it has claimed the announcement.
    app.state.store.change_payout_status(id, mgm_domain::PayoutStatus::Sent, app.now()).await.unwrap();
    app.state.store.claim_announcement(id, app.now(), Duration::from_secs(40)).await.unwrap().unwrap();
    app.advance(39);
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "sending");
    app.advance(1);
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "unknown");
    assert_eq!(app.helix.messages().await.len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn what_a_process_that_is_gone_had_not_begun_is_taken_up() {
    let app = TestApp::start().await;
    let payout = in_progress(&app).await;
    let id = mgm_domain::PayoutId::from_uuid(payout.parse().unwrap());
    app.state.store.change_payout_status(id, mgm_domain::PayoutStatus::Sent, app.now()).await.unwrap();
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "pending", "it is left to the request for a moment");
    app.advance(5);
    app.announce_due().await;
    assert_eq!(app.announcement(&payout).await["state"], "announced");
    assert_eq!(is_announced(&app).await, true);
    app.finish().await;
}

#[tokio::test]
async fn the_operator_retries_what_failed_was_dropped_or_is_unknown() {
    for fault in [json!({"kind": "status", "status": 403}), json!({"kind": "not_sent"}), json!({"kind": "reply_lost"})]
    {
        let app = TestApp::start().await;
        app.helix.faults(json!([fault])).await;
        let payout = app.sent("ann", "Etoehero").await;
        assert_eq!(retry(&app, &payout).await.ok()["state"], "pending");
        retry(&app, &payout).await.is(409, "invalid_state");
        app.announce_due().await;
        assert_eq!(app.announcement(&payout).await["state"], "announced");
        assert_eq!(is_announced(&app).await, true);
        retry(&app, &payout).await.is(409, "invalid_state");
        app.finish().await;
    }
}

#[tokio::test]
async fn the_operator_resolves_only_what_is_unknown() {
    for (announced, state) in [(true, "announced"), (false, "failed")] {
        let app = TestApp::start().await;
        app.helix.faults(json!([{"kind": "dropped"}])).await;
        let payout = app.sent("ann", "Etoehero").await;
        assert_eq!(resolve(&app, &payout, announced).await.ok()["state"], state);
        assert_eq!(is_announced(&app).await, announced);
        resolve(&app, &payout, announced).await.is(409, "invalid_state");
        app.finish().await;
    }
    let app = TestApp::start().await;
    app.helix.status(403).await;
    let payout = app.sent("ann", "Etoehero").await;
    resolve(&app, &payout, true).await.is(409, "invalid_state");
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_announcement_is_not_found() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let pending = app.pending("ann").await;
    for id in ["nonsense", "0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4", &pending] {
        app.get(&format!("/api/announcements/{id}")).desktop().send().await.is(404, "not_found");
        retry(&app, id).await.is(404, "not_found");
        resolve(&app, id, true).await.is(404, "not_found");
    }
    app.get("/api/announcements?state=nonsense").desktop().send().await.is(400, "invalid_payload");
    let call = app.post(&format!("/api/announcements/{pending}/resolve")).desktop();
    call.json(&json!({})).send().await.is(400, "invalid_payload");
    app.finish().await;
}

#[tokio::test]
async fn what_is_tried_again_says_why_and_when() {
    let app = TestApp::start().await;
    app.helix.faults(json!([{"kind": "status", "status": 503}, {"kind": "status", "status": 403}])).await;
    let payout = app.sent("ann", "Etoehero").await;
    let waiting = app.announcement(&payout).await;
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("pending"), &json!(1)));
    let detail = waiting["detail"].as_str().unwrap();
    assert!(detail.starts_with("Twitch answered 503"), "{detail}");
    let next = waiting["nextAttemptAt"].as_str().unwrap();
    assert!(("2026-01-02T03:05:11.000Z"..="2026-01-02T03:05:12.000Z").contains(&next), "{next}");
    assert_eq!(listed(&app, "pending").await, [waiting]);
    app.advance(2);
    app.announce_due().await;
    let failed = app.announcement(&payout).await;
    assert_eq!((&failed["state"], &failed["nextAttemptAt"]), (&json!("failed"), &Value::Null));
    // The operator's answer does not erase the reason.
    let retried = retry(&app, &payout).await.ok();
    assert_eq!((&retried["state"], &retried["detail"]), (&json!("pending"), &failed["detail"]));
    assert_eq!(retried["nextAttemptAt"], "2026-01-02T03:05:12.000Z");
    app.announce_due().await;
    let announced = app.announcement(&payout).await;
    assert_eq!((&announced["state"], &announced["detail"]), (&json!("announced"), &Value::Null));
    assert_eq!(announced["nextAttemptAt"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn a_duplicate_means_that_an_earlier_attempt_was_said_if_one_may_have_been() {
    let status = |status: u16| json!({"kind": "status", "status": status});
    for (before, state) in [
        (status(500), "announced"),
        (status(503), "announced"),
        (status(429), "dropped"),
        (json!({"kind": "reply_lost"}), "announced"),
        (json!({"kind": "not_sent"}), "dropped"),
        (json!({"kind": "duplicate"}), "dropped"),
    ] {
        let app = TestApp::start().await;
        app.helix.faults(json!([before, {"kind": "duplicate"}])).await;
        let payout = app.sent("ann", "Etoehero").await;
        if app.announcement(&payout).await["state"] != "pending" {
            retry(&app, &payout).await.ok();
        }
        app.advance(600);
        app.announce_due().await;
        let announcement = app.announcement(&payout).await;
        assert_eq!(announcement["state"], state, "{before}: {announcement}");
        let detail = announcement["detail"].as_str().unwrap();
        assert!(detail.contains("msg_duplicate"), "{detail}");
        assert_eq!(detail.starts_with("an earlier attempt was said"), state == "announced", "{detail}");
        assert_eq!(is_announced(&app).await, state == "announced", "{before}");
        assert_eq!(app.helix.messages().await.len(), 2);
        app.finish().await;
    }
}

#[tokio::test]
async fn every_list_comes_in_pages_by_the_same_parameters() {
    let app = TestApp::start().await;
    let mut payouts = vec![];
    for (user, name) in [("ann", "Annhero"), ("bob", "Bobhero"), ("cid", "Cidhero")] {
        payouts.push(app.sent(user, name).await);
        app.advance(1);
        app.enrolled(user, name).await;
        app.pending(user).await;
        let body = json!({"streamerId": BROADCASTER, "characterName": name});
        app.post("/api/gift-requests").viewer(user).json(&body).send().await.success(201);
    }
    for (list, id) in [
        ("/api/announcements?", "payoutId"),
        ("/api/announcements?state=ANNOUNCED&", "payoutId"),
        ("/api/payouts/pending?", "id"),
        ("/api/payouts?status=sent&", "id"),
        ("/api/gift-requests?", "id"),
    ] {
        let whole = app.get(list).desktop().send().await;
        assert!(!whole.headers.contains_key("link"), "{list}");
        let whole = whole.ok();
        assert_eq!(whole.as_array().unwrap().len(), 3, "{list}");
        let (mut next, mut listed) = (Some(format!("{list}limit=1")), vec![]);
        while let Some(path) = next {
            let answer = app.get(&path).desktop().send().await;
            let page = answer.ok();
            assert_eq!(page.as_array().unwrap().len(), 1, "{path}");
            listed.push(page[0].clone());
            let link = answer.headers.get("link").map(|link| link.to_str().unwrap());
            next = link.map(|link| link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
        }
        assert_eq!(json!(listed), whole, "{list}");
        let after = app.get(&format!("{list}after={}", listed[1][id].as_str().unwrap())).desktop().send().await.ok();
        assert_eq!(after, json!([listed[2]]), "{list}");
        let nobody = format!("after={}", uuid::Uuid::nil());
        for wrong in ["limit=0", "limit=1001", "limit=-1", "limit=x", "after=x", &nobody] {
            app.get(&format!("{list}{wrong}")).desktop().send().await.is(400, "invalid_payload");
        }
    }
    let announcement = app.get(&format!("/api/announcements/{}", payouts[1])).desktop().send().await.ok();
    assert_eq!((&announcement["payoutId"], &announcement["state"]), (&json!(payouts[1]), &json!("announced")));
    app.finish().await;
}
