//! The room in JetStream: the sweeper measures what a single server grants, for all nodes, and makes room where a storage limit was
//! reached all the same.
//!
//! Nodes refuse new timers before that, so it takes other programs, or a limit that no node sees. Then no lease can be
//! written, no timer claimed, and nats-server forgets the wakes that come due. What can be given up is events: readers are told
//! that some are missing. Once writes are taken again, a sweep finds the wakes that were forgotten.

use std::time::Duration;

use tokio::time::Instant;

use super::Sweeper;

/// How often it is measured: other programs may reserve room, or give it back.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// A refusal is answered by making room if it came within two looks.
const REFUSED_LATELY: Duration = Duration::from_secs(2);

/// What a sweeper knows of the room.
#[derive(Default)]
pub(super) struct Known {
    /// On which connection it was measured last, and when.
    measured: Option<(u64, Instant)>,
    /// The connection on which it could not be measured.
    denied: Option<u64>,
    /// Events were given up, which is said once.
    gave_up: bool,
    /// The last refusal for lack of room that a sweep has followed.
    swept_after: Option<Instant>,
}

impl Sweeper {
    /// Measures the room now and then, and has a sweep follow once writes are taken again that were refused for lack of it.
    pub(super) async fn look_at_room(&self, known: &mut super::Known) {
        if known.standing.as_ref().is_some_and(|standing| standing.is_single) {
            self.measure_room(&mut known.room).await;
        }
        let Some(refused) = self.link.refused_for_room() else { return };
        // Each write that is taken makes an event, which takes the room that the next one needs.
        if refused.elapsed() < REFUSED_LATELY {
            self.make_room(known).await;
        }
        // A sweep takes a wake for forgotten once it is late by the grace.
        if known.room.swept_after != Some(refused) && refused.elapsed() > self.settings.grace {
            tracing::warn!(
                "JetStream takes writes again, which it had refused for lack of room: sweeping, since it has forgotten the \
                 wakes that came due meanwhile"
            );
            known.room.swept_after = Some(refused);
            known.room.gave_up = false;
            known.loss = true;
        }
    }

    async fn measure_room(&self, known: &mut Known) {
        let connection = self.link.connection_number();
        let is_due = known.measured.is_none_or(|(on, at)| on != connection || at.elapsed() >= MEASURE_EVERY);
        if !is_due || known.denied == Some(connection) {
            return;
        }
        known.measured = Some((connection, Instant::now()));
        match self.link.measure_grant().await {
            Ok(Some(bytes)) => tracing::debug!(bytes, "measured what JetStream grants"),
            Ok(None) => known.denied = Some(connection),
            Err(error) => {
                tracing::debug!(%error, "what JetStream grants cannot be measured");
                // NATS logs each time that a user may not do this.
                known.denied = Some(connection);
            }
        }
    }

    /// Gives up the older half of the events, so that timers can be called and cancelled.
    pub(super) async fn make_room(&self, known: &mut super::Known) {
        match self.link.drop_older_events().await {
            Ok(0) => {}
            Ok(dropped) if known.room.gave_up => tracing::debug!(dropped, "gave up more events"),
            Ok(dropped) => {
                known.room.gave_up = true;
                tracing::error!(
                    dropped,
                    "JetStream's storage limit is reached: the older half of the events was given up, so that timers can be \
                     called and cancelled. Raise max_file_store of the servers or max_storage of the account, or remove \
                     what else is stored there"
                );
            }
            Err(error) => tracing::debug!(%error, "no room can be made in JetStream"),
        }
    }
}
