//! `jettimer watch`: shows events as they happen. After a broken connection it continues where it was, and says so.
//!
//! One timer is followed until it has ended. The feed is the quick way to learn of the end, the timer itself the sure one: the
//! command reads it whenever the feed was silent for a while, since a feed may leave an event out.

mod feed;
mod show;

use std::time::Duration;

use hyper::Method;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Session;
use super::exit::Exit;
use super::failure::Failure;
use super::patience::Patience;
use super::timer::Timer;
use crate::commands::client::Ask;
use crate::commands::options::{Surroundings, Watch};
use feed::Feed;

/// How long the command tries to follow a broken feed again: longer than any restart or change of leader.
const COME_BACK_FOR: Duration = Duration::from_secs(3_600);

/// How often one timer is read while the feed is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(15);

pub(super) async fn run(args: &Watch, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    match args.id {
        Some(id) => one(&session, id, args.last_event_id.clone()).await,
        None => until_interrupted(all(&session, &args.filter.pairs(), args.last_event_id.clone())).await,
    }
}

/// Follows a timer until it has ended; the exit code says how.
pub(super) async fn one(session: &Session, id: Uuid, after: Option<String>) -> Result<Exit, Failure> {
    until_interrupted(follow_one(session, id, after)).await
}

/// Watches until Ctrl-C, which is the normal way to end and not an error.
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
        show::event(session, &event)?;
    }
}

async fn follow_one(session: &Session, id: Uuid, after: Option<String>) -> Result<Exit, Failure> {
    let mut feed = Feed::open(session, vec![("id".to_owned(), id.to_string())], after).await?;
    let mut patience = Patience::new(COME_BACK_FOR);
    // The timer is read once the feed is open, so that no event is missed between the two.
    let mut last = String::new();
    loop {
        let ask = Ask::new(Method::GET, format!("/timer/{id}"));
        let answer = patience.send(&session.client, &ask).await?;
        let timer: Timer = answer.json()?;
        if let Some(exit) = Exit::of_state(&timer.state) {
            if timer.state != last {
                let data = RawValue::from_string(answer.text());
                let data = data.map_err(|error| Failure::other(error.to_string()))?;
                show::timer(session, &timer.state, None, &data)?;
            }
            return Ok(exit);
        }
        while let Ok(event) = tokio::time::timeout(LOOK_EVERY, feed.next()).await {
            let event = event?;
            show::event(session, &event)?;
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
