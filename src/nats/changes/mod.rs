//! The changes of records, in their order: from the bucket for a node's index, as events for clients and for the ledger.

pub(super) mod acts;
pub(super) mod event;
pub(super) mod feed;
mod turned_back;
pub(super) mod watch;
