//! Pulls wakes from the shared consumer: exactly as many as there are places for.
//!
//! The client library prefetches, and a prefetched wake can wait in its buffer until the server gives it to another worker. So this
//! module speaks the pull protocol (ADR-37) itself: one request at a time, for as many wakes as the caller has room for, and each
//! for only a second.

use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Message, Subject, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::wakes::Wake;
use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{CONSUMER, DUE_AT, RECEIVER, STREAM, timer_of};
use rules::domain::time::Timestamp;

/// How long a pull request waits at the server for wakes. Short, since a wake that the server sends to a node that has vanished
/// without closing its connection comes again only after the ack wait, and since a node that stops waits for the end of its
/// request.
const EXPIRES: Duration = Duration::from_secs(1);
/// After this long without a message, the request counts as lost: the server should have announced its end.
const SILENCE: Duration = Duration::from_secs(3);

/// The result of waiting for wakes.
#[derive(Debug)]
pub enum Pulled {
    Wake(Wake),
    /// The request has ended, as requests do; the caller has to make another.
    Over,
    /// The request was refused: the consumer is missing, or has no leader at the moment.
    Trouble(String),
}

/// A subscription for the answers to pull requests.
pub struct Puller {
    link: Link,
    context: Context,
    subscriber: Subscriber,
    inbox: String,
    reconnects: watch::Receiver<u64>,
    /// How many wakes the open request may still bring; 0 without one.
    open: usize,
    heard: Instant,
}

impl Puller {
    /// Subscribes an inbox for answers.
    ///
    /// # Errors
    ///
    /// [`NatsError::NotDone`] if there is no connection for 2 s, or the client does not take the subscription.
    pub async fn new(link: Link) -> Result<Self, NatsError> {
        let inbox = link.client().new_inbox();
        let subscriber = link.subscribe(inbox.clone()).await?;
        Ok(Self {
            context: jetstream::new(link.client().clone()),
            reconnects: link.reconnects(),
            link,
            subscriber,
            inbox,
            open: 0,
            heard: Instant::now(),
        })
    }

    /// How many wakes the open request may still bring.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Asks for up to `count` wakes.
    ///
    /// # Errors
    ///
    /// [`NatsError::NotDone`] if the request could not be sent.
    pub async fn request(&mut self, count: usize) -> Result<(), NatsError> {
        self.reconnects.mark_unchanged();
        let request = serde_json::json!({
            "batch": count,
            "expires": nanos(EXPIRES),
        });
        let subject = subject::pull(STREAM, CONSUMER);
        if !self.link.tell(subject, Some(self.inbox.as_str().into()), request.to_string().into()).await {
            return Err(NatsError::NotDone("the pull request could not be sent".to_owned()));
        }
        self.open = count;
        self.heard = Instant::now();
        Ok(())
    }

    /// Waits for the next wake of the open request.
    pub async fn next(&mut self) -> Pulled {
        while self.open > 0 {
            let message = tokio::select! {
                biased;
                message = timeout_at(self.heard + SILENCE, self.subscriber.next()) => message,
                // When a connection ends, the server forgets its pull requests.
                _ = self.reconnects.changed() => break,
            };
            let Ok(Some(message)) = message else { break };
            self.heard = Instant::now();
            match message.status.map(|status| status.as_u16()) {
                None => match self.wake(message).await {
                    Some(wake) => {
                        self.open = self.open.saturating_sub(1);
                        return Pulled::Wake(wake);
                    }
                    None => self.open = self.open.saturating_sub(1),
                },
                // Expired.
                Some(408) => break,
                // 409: the consumer, its leader or the server went away; 503: no responders.
                Some(status) => {
                    self.open = 0;
                    let text =
                        message.description.as_deref().unwrap_or("the consumer is missing, or has no leader");
                    return Pulled::Trouble(format!("{text} ({status})"));
                }
            }
        }
        self.open = 0;
        Pulled::Over
    }

    async fn wake(&self, message: Message) -> Option<Wake> {
        let id = timer_of(&message.subject);
        let message = jetstream::Message { message, context: self.context.clone() };
        let tries = message.info().ok().map(|info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
        // Copied: data that came in one piece from the socket stays in memory for as long as a part of it is used.
        let reply = message.reply.as_ref().map(|reply| Subject::from(reply.to_string()));
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name));
        let receiver = header(RECEIVER).map(|receiver| receiver.as_str().to_owned());
        let due_at = header(DUE_AT).and_then(|at| at.as_str().parse().ok()).map(Timestamp::from_micros);
        if let (Some(id), Some(tries), Some(reply)) = (id, tries, reply) {
            return Some(Wake { id, tries, receiver, due_at, reply });
        }
        tracing::warn!(subject = %message.subject, "removed a message that is not a wake from the queue");
        if message.ack_with(jetstream::AckKind::Term).await.is_err() {
            tracing::warn!("a message that is not a wake could not be removed and will come again");
        }
        None
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
