//! `GET /timers/events`: sends events about timers as they happen, as server-sent events (HTML, 9.2).

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;
use warp::Reply as _;
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;
use warp::sse;

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::query::Params;
use super::waits::{MAX_WAITING, Waits};
use crate::foundation::clock::Clock;
use crate::foundation::metrics::{Busy, Dropped, Metrics, Task};
use crate::foundation::timer_json::{self, View};
use crate::nats::{Event, Feed, Heard, Missed, Position};
use rules::index::Filter;

/// The most readers of a node's feed. They share a consumer in NATS; each costs a task, and the events that wait for it.
pub const MAX_READERS: usize = 256;

/// How many bytes of events wait for a reader at most. With all readers, that is 32 MiB. An event that is larger waits alone.
const WAITING_BYTES: usize = 128 * 1_024;

/// A reader may take one part in this many of a client's timeout to read `MAX_WAITING` events. A reader that goes on to read within the
/// rest of that time finds the reason; after that, its connection is cut off.
const PATIENCE_PARTS: u32 = 3;

/// How soon a reader that was cut off comes back.
const COME_BACK: Duration = Duration::from_secs(1);

/// A reader of the feed, and the events that it wants.
struct Reader {
    clock: Clock,
    filter: Filter,
    id: Option<Uuid>,
    /// How long the reader may let events wait; after that it is dropped.
    patience: Duration,
    sender: Sender<Waiting>,
    /// The bytes that may still wait.
    room: Arc<Semaphore>,
    stop: tokio_util::sync::CancellationToken,
    metrics: Arc<Metrics>,
    _reading: Busy,
}

/// An event that waits for its reader.
struct Waiting {
    event: sse::Event,
    /// Held until the reader takes the event.
    _room: Option<OwnedSemaphorePermit>,
}

pub(super) async fn follow(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut params = Params::of(&call.request.query);
    let filter = params.filter();
    let id =
        params.read("id", |text| text.parse::<Uuid>().map_err(|_| "must be a timer's id, a UUID".into()));
    let asked = params.one("last_event_id");
    params.finish()?;
    let header = call.request.headers.get("last-event-id");
    let header = header.map(|value| value.to_str().unwrap_or("?").to_owned());
    let asked = header.or(asked).filter(|text| !text.is_empty());

    let place = call.api.feed.clone().try_acquire_owned().map_err(|_| Problem::feed_full(MAX_READERS))?;
    let after = asked.map(|text| text.parse::<Position>().map_err(|()| not_an_event(&text))).transpose()?;
    let feed = Feed::open(&call.api.hub, after).await.map_err(|error| Problem::of_nats(&error))?;
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let mut start = vec![sse::Event::default().retry(COME_BACK).comment("the feed of jettimer")];
    // A reader that is cut off before the first event continues from here.
    start.extend(
        feed.start().map(|start| sse::Event::default().event("open").id(start.to_string()).data("{}")),
    );
    let reader = Reader {
        clock: call.engine.clock(),
        filter,
        id,
        patience: call.api.client_timeout / PATIENCE_PARTS,
        sender,
        room: Arc::new(Semaphore::new(WAITING_BYTES)),
        stop: call.api.stop.clone(),
        metrics: call.api.metrics.clone(),
        _reading: call.api.metrics.feed.reader(),
    };
    call.api.tasks.one_of_many(Task::Reader, id, reader.read(feed));
    let events = sse::keep_alive()
        .interval(call.api.event_heartbeat)
        .text("still here")
        .stream(events(start, receiver, place));
    let mut answer = sse::reply(events).into_response();
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Keeps nginx from collecting events before it passes them on.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

fn events(
    start: Vec<sse::Event>,
    receiver: Receiver<Waiting>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<sse::Event, std::convert::Infallible>> + Send + Sync + 'static {
    // A reader that is dropped has its place until its connection is closed, since events still wait for it.
    let rest = stream::unfold((receiver, place), |(mut receiver, place)| async move {
        Some((receiver.recv().await?.event, (receiver, place)))
    });
    futures_util::StreamExt::map(futures_util::StreamExt::chain(stream::iter(start), rest), Ok)
}

fn not_an_event(text: &str) -> Problem {
    Problem::bad_header(format!(
        "Last-Event-ID must be the id of an event, such as 57-1796083200, and not {text:?}"
    ))
}

impl Reader {
    /// Sends events until the reader has gone or is too slow, or the node stops; and tells the reader why it ends.
    async fn read(self, mut feed: Feed) {
        let dropped = tokio::select! {
            dropped = self.send_all(&mut feed) => dropped,
            () = self.stop.cancelled() => Some(Dropped::Stopping),
            () = self.sender.closed() => None,
        };
        feed.close().await;
        let Some(dropped) = dropped else { return };
        self.metrics.feed.dropped.count(dropped);
        let reason = match dropped {
            Dropped::Slow => {
                let most = self.patience;
                format!("events were left unread for {most:?}; reconnect to get the rest")
            }
            Dropped::Stopping => "the node is stopping; reconnect to get the rest".to_owned(),
        };
        tracing::debug!(reason, "dropped a reader of the feed");
        let last = sse::Event::default().event("dropped").data(json!({ "reason": reason }).to_string());
        // A place is kept for this event, so sending fails only if the reader has gone.
        if self.sender.try_send(Waiting { event: last, _room: None }).is_err() {
            tracing::debug!("the reader of the feed had already disconnected");
        }
    }

    /// Sends the events of the feed until the reader has gone or has to be dropped.
    async fn send_all(&self, feed: &mut Feed) -> Option<Dropped> {
        let mut waits = Waits::default();
        loop {
            let (event, bytes) = match feed.next().await {
                Ok(Heard::Event(event)) if !self.wants(&event) => continue,
                Ok(Heard::Event(event)) => self.shown(&event),
                Ok(Heard::Missed(missed)) => (gap(missed), 0),
                Err(error) => {
                    tracing::debug!(%error, "lost the feed; following it again");
                    tokio::time::sleep(COME_BACK).await;
                    continue;
                }
            };
            // Two places: one for the event, and one for the last event, which says why the feed ends.
            let (began, left) = (Instant::now(), waits.left(self.patience));
            let room = async {
                let bytes = u32::try_from(bytes.min(WAITING_BYTES)).unwrap_or(u32::MAX);
                (self.room.clone().acquire_many_owned(bytes).await.ok(), self.sender.reserve_many(2).await)
            };
            let Ok((room, places)) = tokio::time::timeout(left, room).await else {
                return Some(Dropped::Slow);
            };
            places.ok()?.next()?.send(Waiting { event, _room: room });
            waits.add(began.elapsed());
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.id.is_none_or(|id| id == event.timer.id) && self.filter.matches(&event.timer)
    }

    /// The event as the reader gets it, and the bytes of its data.
    fn shown(&self, event: &Event) -> (sse::Event, usize) {
        let data = timer_json::to_text(&event.timer, self.clock.now(), View::Summary);
        let bytes = data.len();
        (sse::Event::default().id(event.position.to_string()).event(event.kind).data(data), bytes)
    }
}

fn gap(missed: Missed) -> sse::Event {
    let event = sse::Event::default().event("gap").data(json!({ "reason": missed.to_string() }).to_string());
    match missed {
        // A reader that is cut off after this continues after the gap.
        Missed::Undone { kept } => event.id(Position { revision: kept, at: None }.to_string()),
        Missed::Left { .. } | Missed::Anew => event,
    }
}
