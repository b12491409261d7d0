//! What happens on Twitch at a test's command, how it is delivered, and EventSub over WebSockets.

use mgm_api_types::ErrorBody;

use super::operation::Operation;

pub(super) fn operations() -> Vec<Operation> {
    let call = |method, path, summary| Operation::new(method, path, "events", summary);
    vec![
        call("post", "/admin/chat", "Let a user say something in a chat")
            .fields(
                "broadcaster_id! user_id! text! message_id badges color emotes bits reply_to message_type \
                 channel_points_custom_reward_id channel_points_animation_id source hostile",
            )
            .object(200, "It is said", "message_id! deliveries!")
            .errors::<ErrorBody>(&[400, 503]),
        call("post", "/admin/events", "Let an event of any type happen")
            .fields("type! version condition event! hostile")
            .object(200, "It has happened", "deliveries!")
            .errors::<ErrorBody>(&[400, 503]),
        call("get", "/admin/deliveries", "The deliveries that fit, as soon as there are so many")
            .query("message_id message_type subscription_id subscription_type count wait_seconds")
            .object(200, "The deliveries, and what waits", "total! deliveries! waiting!")
            .errors::<ErrorBody>(&[400]),
        call("put", "/admin/delivery", "Set how messages are delivered")
            .fields("timeout_ms retry_after_seconds failures slow_body_ms ping_seconds pong_seconds")
            .object(200, "The rules", "")
            .errors::<ErrorBody>(&[400]),
        call("put", "/admin/callbacks", "Set which origins of callbacks are called elsewhere")
            .fields("")
            .object(200, "The origins, and those that are called instead", "")
            .errors::<ErrorBody>(&[400]),
        call("get", "/admin/websockets", "The sessions of EventSub over WebSockets").objects(200, "The sessions"),
        call("post", "/admin/websockets/{id}/reconnect", "Demand that the client of a session reconnects")
            .object(200, "It is told to", "reconnect_url!")
            .errors::<ErrorBody>(&[404]),
        call("post", "/admin/websockets/{id}/close", "Close the connection of a session")
            .fields("code!")
            .status(204, "It is closed")
            .errors::<ErrorBody>(&[400, 404]),
        call("get", "/ws", "Begin or take over a session of EventSub over a WebSocket")
            .query("keepalive_timeout_seconds id challenge")
            .status(101, "The WebSocket")
            .object(400, "It is no WebSocket", "error! status! message!")
            .object(503, "There are too many", "error! status! message!"),
    ]
}
