//! Reads the messages of a stream once, page by page, from one of its replicas.
//!
//! The server walks the stream message by message for a consumer of this reader's own (ADR-37). Batched direct gets need no consumer,
//! but for each page the server counts the rest of the stream, subject by subject, while writes wait: reading all records of a bucket
//! that way costs the square of their number.

use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::leader;
use super::replica::next_message;
use super::tail::Seen;
use crate::nats::api::{advice, subject};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;

/// After this long without a message, a page counts as lost: a server reads messages that it does not have in memory from the disk.
const SILENCE: Duration = Duration::from_secs(5);

/// The server removes the consumer of a reader that has asked for nothing for this long.
const UNUSED: Duration = Duration::from_secs(300);

/// The status of a request for more messages than there are.
const NO_MORE: u16 = 404;
/// The status of a request that ended early: the next message would have exceeded its bytes, or the consumer is gone.
const CUT_SHORT: u16 = 409;

/// How many consumers in a row may deliver nothing although there are messages, and the pause before the next one.
const MOST_VAIN: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The end of a page.
enum End {
    /// The consumer may have more.
    Page,
    /// The consumer has no more.
    Dry,
    /// The next message is larger than a page, or the consumer is gone; in the server's words.
    TooLarge(String),
}

/// A reader of the messages that a stream has when the reading begins, in order.
pub(in crate::nats) struct Pages {
    link: Link,
    context: Context,
    stream: &'static str,
    subscriber: Subscriber,
    inbox: String,
    consumer: String,
    /// How many messages the consumer has delivered.
    delivered: u64,
    /// How many consumers in a row have delivered nothing.
    vain: u32,
    /// How many requests were made. Each has a reply subject of its own, so that its end is told from the end of another.
    asked: u64,
    /// The sequence of the last message that was read.
    last: u64,
    /// The last sequence of the stream when the reading began.
    until: u64,
}

impl Pages {
    /// Begins with the first message from this sequence on.
    ///
    /// # Errors
    ///
    /// A [`NatsError`], with advice if a limit on consumers or a missing permission is the likely reason.
    pub(in crate::nats) async fn open(
        link: &Link,
        stream: &'static str,
        from: u64,
    ) -> Result<Self, NatsError> {
        let inbox = link.client().new_inbox();
        Ok(Self {
            until: leader::stream_info(link, stream).await?.state.last_seq,
            subscriber: link.subscribe(format!("{inbox}.*")).await?,
            consumer: create_consumer(link, stream, from).await?,
            context: jetstream::new(link.client().clone()),
            link: link.clone(),
            stream,
            inbox,
            delivered: 0,
            vain: 0,
            asked: 0,
            last: from.saturating_sub(1),
        })
    }

    /// Reads the next messages: up to `most`, and one or as many as `most_bytes` have room for. No messages are the end.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] after which the reader is of no use: a message or the answer was lost, or the consumer is gone.
    pub(in crate::nats) async fn next(
        &mut self,
        most: usize,
        most_bytes: usize,
    ) -> Result<Vec<Seen>, NatsError> {
        let mut page = Vec::new();
        while page.is_empty() && self.last < self.until {
            let link = self.link.clone();
            let end = link.counting(self.fill(&mut page, most, Some(most_bytes))).await?;
            let end = match end {
                End::TooLarge(_) => link.counting(self.fill(&mut page, 1, None)).await?,
                End::Page | End::Dry => end,
            };
            match end {
                End::Page => {}
                End::Dry => self.go_on().await?,
                End::TooLarge(why) => {
                    return Err(NatsError::NotDone(format!("{}: cannot read on: {why}", self.stream)));
                }
            }
        }
        Ok(page)
    }

    /// The last sequence of the stream when the reading began.
    pub(in crate::nats) fn until(&self) -> u64 {
        self.until
    }

    /// Removes the consumer, as far as the connection allows; otherwise the server removes it after [`UNUSED`].
    pub(in crate::nats) async fn close(self) {
        self.remove_consumer().await;
    }

    async fn remove_consumer(&self) {
        let delete = subject::delete_consumer(self.stream, &self.consumer);
        let reply = format!("{}.0", self.inbox);
        self.link.tell(delete, Some(reply.into()), "".into()).await;
    }

    /// Reads a page.
    async fn fill(
        &mut self,
        page: &mut Vec<Seen>,
        most: usize,
        most_bytes: Option<usize>,
    ) -> Result<End, NatsError> {
        self.asked += 1;
        let reply = format!("{}.{}", self.inbox, self.asked);
        let pull = subject::pull(self.stream, &self.consumer);
        let request = json!({ "batch": most, "max_bytes": most_bytes.unwrap_or(0), "no_wait": true });
        if !self.link.tell(pull.clone(), Some(reply.as_str().into()), request.to_string().into()).await {
            return Err(self.link.not_connected());
        }
        while page.len() < most {
            let message = match self.answer(&reply).await {
                Ok(message) => message,
                // The server says nothing more of a request whose bytes are used up exactly. If a message was lost instead, the number of
                // the next one shows that.
                Err(NatsError::Unclear(_)) if !page.is_empty() => break,
                Err(error) => return Err(advice::if_unanswered(error, &pull)),
            };
            match message.status.map(|status| status.as_u16()) {
                None => {
                    let seen = self.deliver(message)?;
                    let has_more = seen.pending > 0;
                    page.push(seen);
                    if !has_more {
                        return Ok(End::Dry);
                    }
                }
                Some(NO_MORE) => return Ok(End::Dry),
                Some(CUT_SHORT) if !page.is_empty() => break,
                Some(status) => {
                    let why = message.description.as_deref().unwrap_or_default();
                    return Ok(End::TooLarge(format!("{why} ({status})")));
                }
            }
        }
        Ok(End::Page)
    }

    /// The next message that the consumer delivers, or how the request with this reply subject ended.
    async fn answer(&mut self, reply: &str) -> Result<Message, NatsError> {
        let deadline = Instant::now() + SILENCE;
        loop {
            match timeout_at(deadline, self.subscriber.next()).await {
                // The end of an earlier request may come late.
                Ok(Some(message)) if message.status.is_some() && message.subject.as_str() != reply => {}
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err(NatsError::NotDone("the connection was given up".to_owned())),
                Err(_) => return Err(NatsError::Unclear(format!("nothing more within {SILENCE:?}"))),
            }
        }
    }

    fn deliver(&mut self, message: Message) -> Result<Seen, NatsError> {
        let message = jetstream::Message { message, context: self.context.clone() };
        let seen = Seen::read(message, self.link.clock())?;
        self.delivered += 1;
        if seen.delivery != self.delivered {
            return Err(NatsError::NotDone(format!("{}: a message was lost on its way", self.stream)));
        }
        self.last = seen.sequence;
        Ok(seen)
    }

    /// Looks for messages that the consumer has left out: while messages are removed, the number that it still has to deliver, by
    /// which the server ends its requests, may be too low. Or the consumer reads a replica that is behind, and another one may not.
    async fn go_on(&mut self) -> Result<(), NatsError> {
        if self.delivered > 0 {
            self.vain = 0;
        } else {
            self.vain += 1;
            if self.vain > MOST_VAIN {
                return Err(NatsError::NotDone(format!(
                    "{}: the replicas that are read are behind",
                    self.stream
                )));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let next = next_message(&self.link, self.stream, self.last + 1).await?;
        match next.map(|next| next.sequence()).filter(|next| *next <= self.until) {
            Some(next) => {
                self.remove_consumer().await;
                self.consumer = create_consumer(&self.link, self.stream, next).await?;
                self.delivered = 0;
            }
            None => self.last = self.until,
        }
        Ok(())
    }
}

/// Creates a consumer of the stream's messages from this sequence on; gives its name.
async fn create_consumer(link: &Link, stream: &str, from: u64) -> Result<String, NatsError> {
    let name = format!("scan-{}", Uuid::new_v4().simple());
    let create = subject::create_consumer(stream, &name);
    let request = json!({ "stream_name": stream, "action": "create", "config": {
        "name": name,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": from,
        "ack_policy": "none",
        "mem_storage": true,
        "num_replicas": 1,
        "inactive_threshold": u64::try_from(UNUSED.as_nanos()).unwrap_or(u64::MAX),
    }});
    let created = leader::ask::<IgnoredAny>(link, create.clone(), request.to_string()).await;
    let refused = match created.map_err(|error| advice::if_unanswered(error, &create))? {
        Ok(_) => return Ok(name),
        Err(refused) => refused,
    };
    Err(NatsError::NotDone(format!("cannot read {stream}: {refused}{}", refused.advice())))
}
