//! `twitch_api` and `twitch_oauth2`, configured with `TWITCH_HELIX_URL` and `TWITCH_OAUTH2_URL`, which `run.py` sets.

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Router, body};
use futures::TryStreamExt as _;
use futures::future::try_join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use twitch_api::eventsub::channel::{ChannelChatMessageV1, ChannelChatMessageV1Payload};
use twitch_api::eventsub::{Event, EventSubSubscription, Message, Payload, Status, Transport};
use twitch_api::helix::HelixClient;
use twitch_api::helix::subscriptions::{CheckUserSubscriptionRequest, GetBroadcasterSubscriptionsRequest};
use twitch_api::types::{EventSubId, SubscriptionTier, UserId};
use twitch_oauth2::{AppAccessToken, Scope, TwitchToken as _, UserToken};

const APP: &str = "app";
const APP_SECRET: &str = "app-secret";
const STREAMER: &str = "1001";
const ANN: &str = "1002";
const BOB: &str = "1003";
const BOT: &str = "1004";
const SECRET: &str = "the secret of the bot";
const LIMIT: Duration = Duration::from_secs(10);

/// Reports whether an operation succeeds; goes on either way.
async fn operation<T>(name: &str, act: impl Future<Output = Result<T>>) -> Option<T> {
    match timeout(LIMIT, act).await.unwrap_or_else(|elapsed| Err(elapsed.into())) {
        Ok(value) => {
            println!("ok\t{name}");
            Some(value)
        }
        Err(error) => {
            println!("FAILED\t{name}\t{}", format!("{error:#}").replace('\n', " "));
            None
        }
    }
}

struct Twitch {
    helix: HelixClient<'static, Client>,
    http: Client,
    address: String,
}

impl Twitch {
    /// Posts to the stand-in's own interface.
    async fn control(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.post(format!("{}{path}", self.address)).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Lets Ann say something in the streamer's chat; returns the id of its delivery.
    async fn hear(&self, text: &str, hostile: Option<&str>) -> Result<String> {
        let body = json!({"broadcaster_id": STREAMER, "user_id": ANN, "text": text, "hostile": hostile});
        let answer = self.control("/admin/chat", &body).await?;
        Ok(answer["deliveries"][0]["message_id"].as_str().context("nobody hears it")?.to_owned())
    }

    /// The same with a wrong signature. Requires that the receiver refuses it.
    async fn forge(&self, text: &str) -> Result<()> {
        let id = self.hear(text, Some("bad_signature")).await?;
        let path = format!("/admin/deliveries?message_id={id}&count=1&wait_seconds=10");
        let answer = self.http.get(format!("{}{path}", self.address)).send().await?.error_for_status()?;
        let forged = &answer.json::<Value>().await?["deliveries"][0];
        ensure!(forged["outcome"] == "refused" && forged["status"] == 403, "{forged}");
        Ok(())
    }

    async fn user(&self, name: &str) -> Result<UserToken> {
        let refresh_token = format!("{name}s-refresh-token");
        let token = format!("{name}s-token");
        Ok(UserToken::from_existing(&self.http, token.into(), Some(refresh_token.into()), Some(APP_SECRET.into()))
            .await?)
    }

    async fn refresh(&self) -> Result<UserToken> {
        let token = "anns-other-refresh-token".into();
        let renewed = UserToken::from_refresh_token(&self.http, token, APP.into(), Some(APP_SECRET.into())).await?;
        ensure!(renewed.user_id.as_str() == ANN && renewed.refresh_token.is_some());
        Ok(renewed)
    }

    async fn revoke(&self, token: UserToken) -> Result<()> {
        token.clone().revoke_token(&self.http).await?;
        ensure!(token.validate_token(&self.http).await.is_err(), "the token is still valid");
        Ok(())
    }

    /// The token is got as from the official tool's stand-in.
    async fn say(&self) -> Result<()> {
        let scopes = vec![Scope::UserWriteChat];
        let bot = UserToken::mock_token(&self.http, APP.into(), APP_SECRET.into(), BOT, scopes).await?;
        let said = self.helix.send_chat_message(STREAMER, BOT, "Hello", &bot).await?;
        ensure!(said.is_sent && said.message_id.is_some(), "{said:?}");
        Ok(())
    }

    async fn tier(&self, name: &str, id: &'static str) -> Result<SubscriptionTier> {
        let request = CheckUserSubscriptionRequest::broadcaster_id(STREAMER).user_ids(vec![UserId::from(id)]);
        Ok(self.helix.req_get(request, &self.user(name).await?).await?.data.tier)
    }

    async fn subscribers(&self) -> Result<()> {
        let streamer = self.user("streamer").await?;
        let of = || GetBroadcasterSubscriptionsRequest::broadcaster_id(STREAMER);
        let all = self.helix.req_get(of(), &streamer).await?;
        ensure!(all.data.len() == 1 && all.data[0].user_id.as_str() == ANN, "{all:?}");
        ensure!(self.helix.req_get(of().subscriber(vec![UserId::from(BOB)]), &streamer).await?.data.is_empty());
        Ok(())
    }

    async fn eventsub(&self, app: &AppAccessToken) -> Result<Vec<EventSubSubscription>> {
        let pages: Vec<_> = self.helix.get_eventsub_subscriptions(None, None, None, app).try_collect().await?;
        Ok(pages.into_iter().flat_map(|page| page.subscriptions).collect())
    }

    async fn subscribe(&self, app: &AppAccessToken) -> Result<EventSubId> {
        let transport = Transport::webhook(format!("{}/eventsub", env::var("CLIENTS_CALLBACK")?), SECRET.to_owned());
        let topic = ChannelChatMessageV1::new(STREAMER, BOT);
        Ok(self.helix.create_eventsub_subscription(topic, transport, app).await?.id)
    }

    async fn enabled(&self, app: &AppAccessToken, id: &EventSubId) -> Result<()> {
        while !self.eventsub(app).await?.iter().any(|one| one.id == *id && one.status == Status::Enabled) {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Receives a delivery as the documentation of `twitch_api` shows it.
async fn receive(State(received): State<UnboundedSender<Event>>, request: Request) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let body: Bytes = body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let request = Request::from_parts(head, body);
    if !Event::verify_payload(&request, SECRET.as_bytes()) {
        return (StatusCode::FORBIDDEN, String::new());
    }
    match Event::parse_http(&request) {
        Ok(event) => {
            let challenge = event.get_verification_request().map(|asked| asked.challenge.clone());
            received.send(event).expect("the receiver lives as long as the program");
            (StatusCode::OK, challenge.unwrap_or_default())
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn listen() -> Result<UnboundedReceiver<Event>> {
    let (sender, received) = unbounded_channel();
    let listener = TcpListener::bind(("127.0.0.1", env::var("CLIENTS_RECEIVER_PORT")?.parse()?)).await?;
    let router = Router::new().fallback(receive).with_state(sender);
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(received)
}

async fn next(received: &mut UnboundedReceiver<Event>) -> Result<Payload<ChannelChatMessageV1>> {
    match received.recv().await.context("the receiver ended")? {
        Event::ChannelChatMessageV1(payload) => Ok(payload),
        other => bail!("unexpected: {other:?}"),
    }
}

async fn notified(received: &mut UnboundedReceiver<Event>) -> Result<ChannelChatMessageV1Payload> {
    match next(received).await?.message {
        Message::Notification(heard) => Ok(heard),
        other => bail!("unexpected: {other:?}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let helix = HelixClient::with_client(http.clone());
    let twitch = Twitch { helix, http, address: env::var("CLIENTS_HELIX")? };

    let app = operation("app token", async {
        Ok(AppAccessToken::get_app_access_token(&twitch.http, APP.into(), APP_SECRET.into(), vec![]).await?)
    });
    let app = app.await.context("nothing works without it")?;
    operation("validate", async {
        let found = app.validate_token(&twitch.http).await?;
        ensure!(found.client_id.as_str() == APP && found.user_id.is_none(), "{found:?}");
        ensure!(twitch.user("ann").await?.user_id.as_str() == ANN);
        Ok(())
    })
    .await;
    let renewed = operation("refresh", twitch.refresh()).await;
    operation("revoke", async { twitch.revoke(renewed.context("there is no token")?).await }).await;
    operation("users", async {
        let ann = twitch.helix.get_user_from_id(ANN, &app).await?.context("no user")?;
        let bob = twitch.helix.get_user_from_login("bob", &app).await?.context("no user")?;
        ensure!(ann.login.as_str() == "ann" && bob.id.as_str() == BOB);
        Ok(())
    })
    .await;
    operation("chat", twitch.say()).await;
    operation("subscribed", async {
        ensure!(twitch.tier("ann", ANN).await? == SubscriptionTier::Tier2);
        Ok(())
    })
    .await;
    operation("not subscribed", async {
        let error = twitch.tier("bob", BOB).await.expect_err("he does not subscribe");
        ensure!(format!("{error:?}").contains("404"), "{error:?}");
        Ok(())
    })
    .await;
    operation("broadcaster's subscriptions", twitch.subscribers()).await;
    operation("five calls in parallel", async {
        let wanted = [STREAMER, ANN, BOB, BOT, ANN];
        let users = try_join_all(wanted.map(|id| twitch.helix.get_user_from_id(id, &app))).await?;
        ensure!(users.iter().flatten().map(|user| user.id.as_str()).eq(wanted));
        Ok(())
    })
    .await;

    let mut received = listen().await?;
    let id = operation("create", twitch.subscribe(&app)).await.context("nothing else works without it")?;
    operation("challenge", async {
        ensure!(matches!(next(&mut received).await?.message, Message::VerificationRequest(_)));
        twitch.enabled(&app, &id).await
    })
    .await;
    operation("list", async {
        let ids: Vec<_> = twitch.eventsub(&app).await?.into_iter().map(|one| one.id).collect();
        ensure!(ids == [id.clone()], "{ids:?}");
        Ok(())
    })
    .await;
    operation("notification", async {
        twitch.hear("Hello, bot", None).await?;
        let heard = notified(&mut received).await?;
        ensure!(heard.chatter_user_id.as_str() == ANN && heard.message.text == "Hello, bot", "{heard:?}");
        Ok(())
    })
    .await;
    operation("forgery refused", async {
        twitch.forge("Nobody said this").await?;
        twitch.hear("Hello again", None).await?;
        ensure!(notified(&mut received).await?.message.text == "Hello again");
        Ok(())
    })
    .await;
    operation("delete", async {
        twitch.helix.delete_eventsub_subscription(&id, &app).await?;
        ensure!(twitch.eventsub(&app).await?.is_empty());
        Ok(())
    })
    .await;
    operation("revocation", async {
        let id = twitch.subscribe(&app).await?;
        next(&mut received).await?;
        twitch.enabled(&app, &id).await?;
        twitch.control("/eventsub/revoke", &json!({"id": id, "status": "authorization_revoked"})).await?;
        let revoked = next(&mut received).await?;
        ensure!(revoked.message.is_revocation() && revoked.subscription.status == Status::AuthorizationRevoked);
        Ok(())
    })
    .await;
    Ok(())
}
