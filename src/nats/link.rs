//! One connection to NATS: requests with a deadline, and whether it is up.
//!
//! While the connection is down, the node puts nothing into the client's buffer: a request that its caller has given up must not be
//! stored minutes later, when the connection is back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, HeaderMap, Message, Request, RequestError, RequestErrorKind, Subject, Subscriber};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::foundation::clock::Clock;
use crate::foundation::metrics::{Metrics, Trouble, Turned};
use crate::nats::NatsError;
use crate::nats::names::RECORD_PREFIX;
use crate::nats::outage::Outage;
use crate::nats::readiness::Storing;

/// How long one request waits for the connection and then for its answer. A change of leader takes
/// 2 to 9 s, in which requests are lost, not delayed: asking again soon beats waiting long.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The error codes of JetStream that this node distinguishes (`server/errors.json` of nats-server).
mod code {
    pub(super) const WRONG_LAST_SEQUENCE: u32 = 10_071;
    pub(super) const WRONG_LAST_SEQUENCE_CONSTANT: u32 = 10_164;
    pub(super) const NO_MESSAGE_FOUND: u32 = 10_037;
    pub(super) const OFF_FOR_ACCOUNT: u32 = 10_039;
    pub(super) const OFF: u32 = 10_076;
    /// `JSAccountResourcesExceededErr`: the account's limit.
    pub(super) const ACCOUNT_FULL: u32 = 10_002;
    /// `JSInsufficientResourcesErr`: the server's limit.
    pub(super) const SERVER_FULL: u32 = 10_023;
    /// The server's or the account's limit, for a stream that is to be created.
    pub(super) const NO_STORAGE: u32 = 10_047;
    /// Any failure to store; the description says which.
    pub(super) const NOT_STORED: u32 = 10_077;
    /// The description if a stream's own limit is reached.
    pub(super) const STREAM_FULL: &str = "maximum bytes exceeded";
}

/// A connection that re-establishes itself. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    client: Client,
    records: Arc<Storing>,
    wakes: Arc<Storing>,
    /// Counts the connections that were made.
    connects: watch::Receiver<u64>,
    outage: Arc<Outage>,
    /// How many requests were not answered or not done, for [`Link::epoch`].
    failures: Arc<AtomicU64>,
    /// When a write was last refused for lack of room.
    no_room: Arc<Mutex<Option<Instant>>>,
    metrics: Arc<Metrics>,
    clock: Clock,
}

/// JetStream's answer to a publish.
pub(super) enum Published {
    /// Stored under this sequence number.
    At(u64),
    /// Refused: the subject's last message is not the expected one.
    WrongLast,
}

#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: u64,
    error: Option<ApiError>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApiError {
    pub(super) code: u32,
    #[serde(default)]
    pub(super) err_code: u32,
    #[serde(default)]
    pub(super) description: String,
}

impl ApiError {
    pub(super) fn is_no_message(&self) -> bool {
        self.err_code == code::NO_MESSAGE_FOUND
    }

    /// Whether JetStream is off, for this account at least.
    pub(super) fn is_off(&self) -> bool {
        [code::OFF_FOR_ACCOUNT, code::OFF].contains(&self.err_code)
    }

    /// Whether a storage limit is reached: the server's, the account's or the stream's.
    pub(super) fn is_no_room(&self) -> bool {
        [code::ACCOUNT_FULL, code::SERVER_FULL, code::NO_STORAGE].contains(&self.err_code)
            || (self.err_code == code::NOT_STORED && self.description == code::STREAM_FULL)
    }

    pub(super) fn into_error(self) -> NatsError {
        let is_no_room = self.is_no_room();
        let text = format!("{} (code {}, {})", self.description, self.code, self.err_code);
        if is_no_room { NatsError::NoRoom(text) } else { NatsError::NotDone(text) }
    }
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
            records: Arc::default(),
            wakes: Arc::default(),
            connects,
            outage,
            failures: Arc::default(),
            no_room: Arc::default(),
            metrics,
            clock,
        }
    }

    /// How writes to each stream have gone lately: the disk may be full for one and not for the other.
    pub(super) fn storing(&self) -> impl Iterator<Item = &Storing> {
        [&*self.records, &*self.wakes].into_iter()
    }

    /// The node's clock. NATS uses the world's clock, so each instant is translated on its way.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The largest message that the server takes, in bytes.
    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Whether there is a connection at this moment.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// A number that changes whenever NATS may have older data than before: with each connection, and with each failed request, as
    /// when the server of a stream is away. Never 0 once there was a connection.
    pub fn epoch(&self) -> u64 {
        self.connection() + self.failures.load(Ordering::Acquire)
    }

    /// Counts that this node found the bucket different from how it had seen it.
    pub fn bucket_turned(&self, how: Turned) {
        self.metrics.nats.turned.count(how);
    }

    /// The number of this connection: how many there were so far.
    pub(super) fn connection(&self) -> u64 {
        *self.connects.borrow()
    }

    /// A receiver that changes with each connection that is made after this call.
    pub(super) fn reconnects(&self) -> watch::Receiver<u64> {
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
        if self.is_up() {
            return Ok(());
        }
        let mut connects = self.reconnects();
        let connected = async {
            while !self.is_up() {
                if connects.changed().await.is_err() {
                    break;
                }
            }
        };
        timeout(REQUEST_TIMEOUT, connected).await.map_err(|_| self.not_connected())
    }

    /// The error of a missing connection, with its reason as far as that is known.
    pub(super) fn not_connected(&self) -> NatsError {
        let why = self.outage.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        NatsError::NotDone(format!("not connected to any NATS server{why}"))
    }

    /// When a write of this node was last refused since a storage limit was reached; `None` if none ever was.
    pub fn refused_for_room(&self) -> Option<Instant> {
        self.no_room.lock().ok().and_then(|refused| *refused)
    }

    /// Gives up this connection, which looks alive and carries nothing, and makes another.
    pub async fn renew(&self) {
        // The client accepts this unless it is about to give up the connection by itself.
        if timeout(REQUEST_TIMEOUT, self.client.force_reconnect()).await.is_err() {
            tracing::debug!("the NATS client does not take the request for another connection");
        }
    }

    /// Sends a request and waits for its answer: [`REQUEST_TIMEOUT`] for the connection, and as long for the answer.
    pub(super) async fn ask(
        &self,
        subject: Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, NatsError> {
        self.metrics.nats.requests.inc();
        // In a box: few requests wait for a connection, and all of them would take its memory.
        if !self.is_up()
            && let Err(error) = Box::pin(self.up()).await
        {
            return Err(self.counted(error));
        }
        let mut request = Request::new().payload(payload).timeout(None);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let answer = timeout(REQUEST_TIMEOUT, self.client.send_request(subject, request)).await;
        let error = match answer {
            Ok(Ok(message)) => return Ok(message),
            Ok(Err(error)) => unanswered(&error),
            Err(_) => NatsError::Unclear(format!("no answer within {REQUEST_TIMEOUT:?}")),
        };
        Err(self.counted(error))
    }

    pub(super) fn counted(&self, error: NatsError) -> NatsError {
        if matches!(error, NatsError::Unclear(_) | NatsError::NotDone(_)) {
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
        if matches!(error, NatsError::NoRoom(_))
            && let Ok(mut refused) = self.no_room.lock()
        {
            *refused = Some(Instant::now());
        }
        self.metrics.nats.failures.count(match error {
            NatsError::Unclear(_) => Trouble::Unclear,
            NatsError::NotDone(_) => Trouble::NotDone,
            NatsError::NoRoom(_) => Trouble::NoRoom,
            NatsError::TooLarge { .. } | NatsError::Unreadable(_) => Trouble::Impossible,
        });
        error
    }

    /// Publishes a message to a stream and waits until it is stored.
    pub(super) async fn publish(
        &self,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Published, NatsError> {
        let storing = if subject.starts_with(RECORD_PREFIX) { &self.records } else { &self.wakes };
        let published = self.publish_once(subject, headers, payload).await;
        // Without a connection, a failure says nothing about whether NATS stores.
        if published.is_ok() || self.is_up() {
            storing.note(published.as_ref().err(), self.connection());
        }
        published
    }

    async fn publish_once(
        &self,
        subject: Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Published, NatsError> {
        let answer = self.ask(subject, Some(headers), payload).await?;
        let ack: PubAck = serde_json::from_slice(&answer.payload)
            .map_err(|error| NatsError::Unclear(format!("the answer is not a publish ack: {error}")))
            .map_err(|error| self.counted(error))?;
        match ack.error {
            None => Ok(Published::At(ack.seq)),
            Some(error)
                if matches!(
                    error.err_code,
                    code::WRONG_LAST_SEQUENCE | code::WRONG_LAST_SEQUENCE_CONSTANT
                ) =>
            {
                Ok(Published::WrongLast)
            }
            Some(error) => Err(self.counted(error.into_error())),
        }
    }

    /// Sends a message without waiting for an answer. A message that cannot be sent soon is dropped, so this is for messages whose
    /// loss is harmless: acknowledgements and pull requests.
    pub(super) async fn tell(&self, subject: Subject, reply: Option<Subject>, payload: Bytes) -> bool {
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

    pub(super) async fn subscribe(&self, subject: String) -> Result<Subscriber, NatsError> {
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

/// The meaning of a request that the client could not send, or that the server did not answer.
fn unanswered(error: &RequestError) -> NatsError {
    match error.kind() {
        RequestErrorKind::NoResponders => {
            NatsError::NotDone("no server responded: there is no leader, or no such stream".to_owned())
        }
        RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
            NatsError::Unreadable(format!("NATS can never take this request: {error}"))
        }
        RequestErrorKind::TimedOut | RequestErrorKind::Other => NatsError::Unclear(error.to_string()),
    }
}
