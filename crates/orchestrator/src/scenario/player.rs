//! Plays a scenario on a stage.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable as _};
use mgm_api_types::API_KEY_HEADER;
use mgm_service::services::ServiceId;
use mgm_system::{Clock as _, RandomSource, SystemClock};
use mgm_twitch::eventsub::SigningSecret;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::call::Call;
use super::causes;
use super::document::{Action, Scenario, Step};
use super::expectation::{differences, in_words};
use super::stage::{Stage, Viewer};
use super::step::{Mismatch, Taken};
use super::values::{Unknown, Values};
use crate::http::{Answer, NoAnswer};
use crate::notification::{self, ChatLine, Form};

/// Often the first look is enough; more of them only fill the logs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Records the steps of a scenario as they are run.
pub struct Recorder<'a> {
    on_taken: &'a mut dyn FnMut(&Taken),
    taken: Vec<Taken>,
    /// The trace of all calls, which the services pass on.
    trace_id: String,
}

/// A step failed; the [`Recorder`] knows which one and why.
#[derive(Debug)]
pub struct Failed;

impl<'a> Recorder<'a> {
    /// Calls `on_taken` after each step.
    pub fn new(on_taken: &'a mut dyn FnMut(&Taken)) -> Self {
        Self { on_taken, taken: Vec::new(), trace_id: RandomSource::from_system().hex::<16>() }
    }

    /// The steps that were run so far, and the id of their trace.
    pub fn into_parts(self) -> (Vec<Taken>, String) {
        (self.taken, self.trace_id)
    }

    /// Records that the current step was aborted for an external reason; `None` if all steps were run.
    pub fn broken_off(&mut self, scenario: &'static Scenario, mismatch: Mismatch) {
        if let Some(step) = scenario.steps.get(self.taken.len()) {
            let (at, took, calls) = (SystemClock.now(), Duration::ZERO, Vec::new());
            self.note(Taken { step, at, took, calls, outcome: Err(mismatch) });
        }
    }

    /// Adds information to the step that failed.
    pub fn explain(&mut self, mismatch: Mismatch) {
        if let Some(taken) = self.taken.last_mut() {
            taken.outcome = Err(mismatch);
            (self.on_taken)(taken);
        }
    }

    fn note(&mut self, taken: Taken) {
        (self.on_taken)(&taken);
        self.taken.push(taken);
    }
}

impl Stage<'_> {
    /// Runs the steps of a scenario, up to the first that fails, and then its clean-up. `viewer` is its first viewer;
    /// `another` invents the others.
    pub async fn play(
        &self,
        scenario: &'static Scenario,
        viewer: &Viewer,
        another: impl Fn() -> Viewer,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), Failed> {
        let others: Vec<_> = scenario.viewers.iter().map(|name| (name.as_str(), another())).collect();
        let others = others.iter().map(|(name, viewer)| (*name, viewer));
        let mut values = self.values(std::iter::once(("viewer", viewer)).chain(others));
        for (name, text) in &scenario.values {
            let text = values.text(text).unwrap_or_else(|_| text.clone());
            values.set(name, text);
        }
        let player = Player { stage: self, trace_id: recorder.trace_id.clone(), calls: RefCell::default() };
        let result = player.play_steps(&scenario.steps, &mut values, recorder).await;
        for action in &scenario.cleanup {
            // The verdict is about the steps.
            drop(player.act(action, &mut values).await);
        }
        result
    }
}

/// A scenario that is being played.
struct Player<'s> {
    stage: &'s Stage<'s>,
    trace_id: String,
    /// The calls of the current step.
    calls: RefCell<Vec<Call>>,
}

impl Player<'_> {
    async fn play_steps(
        &self,
        steps: &'static [Step],
        values: &mut Values,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), Failed> {
        for step in steps {
            let (at, begun) = (SystemClock.now(), Instant::now());
            let outcome = self.take(step, values).await;
            let failed = outcome.is_err();
            let calls = self.calls.take();
            recorder.note(Taken { step, at, took: begun.elapsed(), calls, outcome });
            if failed {
                return Err(Failed);
            }
        }
        Ok(())
    }

    async fn take(&self, step: &Step, values: &mut Values) -> Result<String, Mismatch> {
        if let Some(switch) = step.unless.as_ref().filter(|switch| self.stage.switches.contains(&switch.as_str())) {
            return Ok(format!("not asked for: {switch} is on"));
        }
        let mut seen = String::new();
        for _ in 0..step.times.unwrap_or(1) {
            for action in &step.actions {
                for _ in 0..action.times.unwrap_or(1) {
                    seen = self.act(action, values).await?;
                }
            }
        }
        match &step.seen {
            Some(text) => Ok(values.text(text)?),
            None => Ok(seen),
        }
    }

    /// Returns what was seen.
    async fn act(&self, action: &Action, values: &mut Values) -> Result<String, Mismatch> {
        match action.service() {
            Some(service) => self.ask(service, action, values).await,
            None => self.change(action, values).await,
        }
    }

    async fn ask(&self, service: ServiceId, action: &Action, values: &mut Values) -> Result<String, Mismatch> {
        let wanted = Wanted::new(action, values)?;
        let begun = Instant::now();
        let patience = Duration::from_secs(action.within.unwrap_or(0).into());
        let look = async || self.look(service, action, &wanted, values).await;
        let answer = look
            .retry(ConstantBuilder::default().with_delay(LOOK_EVERY).without_max_times())
            .when(|_| begun.elapsed() < patience)
            .await?;
        let body: Option<Value> = answer.json();
        for (name, pointer) in &action.capture {
            let value = body.as_ref().and_then(|body| body.pointer(pointer)).cloned();
            let value = value.ok_or_else(|| {
                wanted.mismatch(service, action, &answer, values, vec![format!("{pointer} must exist")])
            })?;
            values.set(name, value);
        }
        Ok(match answer.code() {
            Some(code) => format!("{} {code}", answer.status),
            None => answer.status.to_string(),
        })
    }

    async fn look(
        &self,
        service: ServiceId,
        action: &Action,
        wanted: &Wanted,
        values: &Values,
    ) -> Result<Answer, Mismatch> {
        let request = self.request(service, action, values)?;
        let answer = self.send(service, request).await.map_err(|silence| silent(&wanted.words, &silence))?;
        let differences = wanted.differences(&answer);
        if differences.is_empty() {
            return Ok(answer);
        }
        Err(wanted.mismatch(service, action, &answer, values, differences))
    }

    /// Sends a request as a part of the trace, and records it.
    async fn send(&self, service: ServiceId, request: RequestBuilder) -> Result<Answer, NoAnswer> {
        let random = RandomSource::from_system();
        let (request_id, span) = (random.uuid().to_string(), random.hex::<8>());
        let request = request
            .header("x-request-id", &request_id)
            .header("traceparent", format!("00-{}-{span}-01", self.trace_id));
        let sketch = request.try_clone().and_then(|request| request.build().ok());
        let (method, path) = sketch
            .map_or_else(Default::default, |request| (request.method().to_string(), request.url().path().to_owned()));
        let (at, begun) = (SystemClock.now(), Instant::now());
        let answer = self.stage.endpoint(service).send(request).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let call = Call { at, took: begun.elapsed(), service, method, path, status, request_id };
        self.calls.borrow_mut().push(call);
        answer
    }

    fn request(&self, service: ServiceId, action: &Action, values: &Values) -> Result<RequestBuilder, Mismatch> {
        let endpoint = self.stage.endpoint(service);
        let Some((method, _, path)) = action.request() else { return self.chat(service, action, values) };
        let mut request = endpoint.request(method, &values.path(path)?);
        if let Some(token) = &action.bearer {
            request = request.bearer_auth(values.text(token)?);
        }
        if let Some(key) = &action.key {
            request = request.header(API_KEY_HEADER, values.text(key)?);
        }
        for (name, value) in &action.headers {
            request = request.header(name, values.text(value)?);
        }
        if let Some(json) = &action.json {
            request = request.json(&values.json(json)?);
        }
        if let Some(text) = &action.text {
            request = request.body(values.text(text)?);
        }
        Ok(request)
    }

    fn chat(&self, service: ServiceId, action: &Action, values: &Values) -> Result<RequestBuilder, Mismatch> {
        let subscriber = ["subscriber".to_owned()];
        let by = action.by.as_deref().unwrap_or("viewer");
        let line = ChatLine {
            text: &values.text(action.chat.as_deref().unwrap_or_default())?,
            user_id: &values.text(&format!("${{{by}.id}}"))?,
            login: &values.text(&format!("${{{by}.login}}"))?,
            badges: action.badges.as_deref().unwrap_or(&subscriber),
            form: Form::Full { broadcaster_id: &values.text(action.channel.as_deref().unwrap_or("${broadcaster}"))? },
            message_id: &values.text(action.id.as_deref().unwrap_or("${uuid}"))?,
            age: Duration::from_secs(action.age),
            hostile: None,
        };
        let other = match &action.secret {
            Some(secret) => Some(secret_of(&values.text(secret)?)?),
            None => None,
        };
        let request = self.stage.endpoint(service).request(Method::POST, notification::PATH);
        Ok(notification::sign(request, &line, other.as_ref().or(self.stage.event_sub_secret.as_ref())))
    }

    /// Stops or starts a service.
    async fn change(&self, action: &Action, values: &Values) -> Result<String, Mismatch> {
        let stack = self.stage.stack.ok_or_else(|| broken("a stack of its own", "a stack that somebody else runs"))?;
        let mut settings = Vec::new();
        for (name, value) in &action.settings {
            settings.push((name.clone(), values.text(value)?));
        }
        let (service, done) = if let Some(service) = action.stop {
            stack.halt(service.0).await;
            (service, Ok(()))
        } else if let Some(service) = action.start {
            (service, stack.resume(service.0, &settings).await)
        } else if let Some(service) = action.restart {
            (service, stack.restart(service.0, &settings).await)
        } else if let Some(service) = action.kill {
            (service, stack.kill(service.0).await)
        } else {
            return Ok(String::new());
        };
        let component = service.0.service().component;
        match done {
            Ok(()) => Ok(format!("{component}: done")),
            Err(error) => Err(broken(&format!("{component} is healthy again"), &error.to_string())),
        }
    }
}

/// The expected answer, with values in place of their names.
struct Wanted {
    status: u16,
    code: Option<String>,
    body: Option<Value>,
    words: String,
}

impl Wanted {
    fn new(action: &Action, values: &Values) -> Result<Self, Unknown> {
        let status = action.status.unwrap_or(200);
        let body = action.body.as_ref().map(|body| values.json(body)).transpose()?;
        let code = action.code.clone();
        let words = if let Some(text) = &action.expect {
            values.text(text)?
        } else {
            let code = code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
            let body = body.as_ref().map_or_else(String::new, |body| format!(" with {}", in_words(body)));
            let within = action.within.map_or_else(String::new, |seconds| format!(" within {seconds} s"));
            format!("{status}{code}{body}{within}")
        };
        Ok(Self { status, code, body, words })
    }

    fn differences(&self, answer: &Answer) -> Vec<String> {
        let mut found = Vec::new();
        if answer.status != self.status {
            found.push(format!("the status must be {}, got {}", self.status, answer.status));
        }
        let code = answer.code();
        if self.code.as_ref().is_some_and(|wanted| code.as_ref() != Some(wanted)) {
            let wanted = self.code.as_deref().unwrap_or_default();
            found.push(format!("the code must be {wanted}, got {}", code.as_deref().unwrap_or("none")));
        }
        if let Some(body) = self.body.as_ref().filter(|_| answer.status == self.status) {
            found.extend(differences(body, answer.json::<Value>().as_ref()));
        }
        found
    }

    fn mismatch(
        &self,
        service: ServiceId,
        action: &Action,
        answer: &Answer,
        values: &Values,
        differences: Vec<String>,
    ) -> Mismatch {
        Mismatch {
            expected: self.words.clone(),
            got: if action.hidden && answer.status < 300 {
                format!("{} with another body, which may hold a secret", answer.status)
            } else {
                answer.summary()
            },
            differences: if action.hidden { vec![] } else { differences },
            cause: causes::of_answer(service, action, answer, values),
        }
    }
}

impl From<Unknown> for Mismatch {
    fn from(unknown: Unknown) -> Self {
        broken("a scenario without mistakes", &unknown.to_string())
    }
}

fn secret_of(text: &str) -> Result<SigningSecret, Mismatch> {
    SigningSecret::parse(text.into()).map_err(|error| broken("a secret that Twitch accepts", &error.to_string()))
}

fn silent(expected: &str, silence: &NoAnswer) -> Mismatch {
    Mismatch { cause: Some(causes::cause_of_silence(silence)), ..broken(expected, &silence.to_string()) }
}

/// A mismatch that is not about an answer.
fn broken(expected: &str, got: &str) -> Mismatch {
    Mismatch { expected: expected.to_owned(), got: got.to_owned(), ..Mismatch::default() }
}
