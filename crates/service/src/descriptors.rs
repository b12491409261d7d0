//! How many file descriptors the process may have open.

/// As many as the system would like programs to have that do not need more; where there is no limit, or a senseless one.
#[cfg(unix)]
const ENOUGH: u64 = 1 << 16;

/// Raises the limit as far as the process may by itself, and says what it is then; `None` where there is none.
#[cfg(unix)]
#[must_use]
pub fn raise() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = hard.min(ENOUGH.max(soft));
    if wanted > soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() {
        return usize::try_from(wanted).ok();
    }
    usize::try_from(soft).ok()
}

/// Nothing but memory limits them here.
#[cfg(not(unix))]
#[must_use]
pub fn raise() -> Option<usize> {
    None
}

/// How many of so many connections there can be when so many descriptors are kept for other things. Where there are few,
/// connections have half of them.
#[must_use]
pub fn connections(wanted: usize, limit: Option<usize>, kept: usize) -> usize {
    limit.map_or(wanted, |limit| wanted.min(limit - kept.min(limit / 2))).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_what_is_kept_for_other_things() {
        assert_eq!(connections(2048, None, 128), 2048);
        assert_eq!(connections(2048, Some(65_536), 128), 2048);
        assert_eq!(connections(2048, Some(1024), 128), 896);
        assert_eq!(connections(2048, Some(64), 128), 32);
        assert_eq!(connections(2048, Some(0), 128), 1);
    }

    #[test]
    #[cfg(unix)]
    fn the_limit_is_raised_and_said() {
        use nix::sys::resource::{Resource, getrlimit};
        let limit = raise().unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, u64::try_from(limit).unwrap());
        assert!(soft == hard || soft >= ENOUGH);
    }
}
