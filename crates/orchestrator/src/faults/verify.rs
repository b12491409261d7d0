//! Compares what the backends report at the end with what the players were told.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use backon::{ConstantBuilder, Retryable as _};
use futures_util::stream::{self, StreamExt as _};
use mgm_api_types::mocks::SentMessages;
use mgm_api_types::{Announcement, AnnouncementState, Payout, PayoutStatus, PoolMembership};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::REST_WITHIN;
use super::run::FaultRun;
use crate::stack::Stack;

/// The number of viewers to ask about at a time.
const AT_ONCE: usize = 8;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

impl FaultRun<'_> {
    pub(super) async fn verify(&self, stack: &Stack) -> Result<()> {
        for death in self.fleet.deaths() {
            self.wrong(death);
        }
        self.fleet.start_all().await?;
        let mut rng = StdRng::seed_from_u64(0);
        self.come_to_rest().await?;
        let sent = self.payouts(PayoutStatus::Sent, &mut rng).await;
        self.ledger.borrow_mut().counts.sent = sent.len().try_into().unwrap_or_default();
        self.check_payouts(&sent);
        self.check_announcements(&sent, &mut rng).await?;
        self.check_pool(&sent).await;
        self.audit(stack).await?;
        for number in 0..self.fleet.size() {
            if let Some(problem) = self.fleet.drain(number).await {
                self.wrong(problem);
            }
        }
        Ok(())
    }

    fn wrong(&self, problem: impl Into<String>) {
        self.ledger.borrow_mut().wrong(problem);
    }

    /// Waits until no announcement is owed to chat any more.
    async fn come_to_rest(&self) -> Result<()> {
        let begun = Instant::now();
        let look = async || match self.first_owed().await {
            Ok(Some(owed)) => Err(owed),
            Ok(None) => Ok(Ok(())),
            Err(error) => Ok(Err(error)),
        };
        let looked = look
            .retry(ConstantBuilder::default().with_delay(PAUSE).without_max_times())
            .when(|_| begun.elapsed() <= REST_WITHIN)
            .await;
        looked.unwrap_or_else(|(count, Announcement { payout_id, state, .. })| {
            self.wrong(format!("{count} announcements are forgotten, such as that of {payout_id}, still {state:?}"));
            Ok(())
        })
    }

    /// The number of owed announcements, and one of them.
    async fn first_owed(&self) -> Result<Option<(usize, Announcement)>> {
        let mut rng = StdRng::seed_from_u64(0);
        let mut owed = self.announcements(AnnouncementState::Pending, &mut rng).await?;
        owed.extend(self.announcements(AnnouncementState::Sending, &mut rng).await?);
        let count = owed.len();
        Ok(owed.into_iter().next().map(|one| (count, one)))
    }

    fn check_payouts(&self, sent: &[Payout]) {
        let acknowledged = self.ledger.borrow().sent.clone();
        for payout in acknowledged {
            if !sent.iter().any(|other| other.id == payout) {
                self.wrong(format!("a backend said that the payout {payout} is Sent, and it is not"));
            }
        }
    }

    /// Checks for one announcement per sent payout, made as often as its state says.
    async fn check_announcements(&self, sent: &[Payout], rng: &mut StdRng) -> Result<()> {
        let mut states: HashMap<Uuid, Announcement> = HashMap::new();
        for state in [
            AnnouncementState::Pending,
            AnnouncementState::Sending,
            AnnouncementState::Announced,
            AnnouncementState::Dropped,
            AnnouncementState::Unknown,
            AnnouncementState::Failed,
        ] {
            for announcement in self.announcements(state, rng).await? {
                if let Some(before) = states.insert(announcement.payout_id, announcement) {
                    self.wrong(format!("the payout {} has two announcements", before.payout_id));
                }
            }
        }
        let said = self.helix.send(self.helix.request(Method::GET, "/sent")).await.context("MockHelixApi is away")?;
        let said: SentMessages = said.json().context("MockHelixApi does not list what was sent")?;
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for message in &said.messages {
            *times.entry(message).or_default() += 1;
        }
        for payout in sent {
            let Some(Announcement { message, state, .. }) = states.remove(&payout.id) else {
                self.wrong(format!("the payout {} is Sent, and its announcement is lost", payout.id));
                continue;
            };
            let times = times.remove(message.as_str()).unwrap_or_default();
            let mut ledger = self.ledger.borrow_mut();
            let counts = &mut ledger.counts;
            let is_right = match state {
                AnnouncementState::Announced => {
                    counts.announced += 1;
                    times == 1
                }
                AnnouncementState::Unknown => {
                    counts.unknown += 1;
                    times <= 1
                }
                AnnouncementState::Dropped => {
                    counts.dropped += 1;
                    times == 0
                }
                AnnouncementState::Pending | AnnouncementState::Sending | AnnouncementState::Failed => false,
            };
            if !is_right {
                let payout = payout.id;
                ledger.wrong(format!("the announcement of {payout} is {state:?} and was said {times} times"));
            }
        }
        for payout in states.keys() {
            self.wrong(format!("there is an announcement of {payout}, which is not Sent"));
        }
        for message in times.keys() {
            self.wrong(format!("an unexpected announcement was made: {message}"));
        }
        Ok(())
    }

    /// Checks that every viewer is in the pool, or not, as they were told.
    async fn check_pool(&self, sent: &[Payout]) {
        let mut expected = std::mem::take(&mut self.ledger.borrow_mut().expected);
        for (name, viewer) in &self.ledger.borrow().lucky {
            let has_won = sent.iter().any(|payout| payout.twitch_user_id == *viewer);
            expected.insert(viewer.clone(), (!has_won).then(|| name.clone()));
        }
        let checks = expected.iter().map(async |(viewer, expected)| {
            let mut rng = StdRng::seed_from_u64(0);
            let token = self.token(viewer).await?;
            let asked =
                self.insist(&mut rng, |backend| backend.request(Method::GET, "/api/pool/me").bearer_auth(&token));
            let membership: Option<PoolMembership> = asked.await?.0.json();
            let is_right = membership.as_ref().is_some_and(|found| found.character_name == *expected);
            (!is_right).then(|| format!("{viewer} has to be in the pool as {expected:?}, and is as {membership:?}"))
        });
        let problems: Vec<_> =
            stream::iter(checks).buffer_unordered(AT_ONCE).filter_map(async |one| one).collect().await;
        for problem in problems {
            self.wrong(problem);
        }
    }

    /// Runs the backend's own audit.
    async fn audit(&self, stack: &Stack) -> Result<()> {
        let output = stack.operate(&["audit", "--json"]).await?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let Ok(audit) = serde_json::from_str::<Value>(&stdout) else {
            bail!("the audit could not be run: {}{}", stdout, String::from_utf8_lossy(&output.stderr));
        };
        for finding in audit["findings"].as_array().into_iter().flatten() {
            self.wrong(format!("the audit found {finding}"));
        }
        if !output.status.success() && audit["findings"] == json!([]) {
            self.wrong(format!("the audit ended with {}", output.status));
        }
        Ok(())
    }

    async fn announcements(&self, state: AnnouncementState, rng: &mut StdRng) -> Result<Vec<Announcement>> {
        let mut all: Vec<Announcement> = Vec::new();
        loop {
            let mut query = vec![("state", json!(state))];
            query.extend(all.last().map(|last| ("after", json!(last.payout_id))));
            let page = self
                .insist(rng, |backend| self.by_desktop(backend, Method::GET, "/api/announcements").query(&query))
                .await;
            let (answer, _) = page.context("no backend lists the announcements")?;
            let page: Option<Vec<Announcement>> = answer.json();
            let page = page.with_context(|| format!("no list of announcements: {}", answer.summary()))?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}
