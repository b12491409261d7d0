//! The limit on open file descriptors, and the message for reaching it: the system's own message does not mention the
//! limit.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How the limit appears in messages of the system and of PostgreSQL.
const SIGNS: [&str; 3] = ["Too many open files", "os error 24)", "insufficient file descriptors"];

/// The target if there is no limit, or an absurdly high one; the usual upper limit for programs without special needs.
const ENOUGH: u64 = 1 << 16;

/// Raises the limit as far as the process may, and returns the result; `None` if there is no limit.
#[must_use]
pub fn raise() -> Option<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = hard.min(ENOUGH.max(soft));
    if wanted > soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() {
        return usize::try_from(wanted).ok();
    }
    usize::try_from(soft).ok()
}

/// How many of the wanted connections are possible with `kept` descriptors reserved. If descriptors are scarce,
/// connections get half of them.
#[must_use]
pub fn connections(wanted: usize, limit: Option<usize>, kept: usize) -> usize {
    limit.map_or(wanted, |limit| wanted.min(limit - kept.min(limit / 2))).max(1)
}

/// The limit and what to do about it, if `message` is about reaching it.
#[must_use]
pub fn explain(message: &str) -> Option<String> {
    if !SIGNS.iter().any(|sign| message.contains(sign)) {
        return None;
    }
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or_else(|_| "few".to_owned(), |(soft, _)| soft.to_string());
    Some(format!(
        "a process may have only {limit} files open here; raise that limit to 1024 or more (`ulimit -n` in a shell, \
         LimitNOFILE= of a systemd unit, --ulimit nofile= of a container)"
    ))
}

/// The message, with that explanation if it applies.
#[must_use]
pub fn explained(message: String) -> String {
    match explain(&message) {
        Some(limit) => format!("{message}\n{limit}"),
        None => message,
    }
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
    fn the_limit_is_raised_and_said() {
        let limit = raise().unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(soft, u64::try_from(limit).unwrap());
        assert!(soft == hard || soft >= ENOUGH);
    }

    #[test]
    fn the_limit_is_named_where_it_was_met_and_nowhere_else() {
        let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let system = std::io::Error::from_raw_os_error(nix::libc::EMFILE).to_string();
        for message in [system.as_str(), "FATAL:  insufficient file descriptors available to start server process"] {
            let said = explained(message.to_owned());
            assert!(said.starts_with(message) && said.contains(&format!("only {limit} files")), "{said}");
        }
        assert_eq!(explained("connection refused".to_owned()), "connection refused");
    }
}
