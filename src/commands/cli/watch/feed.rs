//! A feed that reconnects after a break, and continues after the last event received.

use hyper::Method;

use super::COME_BACK_FOR;
use super::show::reason;
use crate::commands::cli::Session;
use crate::commands::cli::exit::Exit;
use crate::commands::cli::failure::{Failure, say};
use crate::commands::cli::pages::query;
use crate::commands::cli::patience::Patience;
use crate::commands::cli::table::clean;
use crate::commands::client::{Ask, Error, Event, Events};

/// A feed that reconnects after a break.
pub(super) struct Feed<'s> {
    session: &'s Session,
    filter: Vec<(String, String)>,
    /// The id of the last event received, after which the feed goes on.
    after: Option<String>,
    events: Option<Events>,
    patience: Patience,
}

impl<'s> Feed<'s> {
    pub(super) async fn open(
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

    /// The next event. Dropping this future while it waits loses no event.
    pub(super) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let Some(events) = &mut self.events else {
                match self.follow().await {
                    Ok(events) => {
                        self.events = Some(events);
                        say("the feed is connected again");
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
                        // The node ends the connection after this event.
                        "dropped" => reason(&event),
                        _ => return Ok(event),
                    }
                }
                Ok(None) => "the connection was closed".to_owned(),
                Err(why) => why,
            };
            say(&format!("lost the feed: {}; connecting again", clean(&broken)));
            self.events = None;
            // Without a wait, the client would reconnect as often as a node drops it or the connection breaks.
            if !self.patience.wait(None).await {
                return Err(Failure::Other(Exit::Unavailable, "cannot connect to the feed again".to_owned()));
            }
        }
    }
}
