//! One connection to NATS: requests with a deadline, and whether it is up.
//!
//! While the connection is down, the node puts nothing into the client's buffer: a request that its caller has given up must not be
//! stored minutes later, when the connection is back.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, HeaderMap, Message, Request, Subject, Subscriber};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::outage::Outage;
use super::storing::Storing;
use super::tally::Tally;
use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use crate::nats::api::Published;
use crate::nats::error::NatsError;

/// How long one request waits for the connection and then for its answer. A change of leader takes
/// 2 to 9 s, in which requests are lost, not delayed: asking again soon beats waiting long.
pub(in crate::nats) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that re-establishes itself. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    client: Client,
    /// Counts the connections that were made.
    connects: watch::Receiver<u64>,
    outage: Arc<Outage>,
    storing: Arc<Storing>,
    tally: Arc<Tally>,
    clock: Clock,
}

impl Link {
    pub(super) fn new(
        client: Client,
        connects: watch::Receiver<u64>,
        outage: Arc<Outage>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        Self {
            client,
            connects,
            outage,
            storing: Arc::default(),
            tally: Arc::new(Tally::new(metrics)),
            clock,
        }
    }

    /// The node's clock. NATS uses the world's clock, so each instant is translated on its way.
    pub(in crate::nats) fn clock(&self) -> Clock {
        self.clock
    }

    pub(in crate::nats) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether there is a connection at this moment.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// A number that changes whenever NATS may have older data than before: with each connection, and with each failed request, as
    /// when the server of a stream is away. Never 0 once there was a connection.
    pub fn epoch(&self) -> u64 {
        self.connection() + self.tally.failures()
    }

    /// The number of this connection. Another number means another connection, perhaps to a server with older data.
    pub fn connection(&self) -> u64 {
        *self.connects.borrow()
    }

    /// A receiver that changes with each connection that is made after this call.
    pub(in crate::nats) fn reconnects(&self) -> watch::Receiver<u64> {
        let mut connects = self.connects.clone();
        connects.mark_unchanged();
        connects
    }

    /// Waits until there is a connection, 2 s at most.
    ///
    /// # Errors
    ///
    /// [`NatsError::NotDone`] without a connection by then.
    pub async fn up(&self) -> Result<(), NatsError> {
        let mut connects = self.reconnects();
        let connected = connects.wait_for(|_| self.is_up());
        timeout(REQUEST_TIMEOUT, connected).await.map_err(|_| self.not_connected()).map(drop)
    }

    /// The error of a missing connection, with its reason as far as that is known.
    pub(in crate::nats) fn not_connected(&self) -> NatsError {
        let why = self.outage.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        NatsError::NotDone(format!("not connected to any NATS server{why}"))
    }

    /// The trouble with storing on this connection, if there is any.
    pub(in crate::nats) fn trouble(&self) -> Option<String> {
        self.storing.trouble(self.connection())
    }

    /// When a write of this node was last refused since a storage limit was reached; `None` if none ever was.
    pub fn refused_for_room(&self) -> Option<Instant> {
        self.tally.refused_for_room()
    }

    /// Gives up this connection, which looks alive and carries nothing, and makes another.
    pub async fn renew(&self) {
        // The client accepts this unless it is about to give up the connection by itself.
        if timeout(REQUEST_TIMEOUT, self.client.force_reconnect()).await.is_err() {
            tracing::debug!("the NATS client does not take the request for another connection");
        }
    }

    /// Sends a request and waits for its answer: [`REQUEST_TIMEOUT`] for the connection, and as long for the answer.
    pub(in crate::nats) async fn ask(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, NatsError> {
        self.tally.request();
        // In a box: few requests wait for a connection, and all of them would take its memory.
        if !self.is_up()
            && let Err(error) = Box::pin(self.up()).await
        {
            return Err(self.counted(error));
        }
        let request = Request { headers, ..Request::new().payload(payload).timeout(None) };
        match timeout(REQUEST_TIMEOUT, self.client.send_request(subject, request)).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(self.counted(NatsError::unanswered(&error))),
            Err(_) => Err(self.counted(NatsError::Unclear(format!("no answer within {REQUEST_TIMEOUT:?}")))),
        }
    }

    /// Counts a request that goes another way than through [`ask`](Self::ask), and its failure. So it changes the epoch, too, if it is not
    /// answered.
    pub(in crate::nats) async fn counting<T>(
        &self,
        request: impl Future<Output = Result<T, NatsError>>,
    ) -> Result<T, NatsError> {
        self.tally.request();
        request.await.map_err(|error| self.counted(error))
    }

    pub(in crate::nats) fn counted(&self, error: NatsError) -> NatsError {
        self.tally.failure(&error);
        error
    }

    /// Publishes a message to a stream and waits until it is stored.
    pub(in crate::nats) async fn publish(
        &self,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Published, NatsError> {
        let writes = self.storing.of(&subject);
        let answer = self.ask(subject, Some(headers), payload).await;
        let published =
            answer.and_then(|answer| Published::read(&answer.payload).map_err(|error| self.counted(error)));
        // Without a connection, a failure says nothing about whether NATS stores.
        if published.is_ok() || self.is_up() {
            writes.note(published.as_ref().err(), self.connection());
        }
        published
    }

    /// Sends a message without waiting for an answer. A message that cannot be sent soon is dropped, so this is for messages whose
    /// loss is harmless: acknowledgements and pull requests.
    pub(in crate::nats) async fn tell(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        payload: Bytes,
    ) -> bool {
        if !self.is_up() {
            return false;
        }
        let sent = async {
            match reply {
                Some(reply) => self.client.publish_with_reply(subject, reply, payload).await,
                None => self.client.publish(subject, payload).await,
            }
        };
        matches!(timeout(REQUEST_TIMEOUT, sent).await, Ok(Ok(())))
    }

    pub(in crate::nats) async fn subscribe(&self, subject: String) -> Result<Subscriber, NatsError> {
        self.up().await?;
        match timeout(REQUEST_TIMEOUT, self.client.subscribe(subject)).await {
            Ok(subscriber) => subscriber.map_err(|error| NatsError::NotDone(error.to_string())),
            Err(_) => Err(NatsError::NotDone(format!("no subscription within {REQUEST_TIMEOUT:?}"))),
        }
    }

    /// Waits until all sent messages have left this process, as a node does before it stops.
    pub async fn flush(&self) {
        if self.is_up() && timeout(REQUEST_TIMEOUT, self.client.flush()).await.is_err() {
            tracing::warn!("NATS did not take the last messages of this node within {REQUEST_TIMEOUT:?}");
        }
    }
}
