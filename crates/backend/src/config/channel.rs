//! Whose channel something is of. One channel is served: the configured broadcaster's.

use mgm_domain::BroadcasterId;

/// The channel that is served.
#[derive(Debug, Clone)]
pub struct ServedChannel {
    broadcaster: BroadcasterId,
    /// Real Twitch always says the channel. Development takes what does not say it for the configured one's, for the sake of
    /// scripts that leave it out.
    must_be_named: bool,
}

/// Why something is not of the served channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It does not say of which channel it is.
    Unnamed,
    /// It is of another.
    Another,
}

impl ServedChannel {
    /// The broadcaster's channel, and whether whatever is of it has to say so.
    #[must_use]
    pub fn new(broadcaster: BroadcasterId, must_be_named: bool) -> Self {
        Self { broadcaster, must_be_named }
    }

    /// Whether what names this channel, or none, is of the served one.
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
    /// How the metrics count it.
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
