//! What only the C interface offers: the only place in this crate with `unsafe`.

use nix::libc;

/// The state of a System V shared memory segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A process is attached to it.
    InUse,
    /// It no longer exists; its id may have a new owner.
    Gone,
}

/// Removes the segment `id`, if it was made with `key` and no process is attached to it any more.
pub(crate) fn remove_unused_segment(key: libc::key_t, id: libc::c_int) -> Segment {
    #[expect(unsafe_code, reason = "`status` outlives the calls, and all-zero is a valid `shmid_ds`")]
    unsafe {
        let mut status: libc::shmid_ds = std::mem::zeroed();
        if libc::shmctl(id, libc::IPC_STAT, &raw mut status) != 0 {
            return Segment::Gone;
        }
        #[cfg(all(target_os = "linux", not(target_env = "musl")))]
        let found = status.shm_perm.__key;
        #[cfg(all(target_os = "linux", target_env = "musl"))]
        #[expect(deprecated, reason = "the field gets another name when libc follows musl 1.2")]
        let found = status.shm_perm.__ipc_perm_key;
        #[cfg(not(target_os = "linux"))]
        let found = status.shm_perm._key;
        if found != key {
            return Segment::Gone;
        }
        if status.shm_nattch != 0 {
            return Segment::InUse;
        }
        libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut());
        Segment::Gone
    }
}
