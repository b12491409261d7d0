//! Viewers: they enrol by chat and by the panel, change their names, and win.

use std::time::{Duration, Instant};

use mgm_api_types::{Claim, PayoutStatus, PreparePendingPayout, PreparedPayout};
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::run::FaultRun;
use crate::notification::{self, ChatLine, Form};

/// The maximum number of viewers in one crowd.
const MOST_VIEWERS: usize = 500;
/// The maximum number of payouts of one group of winners: the operator's list of announcements ends at a thousand.
const MOST_PAYOUTS: usize = 250;

/// A message as Twitch keeps it for redelivery.
struct Message {
    id: String,
    viewer: String,
    text: String,
}

impl Message {
    fn enrol(viewer: &str, name: &str, rng: &mut StdRng) -> Self {
        let id = uuid::Builder::from_random_bytes(rng.random()).into_uuid();
        Self { id: id.to_string(), viewer: viewer.to_owned(), text: format!("!twgold {name}") }
    }
}

/// A unique name for each viewer and change: a letter for the kind of viewer, and the numbers as letters.
pub(super) fn name(kind: char, group: usize, number: usize, change: usize) -> String {
    let digits = format!("{group:02}{number:04}{change:02}");
    let letters = digits.bytes().map(|digit| char::from(b'a' + (digit - b'0')));
    std::iter::once(kind).chain(letters).collect()
}

impl FaultRun<'_> {
    /// Delivers a message until it is acknowledged, as Twitch does.
    async fn deliver(&self, message: &Message, rng: &mut StdRng) {
        let badges = ["subscriber".to_owned()];
        let line = ChatLine {
            age: Duration::ZERO,
            text: &message.text,
            user_id: &message.viewer,
            login: &message.viewer,
            badges: &badges,
            form: Form::Full { broadcaster_id: &self.broadcaster_id },
            message_id: &message.id,
            hostile: None,
        };
        let secret = self.event_sub_secret.as_ref();
        let answer = self
            .insist(rng, |backend| {
                let request = backend.request(Method::POST, notification::PATH);
                notification::sign(request, &line, secret)
            })
            .await;
        let Some((answer, in_vain)) = answer else { return };
        if answer.status != 200 {
            return self.unexpected("a chat message", &answer);
        }
        let counts = &mut self.ledger.borrow_mut().counts;
        counts.notifications += 1;
        counts.redeliveries += u64::from(in_vain);
    }

    /// Viewers who come one after the other, each with a known expected result.
    pub(super) async fn crowd(&self, group: usize, mut rng: StdRng) {
        for number in 0..MOST_VIEWERS {
            if Instant::now() >= self.until {
                return;
            }
            match rng.random_range(0..10) {
                0..4 => self.fickle(group, number, &mut rng).await,
                4..7 => self.lucky(group, number, &mut rng).await,
                _ => self.claimer(group, number, &mut rng).await,
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
        }
    }

    /// Enrols and changes the name, which somebody else then wants; Twitch redelivers the first message.
    async fn fickle(&self, group: usize, number: usize, rng: &mut StdRng) {
        let viewer = format!("fickle-{group}-{number}");
        let (first, second) = (name('F', group, number, 0), name('F', group, number, 1));
        let message = Message::enrol(&viewer, &first, rng);
        self.deliver(&message, rng).await;
        self.ledger.borrow_mut().expect(&viewer, Some(&first));
        let mut holds = first;
        if rng.random_bool(0.7) {
            self.deliver(&Message::enrol(&viewer, &second, rng), rng).await;
            self.ledger.borrow_mut().expect(&viewer, Some(&second));
            holds = second;
        }
        self.deliver(&message, rng).await;
        let envious = format!("envious-{group}-{number}");
        self.deliver(&Message::enrol(&envious, &holds.to_uppercase(), rng), rng).await;
        self.ledger.borrow_mut().expect(&envious, None);
    }

    /// Enrols and may win the roulette. A redelivered message must not bring a winner back.
    async fn lucky(&self, group: usize, number: usize, rng: &mut StdRng) {
        let viewer = format!("lucky-{group}-{number}");
        let name = name('L', group, number, 0);
        self.ledger.borrow_mut().lucky.insert(name.clone(), viewer.clone());
        let message = Message::enrol(&viewer, &name, rng);
        self.deliver(&message, rng).await;
        self.deliver(&message, rng).await;
    }

    /// Enrols by the panel, which repeats its request.
    async fn claimer(&self, group: usize, number: usize, rng: &mut StdRng) {
        let viewer = format!("claimer-{group}-{number}");
        let Some(token) = self.token(&viewer).await else { return };
        let character_name = name('C', group, number, 0);
        let enrollment_request_id = format!("request-{group}-{number}");
        let claim = Claim { character_name: character_name.clone(), enrollment_request_id };
        for again in [false, true] {
            let answer = self
                .insist(rng, |backend| {
                    backend.request(Method::POST, "/api/payouts/claim").bearer_auth(&token).json(&claim)
                })
                .await;
            let Some((answer, in_vain)) = answer else { return };
            let granted = answer.json::<Claim>().is_some_and(|granted| granted == claim);
            // A call without an answer may have been the first one.
            let is_first = answer.status == 201 && !again;
            if !granted || !(is_first || answer.status == 200 && (again || in_vain > 0)) {
                return self.unexpected("a claim", &answer);
            }
        }
        let ledger = &mut self.ledger.borrow_mut();
        ledger.counts.claims += 1;
        ledger.expect(&viewer, Some(&character_name));
    }

    /// Viewers who win one payout after the other; sometimes one is abandoned or cancelled, or its winner comes back.
    pub(super) async fn winners(&self, group: usize, mut rng: StdRng) {
        for number in 0..MOST_PAYOUTS {
            if Instant::now() >= self.until {
                return;
            }
            self.winner(group, number, &mut rng).await;
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
        }
    }

    async fn winner(&self, group: usize, number: usize, rng: &mut StdRng) {
        let viewer = format!("winner-{group}-{number}");
        let character = name('W', group, number, 0);
        let enrolment = Message::enrol(&viewer, &character, rng);
        self.deliver(&enrolment, rng).await;
        self.ledger.borrow_mut().expect(&viewer, Some(&character));
        let Some(payout) = self.prepare(&viewer, rng).await else { return };
        match rng.random_range(0..10) {
            // The sweep expires it.
            0 => return,
            1 => return self.change(payout, PayoutStatus::Cancelled, rng).await,
            _ => {}
        }
        if !self.drive(payout, &character, rng).await {
            return;
        }
        self.ledger.borrow_mut().expect(&viewer, None);
        self.deliver(&enrolment, rng).await;
        if rng.random_bool(0.3) {
            let again = name('W', group, number, 1);
            self.deliver(&Message::enrol(&viewer, &again, rng), rng).await;
            self.ledger.borrow_mut().expect(&viewer, Some(&again));
        }
    }

    /// Awards a payout through the harness.
    async fn prepare(&self, viewer: &str, rng: &mut StdRng) -> Option<Uuid> {
        let body = PreparePendingPayout { twitch_user_id: viewer.to_owned() };
        let (answer, in_vain) = self.desktop_call(rng, Method::POST, "/api/e2e/prepare-pending-payout", &body).await?;
        match answer.status {
            200 => answer.json::<PreparedPayout>().map(|prepared| prepared.payout_id),
            // The earlier call took effect, and only its answer was lost.
            409 if in_vain > 0 => {
                let pending = self.payouts(PayoutStatus::Pending, rng).await;
                pending.into_iter().find(|payout| payout.twitch_user_id == viewer).map(|payout| payout.id)
            }
            _ => {
                self.unexpected("prepare-pending-payout", &answer);
                None
            }
        }
    }

    async fn change(&self, payout: Uuid, status: PayoutStatus, rng: &mut StdRng) {
        let path = format!("/api/payouts/{payout}/status");
        let Some((answer, _)) = self.desktop_call(rng, Method::PATCH, &path, &json!({ "status": status })).await else {
            return;
        };
        // 409: an earlier call took effect, or the payout has expired.
        if !matches!(answer.status, 200 | 409) {
            self.unexpected("a change of status", &answer);
        }
    }
}
