//! The ways to ask JetStream: a leader, any replica, or a consumer that follows a stream; and which questions it has answered.

pub(super) mod leader;
pub(super) mod may_ask;
pub(super) mod pages;
pub(super) mod replica;
pub(super) mod tail;
