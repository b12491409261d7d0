//! A bot that answers !hello, with `twitch_api`.

use anyhow::Result;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Router, serve};
use tokio::net::TcpListener;
use twitch_api::HelixClient;
use twitch_api::eventsub::channel::ChannelChatMessageV1;
use twitch_api::eventsub::{Event, Message, Payload, Transport};
use twitch_oauth2::AppAccessToken;

const STREAMER: &str = "1001";
const BOT: &str = "1004";
const SECRET: &str = "a secret of the bot";

#[derive(Clone)]
struct Bot {
    helix: HelixClient<'static, reqwest::Client>,
    token: AppAccessToken,
}

async fn receive(State(bot): State<Bot>, request: Request) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let request = Request::from_parts(head, body);
    if !Event::verify_payload(&request, SECRET.as_bytes()) {
        return (StatusCode::FORBIDDEN, String::new());
    }
    let Ok(event) = Event::parse_http(&request) else { return (StatusCode::BAD_REQUEST, String::new()) };
    let challenge = event.get_verification_request().map(|asked| asked.challenge.clone());
    if let Event::ChannelChatMessageV1(Payload { message: Message::Notification(said), .. }) = event
        && said.message.text == "!hello"
    {
        let text = format!("Hello, {}!", said.chatter_user_name);
        // Twitch waits only a few seconds for the answer, so the bot does not wait for Helix.
        tokio::spawn(async move { bot.helix.send_chat_message(STREAMER, BOT, text.as_str(), &bot.token).await });
    }
    (StatusCode::OK, challenge.unwrap_or_default())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let http = reqwest::Client::new();
    let token = AppAccessToken::get_app_access_token(&http, "app".into(), "app-secret".into(), vec![]).await?;
    let bot = Bot { helix: HelixClient::with_client(http), token };
    let listener = TcpListener::bind("127.0.0.1:7001").await?;
    let transport = Transport::webhook("https://bot.test/eventsub", SECRET.to_owned());
    bot.helix.create_eventsub_subscription(ChannelChatMessageV1::new(STREAMER, BOT), transport, &bot.token).await?;
    serve(listener, Router::new().route("/eventsub", post(receive)).with_state(bot)).await?;
    Ok(())
}
