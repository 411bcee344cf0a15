//! HTTP/2 on one connection that several calls share. The `h2` library speaks the protocol; this module knows which calls a connection may
//! take, and which of them the receiver cannot have looked at.

mod facts;
mod frames;
mod gate;
mod heads;
mod place;
mod seen;
mod sieve;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};

use super::failure::Failure;
use super::wire::Wire;
use crate::foundation::metrics::Task;
use crate::foundation::tasks::Tasks;
use facts::Facts;
pub(super) use place::Place;
use place::text;
use seen::Seen;

/// The most calls that one connection takes at once: if it breaks, the results of all of them are unknown.
const MOST_STREAMS: usize = 64;

/// How many bytes a receiver may send before they are read: on a stream four times the kept part of an answer, and on a whole connection
/// the answers of some calls. The defaults are megabytes, for every call in progress.
const STREAM_WINDOW: u32 = 16_384;
const CONNECTION_WINDOW: u32 = 262_144;

/// A connection. Cheap to clone; it closes when the last clone and the last call on it are gone.
#[derive(Clone)]
pub(super) struct Connection {
    send: SendRequest<Bytes>,
    facts: Arc<Facts>,
}

impl Connection {
    /// Greets the receiver. `settled` runs once the receiver has sent its demands, or is gone.
    pub(super) async fn start(
        wire: Wire,
        tasks: &Tasks,
        settled: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Failure> {
        let facts = Facts::new();
        let (send, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false)
            .handshake(Seen::new(wire, facts.clone()))
            .await
            .map_err(|error| Failure::NotSent(text(&error)))?;
        let driven = facts.clone();
        tasks.one_of_many(Task::Receiver, None, async move {
            // Each call on the connection gets its error.
            let _ = connection.await;
            driven.end();
        });
        let seen = facts.clone();
        tasks.one_of_many(Task::Receiver, None, async move {
            loop {
                let change = seen.change.notified();
                if seen.is_settled() || seen.has_ended() {
                    break;
                }
                change.await;
            }
            settled();
        });
        Ok(Self { send, facts })
    }

    /// A place for another call. `None` if the connection has no room, has had `most` calls in its life, or was idle for longer than
    /// `rest`.
    pub(super) fn place(&self, most: Option<u32>, rest: Duration) -> Option<Place> {
        let room = MOST_STREAMS.min(self.send.current_max_send_streams());
        let facts = &self.facts;
        let free = facts.is_settled()
            && facts.is_open()
            && facts.active() < room
            && (facts.active() > 0 || facts.silence() <= rest)
            && most.is_none_or(|most| facts.begun() < most);
        free.then(|| self.first_place())
    }

    /// A place for the call that the connection was made for.
    pub(super) fn first_place(&self) -> Place {
        self.facts.enter();
        Place::new(self.clone())
    }

    /// Whether no call is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.facts.active() == 0
    }

    /// Whether the connection has carried this many calls to their ends, and has been open and silent for this long since.
    pub(super) fn outlasts(&self, calls: u32, silence: Duration) -> bool {
        let facts = &self.facts;
        self.is_idle() && facts.is_open() && facts.begun() >= calls && facts.silence() >= silence
    }

    /// Whether the connection is of no use for another call, now or later.
    pub(super) fn is_spent(&self) -> bool {
        !self.facts.is_open()
    }
}
