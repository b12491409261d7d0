//! The admin API of MockHelixApi.

use mgm_api_types::ErrorBody;

use super::operation::Operation;
use crate::world::{
    Ban, Channel, ChannelSubscription, ChatSettings, Chatter, Client, Extension, Grant, Moderator, Stored, User,
};

fn call(method: &'static str, path: impl Into<std::borrow::Cow<'static, str>>, summary: &str) -> Operation {
    Operation::new(method, path, "admin", summary.to_owned())
}

/// The routes of a kind of record.
fn of<R: Stored>() -> [Operation; 5] {
    let all = format!("/admin/{}", R::NAME);
    let one = R::KEY.iter().fold(all.clone(), |path, name| format!("{path}/{{{name}}}"));
    let call = |method, path: &str, summary: &str| call(method, path.to_owned(), &format!("{summary}: {}", R::NAME));
    let record = |operation: Operation, errors| operation.object(200, "The record", "").errors::<ErrorBody>(errors);
    [
        call("get", &all, "List all").objects(200, "The records"),
        record(call("get", &one, "Show one"), &[404]),
        record(call("put", &one, "Replace one").fields(""), &[400]),
        record(call("patch", &one, "Change one").fields(""), &[400, 404]),
        call("delete", &one, "Remove one").status(204, "It is removed").errors::<ErrorBody>(&[404]),
    ]
}

pub(super) fn operations() -> Vec<Operation> {
    let others = [
        call("get", "/admin/world", "The world as a fixture").object(200, "The fixture", ""),
        call("get", "/admin/clock", "The time of the world").object(200, "The time", "now! frozen!"),
        call("post", "/admin/clock", "Set, advance or stop the time of the world")
            .fields("now advance_seconds frozen")
            .object(200, "The time", "now! frozen!")
            .errors::<ErrorBody>(&[400]),
        call("put", "/admin/limits", "Set the limits")
            .fields(
                "points_per_minute chat_messages chat_messages_of_moderators chat_window_seconds chat_excess \
                 duplicate_seconds eventsub_total_cost eventsub_same websocket_total_cost websocket_connections \
                 websocket_subscriptions",
            )
            .object(200, "The limits", "")
            .errors::<ErrorBody>(&[400]),
        call("get", "/admin/eventsub", "The EventSub subscriptions of all clients").objects(200, "The subscriptions"),
        call("post", "/admin/devices/{user_code}", "Approve a device as a user")
            .fields("user_id!")
            .status(204, "It is approved")
            .errors::<ErrorBody>(&[400, 404]),
    ];
    others
        .into_iter()
        .chain(of::<Client>())
        .chain(of::<User>())
        .chain(of::<Grant>())
        .chain(of::<ChannelSubscription>())
        .chain(of::<Moderator>())
        .chain(of::<Ban>())
        .chain(of::<Chatter>())
        .chain(of::<Channel>())
        .chain(of::<ChatSettings>())
        .chain(of::<Extension>())
        .collect()
}
