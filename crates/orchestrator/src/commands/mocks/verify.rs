//! `mgm mocks verify`.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use mgm_mocks::verify::{self, Check, Checked, Outcome, Severity, Target};
use mgm_service::shutdown::Signals;
use mgm_settings::Settings;
use mgm_system::{RandomSource, SystemClock};
use mgm_twitch::eventsub::{CHANNEL_CHAT_MESSAGE, SigningSecret};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use crate::commands::INTERRUPTED;
use crate::global::GlobalArgs;
use crate::report::junit::{self, Case, Suite};
use crate::report::{can_write, in_milliseconds, milliseconds, seconds};
use crate::terminal::{self, BAD, DIM, GOOD};
use crate::value_parser::{HttpUrl, filled, secret};

/// The channel if nothing else names one.
const CHANNEL: &str = "1337";

/// The name of the suite.
const SUITE: &str = "mocks-verify";

/// The options of `mgm mocks verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The receiver's address, with its path.
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    callback: Url,
    /// The secret of its subscription [default: Twitch__EventSubSecret, which other users cannot see].
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    secret: Option<SecretString>,
    /// The type of its subscription.
    #[arg(long = "type", value_name = "TYPE", default_value = CHANNEL_CHAT_MESSAGE, value_parser = filled)]
    kind: String,
    /// The version of that type.
    #[arg(long, value_name = "VERSION", default_value = "1", value_parser = filled)]
    type_version: String,
    /// A field of the subscription's condition; may be repeated [default: broadcaster_user_id, and for chats user_id, of
    /// Twitch__BroadcasterUserId].
    #[arg(long, value_name = "NAME=VALUE", value_parser = field)]
    condition: Vec<(String, String)>,
    /// The id of the subscription, for receivers that know theirs [default: new ones].
    #[arg(long, value_name = "ID", value_parser = filled)]
    subscription_id: Option<String>,
    /// A JSON file with the event of notifications [default: a chat message, or the users of the condition].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    event: Option<PathBuf>,
    /// How long an answer may take, in seconds; Twitch wants one "within a few seconds".
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    within: NonZeroU16,
    /// Also fail on what Twitch only advises.
    #[arg(long)]
    strict: bool,
    /// Do not fail on this check, such as `stale` for a receiver that answers 202 and then drops an old message; may be
    /// repeated.
    #[arg(long, value_name = "CHECK", value_parser = ids(), hide_possible_values = true)]
    allow: Vec<String>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,
}

/// The checks, by name.
fn ids() -> PossibleValuesParser {
    verify::checks().map(|check| check.id).collect::<Vec<_>>().into()
}

/// Which checks make the run fail.
#[derive(Clone, Debug)]
struct Rules {
    strict: bool,
    allowed: Vec<String>,
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    let pair = text.split_once('=').filter(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or("expected NAME=VALUE")
}

pub async fn run(global: &GlobalArgs, options: VerifyArgs) -> Result<ExitCode> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    can_write("JUnit report", options.junit.as_deref())?;
    let rules = Rules { strict: options.strict, allowed: options.allow.clone() };
    let (junit, json) = (options.junit.clone(), global.json);
    let target = target(global, options)?;
    if !json {
        terminal::say(format_args!("{}: {} {}", target.callback, target.kind, target.version));
    }
    let begun = Instant::now();
    let random = RandomSource::from_system();
    let on_checked = |checked: &Checked| {
        if !json {
            show(checked, &rules);
        }
    };
    let checked = tokio::select! {
        checked = verify::verify(&target, &SystemClock, &random, on_checked) => checked?,
        () = signals.next() => {
            terminal::note("interrupted");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    finish(&checked, &target, &rules, json, junit.as_deref(), begun.elapsed())
}

fn target(global: &GlobalArgs, options: VerifyArgs) -> Result<Target> {
    let VerifyArgs { callback, secret, kind, type_version, condition, subscription_id, event, within, .. } = options;
    let twitch = Settings::load(&global.sources())?.settings.twitch;
    let secret = match secret {
        Some(secret) => SigningSecret::parse(secret).context("--secret")?,
        None => twitch.event_sub_secret.context("give the secret of the subscription (--secret)")?,
    };
    let channel = twitch.broadcaster_user_id.map_or_else(|| CHANNEL.to_owned(), |id| id.to_string());
    let users: &[&str] =
        if kind == CHANNEL_CHAT_MESSAGE { &["broadcaster_user_id", "user_id"] } else { &["broadcaster_user_id"] };
    let condition: Map<String, Value> = if condition.is_empty() {
        users.iter().map(|name| ((*name).to_owned(), json!(channel))).collect()
    } else {
        condition.into_iter().map(|(name, value)| (name, json!(value))).collect()
    };
    let event = event.map(|path| read(&path)).transpose()?;
    let within = Duration::from_secs(within.get().into());
    Ok(Target { callback, secret, subscription_id, kind, version: type_version, condition, event, within })
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// Whether it makes the run fail.
fn fails(checked: &Checked, rules: &Rules) -> bool {
    let counts = rules.strict || checked.check.severity == Severity::Must;
    counts && checked.outcome == Outcome::Failed && !rules.allowed.iter().any(|id| id == checked.check.id)
}

fn show(checked: &Checked, rules: &Rules) {
    let Checked { check, got, outcome, took } = checked;
    let Check { name, sent, expected, why, link, .. } = check;
    let took = milliseconds(*took);
    match outcome {
        Outcome::Passed => terminal::say(format_args!("{GOOD}    ok{GOOD:#} {took:>9}  {name}: {DIM}{got}{DIM:#}")),
        Outcome::Skipped => terminal::say(format_args!("{DIM}  skip           {name}: {got}{DIM:#}")),
        Outcome::Failed => {
            let verdict = if fails(checked, rules) { "FAILED" } else { "advice" };
            terminal::say(format_args!("{BAD}{verdict}{BAD:#} {took:>9}  {name}"));
            terminal::say(format_args!("  sent      {sent}"));
            terminal::say(format_args!("  expected  {expected}"));
            terminal::say(format_args!("  got       {got}"));
            terminal::say(format_args!("  because   {why}"));
            terminal::say(format_args!("  {DIM}{link}{DIM:#}"));
        }
    }
}

fn finish(
    checked: &[Checked],
    target: &Target,
    rules: &Rules,
    json: bool,
    junit: Option<&Path>,
    took: Duration,
) -> Result<ExitCode> {
    if let Some(path) = junit {
        let cases = checked.iter().map(|checked| case(checked, rules)).collect();
        junit::write(path, [Suite { name: SUITE, cases, took }], took)?;
    }
    let failed: Vec<_> = checked.iter().filter(|checked| fails(checked, rules)).collect();
    let passed = checked.iter().filter(|checked| checked.outcome == Outcome::Passed).count();
    if json {
        let verdict = if failed.is_empty() { "passed" } else { "failed" };
        let checks: Vec<_> = checked.iter().map(|checked| row(checked, rules)).collect();
        let report = json!({
            "callback": target.callback, "type": target.kind, "version": target.version,
            "verdict": verdict, "durationMs": in_milliseconds(took), "checks": checks,
        });
        terminal::say(format_args!("{report:#}"));
    } else if failed.is_empty() {
        terminal::say(format_args!("{GOOD}PASSED{GOOD:#}  {passed} of {} checks in {}", checked.len(), seconds(took)));
    } else {
        let names: Vec<_> = failed.iter().map(|checked| checked.check.id).collect();
        let (count, took) = (checked.len(), seconds(took));
        terminal::say(format_args!(
            "{BAD}FAILED{BAD:#}  {} of {count} checks in {took}: {}",
            failed.len(),
            names.join(", ")
        ));
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(checked: &Checked, rules: &Rules) -> Value {
    let Checked { check, got, outcome, took } = checked;
    let status = match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed if fails(checked, rules) => "failed",
        Outcome::Failed => "advised",
        Outcome::Skipped => "skipped",
    };
    json!({
        "id": check.id, "name": check.name, "severity": check.severity.name(), "status": status,
        "sent": check.sent, "expected": check.expected, "got": got, "why": check.why, "link": check.link,
        "durationMs": in_milliseconds(*took),
    })
}

fn case(checked: &Checked, rules: &Rules) -> Case {
    let Checked { check, got, outcome, took } = checked;
    let Check { sent, expected, why, link, .. } = check;
    let said = format!("sent {sent}, expected {expected}, got {got}");
    let outcome = match outcome {
        Outcome::Skipped => junit::Outcome::Skipped(Some(got.clone())),
        Outcome::Failed if fails(checked, rules) => {
            junit::Outcome::Failed { message: said, description: Some(format!("{why}: {link}")) }
        }
        Outcome::Passed | Outcome::Failed => junit::Outcome::Passed(said),
    };
    Case { name: check.name, took: (!matches!(outcome, junit::Outcome::Skipped(_))).then_some(*took), outcome }
}
