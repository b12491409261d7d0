//! Which channel a request or notification belongs to. Only the configured broadcaster's is served.

use mgm_domain::BroadcasterId;

/// The channel that is served.
#[derive(Debug, Clone)]
pub struct ServedChannel {
    broadcaster: BroadcasterId,
    /// Real Twitch always names the channel. In Development a missing channel means the configured one, for scripts
    /// that omit it.
    must_be_named: bool,
}

/// Why a request does not belong to the served channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It names no channel.
    Unnamed,
    /// It names another channel.
    Another,
}

impl ServedChannel {
    /// The broadcaster's channel, and whether requests must name it.
    #[must_use]
    pub fn new(broadcaster: BroadcasterId, must_be_named: bool) -> Self {
        Self { broadcaster, must_be_named }
    }

    /// Accepts the served channel, and a missing name unless it is required.
    pub fn check(&self, named: Option<&str>) -> Result<(), Elsewhere> {
        match named {
            Some(channel) if channel == self.broadcaster.as_str() => Ok(()),
            Some(_) => Err(Elsewhere::Another),
            None if self.must_be_named => Err(Elsewhere::Unnamed),
            None => Ok(()),
        }
    }
}

impl Elsewhere {
    /// The outcome under which the metrics count it.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::Unnamed => "no_channel",
            Self::Another => "other_channel",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_the_served_channel_passes() {
        let broadcaster = BroadcasterId::parse("1337").unwrap();
        for must_be_named in [true, false] {
            let channel = ServedChannel::new(broadcaster.clone(), must_be_named);
            assert_eq!(channel.check(Some("1337")), Ok(()));
            for other in ["13370", "133", "", " 1337"] {
                assert_eq!(channel.check(Some(other)), Err(Elsewhere::Another), "{other:?}");
            }
            assert_eq!(channel.check(None), if must_be_named { Err(Elsewhere::Unnamed) } else { Ok(()) });
        }
    }
}
