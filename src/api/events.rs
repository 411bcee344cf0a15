//! `GET /timers/events`: what happens to timers, as it happens, as server-sent events (HTML, 9.2).

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender};
use uuid::Uuid;
use warp::Reply as _;
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;
use warp::sse;

use super::answer::Answer;
use super::operate::Call;
use super::problem::Problem;
use super::query::Params;
use crate::clock::Clock;
use crate::index::Filter;
use crate::metrics::{Busy, Dropped, Metrics};
use crate::nats::{Event, Feed, Link, NatsError};
use crate::timer_json::{self, View};

/// The most readers of a node's feed: each costs a consumer in NATS.
pub const MAX_READERS: usize = 256;

/// How many events wait for a reader who is slow, and for how long; after that it is dropped.
const MAX_WAITING: usize = 256;
const MAX_SLOWNESS: Duration = Duration::from_secs(10);

/// How often a reader of a quiet feed hears that it is there; proxies give up idle answers after 30 to 60 s.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How soon a reader comes back that was cut off.
const COME_BACK: Duration = Duration::from_secs(1);

/// Who reads what.
struct Reader {
    link: Link,
    clock: Clock,
    filter: Filter,
    id: Option<Uuid>,
    /// The last event that is known to it.
    after: u64,
    sender: Sender<sse::Event>,
    stop: tokio_util::sync::CancellationToken,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
    _reading: Busy,
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

    let feed = call.api.feed.as_ref().ok_or_else(Problem::feed_off)?;
    let place = feed.clone().try_acquire_owned().map_err(|_| Problem::feed_full(MAX_READERS))?;
    let extent = Feed::extent(&call.api.link).await.map_err(|error| Problem::of_nats(&error))?;
    let after = match asked {
        None => extent.last,
        Some(text) => text.parse().ok().filter(|after| *after <= extent.last).ok_or_else(|| {
            Problem::bad_header(format!("Last-Event-ID must be the id of an event, at most {}", extent.last))
        })?,
    };
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let gap = after.saturating_add(1) < extent.first;
    let reader = Reader {
        link: call.api.link.clone(),
        clock: call.engine.clock(),
        filter,
        id,
        after: if gap { extent.first.saturating_sub(1) } else { after },
        sender,
        stop: call.api.stop.clone(),
        metrics: call.api.metrics.clone(),
        _place: place,
        _reading: call.api.metrics.feed.reader(),
    };
    let mut start = vec![sse::Event::default().retry(COME_BACK).comment("the feed of jettimer")];
    if gap {
        let reason = format!("events {} to {} are not kept any more", after + 1, extent.first - 1);
        start.push(sse::Event::default().event("gap").data(json!({ "reason": reason }).to_string()));
    } else {
        // A reader that is cut off before the first event goes on from here.
        start.push(sse::Event::default().event("open").id(after.to_string()).data("{}"));
    }
    tokio::spawn(reader.read());
    let events = sse::keep_alive().interval(HEARTBEAT).text("still here").stream(events(start, receiver));
    let mut answer = sse::reply(events).into_response();
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // So that nginx does not collect events before it hands them on.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

fn events(
    start: Vec<sse::Event>,
    receiver: Receiver<sse::Event>,
) -> impl Stream<Item = Result<sse::Event, std::convert::Infallible>> + Send + Sync + 'static {
    let rest =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    futures_util::StreamExt::map(futures_util::StreamExt::chain(stream::iter(start), rest), Ok)
}

impl Reader {
    /// Sends events until the reader has gone, is too slow, or the node stops; and says why it ends.
    async fn read(self) {
        let dropped = tokio::select! {
            dropped = self.send_all() => dropped,
            () = self.stop.cancelled() => Some(Dropped::Stopping),
            () = self.sender.closed() => None,
        };
        if let Some(dropped) = dropped {
            self.metrics.feed.dropped.count(dropped);
            let reason = match dropped {
                Dropped::Slow => "events were not read for 10 s; come back for the rest",
                Dropped::Stopping => "the node stops; come back for the rest",
            };
            let last = sse::Event::default().event("dropped").data(json!({ "reason": reason }).to_string());
            // There is room kept for it.
            if self.sender.try_send(last).is_err() {
                tracing::debug!(reason, "a reader of the feed was dropped without a word");
            }
        }
    }

    /// Sends events until the reader has gone, or has to be sent away.
    async fn send_all(&self) -> Option<Dropped> {
        let mut after = self.after;
        loop {
            match self.send_from(&mut after).await {
                Ok(dropped) => return dropped,
                Err(error) => tracing::debug!(%error, "the feed is followed again"),
            }
            tokio::time::sleep(COME_BACK).await;
        }
    }

    /// Sends what follows `after`, which goes on with it.
    async fn send_from(&self, after: &mut u64) -> Result<Option<Dropped>, NatsError> {
        let mut feed = Feed::follow(&self.link, *after).await?;
        loop {
            let event = feed.next().await?;
            *after = event.sequence;
            if !self.wants(&event) {
                continue;
            }
            // Two places: one for the event, one for a last word.
            let Ok(places) = tokio::time::timeout(MAX_SLOWNESS, self.sender.reserve_many(2)).await else {
                return Ok(Some(Dropped::Slow));
            };
            let Ok(mut places) = places else { return Ok(None) };
            if let Some(place) = places.next() {
                place.send(self.shown(&event));
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.id.is_none_or(|id| id == event.timer.id) && self.filter.matches(&event.timer)
    }

    fn shown(&self, event: &Event) -> sse::Event {
        sse::Event::default().id(event.sequence.to_string()).event(event.kind).data(timer_json::to_text(
            &event.timer,
            self.clock.now(),
            View::Summary,
        ))
    }
}
