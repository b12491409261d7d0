//! `mgm send-chat`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use mgm_service::services::ServiceId;
use mgm_settings::Settings;
use mgm_system::RandomSource;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

use super::set_variable;
use crate::cli::{Global, SendChat};
use crate::environment::Environment;
use crate::http::Endpoint;
use crate::notification::{self, ChatLine, Form};
use crate::report::{self, BAD, GOOD};
use crate::scenario::cause_of_silence;
use crate::targets::default_url;

pub async fn run(global: &Global, options: SendChat) -> Result<ExitCode> {
    let twitch = settings(global, options.event_sub_secret)?.twitch;
    let broadcaster_id = options.broadcaster_id.or_else(|| Some(twitch.broadcaster_user_id?.to_string()));
    let broadcaster_id = broadcaster_id.context("no broadcaster is set (Twitch__BroadcasterUserId)")?;
    let message_id = options.message_id.unwrap_or_else(|| RandomSource::from_system().uuid().to_string());
    let line = ChatLine {
        text: &options.text,
        user_id: &options.user_id,
        login: &options.login,
        badges: &options.badge,
        form: if options.short { Form::Short } else { Form::Full { broadcaster_id: &broadcaster_id } },
        message_id: &message_id,
    };
    let url = options.url.unwrap_or_else(|| default_url(ServiceId::MockEventSub));
    let endpoint = Endpoint::new(ServiceId::MockEventSub, with_path(url))?;
    let request = notification::sign(endpoint.request_as_is(Method::POST), &line, twitch.event_sub_secret.as_ref());
    let answer = match endpoint.send(request).await {
        Ok(answer) => answer,
        Err(silence) => {
            report::note(format_args!("{BAD}FAILED{BAD:#}  {silence}\n{}", cause_of_silence(&silence)));
            if global.json {
                report::say(format_args!(
                    "{:#}",
                    json!({ "verdict": "failed", "messageId": message_id, "problem": silence.to_string() })
                ));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let ok = (200..300).contains(&answer.status);
    if global.json {
        let verdict = if ok { "passed" } else { "failed" };
        report::say(format_args!(
            "{:#}",
            json!({ "verdict": verdict, "messageId": message_id, "status": answer.status, "body": answer.body })
        ));
    } else if ok {
        report::say(format_args!("{GOOD}accepted{GOOD:#}  {}  message {message_id}", answer.summary()));
    } else {
        report::say(format_args!("{BAD}refused{BAD:#}  {}  message {message_id}", answer.summary()));
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those of the environment and the file over the Tier B profile, with the secret of the option, if there is one.
fn settings(global: &Global, secret: Option<SecretString>) -> Result<Box<Settings>> {
    let mut sources = global.sources();
    if let Some(secret) = secret {
        set_variable(&mut sources, "Twitch__EventSubSecret", secret.expose_secret());
    }
    Ok(Environment::tier_b(sources, |service| default_url(service).to_string())?.settings)
}

/// An address without a path means the usual one.
fn with_path(mut url: Url) -> Url {
    if url.path() == "/" {
        url.set_path(notification::PATH);
    }
    url
}
