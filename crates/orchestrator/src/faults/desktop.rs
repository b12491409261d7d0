//! The streamer's desktop program: it verifies candidates and takes payouts to `Sent`.

use std::time::{Duration, Instant};

use mgm_api_types::{ConfirmAcceptance, Payout, PayoutStatus, RouletteCandidate, Verified, VerifyCandidate};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::run::FaultRun;

/// Much shorter than a cycle.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// The time-out for asking one backend for the candidate, after which the next one is asked.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

impl FaultRun<'_> {
    /// Asks every backend for the candidate all the time: they must all name the same one.
    pub(super) async fn desktop(&self) {
        // The random choice here is which backend is asked again.
        let mut rng = StdRng::seed_from_u64(0);
        while Instant::now() < self.until {
            for backend in self.fleet.all() {
                let request = self.by_desktop(backend, Method::GET, "/api/roulette/candidate").timeout(LOOK_WITHIN);
                let Ok(answer) = backend.send(request).await else { continue };
                let Some(candidate) = answer.json::<RouletteCandidate>().filter(|_| answer.status == 200) else {
                    continue;
                };
                if self.is_new(&candidate) {
                    self.decide(&candidate, &mut rng).await;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn is_new(&self, candidate: &RouletteCandidate) -> bool {
        let (cycle, name) = (candidate.spin_cycle_id, &candidate.character_name);
        let ledger = &mut self.ledger.borrow_mut();
        match ledger.candidates.get(&cycle) {
            None => {
                ledger.candidates.insert(cycle, name.clone());
                ledger.counts.cycles += 1;
                true
            }
            Some(before) if before == name => false,
            Some(before) => {
                let problem = format!("cycle {cycle} was drawn twice: {before} and {name}");
                ledger.wrong(problem);
                false
            }
        }
    }

    /// Verifies only candidates whose win the ledger can account for.
    async fn decide(&self, candidate: &RouletteCandidate, rng: &mut StdRng) {
        let online = self.ledger.borrow().lucky.contains_key(&candidate.character_name);
        let body = VerifyCandidate {
            schema_version: 1,
            spin_cycle_id: candidate.spin_cycle_id,
            // In the game's spelling, which is what the desktop program looks for.
            character_name: candidate.in_game_name.clone(),
            online,
            captured_at: None,
        };
        let Some((answer, _)) = self.desktop_call(rng, Method::POST, "/api/roulette/verify-candidate", &body).await
        else {
            return;
        };
        let verified = answer.json::<Verified>().filter(|_| answer.status == 200);
        match (verified, online) {
            (Some(Verified { payout_id: Some(payout), .. }), true) => {
                self.drive(payout, &candidate.character_name, rng).await;
            }
            (Some(Verified { payout_id: None, .. }), false) => {}
            // All backends were away until the deadline had passed.
            (None, _) if answer.code().as_deref() == Some("out_of_sequence") => {}
            (Some(_) | None, _) => self.unexpected("a verification", &answer),
        }
    }

    /// Takes a payout to `Sent`; returns whether it got there.
    pub(super) async fn drive(&self, payout: Uuid, character: &str, rng: &mut StdRng) -> bool {
        let path = format!("/api/payouts/{payout}/confirm-acceptance");
        let body = ConfirmAcceptance { character_name: character.to_owned() };
        match self.desktop_call(rng, Method::POST, &path, &body).await {
            Some((answer, _)) if answer.status == 200 => {}
            Some((answer, _)) => self.unexpected("confirm-acceptance", &answer),
            None => return false,
        }
        let path = format!("/api/payouts/{payout}/status");
        for status in [PayoutStatus::InProgress, PayoutStatus::Sent] {
            let Some((answer, _)) = self.desktop_call(rng, Method::PATCH, &path, &json!({ "status": status })).await
            else {
                return false;
            };
            match (answer.status, status) {
                (200, PayoutStatus::Sent) => {
                    self.ledger.borrow_mut().sent.insert(payout);
                    return true;
                }
                // An earlier call took effect and only its answer was lost, or the payout has expired.
                (200 | 409, _) => {}
                _ => self.unexpected("a change of status", &answer),
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..20))).await;
        }
        self.payouts(PayoutStatus::Sent, rng).await.iter().any(|sent| sent.id == payout)
    }

    /// The payouts in a status.
    pub(super) async fn payouts(&self, status: PayoutStatus, rng: &mut StdRng) -> Vec<Payout> {
        let mut all: Vec<Payout> = Vec::new();
        loop {
            let mut query = vec![("status", json!(status))];
            query.extend(all.last().map(|last| ("after", json!(last.id))));
            let page =
                self.insist(rng, |backend| self.by_desktop(backend, Method::GET, "/api/payouts").query(&query)).await;
            let Some((answer, _)) = page else { return all };
            match answer.json::<Vec<Payout>>() {
                Some(page) if answer.status == 200 && page.is_empty() => return all,
                Some(page) if answer.status == 200 => all.extend(page),
                Some(_) | None => {
                    self.unexpected("the list of payouts", &answer);
                    return all;
                }
            }
        }
    }
}
