//! `jettimer watch`: what happens, as it happens. It goes on where it was when the connection breaks, and says so.
//!
//! One timer is followed until it has ended. The feed is the quick way to hear of that, the timer itself the sure one:
//! it is looked at whenever the feed was not heard for a while, since a feed may leave an event out.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Session;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::pages::query;
use super::patience::Patience;
use super::table::{Cell, clean};
use super::timer::{Timer, state};
use crate::client::{Ask, Error, Event, Events};
use crate::clock::Clock;
use crate::config::{Surroundings, Watch};
use crate::rfc3339;

/// How long a broken feed is tried to be followed again: longer than any restart or change of leader.
const COME_BACK_FOR: Duration = Duration::from_secs(3_600);

/// How often one timer is looked at while the feed is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(15);

pub(super) async fn run(args: &Watch, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    match args.id {
        Some(id) => one(&session, id, args.last_event_id.clone()).await,
        None => until_interrupted(all(&session, &args.filter.pairs(), args.last_event_id.clone())).await,
    }
}

/// Follows a timer until it has ended, and tells how.
pub(super) async fn one(session: &Session, id: Uuid, after: Option<String>) -> Result<Exit, Failure> {
    until_interrupted(follow_one(session, id, after)).await
}

/// Ctrl-C is the way to end it, and no error.
async fn until_interrupted(watching: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::select! {
        ended = watching => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(Exit::Interrupted)
        }
    }
}

async fn all(session: &Session, filter: &[(String, String)], after: Option<String>) -> Result<Exit, Failure> {
    let mut feed = Feed::open(session, filter.to_vec(), after).await?;
    loop {
        let event = feed.next().await?;
        show(session, &event)?;
    }
}

async fn follow_one(session: &Session, id: Uuid, after: Option<String>) -> Result<Exit, Failure> {
    let mut feed = Feed::open(session, vec![("id".to_owned(), id.to_string())], after).await?;
    let mut patience = Patience::new(COME_BACK_FOR);
    // Looked at once the feed is open, so that nothing falls in between.
    let mut last = String::new();
    loop {
        let ask = Ask::new(Method::GET, format!("/timer/{id}"));
        let answer = patience.send(&session.client, &ask).await?;
        let timer: Timer = answer.json()?;
        if let Some(exit) = Exit::of_state(&timer.state) {
            if timer.state != last {
                let data = RawValue::from_string(answer.text());
                let data = data.map_err(|error| Failure::other(error.to_string()))?;
                show_timer(session, &timer.state, None, &data)?;
            }
            return Ok(exit);
        }
        while let Ok(event) = tokio::time::timeout(LOOK_EVERY, feed.next()).await {
            let event = event?;
            show(session, &event)?;
            if let Some(exit) = Exit::of_state(&event.name) {
                return Ok(exit);
            }
            last.clone_from(&event.name);
            if event.name == "gap" {
                break;
            }
        }
    }
}

/// A feed that is followed again when it breaks.
struct Feed<'s> {
    session: &'s Session,
    filter: Vec<(String, String)>,
    /// The last event that was heard.
    after: Option<String>,
    events: Option<Events>,
    patience: Patience,
}

impl<'s> Feed<'s> {
    async fn open(
        session: &'s Session,
        filter: Vec<(String, String)>,
        after: Option<String>,
    ) -> Result<Self, Failure> {
        let mut feed = Self { session, filter, after, events: None, patience: Patience::none() };
        feed.events = Some(feed.follow().await?);
        feed.patience = Patience::new(COME_BACK_FOR);
        Ok(feed)
    }

    async fn follow(&self) -> Result<Events, Error> {
        let ask = Ask::new(Method::GET, format!("/timers/events{}", query(&self.filter)));
        self.session.client.follow(ask.header("last-event-id", self.after.as_deref())?).await
    }

    /// The next event. It may be dropped while it waits without missing one.
    async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let Some(events) = &mut self.events else {
                match self.follow().await {
                    Ok(events) => {
                        self.events = Some(events);
                        say("the feed goes on");
                    }
                    Err(error) => self.patience.wait_after(error).await?,
                }
                continue;
            };
            let broken = match events.next().await {
                Ok(Some(event)) => {
                    self.patience.refresh();
                    if event.id.is_some() {
                        self.after.clone_from(&event.id);
                    }
                    match event.name.as_str() {
                        "open" => continue,
                        // The connection ends after it.
                        "dropped" => reason(&event),
                        _ => return Ok(event),
                    }
                }
                Ok(None) => "it has ended".to_owned(),
                Err(why) => why,
            };
            say(&format!("the feed broke off: {}; connecting again", clean(&broken)));
            self.events = None;
            // Told to come back, or cut off: at once would be as often as that.
            if !self.patience.wait(None).await {
                return Err(Failure::Other(
                    Exit::Unavailable,
                    "the feed cannot be followed again".to_owned(),
                ));
            }
        }
    }
}

fn reason(event: &Event) -> String {
    let data = serde_json::from_str::<serde_json::Value>(&event.data).unwrap_or_default();
    data["reason"].as_str().unwrap_or("no reason is given").to_owned()
}

fn show(session: &Session, event: &Event) -> Result<(), Failure> {
    if event.name == "gap" {
        let reason = reason(event);
        if session.out.is_json() {
            let json = json!({ "event": "gap", "event_id": event.id, "reason": reason });
            return Ok(session.out.line(&json.to_string())?);
        }
        say(&format!("some events are missing: {}", clean(&reason)));
        return Ok(());
    }
    let data: Box<RawValue> = serde_json::from_str(&event.data)
        .map_err(|error| Failure::other(format!("an event cannot be read: {error}")))?;
    show_timer(session, &event.name, event.id.as_deref(), &data)
}

fn show_timer(session: &Session, event: &str, id: Option<&str>, data: &RawValue) -> Result<(), Failure> {
    let out = &session.out;
    let timer: Timer = serde_json::from_str(data.get())
        .map_err(|error| Failure::other(format!("an event cannot be read: {error}")))?;
    if out.is_json() {
        #[derive(serde::Serialize)]
        struct Line<'l> {
            event: &'l str,
            event_id: Option<&'l str>,
            timer: &'l RawValue,
        }
        let line = serde_json::to_string(&Line { event, event_id: id, timer: data });
        return Ok(out.line(&line.map_err(|error| Failure::other(error.to_string()))?)?);
    }
    let now = rfc3339::format(Clock::OF_THE_WORLD.now());
    let about = about(event, &timer);
    let what = format!("{} {}", timer.method, timer.url);
    if !out.is_for_people() {
        let row = [now.as_str(), event, &timer.id, &what, &about].map(Cell::new).into();
        return Ok(out.rows(&[], &[row])?);
    }
    let clock = now.get(11..23).unwrap_or_default();
    let name = state(event).padded(9);
    Ok(out.line(format!("{clock}  {name}  {}  {}  {}", timer.id, clean(&what), clean(&about)).trim_end())?)
}

/// What there is to say beside the event's name.
fn about(event: &str, timer: &Timer) -> String {
    match event {
        "delivered" | "failed" | "unknown" => {
            let late = timer.last_attempt.as_ref().map(|attempt| {
                format!(
                    "attempt {}, {}, {:.1} ms late",
                    attempt.number,
                    attempt.came_to(),
                    attempt.lateness_ms
                )
            });
            [timer.reason.clone(), late].into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        "created" | "changed" => format!("due {}", timer.next_call()),
        _ => String::new(),
    }
}
