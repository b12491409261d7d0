//! Chat commands: their grammar, who may give them, and what they do.

use mgm_twitch::eventsub::ChatMessageBuilder;
use serde_json::{Value, json};

use crate::app::{BROADCASTER, TestApp};

fn message(app: &TestApp, user: &str, text: &str) -> ChatMessageBuilder {
    ChatMessageBuilder::by_subscriber(&app.fresh_id(), BROADCASTER, user, user, text)
}

#[tokio::test]
async fn the_grammar_of_the_command() {
    let app = TestApp::start().await;
    for (number, (text, name)) in [
        ("!twgold Etoehero", Some("Etoehero")),
        ("  !TwGoLd \t Zwei  ", Some("Zwei")),
        ("!twgold\u{3000}Ёжик", Some("Ёжик")),
        ("!twgold Unsichtbar \u{E0000}", Some("Unsichtbar")),
        ("!twgold Ab", Some("Ab")),
        ("!twgold Abcdefghijkl", Some("Abcdefghijkl")),
        ("!twgold A", None),
        ("!twgold Abcdefghijklm", None),
        ("!twgold Etoe1", None),
        ("!twgold Etoe:hero", None),
        ("!twgold Αθηνα", None),
        ("!twgold", None),
        ("!twgold Two Words", None),
        ("hello !twgold Etoehero", None),
        ("!twgolds Etoehero", None),
        ("!twgift Etoehero", None),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("viewer-{number}");
        assert_eq!(app.chat(&user, text).await.status, 200, "{text:?}");
        assert_eq!(app.name_of(&user).await.as_deref(), name, "{text:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn only_the_badges_of_the_notification_make_a_subscriber() {
    let app = TestApp::start().await;
    for (number, (badges, is_subscriber)) in [
        (json!([{"set_id": "subscriber"}]), true),
        (json!([{"set_id": "moderator"}, {"set_id": "founder"}]), true),
        (json!([{"set_id": "premium"}]), true),
        (json!([{"set_id": "vip"}]), false),
        (json!([]), false),
        (json!(null), false),
        (json!("subscriber"), false),
        (json!([{"id": "subscriber"}]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let (user, name) =
            (format!("viewer-{number}"), format!("Hero{}", ["a", "b", "c", "d", "e", "f", "g", "h"][number]));
        let mut body: Value =
            serde_json::from_slice(&message(&app, &user, &format!("!twgold {name}")).full_body()).unwrap();
        body["event"]["badges"] = badges.clone();
        assert_eq!(app.notify(&serde_json::to_vec(&body).unwrap()).await.status, 200);
        assert_eq!(app.name_of(&user).await.is_some(), is_subscriber, "{badges}");
    }
    assert_eq!(app.helix.journal().await.total, 0, "Helix is not asked");
    app.finish().await;
}

#[tokio::test]
async fn the_badges_are_configurable() {
    let app = TestApp::with(|settings| settings.twitch.subscriber_badges = vec!["vip".to_owned()]).await;
    for (user, badge, is_subscriber) in [("ann", "vip", true), ("bob", "subscriber", false)] {
        let mut message = message(&app, user, "!twgold Etoehero");
        message.badges = vec![badge.to_owned()];
        app.notify(&message.full_body()).await;
        assert_eq!(app.name_of(user).await.is_some(), is_subscriber, "{badge}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_message_counts_only_for_the_channel_it_was_typed_in() {
    let app = TestApp::start().await;
    for (number, (channel, source, counts)) in [
        (BROADCASTER, None, true),
        (BROADCASTER, Some(BROADCASTER), true),
        (BROADCASTER, Some("another"), false),
        ("another", None, false),
        ("another", Some(BROADCASTER), false),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("viewer-{number}");
        let name = format!("Hero{}", ["a", "b", "c", "d", "e"][number]);
        let mut message = message(&app, &user, &format!("!twgold {name}"));
        message.broadcaster_user_id = channel.to_owned();
        message.source_broadcaster_user_id = source.map(str::to_owned);
        assert_eq!(app.notify(&message.full_body()).await.status, 200);
        assert_eq!(app.name_of(&user).await.is_some(), counts, "{channel} {source:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_message_is_processed_once_whatever_it_says_the_second_time() {
    let app = TestApp::start().await;
    let mut first = message(&app, "ann", "!twgold Erste");
    app.notify(&first.full_body()).await;
    first.text = "!twgold Zweite".to_owned();
    assert_eq!(app.notify(&first.full_body()).await.status, 200);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Erste"));
    // The same if the rules refused it, even if they no longer would.
    let refused = message(&app, "bob", "!twgold Erste");
    app.notify(&refused.full_body()).await;
    app.chat("ann", "!twgold Zweite").await;
    app.notify(&refused.full_body()).await;
    assert_eq!(app.name_of("bob").await, None);
    app.finish().await;
}

#[tokio::test]
async fn a_second_command_replaces_the_name_and_frees_the_old_one() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Erste").await;
    app.enrolled("ann", "Zweite").await;
    app.enrolled("bob", "Erste").await;
    app.finish().await;
}

#[tokio::test]
async fn a_taken_name_stays_with_its_holder() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Ёжик").await;
    for same in ["Ёжик", "ёжик", "ЁЖИК"] {
        assert_eq!(app.chat("bob", &format!("!twgold {same}")).await.status, 200);
        assert_eq!(app.name_of("bob").await, None);
    }
    // The holder of a name may change its spelling.
    app.enrolled("ann", "ёжик").await;
    app.finish().await;
}

#[tokio::test]
async fn with_an_active_payout_one_cannot_enrol_or_rename() {
    let app = TestApp::start().await;
    app.enrolled("ann", "Erste").await;
    let payout = app.pending("ann").await;
    assert_eq!(app.chat("ann", "!twgold Zweite").await.status, 200);
    assert_eq!(app.name_of("ann").await.as_deref(), Some("Erste"));
    app.change(&payout, "Cancelled").await.ok();
    app.enrolled("ann", "Zweite").await;
    app.finish().await;
}

#[tokio::test]
async fn the_display_name_is_the_name_else_the_login_else_the_id() {
    let app = TestApp::start().await;
    for (user, fields, shown) in [
        ("id-a", json!({"chatter_user_name": "Ann", "chatter_user_login": "ann"}), "Ann"),
        ("id-b", json!({"chatter_user_login": "bob"}), "bob"),
        ("id-c", json!({}), "id-c"),
        ("id-d", json!({"chatter_user_name": "D\u{0}\nd"}), "Dd"),
    ] {
        let mut event = json!({
            "message_id": app.fresh_id(), "chatter_user_id": user, "badges": [{"set_id": "subscriber"}],
            "message": {"text": format!("!twgold Hero{}", &user[3..])},
        });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let body = json!({"subscription": {"type": "channel.chat.message"}, "event": event});
        app.notify(&serde_json::to_vec(&body).unwrap()).await;
        app.pending(user).await;
        let mine = app.get("/api/payouts/my-last").viewer(user).send().await.ok();
        assert_eq!(mine["twitchDisplayName"], shown);
    }
    app.finish().await;
}

#[tokio::test]
async fn an_id_that_is_none_is_passed_over() {
    let app = TestApp::start().await;
    for (user, message_id) in [("x".repeat(300), "m".to_owned()), ("ann".to_owned(), "m\u{0}".to_owned())] {
        let body = json!({"subscription": {"type": "channel.chat.message"}, "event": {
            "message_id": message_id, "chatter_user_id": user, "badges": [{"set_id": "subscriber"}],
            "message": {"text": "!twgold Etoehero"},
        }});
        assert_eq!(app.notify(&serde_json::to_vec(&body).unwrap()).await.status, 200);
    }
    assert_eq!(app.name_of("ann").await, None);
    app.finish().await;
}
