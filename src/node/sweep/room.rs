//! The room in JetStream. The sweeper measures for all nodes how much a single server grants, and sweeps after a storage limit was
//! reached.
//!
//! Nodes refuse new timers before that, so only other programs, or a limit that no node sees, can reach the limit. Then no lease
//! can be written, no timer claimed, and nats-server forgets the wakes that come due. Once NATS accepts writes again, a sweep finds
//! the wakes that were forgotten.

use std::time::Duration;

use tokio::time::Instant;

use super::Sweeper;
use crate::nats;

/// How often the sweeper measures the grant: other programs may reserve room, or give it back.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// A sweeper's view of the room.
#[derive(Default)]
pub(super) struct RoomState {
    /// The connection of the last measurement, and its time.
    measured: Option<(u64, Instant)>,
    /// The connection on which the grant could not be measured.
    denied: Option<u64>,
    /// The last refusal for lack of room that a sweep followed.
    swept_after: Option<Instant>,
}

impl Sweeper {
    /// Measures the room now and then, and orders a sweep once NATS accepts writes again that it had refused for lack of
    /// room.
    pub(super) async fn look_at_room(&self, known: &mut super::SweeperState) {
        if known.topology.as_ref().is_some_and(|topology| topology.is_single) {
            self.measure_room(&mut known.room).await;
        }
        let Some(refused) = self.link.refused_for_room() else { return };
        // A sweep treats a wake as forgotten only once its timer is late by the grace.
        if known.room.swept_after != Some(refused) && refused.elapsed() > self.settings.grace {
            tracing::warn!(
                "JetStream had refused writes for lack of room and takes them again: sweeping now, since it has forgotten \
                 the wakes that came due meanwhile"
            );
            known.room.swept_after = Some(refused);
            known.loss = true;
        }
    }

    async fn measure_room(&self, known: &mut RoomState) {
        let connection = self.link.connection();
        let is_due = known.measured.is_none_or(|(on, at)| on != connection || at.elapsed() >= MEASURE_EVERY);
        if !is_due || known.denied == Some(connection) {
            return;
        }
        known.measured = Some((connection, Instant::now()));
        match nats::measure_grant(&self.link).await {
            Ok(Some(bytes)) => tracing::debug!(bytes, "measured how much JetStream grants"),
            Ok(None) => known.denied = Some(connection),
            Err(error) => {
                tracing::debug!(%error, "cannot measure how much JetStream grants");
                // NATS logs each request for which the user has no permission.
                known.denied = Some(connection);
            }
        }
    }
}
