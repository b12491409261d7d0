//! Helix (<https://dev.twitch.tv/docs/api/reference/>), whose routes are also below `/mock`.

use utoipa::ToSchema;

use super::operation::Operation;

/// An error of Helix.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct HelixError {
    /// The status in words.
    error: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong.
    message: String,
}

/// The errors that every call can have: parameters, token, scope, and points.
const ERRORS: [u16; 3] = [400, 401, 429];

fn call(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, "helix", summary).errors::<HelixError>(&ERRORS)
}

fn eventsub() -> [Operation; 3] {
    let path = "/eventsub/subscriptions";
    [
        call("get", path, "Get EventSub Subscriptions")
            .query("status type user_id subscription_id first after before")
            .object(200, "A page", "data! total! total_cost! max_total_cost! pagination!"),
        call("post", path, "Create EventSub Subscription")
            .fields("type! version! condition! transport!")
            .object(202, "It is created, and its callback asked", "data! total! total_cost! max_total_cost!")
            .errors::<HelixError>(&[403, 409]),
        call("delete", path, "Delete EventSub Subscription")
            .query("id!")
            .status(204, "It is deleted")
            .errors::<HelixError>(&[404]),
    ]
}

fn extensions() -> [Operation; 7] {
    let configurations = "/extensions/configurations";
    [
        call("get", configurations, "Get Extension Configuration Segment")
            .query("extension_id! segment*! broadcaster_id")
            .object(200, "The segments", "data!"),
        call("put", configurations, "Set Extension Configuration Segment")
            .fields("extension_id! segment! broadcaster_id content version")
            .status(204, "It is set"),
        call("put", "/extensions/required_configuration", "Set Extension Required Configuration")
            .query("broadcaster_id!")
            .fields("extension_id! extension_version! required_configuration!")
            .status(204, "It is set"),
        call("post", "/extensions/pubsub", "Send Extension PubSub Message")
            .fields("target! message! broadcaster_id is_global_broadcast")
            .status(204, "It is sent")
            .errors::<HelixError>(&[422]),
        call("post", "/extensions/chat", "Send Extension Chat Message")
            .query("broadcaster_id!")
            .fields("text! extension_id! extension_version!")
            .status(204, "It is sent"),
        call("get", "/extensions/jwt/secrets", "Get Extension Secrets").query("extension_id!").object(
            200,
            "The secrets",
            "data!",
        ),
        call("post", "/extensions/jwt/secrets", "Create Extension Secret").query("extension_id! delay").object(
            200,
            "The secrets",
            "data!",
        ),
    ]
}

fn others() -> [Operation; 9] {
    [
        call("get", "/authorization/users", "Get Authorization By User").query("user_id*!").object(
            200,
            "What the users have granted",
            "data!",
        ),
        call("get", "/users", "Get Users").query("id* login*").object(200, "The users", "data!"),
        call("get", "/channels", "Get Channel Information").query("broadcaster_id*!").object(
            200,
            "The channels",
            "data!",
        ),
        call("post", "/chat/messages", "Send Chat Message")
            .fields("broadcaster_id! sender_id! message! reply_parent_message_id for_source_only")
            .object(200, "It is sent or dropped", "data!")
            .errors::<HelixError>(&[403, 422]),
        call("get", "/chat/chatters", "Get Chatters")
            .query("broadcaster_id! moderator_id! first after before")
            .object(200, "A page", "data! pagination! total!")
            .errors::<HelixError>(&[403]),
        call("get", "/chat/settings", "Get Chat Settings")
            .query("broadcaster_id! moderator_id")
            .object(200, "The settings", "data!")
            .errors::<HelixError>(&[403]),
        call("patch", "/chat/settings", "Update Chat Settings")
            .query("broadcaster_id! moderator_id!")
            .fields(
                "emote_mode follower_mode follower_mode_duration non_moderator_chat_delay \
                 non_moderator_chat_delay_duration slow_mode slow_mode_wait_time subscriber_mode unique_chat_mode",
            )
            .object(200, "The settings", "data!")
            .errors::<HelixError>(&[403]),
        call("get", "/moderation/moderators", "Get Moderators")
            .query("broadcaster_id! user_id* first after before")
            .object(200, "A page", "data! pagination!"),
        call("get", "/subscriptions", "Get Broadcaster Subscriptions")
            .query("broadcaster_id! user_id* first after before")
            .object(200, "A page", "data! pagination! total! points!"),
    ]
}

fn of_viewer() -> Operation {
    call("get", "/subscriptions/user", "Check User Subscription")
        .query("broadcaster_id! user_id!")
        .object(200, "The subscription", "data!")
        .errors::<HelixError>(&[404])
}

pub(super) fn operations() -> Vec<Operation> {
    let below: Vec<_> = others().into_iter().chain([of_viewer()]).chain(extensions()).chain(eventsub()).collect();
    let below_prefixes = ["/helix", "/mock"]
        .into_iter()
        .flat_map(|prefix| below.iter().map(move |operation| operation.at(format!("{prefix}{}", operation.path))));
    below_prefixes.chain(eventsub()).collect()
}
