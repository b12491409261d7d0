//! Payouts: the transition table, acceptance, lists, the cap.

use serde_json::json;

use crate::app::TestApp;

const STATUSES: [&str; 6] = ["Pending", "InProgress", "Sent", "Failed", "Cancelled", "Expired"];
const NO_PAYOUT: &str = "0193f6f2-8ac0-7a6e-8d3b-5cbbd5c1a7e4";

/// The whole transition table for the desktop program.
fn is_allowed(from: &str, to: &str) -> bool {
    matches!(
        (from, to),
        ("Pending", "InProgress" | "Cancelled" | "Failed")
            | ("InProgress", "Sent" | "Cancelled" | "Failed" | "Pending")
    )
}

/// A payout of a separate viewer, taken to this status.
async fn payout_in(app: &TestApp, viewer: &str, name: &str, status: &str) -> String {
    app.enrolled(viewer, name).await;
    let payout = app.pending(viewer).await;
    let way: &[&str] = match status {
        "Pending" => &[],
        "Sent" => &["InProgress", "Sent"],
        "Expired" => {
            app.advance(86_400);
            mgm_backend::work::workers::expiry::round(&app.state.worker_context()).await.unwrap();
            &[]
        }
        other => &[other],
    };
    for step in way {
        app.change(&payout, step).await.ok();
    }
    let listed = app.get(&format!("/api/payouts?status={status}")).desktop().send().await.ok();
    assert!(listed.as_array().unwrap().iter().any(|listed| listed["id"] == payout), "{payout} is {status}");
    payout
}

#[tokio::test]
async fn the_transition_table_holds_in_full() {
    let app = TestApp::start().await;
    for (row, from) in STATUSES.into_iter().enumerate() {
        for (column, to) in STATUSES.into_iter().enumerate() {
            let letters = |n: usize| char::from(b'a' + u8::try_from(n).unwrap());
            let viewer = format!("viewer-{row}-{column}");
            let payout = payout_in(&app, &viewer, &format!("Hero{}{}", letters(row), letters(column)), from).await;
            let answer = app.change(&payout, to).await;
            if is_allowed(from, to) {
                assert_eq!(answer.ok()["status"], to, "{from} to {to}");
            } else {
                answer.is(409, "terminal_status_change_not_allowed");
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_status_is_matched_without_regard_to_case() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let payout = app.pending("ann").await;
    for (status, shown) in [("inProgress", "InProgress"), ("PENDING", "Pending"), ("inprogress", "InProgress")] {
        assert_eq!(app.change(&payout, status).await.ok()["status"], shown);
        let listed = app.get(&format!("/api/payouts?status={status}")).desktop().send().await.ok();
        assert_eq!(listed[0]["id"], payout.as_str());
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_status_or_no_payout_is_said_so() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Etoehero").await;
    let payout = app.pending("ann").await;
    for body in [
        json!({"status": "Done"}),
        json!({"status": ""}),
        json!({"status": null}),
        json!({"status": 2}),
        json!({}),
        json!([]),
    ] {
        app.patch(&format!("/api/payouts/{payout}/status"))
            .desktop()
            .json(&body)
            .send()
            .await
            .is(400, "invalid_payload");
    }
    for id in [NO_PAYOUT, &NO_PAYOUT.replace('-', ""), "nonsense", "1", &format!("{payout}x")] {
        app.change(id, "InProgress").await.is(404, "not_found");
        // Whatever the body is.
        let path = format!("/api/payouts/{id}/confirm-acceptance");
        app.post(&path).desktop().json(&json!({"characterName": "Etoehero"})).send().await.is(404, "not_found");
    }
    app.patch("/api/payouts/nonsense/status").desktop().json(&json!({})).send().await.is(404, "not_found");
    app.change(&payout.replace('-', ""), "InProgress").await.ok();
    app.change(&payout.to_uppercase(), "Pending").await.ok();
    app.finish().await;
}

#[tokio::test]
async fn a_payout_is_shown_as_documented() {
    let app = TestApp::start().await;
    app.enrolled("ann", "etoeHERO").await;
    let payout = app.pending("ann").await;
    let shown = app.get("/api/payouts/my-last").viewer("ann").send().await.ok();
    insta::assert_json_snapshot!(shown, {".id" => "[id]", ".enrollmentRequestId" => "[spin]"}, @r#"
    {
      "characterName": "etoeHERO",
      "createdAt": "2026-01-02T03:05:10.000Z",
      "enrollmentRequestId": "[spin]",
      "goldAmount": 1000,
      "id": "[id]",
      "inGameName": "Etoehero",
      "isRewardSentAnnouncedToChat": false,
      "status": "Pending",
      "twitchDisplayName": "ann",
      "twitchUserId": "ann"
    }
    "#);
    let spin = shown["enrollmentRequestId"].as_str().unwrap().strip_prefix("spin:").unwrap().to_owned();
    assert!(spin.len() == 32 && spin.bytes().all(|byte| byte.is_ascii_hexdigit()), "{spin}");
    // The same on all routes.
    assert_eq!(app.get("/api/payouts/pending").desktop().send().await.ok(), json!([shown]));
    let accepted = app.post(&format!("/api/payouts/{payout}/confirm-acceptance")).desktop();
    assert_eq!(accepted.json(&json!({"characterName": "Etoehero"})).send().await.ok(), shown);
    app.finish().await;
}

#[tokio::test]
async fn acceptance_is_recorded_once_and_a_repeat_is_no_error() {
    let app = TestApp::start().await;
    app.enrolled("ann", "ёжИК").await;
    let path = format!("/api/payouts/{}/confirm-acceptance", app.pending("ann").await);
    let confirm =
        async |name: serde_json::Value| app.post(&path).desktop().json(&json!({"characterName": name})).send().await;
    for name in ["Another", "", "1", "Ёжик Ёжик"] {
        confirm(json!(name)).await.is(400, "invalid_character_name");
    }
    confirm(json!(7)).await.is(400, "invalid_payload");
    let first = confirm(json!("Ёжик")).await.ok();
    app.advance(5);
    for name in [&first["characterName"], &first["inGameName"], &json!("ёжик")] {
        assert_eq!(confirm(name.clone()).await.ok(), first);
    }
    assert_eq!((&first["characterName"], &first["inGameName"]), (&json!("ёжИК"), &json!("Ёжик")));
    assert_eq!(first["status"], "Pending");
    app.finish().await;
}

#[tokio::test]
async fn lists_are_arrays_with_the_oldest_first() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/payouts/pending").desktop().send().await.ok(), json!([]));
    let mut expected = vec![];
    for (user, name) in [("cid", "Cidhero"), ("ann", "Annhero"), ("bob", "Bobhero")] {
        app.enrolled(user, name).await;
        expected.push(app.pending(user).await);
        app.advance(1);
    }
    let ids = async |path: &str| {
        let listed = app.get(path).desktop().send().await.ok();
        listed.as_array().unwrap().iter().map(|payout| payout["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/api/payouts/pending").await, expected);
    app.change(&expected[1], "InProgress").await.ok();
    assert_eq!(ids("/api/payouts?status=InProgress").await, expected[1..2]);
    assert_eq!(ids("/api/payouts?status=pending").await, [&*expected[0], &expected[2]]);
    for query in ["", "?status=", "?status=Done", "?status=Pending&status=Sent", "?state=Pending"] {
        app.get(&format!("/api/payouts{query}")).desktop().send().await.is(400, "invalid_payload");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let app = TestApp::start().await;
    let mut expected = vec![];
    for (user, name) in
        [("ann", "Annhero"), ("bob", "Bobhero"), ("cid", "Cidhero"), ("dan", "Danhero"), ("eve", "Evehero")]
    {
        app.enrolled(user, name).await;
        expected.push(app.pending(user).await);
        // Two payouts each have the same age.
        app.advance(expected.len() as u64 % 2);
    }
    expected.sort_unstable();
    let mut next = Some("/api/payouts?status=pending&limit=2".to_owned());
    let mut listed = vec![];
    while let Some(path) = next {
        let answer = app.get(&path).desktop().send().await;
        let page = answer.ok();
        assert!(page.as_array().unwrap().len() <= 2);
        listed.extend(page.as_array().unwrap().iter().map(|payout| payout["id"].as_str().unwrap().to_owned()));
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap());
        next = link.map(|link| link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
        // A payout that has left the list still marks where it continues.
        app.change(listed.last().unwrap(), "Cancelled").await.ok();
    }
    assert_eq!(listed, expected);
    for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "after=x", &format!("after={}", uuid::Uuid::nil())] {
        app.get(&format!("/api/payouts?status=Pending&{query}")).desktop().send().await.is(400, "invalid_payload");
    }
    app.finish().await;
}

#[tokio::test]
async fn my_last_is_the_viewers_own_newest() {
    let app = TestApp::start().await;
    app.get("/api/payouts/my-last").viewer("ann").send().await.is(404, "not_found");
    app.enrolled("ann", "Annhero").await;
    let first = app.pending("ann").await;
    app.change(&first, "Failed").await.ok();
    app.advance(1);
    let second = app.pending("ann").await;
    assert_eq!(app.get("/api/payouts/my-last").viewer("ann").send().await.ok()["id"], second.as_str());
    app.get("/api/payouts/my-last").viewer("bob").send().await.is(404, "not_found");
    app.finish().await;
}

#[tokio::test]
async fn sent_takes_the_winner_out_of_the_pool_and_nothing_else_does() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Annhero").await;
    for end in ["Failed", "Cancelled"] {
        let payout = app.pending("ann").await;
        app.change(&payout, end).await.ok();
        assert_eq!(app.name_of("ann").await.as_deref(), Some("Annhero"), "after {end}");
    }
    let payout = app.pending("ann").await;
    app.change(&payout, "InProgress").await.ok();
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Annhero"));
    app.change(&payout, "Sent").await.ok();
    assert_eq!(app.name_of("ann").await, None);
    app.enrolled("ann", "Wieder").await;
    app.finish().await;
}

#[tokio::test]
async fn a_viewer_receives_ten_thousand_gold_and_no_more() {
    let app = TestApp::start().await;
    for _ in 0..10 {
        app.sent("ann", "Annhero").await;
    }
    assert_eq!(app.chat("ann", "!twgold Annhero").await.status, 200);
    assert_eq!(app.name_of("ann").await, None);
    let claim = json!({"characterName": "Annhero", "enrollmentRequestId": "r-1"});
    app.post("/api/payouts/claim").viewer("ann").json(&claim).send().await.is(409, "lifetime_cap_reached");
    app.enrolled("bob", "Annhero").await;
    assert_eq!(app.helix.messages().await.len(), 10);
    app.finish().await;
}
