//! One request and its answer, over whichever version of HTTP the receiver speaks.

use bytes::Bytes;
use tokio::time::Instant;

use super::answer::Fields;
use super::departure::Departure;
use super::failure::Failure;
use super::http2;
use super::pool::{Kept, Lease};
use super::request::Outgoing;

/// A request that was answered; the rest of the answer can be read.
pub(super) struct Exchanged {
    pub(super) status: u16,
    pub(super) fields: Fields,
    on: On,
}

enum On {
    One(Kept),
    Shared(http2::Place),
}

impl Exchanged {
    /// Sends the request on a connection that was taken for it, and reads the head of its answer. The departure is noted before the first
    /// byte. The status of a head that began before `deadline` counts.
    pub(super) async fn new(
        lease: Lease,
        outgoing: &Outgoing,
        departure: &Departure,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        match lease {
            Lease::One(mut kept) => {
                let bytes = outgoing.http1();
                let read = kept.connection.exchange(bytes, outgoing.is_head(), departure, deadline).await;
                match read {
                    Ok((status, fields)) => Ok(Self { status, fields, on: On::One(kept) }),
                    Err(failure) => {
                        kept.give_back();
                        Err(failure)
                    }
                }
            }
            Lease::Shared(mut shared) => {
                let sent = shared.place.exchange(outgoing.http2()?, outgoing.body(), departure).await;
                let (status, fields) = sent.inspect_err(|failure| shared.learn(failure))?;
                Ok(Self { status, fields, on: On::Shared(shared.place) })
            }
        }
    }

    /// Ends the call once its answer is read as far as wanted: the connection is free for another call.
    pub(super) fn end(self) {
        match self.on {
            On::One(kept) => kept.give_back(),
            On::Shared(_) => {}
        }
    }

    /// Reads the next piece of the answer's body; `None` once the body has ended or broken off.
    pub(super) async fn piece(&mut self) -> Option<Bytes> {
        match &mut self.on {
            On::One(kept) => kept.connection.piece().await,
            On::Shared(place) => place.piece().await,
        }
    }
}
