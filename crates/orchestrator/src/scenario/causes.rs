//! The most likely cause when a step fails, and what to do about it.

use mgm_api_types::PoolMembership;
use mgm_api_types::mocks::SequenceRun;

use crate::http::{Answer, NoAnswer};

/// There is no answer from an address.
pub fn cause_of_silence(silence: &NoAnswer) -> String {
    let service = silence.service.service();
    format!(
        "{} is not running at {}, or has another address. Start the stack with `mgm up`, or give its address with --{}.",
        service.component, silence.url, service.name
    )
}

pub(super) fn of_refused_chat(answer: &Answer) -> Option<String> {
    Some(match (answer.status, answer.code().as_deref()) {
        (401, _) => "The message is signed with another secret than the stack's. Set Twitch__EventSubSecret to \
                     the same value for mgm, MockEventSubWebhook and the backend (mgm: or --event-sub-secret)."
            .to_owned(),
        (403, Some("stale_message")) => {
            "The clocks of this machine and the backend's differ by more than 10 minutes.".to_owned()
        }
        (502, _) => "MockEventSubWebhook does not reach the backend. Check that the backend runs and that the mock's \
                     Backend__BaseUrl is its address."
            .to_owned(),
        (503, _) => "The backend does not reach its database. Its log says why.".to_owned(),
        (404, _) => "This is not MockEventSubWebhook. `mgm check` tells what answers where.".to_owned(),
        _ => return None,
    })
}

pub(super) fn of_missing_enrolment(membership: &PoolMembership, name: &str) -> String {
    if membership.is_enrolled {
        return format!(
            "The viewer is in the pool, but not as {name}: somebody else uses this viewer. Leave --user-id out to get a new one."
        );
    }
    "The backend acknowledged the message, but refused the command; its log has one line with the reason. Usual ones: the \
     viewer has an active payout or has reached the lifetime cap (leave --user-id out to get a new viewer), somebody else \
     holds the name (leave --character out), the backend's Twitch__SubscriberBadges lack `subscriber`, or its \
     Twitch__BroadcasterUserId is another than mgm's."
        .to_owned()
}

pub(super) fn of_staying_in_the_pool() -> String {
    "The backend made the payout Sent without removing the winner from the pool. Its log says more.".to_owned()
}

pub(super) fn of_refused_viewer(answer: &Answer) -> Option<String> {
    Some(match (answer.status, answer.code().as_deref()) {
        (401, _) => {
            "The backend does not accept the tokens of MockExtensionJwt. Give both the same Twitch__ExtensionSecret, \
                     Twitch__ExtensionClientId and Twitch__BroadcasterUserId, or none; in Production the backend has no \
                     development key, and takes no token without a channel."
                .to_owned()
        }
        (403, Some("wrong_channel")) => {
            "The token is for another channel than the backend's Twitch__BroadcasterUserId.".to_owned()
        }
        (429, _) => {
            "The viewer has asked too often. Wait a minute, or leave --user-id out to get a new viewer.".to_owned()
        }
        (404, _) => "This is not the backend. `mgm check` tells what answers where.".to_owned(),
        _ => return None,
    })
}

pub(super) fn of_admitted_stranger(answer: &Answer) -> Option<String> {
    Some(match (answer.status, answer.code().as_deref()) {
        (200 | 201, _) => {
            "The backend did not ask who subscribes. Start it without Mgm__DevSkipSubscriberCheck, or set that for mgm too, \
             which then leaves the question out."
                .to_owned()
        }
        (503, Some("helix_unavailable")) => {
            "Helix did not say who subscribes; the backend's log says what it answered. Give the backend and MockHelixApi the \
             same Twitch__BroadcasterAccessToken, Twitch__BroadcasterUserId and Twitch__HelixClientId, and check the \
             backend's Twitch__HelixApiBaseUrl."
                .to_owned()
        }
        _ => return of_refused_viewer(answer),
    })
}

pub(super) fn of_refused_payout(answer: &Answer) -> Option<String> {
    Some(match (answer.status, answer.code().as_deref()) {
        (401, _) => of_refused_key("the backend"),
        (404, _) => "The backend's harness is off. Start the backend with Mgm__EnableE2eHarness=true and \
                     ASPNETCORE_ENVIRONMENT=Development."
            .to_owned(),
        (400, Some("not_in_pool")) => {
            "The viewer left the pool in between: somebody else uses this stack with the same viewer.".to_owned()
        }
        (409, Some("active_payout_exists")) => {
            "A payout of this viewer is still open, perhaps of a run that was broken off. \
                                                Leave --user-id out to get a new viewer."
                .to_owned()
        }
        (409, Some("lifetime_cap_reached")) => {
            "The viewer has received 10,000 gold and gets no more. Leave --user-id out to \
                                                get a new viewer."
                .to_owned()
        }
        _ => return None,
    })
}

fn of_refused_key(who: &str) -> String {
    format!(
        "The desktop key differs from that of {who}. Set Mgm__ApiKey to the same value for mgm, the backend and \
         SyntheticDesktop (mgm: or --api-key)."
    )
}

pub(super) fn of_broken_sequence(answer: &Answer, run: Option<&SequenceRun>) -> Option<String> {
    let last = run.and_then(|run| run.steps.last());
    Some(match (answer.status, last.map(|step| step.status_code)) {
        (500, _) => "SyntheticDesktop has no key. Start it with Mgm__ApiKey set.".to_owned(),
        (502, Some(401)) => of_refused_key("the backend"),
        (502, Some(404)) => "SyntheticDesktop talks to another backend than mgm does. Check its \
                             SyntheticDesktop__BackendBaseUrl."
            .to_owned(),
        (502, None | Some(0)) => {
            "SyntheticDesktop does not reach the backend. Check its SyntheticDesktop__BackendBaseUrl.".to_owned()
        }
        _ => return None,
    })
}

pub(super) fn of_missing_announcement(said_other: bool, url: &str) -> String {
    if said_other {
        return "The backend's wording differs, or the messages are those of somebody else who uses this stack; \
                `GET /api/announcements` of the backend tells what became of this one."
            .to_owned();
    }
    format!(
        "The backend has not called MockHelixApi. Its Twitch__HelixApiBaseUrl must be {url} (without /helix), and \
         Twitch__BroadcasterAccessToken, Twitch__BroadcasterUserId and Twitch__HelixClientId must be set, to the same values for \
         MockHelixApi, which refuses others when MockHelix__StrictAuth is on; its log says what became \
         of the announcement."
    )
}
