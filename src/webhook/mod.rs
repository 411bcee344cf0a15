//! HTTP out: the call that a timer makes.
//!
//! The only place that names `reqwest`. It knows nothing of claims, retries or storage; it makes one
//! call and says what came of it.

mod call;

pub use call::Caller;
