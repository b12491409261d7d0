//! `POST device`: <https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/#device-code-grant-flow>. A user
//! approves the device by `POST /admin/devices/{user_code}`, or on the page at `verification_uri`.

use std::sync::Arc;

use axum::extract;
use http::header::HOST;
use serde_json::json;

use super::client::{client, scopes};
use crate::call::{Answer, Call, MockTwitch, text};
use crate::world::token_store::{DEVICE_SECONDS, DeviceCodes, Request};

/// How many seconds a device waits between polls.
const INTERVAL: u32 = 5;

pub(super) async fn device(extract::State(helix): extract::State<Arc<MockTwitch>>, call: Call) -> Answer {
    let mut state = helix.world.enter();
    let request = client(&state, &call.parameters).map(|client_id| Request {
        client_id: client_id.to_owned(),
        scopes: scopes(&call.parameters),
        redirect_uri: None,
    });
    request.map_or_else(
        |refusal| refusal,
        |request| {
            let DeviceCodes { device_code, user_code } = state.ask_by_device(request);
            let page = format!("http://{}/oauth2/authorize?user_code={user_code}", text(&call.headers, HOST.as_str()));
            Answer::ok(json!({
                "device_code": device_code,
                "expires_in": DEVICE_SECONDS,
                "interval": INTERVAL,
                "user_code": user_code,
                "verification_uri": page,
            }))
        },
    )
}
