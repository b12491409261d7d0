//! Refusals by the rules.

/// A refusal: the command was understood, nothing failed, and the rules say no. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Only subscribers of the channel take part.
    #[error("only subscribers of the channel can take part")]
    NotSubscriber,
    /// The text is not a character name, or not the payout's.
    #[error("the character name is not valid here")]
    InvalidCharacterName,
    /// Another viewer is in the pool with this name.
    #[error("another viewer is in the pool with this character name")]
    CharacterNameTakenInPool,
    /// The viewer has a payout that is `Pending` or `InProgress`.
    #[error("the viewer has an active payout")]
    ActivePayoutExists,
    /// One more payout would exceed what a viewer can receive in total.
    #[error("the viewer has received all the gold that one viewer can receive")]
    LifetimeCapReached,
    /// The enrolment request id is another viewer's.
    #[error("the enrolment request id belongs to another viewer")]
    DuplicateEnrollment,
    /// The viewer has had their one gift from this streamer.
    #[error("the viewer has had a gift already")]
    GiftAlreadyUsed,
    /// The viewer's last request for a gift is still open.
    #[error("the viewer has an open request for a gift")]
    GiftRequestActive,
    /// The viewer is not in the pool.
    #[error("the viewer is not in the pool")]
    NotInPool,
    /// What the command is about does not exist.
    #[error("there is no such thing")]
    NotFound,
    /// The transition table has no such step.
    #[error("the payout cannot change to that status")]
    TerminalStatusChangeNotAllowed,
    /// The verification does not match the cycle: unknown, not drawn, too late, or with another name.
    #[error("the verification does not fit the cycle")]
    OutOfSequence,
    /// The state does not allow this.
    #[error("the state does not allow this")]
    InvalidState,
}
