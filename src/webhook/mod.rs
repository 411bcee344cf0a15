//! HTTP out: the call that a timer makes.
//!
//! It knows nothing of claims, retries or storage; it makes one call and reports the result. `names` looks up, `dial` connects, `pool`
//! keeps connections, `http1` and `http2` speak on them, and `exchange` is one request on either.
//!
//! The connections are our own, since they prove the facts that jettimer promises: which requests a receiver cannot have got, and
//! which request an answer belongs to. Libraries provide TLS (`rustls`), the frames and the flow control of HTTP/2 (`h2`), and DNS
//! (`hickory-resolver`). A pooled HTTP client sends a request again without its caller's knowledge, and takes unsolicited bytes as the next
//! answer. It fails a call whose status it has read because of a line that follows the status, and does not tell a request that waited
//! for a stream from one that was written. The guarantees, and their sources:
//!
//! - An answer is that of the request in progress. `http1`: nothing is read before a request is being written. `pool/trust`: a connection
//!   is used again only after an answer to a path of a proven shape (one connection was seen to stay open and silent for 250 ms), and not
//!   for a day after the receiver broke that trust. `pool/site`: a connection rests for 25 ms at least, and is looked at before it is used.
//! - A request that was not written is "not sent". `wire` counts the bytes that the kernel took. `http2/gate` knows the last stream whose
//!   HEADERS were written, and passes on nothing of a request that was withdrawn before that; `http2/sieve` still passes on frames of
//!   earlier requests and of the connection.
//! - A request that the receiver cannot have looked at is "not sent". `http2/facts` reads the last stream of a GOAWAY, which `http2/seen`
//!   still reads if a write has failed; a reset stream says `REFUSED_STREAM` or `HTTP_1_1_REQUIRED`; `failure` knows the alerts that refuse
//!   a handshake; `dial/proxy` reads a proxy's report about itself.
//! - A request is written once for each attempt. `call` tries another connection only if nothing was written to the one before, three at
//!   most. A request that was written and left out by a GOAWAY is an attempt.
//! - The status counts, whatever follows it. `http1/head` reads heads without demands on their style. `http2/heads` decodes each block of
//!   fields before the library sees it, and passes on the status and two fields.
//! - A connection that cannot be made holds up one call. `pool/site`: calls that wait for a handshake begin another after 300 ms, and
//!   sooner the more hang.
//! - A connection that leads nowhere is left. `wire` sets the kernel's keep-alive and user timeout, which a receiver does not see as PINGs.
//!   `http2/facts`: a connection that owes an answer and is silent for 5 s gets no other call.
//! - A silent server or address hides none that works. `names/servers`: each question goes on to the next DNS server after 100 ms.
//!   `dial/race`: the next address is tried after 250 ms, or a second more for TLS. `pool/site` remembers for a minute which addresses
//!   needed that.
//!
//! **Invariant:** a call takes no longer than its timer's timeout. It keeps 4 KiB of an answer and reads 128 KiB of it at most, after a
//! head of 64 KiB, or of 256 KiB compressed over HTTP/2.
//!
//! **Invariant:** no connection is made to an address that [`rules::policy`] has not judged for this call: names
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
mod lookup;
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
pub use lookup::Unfound;
pub use settings::{Identity, Settings};
pub use sign::{Secret, Secrets};
