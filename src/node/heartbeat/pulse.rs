//! The loop: it sends a beat each second, listens to the beats of others, and compares NATS' clock now and then.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Heartbeat;
use crate::nats::{self, Beats, MAX_TROUBLES, Said};
use rules::presence::{Beat, Difference, Heard, Life, Node, Offset, Turn};

/// The time between two beats of a node.
const BEAT: Duration = Duration::from_secs(1);

/// The time between two requests for NATS' time: clocks do not drift apart sooner.
const COMPARE: Duration = Duration::from_secs(5);

/// If this many own beats in a row were sent and not heard, no node hears them.
pub(super) const UNHEARD: u32 = 10;

/// When the node looks at other clocks for the first time: after the shorter time, in which other nodes can answer its first beat, or
/// after the longer time if this node does not hear itself.
const ANSWERED: Duration = Duration::from_millis(100);
const NOT_HEARD: Duration = Duration::from_secs(1);

/// If this many own beats in a row were sent and not heard, on a connection on which some were heard, then the connection
/// loses everything in one direction. A slow server still gives back a beat a second.
const GIVE_UP_AFTER: u32 = 7;

impl Heartbeat {
    /// Beats until `gone` is cancelled, then says farewell.
    pub async fn run(self, gone: CancellationToken) {
        tokio::select! {
            () = gone.cancelled() => {}
            () = self.say_and_hear() => {}
            () = self.compare() => {}
        }
        self.say(Life::Gone).await;
    }

    async fn say_and_hear(&self) {
        let mut tick = tokio::time::interval(BEAT);
        // After a stall one beat is enough.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = self.listen().await;
        let (mut stopping, mut in_trouble) = (false, false);
        let mut first_look = Some(Instant::now() + NOT_HEARD);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    self.beat().await;
                    if first_look.is_none() {
                        self.look_at_clocks();
                    }
                    in_trouble = self.say_troubles(in_trouble).await;
                }
                () = sleep_until(first_look.unwrap_or_else(Instant::now)), if first_look.is_some() => {
                    first_look = None;
                    self.look_at_clocks();
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.say(Life::Stopping).await;
                }
                said = beats.next() => match said {
                    Some(Said::Beat(beat)) => {
                        if beat.node.instance == self.itself.instance {
                            let answered = Instant::now() + ANSWERED;
                            first_look = first_look.map(|at| at.min(answered));
                        }
                        self.hear(beat).await;
                    }
                    Some(Said::Troubles(node, troubles)) if node != self.itself.instance => {
                        self.means.receivers.hear(node, troubles);
                    }
                    Some(Said::Troubles(..)) => {}
                    None => beats = self.listen().await,
                },
            }
        }
    }

    /// Listens, as soon as NATS can be reached.
    async fn listen(&self) -> Beats {
        loop {
            match Beats::listen(&self.means.link).await {
                Ok(beats) => return beats,
                Err(error) => tracing::debug!(%error, "cannot listen for other nodes"),
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn beat(&self) {
        let sent = self.say(self.life()).await;
        if self.is_one_way() {
            tracing::warn!(
                "NATS has not returned this node's own heartbeats for {GIVE_UP_AFTER} s; reconnecting"
            );
            self.means.link.renew().await;
        }
        let now = self.now();
        let mut known = self.lock();
        if sent && known.unheard.add() {
            tracing::warn!(
                "this node receives no heartbeats, not even its own, so limits that all nodes share are \
                 exceeded: may its NATS user publish and subscribe to timers.nodes.*?"
            );
        }
        let skew = known.skew(now);
        warn("NATS", skew.nats, known.of_nats.look(skew.nats));
        warn("other nodes", skew.peers, known.of_peers.look(skew.peers));
    }

    /// Notes what most clocks show.
    fn look_at_clocks(&self) {
        let now = self.now();
        let mut known = self.lock();
        let most = known.skew_of_workers(now).of_most();
        self.means.reference.note(most.map(|offset| (now.steady, offset.shown(now.clock))));
        let is_off = self.means.reference.is_off(self.means.clock);
        if is_off && known.off.add() {
            tracing::error!(
                offset_ms = most.map(in_millis),
                "this node's clock differs from those of NATS and most other nodes: until it is right, this node calls no \
                 receiver and does not sweep. Is NTP running?"
            );
        } else if !is_off && known.off.end() {
            tracing::info!("this node's clock is right again, and the node works again");
        }
    }

    /// Whether this connection loses everything in one direction; returns true once for each connection.
    fn is_one_way(&self) -> bool {
        let connection = self.means.link.connection();
        let mut known = self.lock();
        let is_one_way = known.unheard.in_a_row() >= GIVE_UP_AFTER && known.heard_on == Some(connection);
        if is_one_way {
            known.unheard.end();
            known.heard_on = None;
        }
        is_one_way && self.means.link.is_up()
    }

    /// Tells other nodes the troubles of this node, and once that they are over.
    async fn say_troubles(&self, said: bool) -> bool {
        let troubles = self.means.receivers.troubles(MAX_TROUBLES);
        if said || !troubles.is_empty() {
            nats::say_troubles(&self.means.link, self.itself.instance, &troubles).await;
        }
        !troubles.is_empty()
    }

    async fn say(&self, life: Life) -> bool {
        let (clock, seen) = (self.means.clock.world(), self.means.guard.seen());
        let beat = Beat { node: (*self.itself).clone(), life, clock, seen };
        nats::say(&self.means.link, &beat).await
    }

    async fn hear(&self, beat: Beat) {
        let (node, instance) = (beat.node.name.clone(), beat.node.instance);
        let differences = self.differences(&beat.node).unwrap_or_default();
        match self.note(beat) {
            Heard::Somebody => {
                tracing::info!(node, %instance, "another node has joined");
                self.say_differences(&node, &differences);
                // The new node learns of this one at once, and not only with the next beat.
                self.say(self.life()).await;
            }
            Heard::Leaving => tracing::info!(node, %instance, "another node has left"),
            Heard::TooMany => tracing::debug!(node, %instance, "there are more nodes than this node counts"),
            Heard::Itself(silent) => {
                for Node { name, instance, .. } in silent {
                    tracing::warn!(node = name, %instance, "another node is silent, and is treated as dead");
                }
            }
            Heard::Known => {}
        }
        self.say_alike();
    }

    /// Logs once for each other node that it is set up differently from this one.
    fn say_differences(&self, node: &str, differences: &[Difference]) {
        for difference in differences {
            self.lock().differs = true;
            let (what, meaning) = (difference.name(), difference.meaning());
            tracing::warn!(node, what, "another node is set up differently: {meaning}");
        }
    }

    /// Logs that all nodes are set up alike again.
    fn say_alike(&self) {
        let mut known = self.lock();
        let differ = |node: &Node| self.differences(node).is_some_and(|differences| !differences.is_empty());
        if known.differs && !known.roster.peers().any(|peer| differ(&peer.node)) {
            known.differs = false;
            tracing::info!("all nodes are set up alike again");
        }
    }

    fn note(&self, beat: Beat) -> Heard {
        let now = self.now();
        let mut known = self.lock();
        let heard = known.roster.hear(beat, now);
        if matches!(heard, Heard::Itself(_)) {
            known.unheard.end();
            known.heard_on = Some(self.means.link.connection());
        }
        // While the lock is held, so that the last to count is the last to tell.
        self.means.receivers.share_among(known.roster.working() + usize::from(self.itself.role.works()));
        let rules = self.itself.setup.as_ref().map(|setup| &setup.rules);
        self.means.others.note(rules.is_some_and(|rules| known.roster.may_allow_more(rules)));
        heard
    }

    async fn compare(&self) {
        let mut tick = tokio::time::interval(COMPARE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.ask_nats().await;
        }
    }

    /// Compares this node's clock with that of NATS, if NATS answers.
    pub async fn ask_nats(&self) {
        match nats::server_time(&self.means.link).await {
            Ok(sample) => self.lock().server.note(sample),
            Err(error) => tracing::debug!(%error, "NATS does not report its time"),
        }
    }
}

fn warn(of: &str, offset: Option<Offset>, turn: Option<Turn>) {
    let offset_ms = offset.map_or(0.0, in_millis);
    match turn {
        Some(Turn::Worse) => tracing::warn!(
            of,
            offset_ms,
            "another clock differs from this node's, and timers are early or late by as much. Is NTP running?"
        ),
        Some(Turn::Better) => tracing::info!(of, offset_ms, "clocks agree again"),
        None => {}
    }
}

fn in_millis(offset: Offset) -> f64 {
    offset.as_micros() as f64 / 1e3
}
