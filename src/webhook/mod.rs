//! HTTP out: the call that a timer makes.
//!
//! The only place that names `reqwest`, and `hickory_resolver` for it. It knows nothing of claims, retries or
//! storage; it makes one call and says what came of it.
//!
//! **Invariant:** no connection is made to an address that [`crate::policy`] has not judged for this call: names
//! are judged in the resolver that the client connects by, addresses in URLs before it is asked.

mod answer;
mod call;
mod client;
mod connecting;
mod departure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handshake;
mod outcome;
mod request;
mod resolver;
mod settings;
mod sign;
mod trace;

pub use call::Caller;
pub use departure::Departure;
pub use settings::{Identity, Settings};
pub use sign::{Secret, Secrets};
