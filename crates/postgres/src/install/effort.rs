//! How hard to try to fetch binaries.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// There is an alternative, so a machine without network must not wait long.
    Short,
    /// There is no alternative.
    Full,
}
