//! A scenario as its file describes it.
//!
//! Texts may contain `${name}`: a value of the stage, of a viewer, of the scenario, or one that was captured before.

use std::collections::BTreeMap;

use mgm_service::services::{SERVICES, ServiceId};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// A scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name of its file, without the extension.
    #[serde(skip)]
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// The ids of the scenarios and test cases that it covers, and groups to which it belongs.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The names of its viewers besides `viewer`.
    #[serde(default)]
    pub viewers: Vec<String>,
    /// The settings of the stack that it needs; with any, it gets a stack of its own.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Whether nobody else may use its stack.
    #[serde(default)]
    pub own_stack: bool,
    /// Whether other scenarios would disturb it, or it them.
    #[serde(default)]
    pub alone: bool,
    /// Values that it refers to by name.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What is done at the end, whatever the outcome.
    #[serde(default)]
    pub cleanup: Vec<Action>,
}

/// A step, which passes if all of its actions do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The claim that it verifies.
    pub name: String,
    /// The services whose logs help when it fails, besides those that it calls.
    #[serde(default)]
    involves: Vec<ServiceName>,
    /// A switch among the settings with which the step is left out.
    #[serde(default)]
    pub unless: Option<String>,
    /// What to report when it passes. Default: the status of the last answer.
    #[serde(default)]
    pub seen: Option<String>,
    /// How often it is done. Default: once.
    #[serde(default)]
    pub times: Option<u32>,
    /// What is done, in order.
    #[serde(rename = "do")]
    pub actions: Vec<Action>,
}

/// One action: a call, a chat message, or a change to the stack.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// A call: method, service and path, such as `GET backend /api/pool/me`.
    pub call: Option<String>,
    /// A chat message of `by`, signed as Twitch does.
    pub chat: Option<String>,
    /// Services to stop cleanly.
    pub stop: Option<ServiceName>,
    /// A service to start again after `stop`.
    pub start: Option<ServiceName>,
    /// A service to stop cleanly and start again.
    pub restart: Option<ServiceName>,
    /// A service to kill and start again.
    pub kill: Option<ServiceName>,

    /// Of a call: the Extension token.
    pub bearer: Option<String>,
    /// Of a call: the desktop key.
    pub key: Option<String>,
    /// Of a call: headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Of a call: the JSON body.
    pub json: Option<Value>,
    /// Of a call: a body that is sent as it is.
    pub text: Option<String>,

    /// Of a chat message: its sender, by default `viewer`.
    pub by: Option<String>,
    /// Of a chat message: the sender's badges, by default `subscriber`.
    pub badges: Option<Vec<String>>,
    /// Of a chat message: its id, by default a new one.
    pub id: Option<String>,
    /// Of a chat message: the channel's broadcaster id, by default that of the stack.
    pub channel: Option<String>,
    /// Of a chat message: the secret that signs it, by default that of the stack.
    pub secret: Option<String>,
    /// Of a chat message: its age in seconds.
    #[serde(default)]
    pub age: u64,
    /// Of a chat message: who gets it, by default MockEventSubWebhook, which forwards it to the backend.
    pub to: Option<ServiceName>,

    /// Of a start: settings of the service, besides those of the stack.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,

    /// How often it is done. Default: once.
    pub times: Option<u32>,
    /// For how many seconds it is repeated until the answer is as expected. Default: it is done once.
    pub within: Option<u32>,
    /// The status of the answer, by default 200.
    pub status: Option<u16>,
    /// The code of the error.
    pub code: Option<String>,
    /// A part of the body; see [`differences`](super::expectation::differences).
    pub body: Option<Value>,
    /// The expected answer in words. Default: made from the other fields.
    pub expect: Option<String>,
    /// Values to take from the answer, by JSON pointer.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// Whether the answer holds a secret, and is not shown.
    #[serde(default)]
    pub hidden: bool,
}

/// A service, by its name in the service table.
#[derive(Clone, Copy, Debug)]
pub struct ServiceName(pub ServiceId);

impl<'de> Deserialize<'de> for ServiceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        service(&name).map(Self).ok_or_else(|| de::Error::custom(format_args!("there is no service {name}")))
    }
}

fn service(name: &str) -> Option<ServiceId> {
    SERVICES.iter().find(|service| service.name == name).map(|service| service.id)
}

impl Scenario {
    /// Reads a file, and checks it.
    pub fn read(name: &'static str, text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| format!("{name}.toml: {error}"))?;
        for action in scenario.steps.iter().flat_map(|step| &step.actions).chain(&scenario.cleanup) {
            action.check().map_err(|problem| format!("{name}.toml: {problem} in {action:?}"))?;
        }
        Ok(Self { name, ..scenario })
    }

    /// Whether it has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|one| one.eq_ignore_ascii_case(tag))
    }

    /// Whether it stops and starts services.
    pub fn changes_stack(&self) -> bool {
        self.actions().any(|action| action.changes_stack().is_some())
    }

    /// Whether a stack that somebody else runs will not do.
    pub fn needs_own_stack(&self) -> bool {
        self.own_stack || !self.settings.is_empty() || self.changes_stack()
    }

    /// The services that it calls or involves.
    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.steps.iter().flat_map(Step::services)
    }

    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.steps.iter().flat_map(|step| &step.actions).chain(&self.cleanup)
    }
}

impl Step {
    /// The services that it calls or involves, each once.
    pub fn services(&self) -> Vec<ServiceId> {
        let called = self.actions.iter().filter_map(Action::service);
        let mut all: Vec<_> = self.involves.iter().map(|name| name.0).chain(called).collect();
        let mut seen = Vec::new();
        all.retain(|service| {
            let is_new = !seen.contains(service);
            seen.push(*service);
            is_new
        });
        all
    }
}

impl Action {
    /// The parts of `call`.
    pub fn request(&self) -> Option<(reqwest::Method, ServiceId, &str)> {
        let mut parts = self.call.as_deref()?.splitn(3, ' ');
        let method = parts.next()?.parse().ok()?;
        Some((method, service(parts.next()?)?, parts.next()?))
    }

    /// The service that it calls.
    pub fn service(&self) -> Option<ServiceId> {
        if self.chat.is_some() {
            return Some(self.to.map_or(ServiceId::MockEventSub, |name| name.0));
        }
        self.request().map(|(_, service, _)| service)
    }

    /// The service that it stops or starts.
    pub fn changes_stack(&self) -> Option<ServiceId> {
        self.stop.or(self.start).or(self.restart).or(self.kill).map(|name| name.0)
    }

    fn check(&self) -> Result<(), &'static str> {
        let kinds = [
            self.call.is_some(),
            self.chat.is_some(),
            self.stop.is_some(),
            self.start.is_some(),
            self.restart.is_some(),
            self.kill.is_some(),
        ];
        if kinds.into_iter().filter(|is_given| *is_given).count() != 1 {
            return Err("an action is one of call, chat, stop, start, restart and kill");
        }
        if self.call.is_some() && self.request().is_none() {
            return Err("a call is a method, a service and a path");
        }
        if self.text.is_some() && self.json.is_some() {
            return Err("a call has one body");
        }
        Ok(())
    }
}
