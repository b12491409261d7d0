//! The pool: who takes part in the roulette, and under which name.

use crate::{CharacterName, Gold, Rejection, ViewerId};

/// What a viewer already has, which decides what more they can get.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether one of the viewer's payouts is `Pending` or `InProgress`.
    pub has_active_payout: bool,
    /// The sum over the viewer's payouts that became `Sent`.
    pub received: Gold,
}

impl Standing {
    /// Whether one more payout is allowed.
    pub fn admits_payout(self) -> Result<(), Rejection> {
        if self.has_active_payout {
            Err(Rejection::ActivePayoutExists)
        } else if self.received.amount() + Gold::PAYOUT.amount() > Gold::LIFETIME_CAP.amount() {
            Err(Rejection::LifetimeCapReached)
        } else {
            Ok(())
        }
    }
}

/// Joining the pool, or changing the name one takes part with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrol {
    /// The viewer who enrols.
    pub viewer: ViewerId,
    /// The viewer's display name.
    pub display_name: String,
    /// The character that is to receive the gold.
    pub name: CharacterName,
}

/// A viewer's place in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The viewer's display name when they enrolled.
    pub display_name: String,
    /// The character's name as typed.
    pub character_name: CharacterName,
}

/// What an enrolment does to the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolled {
    /// The viewer was not in the pool.
    Joined(Membership),
    /// The viewer was in the pool; the membership is replaced and the old name is free.
    Replaced(Membership),
    /// The viewer was in the pool with exactly this membership.
    Unchanged,
}

/// Decides an enrolment from the viewer's standing, their present membership and the present holder of the name.
pub fn enrol(
    command: &Enrol,
    standing: Standing,
    current: Option<&Membership>,
    holder: Option<&ViewerId>,
) -> Result<Enrolled, Rejection> {
    standing.admits_payout()?;
    if holder.is_some_and(|holder| *holder != command.viewer) {
        return Err(Rejection::CharacterNameTakenInPool);
    }
    let membership = Membership { display_name: command.display_name.clone(), character_name: command.name.clone() };
    Ok(match current {
        None => Enrolled::Joined(membership),
        Some(current) if *current == membership => Enrolled::Unchanged,
        Some(_) => Enrolled::Replaced(membership),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn command(viewer: &str, name: &str) -> Enrol {
        Enrol {
            viewer: ViewerId::parse(viewer).unwrap(),
            display_name: viewer.to_owned(),
            name: CharacterName::parse(name).unwrap(),
        }
    }

    fn membership(command: &Enrol) -> Membership {
        Membership { display_name: command.display_name.clone(), character_name: command.name.clone() }
    }

    #[test]
    fn a_newcomer_joins() {
        let ann = command("ann", "Anna");
        assert_eq!(enrol(&ann, Standing::default(), None, None), Ok(Enrolled::Joined(membership(&ann))));
    }

    #[test]
    fn a_taken_name_stays_with_its_holder() {
        let bob = ViewerId::parse("bob").unwrap();
        let refused = enrol(&command("ann", "Anna"), Standing::default(), None, Some(&bob));
        assert_eq!(refused, Err(Rejection::CharacterNameTakenInPool));
    }

    #[test]
    fn a_second_enrolment_replaces_the_name_or_its_spelling() {
        let before = membership(&command("ann", "Anna"));
        for (name, holder) in [("Bella", None), ("ANNA", Some(ViewerId::parse("ann").unwrap()))] {
            let again = command("ann", name);
            let decided = enrol(&again, Standing::default(), Some(&before), holder.as_ref());
            assert_eq!(decided, Ok(Enrolled::Replaced(membership(&again))));
        }
    }

    #[test]
    fn the_same_enrolment_again_changes_nothing() {
        let ann = command("ann", "Anna");
        let decided = enrol(&ann, Standing::default(), Some(&membership(&ann)), Some(&ann.viewer));
        assert_eq!(decided, Ok(Enrolled::Unchanged));
    }

    #[test]
    fn an_active_payout_and_the_cap_refuse() {
        for (has_active_payout, received, expected) in [
            (true, 0, Err(Rejection::ActivePayoutExists)),
            (true, 10_000, Err(Rejection::ActivePayoutExists)),
            (false, 10_000, Err(Rejection::LifetimeCapReached)),
            (false, 9_001, Err(Rejection::LifetimeCapReached)),
            (false, 9_000, Ok(())),
        ] {
            let standing = Standing { has_active_payout, received: Gold::new(received) };
            assert_eq!(standing.admits_payout(), expected);
            assert_eq!(enrol(&command("ann", "Anna"), standing, None, None).map(|_| ()), expected);
        }
    }

    proptest! {
        /// Against a model of the pool as a map: after any requests in any order, a name has one holder and a viewer one name,
        /// and only the viewer's own enrolments change their membership.
        #[test]
        fn one_holder_a_name_and_one_name_a_viewer(
            asked in prop::collection::vec(("[a-d]", "(Anna|ANNA|Bella|Clara|clara)"), 1..40)
        ) {
            let mut pool: BTreeMap<ViewerId, Membership> = BTreeMap::new();
            for (viewer, name) in asked {
                let command = command(&viewer, &name);
                let holder = pool.iter().find(|(_, m)| m.character_name.is_same_name(&command.name)).map(|(v, _)| v.clone());
                let before = pool.clone();
                match enrol(&command, Standing::default(), pool.get(&command.viewer), holder.as_ref()) {
                    Ok(Enrolled::Joined(m)) => prop_assert!(pool.insert(command.viewer.clone(), m).is_none()),
                    Ok(Enrolled::Replaced(m)) => prop_assert!(pool.insert(command.viewer.clone(), m).is_some()),
                    Ok(Enrolled::Unchanged) => prop_assert_eq!(&before, &pool),
                    Err(refusal) => {
                        prop_assert_eq!(refusal, Rejection::CharacterNameTakenInPool);
                        prop_assert!(holder.is_some_and(|h| h != command.viewer));
                    }
                }
                let mut keys: Vec<_> = pool.values().map(|m| m.character_name.key()).collect();
                keys.sort();
                keys.dedup();
                prop_assert_eq!(keys.len(), pool.len());
            }
        }
    }
}
