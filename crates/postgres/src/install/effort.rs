//! How hard to try to fetch binaries.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Something else serves, so a machine without network must not wait long.
    Short,
    /// Nothing else does.
    Full,
}
