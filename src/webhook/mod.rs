//! HTTP out: the call that a timer makes.
//!
//! It knows nothing of claims, retries or storage; it makes one call and reports the result. `names` looks up, `dial` connects, `pool`
//! keeps connections, `http1` and `http2` speak on them, and `exchange` is one request on either.
//!
//! The connections are our own, since they prove the facts that jettimer promises: which requests a receiver cannot have got, and
//! which request an answer belongs to. Libraries provide TLS (`rustls`), the frames and the flow control of HTTP/2 (`h2`), and DNS
//! (`hickory-resolver`).
//!
//! **Invariant:** no connection is made to an address that [`crate::policy`] has not judged for this call: names
//! are judged once they are looked up, addresses in URLs before that.

mod answer;
mod call;
mod departure;
mod dial;
mod exchange;
mod failure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod http1;
mod http2;
mod names;
mod pool;
mod refusal;
mod request;
mod settings;
mod sign;
mod trace;
mod wire;

pub use call::Caller;
pub use departure::Departure;
pub use settings::{Identity, Settings};
pub use sign::{Secret, Secrets};
