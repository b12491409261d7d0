//! What each step does and what it expects.

use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable as _};
use mgm_api_types::mocks::{RunSequence, SentMessages, SequenceRun, TokenAnswer};
use mgm_api_types::{API_KEY_HEADER, Claim, PoolMembership, PreparePendingPayout, PreparedPayout};
use mgm_service::services::ServiceId;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};

use super::causes;
use super::stage::Stage;
use super::step::{Mismatch, Step};
use crate::http::{Answer, Endpoint, NoAnswer};
use crate::notification::{self, ChatLine, Form};

/// The `PATCH` waits for the first call to Helix, but no longer than 3 s.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(5);
/// Usually the first look sees it; more of them only fill the stand-in's log.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The prefix of the ids of users who, for MockHelixApi, do not subscribe to the channel.
const NO_SUBSCRIBER: &str = "nosub-";
/// The character that such a viewer claims; the claim is always refused.
const STRANGER: &str = "Nosubscriber";

pub(super) const SEND_CHAT: Step =
    Step { name: "a signed chat message is accepted", involved: &[ServiceId::MockEventSub, ServiceId::Backend] };
pub(super) const TOKEN: Step = Step { name: "the viewer gets an Extension token", involved: &[ServiceId::MockJwt] };
pub(super) const ENROLLED: Step =
    Step { name: "the viewer is in the pool", involved: &[ServiceId::Backend, ServiceId::MockJwt] };
pub(super) const REFUSED: Step = Step {
    name: "a viewer who does not subscribe is refused",
    involved: &[ServiceId::Backend, ServiceId::MockHelix, ServiceId::MockJwt],
};
pub(super) const PREPARE: Step = Step { name: "the harness prepares a payout", involved: &[ServiceId::Backend] };
pub(super) const SEQUENCE: Step =
    Step { name: "the desktop sequence runs to Sent", involved: &[ServiceId::SyntheticDesktop, ServiceId::Backend] };
pub(super) const ANNOUNCED: Step =
    Step { name: "Helix holds the announcement", involved: &[ServiceId::Backend, ServiceId::MockHelix] };
pub(super) const LAST_RUN: Step =
    Step { name: "the desktop's last run is ok", involved: &[ServiceId::SyntheticDesktop] };
pub(super) const LEFT: Step = Step { name: "the winner has left the pool", involved: &[ServiceId::Backend] };

/// In order. The first three are Tier A.
pub(super) const ALL: &[&Step] =
    &[&SEND_CHAT, &TOKEN, &ENROLLED, &REFUSED, &PREPARE, &SEQUENCE, &ANNOUNCED, &LAST_RUN, &LEFT];
pub(super) const TIER_A_STEPS: usize = 3;

/// The result of a step, with what was observed.
type Seen<T> = Result<(T, String), Mismatch>;

impl Stage {
    pub(super) async fn send_chat(&self) -> Seen<()> {
        let text = format!("!twgold {}", self.viewer.character);
        let line = ChatLine {
            text: &text,
            user_id: &self.viewer.user_id,
            login: &self.viewer.login,
            badges: &["subscriber".to_owned()],
            form: Form::Full { broadcaster_id: &self.broadcaster_id },
            message_id: &self.message_id,
        };
        let endpoint = self.endpoint(ServiceId::MockEventSub);
        let request = endpoint.request(Method::POST, notification::PATH);
        let request = notification::sign(request, &line, self.event_sub_secret.as_ref());
        let expected = "200 from the backend, by way of MockEventSubWebhook";
        let answer = call(endpoint, request, expected).await?;
        if answer.status != 200 {
            return Err(mismatch(expected, &answer, causes::of_refused_chat(&answer)));
        }
        Ok(((), format!("200 for {text}")))
    }

    pub(super) async fn token(&self) -> Seen<SecretString> {
        self.token_of(&self.viewer.user_id, &self.viewer.login).await
    }

    /// A viewer who does not subscribe to the channel asks to join by the panel.
    pub(super) async fn stranger_is_refused(&self) -> Seen<()> {
        if self.skips_subscriber_check {
            return Ok(((), "not asked for: Mgm__DevSkipSubscriberCheck is on".to_owned()));
        }
        let user_id = format!("{NO_SUBSCRIBER}{}", self.viewer.user_id);
        let (token, _) = self.token_of(&user_id, &user_id).await?;
        let endpoint = self.endpoint(ServiceId::Backend);
        let claim = Claim { character_name: STRANGER.to_owned(), enrollment_request_id: self.message_id.clone() };
        let request =
            endpoint.request(Method::POST, "/api/payouts/claim").bearer_auth(token.expose_secret()).json(&claim);
        let expected = "403 not_subscriber, since Helix lists no subscription";
        let answer = call(endpoint, request, expected).await?;
        match (answer.status, answer.code().as_deref()) {
            (403, Some("not_subscriber")) => Ok(((), format!("403 not_subscriber for {user_id}"))),
            _ => Err(mismatch(expected, &answer, causes::of_admitted_stranger(&answer))),
        }
    }

    async fn token_of(&self, user_id: &str, login: &str) -> Seen<SecretString> {
        let endpoint = self.endpoint(ServiceId::MockJwt);
        let expected = "200 with access_token and token_type Bearer";
        let query = [("userId", user_id), ("displayName", login)];
        let answer = call(endpoint, endpoint.request(Method::GET, "/token").query(&query), expected).await?;
        let token: Option<TokenAnswer> = answer.json().filter(|_| answer.status == 200);
        match token {
            Some(token) if token.token_type == "Bearer" => {
                let seen =
                    format!("a token of {} characters, valid for {} s", token.access_token.len(), token.expires_in);
                Ok((token.access_token.into(), seen))
            }
            // A body that may hold a token must not be repeated.
            _ if answer.status == 200 => {
                Err(Mismatch { expected: expected.to_owned(), got: "200 with another body".to_owned(), cause: None })
            }
            _ => Err(mismatch(expected, &answer, None)),
        }
    }

    pub(super) async fn is_enrolled(&self, token: &SecretString) -> Seen<()> {
        let name = &self.viewer.character;
        let expected = format!("200 with isEnrolled true and characterName {name}");
        let (answer, membership) = self.pool_me(token, &expected).await?;
        if membership.is_enrolled && membership.character_name.as_ref() == Some(name) {
            Ok(((), format!("isEnrolled true as {name}")))
        } else {
            Err(mismatch(&expected, &answer, Some(causes::of_missing_enrolment(&membership, name))))
        }
    }

    pub(super) async fn has_left(&self, token: &SecretString) -> Seen<()> {
        let expected = "200 with isEnrolled false";
        let (answer, membership) = self.pool_me(token, expected).await?;
        if membership.is_enrolled {
            return Err(mismatch(expected, &answer, Some(causes::of_staying_in_the_pool())));
        }
        Ok(((), "isEnrolled false".to_owned()))
    }

    async fn pool_me(&self, token: &SecretString, expected: &str) -> Result<(Answer, PoolMembership), Mismatch> {
        let endpoint = self.endpoint(ServiceId::Backend);
        let request = endpoint.request(Method::GET, "/api/pool/me").bearer_auth(token.expose_secret());
        let answer = call(endpoint, request, expected).await?;
        match answer.json().filter(|_| answer.status == 200) {
            Some(membership) => Ok((answer, membership)),
            None => Err(mismatch(expected, &answer, causes::of_refused_viewer(&answer))),
        }
    }

    pub(super) async fn prepare_payout(&self) -> Seen<PreparedPayout> {
        let endpoint = self.endpoint(ServiceId::Backend);
        let name = &self.viewer.character;
        let expected = format!("200 with a payoutId and characterName {name}");
        let request = endpoint
            .request(Method::POST, "/api/e2e/prepare-pending-payout")
            .header(API_KEY_HEADER, self.api_key.expose_secret())
            .json(&PreparePendingPayout { twitch_user_id: self.viewer.user_id.clone() });
        let answer = call(endpoint, request, &expected).await?;
        let payout: Option<PreparedPayout> = answer.json().filter(|_| answer.status == 200);
        match payout {
            Some(payout) if payout.character_name == *name => {
                let seen = format!("payout {} for {name}", payout.payout_id);
                Ok((payout, seen))
            }
            _ => Err(mismatch(&expected, &answer, causes::of_refused_payout(&answer))),
        }
    }

    pub(super) async fn run_sequence(&self, payout: &PreparedPayout) -> Seen<SequenceRun> {
        let endpoint = self.endpoint(ServiceId::SyntheticDesktop);
        let expected = "200 with ok true after confirm-acceptance, InProgress and Sent";
        let body = RunSequence { payout_id: payout.payout_id, character_name: payout.character_name.clone() };
        let answer = call(endpoint, endpoint.request(Method::POST, "/run-sequence").json(&body), expected).await?;
        let run: Option<SequenceRun> = answer.json();
        match run {
            Some(run) if answer.status == 200 && run.ok && run.steps.len() == 3 => {
                let steps: Vec<_> =
                    run.steps.iter().map(|step| format!("{} {}", step.name, step.status_code)).collect();
                let seen = steps.join(", ");
                Ok((run, seen))
            }
            run => Err(mismatch(expected, &answer, causes::of_broken_sequence(&answer, run.as_ref()))),
        }
    }

    /// The number of messages that Helix has accepted so far; 0 if it does not say, which a later step will report.
    pub(super) async fn sent_so_far(&self) -> u64 {
        let Ok((_, Some(sent))) = self.sent("").await else { return 0 };
        sent.total
    }

    /// Searches all messages since the total was `before`: others may be announced at the same time, and the same text may
    /// have been sent in an earlier run.
    pub(super) async fn is_announced(&self, before: u64) -> Seen<()> {
        let expected = announcement(&self.viewer.character);
        let begun = Instant::now();
        // A missing answer from Helix is no reason to look again.
        let look = async || match self.sent(&expected).await {
            Ok((_, Some(sent))) if sent.since(before).contains(&expected) => Ok(Ok(())),
            Ok((answer, sent)) => Err((answer, sent)),
            Err(silent) => Ok(Err(silent)),
        };
        let looked = look
            .retry(ConstantBuilder::default().with_delay(LOOK_EVERY).without_max_times())
            .when(|_| begun.elapsed() <= ANNOUNCED_WITHIN)
            .await;
        match looked {
            Ok(found) => found.map(|()| ((), expected)),
            Err((answer, sent)) => {
                Err(self.not_announced(&expected, &answer, sent.as_ref().map(|sent| sent.since(before))))
            }
        }
    }

    fn not_announced(&self, text: &str, answer: &Answer, new: Option<&[String]>) -> Mismatch {
        let got = match new {
            Some([]) => "no message at all".to_owned(),
            Some([.., last]) => format!("other messages, such as «{last}»"),
            None => answer.summary(),
        };
        let said_other = new.is_some_and(|new| !new.is_empty());
        let cause = causes::of_missing_announcement(said_other, &self.endpoint(ServiceId::MockHelix).url());
        let expected = format!("the message «{text}» within {} s", ANNOUNCED_WITHIN.as_secs());
        Mismatch { expected, got, cause: Some(cause) }
    }

    async fn sent(&self, expected: &str) -> Result<(Answer, Option<SentMessages>), Mismatch> {
        let endpoint = self.endpoint(ServiceId::MockHelix);
        let answer = call(endpoint, endpoint.request(Method::GET, "/sent"), expected).await?;
        let sent = answer.json().filter(|_| answer.status == 200);
        Ok((answer, sent))
    }

    /// The last run is `ours`, or a later one by somebody else.
    pub(super) async fn last_run_is_ok(&self, ours: &SequenceRun) -> Seen<()> {
        let endpoint = self.endpoint(ServiceId::SyntheticDesktop);
        let expected = "200 with ok true";
        let answer = call(endpoint, endpoint.request(Method::GET, "/last-run"), expected).await?;
        let last: Option<SequenceRun> = answer.json().filter(|_| answer.status == 200);
        match last {
            Some(last) if last == *ours => Ok(((), format!("ok true, {} steps", last.steps.len()))),
            Some(last) if last.completed_at_utc >= ours.completed_at_utc => {
                Ok(((), "that of another scenario, which ran later".to_owned()))
            }
            _ => Err(mismatch(expected, &answer, None)),
        }
    }
}

/// The exact text for chat.
fn announcement(character: &str) -> String {
    format!("Награда отправлена персонажу {character} на почту, проверяй ящик!")
}

async fn call(endpoint: &Endpoint, request: RequestBuilder, expected: &str) -> Result<Answer, Mismatch> {
    endpoint.send(request).await.map_err(|silence| silent(expected, &silence))
}

fn silent(expected: &str, silence: &NoAnswer) -> Mismatch {
    let cause = Some(causes::cause_of_silence(silence));
    Mismatch { expected: expected.to_owned(), got: silence.to_string(), cause }
}

fn mismatch(expected: &str, answer: &Answer, cause: Option<String>) -> Mismatch {
    Mismatch { expected: expected.to_owned(), got: answer.summary(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_the_text_that_scripts_outside_assert() {
        assert_eq!(announcement("Etoehero"), "Награда отправлена персонажу Etoehero на почту, проверяй ящик!");
    }
}
