//! The ways to ask JetStream: a leader, any replica, or a consumer that reads a stream once or follows it; and which questions it has
//! answered.

pub(super) mod leader;
pub(super) mod may_ask;
pub(super) mod pages;
pub(super) mod replica;
pub(super) mod tail;
