//! The streams, the buckets and the consumer: describes the needed ones, and makes sure that they exist.

mod compare;
pub(super) mod founding;
pub(super) mod inspect;
pub(super) mod setup;
pub(super) mod wanted;
