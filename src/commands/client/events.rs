//! Server-sent events, one by one. It does not reconnect: the caller knows from where to go on.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::Response;
use sse_stream::SseByteStream;

/// How long a feed may be silent before the client gives it up: a node says at least every 5 minutes (the longest `--event-heartbeat`) that
/// it is there. TCP's own probes find sooner that a peer is gone.
const SILENCE: Duration = Duration::from_secs(330);

#[derive(Debug)]
pub struct Event {
    pub name: String,
    /// Its place in the feed, from which to go on.
    pub id: Option<String>,
    /// Its content, in JSON.
    pub data: String,
}

/// A feed that is followed.
pub struct Events(BoxStream<'static, Result<sse_stream::Sse, String>>);

impl Events {
    pub(super) fn of(response: Response) -> Self {
        let events = SseByteStream::new(heard(response));
        Self(events.map(|event| event.map_err(|error| super::error::chain(&error))).boxed())
    }

    /// The next event with a name; `None` once the feed has ended.
    ///
    /// # Errors
    ///
    /// If the connection broke, or was silent for too long.
    pub async fn next(&mut self) -> Result<Option<Event>, String> {
        while let Some(event) = self.0.next().await {
            let event = event?;
            if let (Some(name), Some(data)) = (event.event, event.data) {
                return Ok(Some(Event { name, id: event.id, data }));
            }
        }
        Ok(None)
    }
}

/// The chunks of a body, and an error after too long a silence.
fn heard(response: Response) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some(response), |response| async {
        let mut response = response?;
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(chunk))) => Some((Ok(chunk), Some(response))),
            Ok(Err(error)) => Some((Err(std::io::Error::other(error)), None)),
            Ok(Ok(None)) => None,
            Err(_) => {
                let why = format!("no data came for {} s", SILENCE.as_secs());
                Some((Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why)), None))
            }
        }
    })
}
