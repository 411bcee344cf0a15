//! The values that nodes share, other than timers: the keys of the sweep's bucket, and the messages that no stream keeps.

pub(super) mod installation;
pub(super) mod keys;
pub(super) mod lease;
pub(super) mod ledger;
pub(super) mod mark;
pub(super) mod presence;
pub(super) mod troubles;
