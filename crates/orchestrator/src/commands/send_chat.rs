//! `mgm send-chat`.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::RandomSource;
use mgm_twitch::eventsub::Hostile;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::http::Endpoint;
use crate::notification::{self, ChatLine, Form};
use crate::profile;
use crate::scenario::cause_of_silence;
use crate::targets::default_url;
use crate::terminal::{self, BAD, GOOD};
use crate::value_parser::{HttpUrl, filled, hostile, secret};

/// The options of `mgm send-chat`.
#[derive(Args, Debug)]
pub struct SendChatArgs {
    /// The text of the message; may be repeated for several messages.
    #[arg(long, value_name = "TEXT", required = true, value_parser = filled)]
    text: Vec<String>,
    /// The chatter's Twitch id.
    #[arg(long, value_name = "ID", default_value = profile::USER_ID, value_parser = filled)]
    user_id: String,
    /// The chatter's login.
    #[arg(long, value_name = "NAME", default_value = profile::LOGIN, value_parser = filled)]
    login: String,
    /// A badge of the chatter; may be repeated.
    #[arg(long, value_name = "BADGE", default_value = "subscriber", value_parser = filled)]
    badge: Vec<String>,
    /// The channel [default: Twitch__BroadcasterUserId, or else that of the Tier B profile].
    #[arg(long, value_name = "ID", value_parser = filled)]
    broadcaster_id: Option<String>,
    /// Send the seven fields and the epoch seconds that the .NET pipeline's script sends, which name no channel [default:
    /// all that Twitch sends].
    #[arg(long, conflicts_with = "broadcaster_id")]
    short: bool,
    /// The id of the message, to send it twice [default: a new one].
    #[arg(long, value_name = "ID", value_parser = filled)]
    message_id: Option<String>,
    /// Deliver it as no honest Twitch does: with a bad signature, a time that is too old or lies in the future, twice with
    /// the same id, after the message of the next --text, changed after it was signed, slowly, or with 2 MiB.
    #[arg(long, value_name = "HOW", value_parser = hostile())]
    hostile: Option<Hostile>,
    /// Where to post it; a URL without a path gets /api/twitch/eventsub [default: MockEventSubWebhook; the backend if
    /// --hostile, since MockEventSubWebhook refuses forgeries].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    url: Option<Url>,
    /// The secret that signs it [default: Twitch__EventSubSecret, or else that of the Tier B profile].
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    event_sub_secret: Option<SecretString>,
}

pub async fn run(global: &GlobalArgs, options: SendChatArgs) -> Result<ExitCode> {
    if options.message_id.is_some() && options.text.len() > 1 {
        bail!("--message-id is for one message: give one --text");
    }
    if options.hostile == Some(Hostile::Reordered) && options.text.len() < 2 {
        bail!("--hostile reordered needs two messages: give --text twice");
    }
    let service = if options.hostile.is_some() { ServiceId::Backend } else { ServiceId::MockEventSub };
    let url = options.url.clone().unwrap_or_else(|| default_url(service));
    let endpoint = Endpoint::new(service, with_path(url))?;
    let mut accepted = true;
    for (message_id, request) in requests(global, options, &endpoint)? {
        accepted &= deliver(global, &endpoint, &message_id, request).await;
    }
    Ok(if accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What to send, in this order, with the ids of the messages.
fn requests(global: &GlobalArgs, options: SendChatArgs, endpoint: &Endpoint) -> Result<Vec<(String, RequestBuilder)>> {
    let twitch = settings(global, options.event_sub_secret)?.twitch;
    let broadcaster_id = options.broadcaster_id.or_else(|| Some(twitch.broadcaster_user_id?.to_string()));
    let broadcaster_id = broadcaster_id.context("no broadcaster is set (Twitch__BroadcasterUserId)")?;
    let random = RandomSource::from_system();
    let times = if options.hostile == Some(Hostile::Duplicate) { 2 } else { 1 };
    let mut requests = Vec::new();
    for text in &options.text {
        let message_id = options.message_id.clone().unwrap_or_else(|| random.uuid().to_string());
        let line = ChatLine {
            text,
            user_id: &options.user_id,
            login: &options.login,
            badges: &options.badge,
            form: if options.short { Form::Short } else { Form::Full { broadcaster_id: &broadcaster_id } },
            message_id: &message_id,
            age: Duration::ZERO,
            hostile: options.hostile,
        };
        for _ in 0..times {
            let request = endpoint.request_as_is(Method::POST);
            let request = notification::sign(request, &line, twitch.event_sub_secret.as_ref());
            requests.push((message_id.clone(), request));
        }
    }
    if options.hostile == Some(Hostile::Reordered) {
        requests.rotate_left(1);
    }
    Ok(requests)
}

/// Delivers a message, and says what became of it; returns whether it was accepted.
async fn deliver(global: &GlobalArgs, endpoint: &Endpoint, message_id: &str, request: RequestBuilder) -> bool {
    let answer = match endpoint.send(request).await {
        Ok(answer) => answer,
        Err(silence) => {
            terminal::note(format_args!("{BAD}FAILED{BAD:#}  {silence}\n{}", cause_of_silence(&silence)));
            if global.json {
                terminal::say(format_args!(
                    "{:#}",
                    json!({ "verdict": "failed", "messageId": message_id, "problem": silence.to_string() })
                ));
            }
            return false;
        }
    };
    let ok = (200..300).contains(&answer.status);
    if global.json {
        let verdict = if ok { "passed" } else { "failed" };
        terminal::say(format_args!(
            "{:#}",
            json!({ "verdict": verdict, "messageId": message_id, "status": answer.status, "body": answer.body })
        ));
    } else if ok {
        terminal::say(format_args!("{GOOD}accepted{GOOD:#}  {}  message {message_id}", answer.summary()));
    } else {
        terminal::say(format_args!("{BAD}refused{BAD:#}  {}  message {message_id}", answer.summary()));
    }
    ok
}

/// The settings of the environment and the file over the Tier B profile, with the option's secret if given.
fn settings(global: &GlobalArgs, secret: Option<SecretString>) -> Result<Box<Settings>> {
    let mut sources = global.sources();
    if let Some(secret) = secret {
        sources.set("Twitch__EventSubSecret", secret.expose_secret());
    }
    Ok(StackEnvironment::tier_b(sources, |service| default_url(service).to_string())?.settings)
}

/// An address without a path gets the usual one.
fn with_path(mut url: Url) -> Url {
    if url.path() == "/" {
        url.set_path(notification::PATH);
    }
    url
}
