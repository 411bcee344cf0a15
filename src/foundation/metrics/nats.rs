//! Metrics of this node's requests to NATS.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::label::{Counters, label};
use super::names;
use super::register::{Float, Register, set, set_known};
use rules::durability::{Check, Verdict};
use rules::room::{Account, Room};

label! {
    /// The kind of a request's failure.
    FailureKind = "result" {
        /// The request was not done: not connected, or no leader.
        NotDone = "not_done",
        /// The request was not done, since a storage limit is reached.
        NoRoom = "no_room",
        /// The request may or may not have been done: no answer came in time.
        Unclear = "unclear",
        /// The request can never be done.
        Impossible = "impossible",
    }
}

label! {
    /// How the bucket differs from the one that this node has seen.
    Turned = "how" {
        /// The bucket lacks the last writes before contact was lost.
        Tail = "tail",
        /// The bucket lacks older writes.
        Restored = "restored",
        /// The bucket is another one with the same name.
        Other = "other",
    }
}

#[derive(Debug)]
pub struct Nats {
    up: Gauge,
    stores: Gauge,
    pub connects: Counter,
    pub requests: Counter,
    pub failures: Counters<FailureKind>,
    /// How often the bucket was found to differ from the one seen before.
    pub turned: Counters<Turned>,
    durability: Family<[(&'static str, &'static str); 1], Float>,
    wakes_waiting: Float,
    room: Family<[(&'static str, &'static str); 1], Float>,
    account_used: Family<[(&'static str, &'static str); 1], Float>,
    account_limit: Family<[(&'static str, &'static str); 1], Float>,
    /// Creations and changes that were refused, since the remaining room is kept for timers that are already promised.
    pub creations_without_room: Counter,
}

impl Nats {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let nats = Self {
            up: register.gauge(&names::NATS_UP),
            stores: register.gauge(&names::NATS_STORES),
            connects: register.counter(&names::NATS_CONNECTS),
            requests: register.counter(&names::NATS_REQUESTS),
            failures: Counters::new(register, &names::NATS_FAILURES),
            turned: Counters::new(register, &names::BUCKET_TURNED),
            durability: register.gauge(&names::DURABILITY),
            wakes_waiting: register.gauge(&names::WAKES_WAITING),
            room: register.gauge(&names::NATS_ROOM),
            account_used: register.gauge(&names::NATS_ACCOUNT_USED),
            account_limit: register.gauge(&names::NATS_ACCOUNT_LIMIT),
            creations_without_room: register.counter(&names::CREATIONS_WITHOUT_ROOM),
        };
        for check in Check::EACH {
            nats.show_durability(check, Verdict::Unseen);
        }
        nats.show_room(None, None);
        nats
    }

    /// Shows whether NATS meets this part of the requested durability.
    pub fn show_durability(&self, check: Check, verdict: Verdict) {
        let met = match verdict {
            Verdict::Met => Some(1),
            Verdict::Weaker => Some(0),
            Verdict::Unseen => None,
        };
        set_known(&self.durability.get_or_create(&[("check", check.name())]), met);
    }

    /// Shows the room for new timers, and the account's use and limits; `None` for unknown numbers.
    pub fn show_room(&self, room: Option<Room>, account: Option<Account>) {
        for (what, bytes) in [("free", room.map(|room| room.free)), ("kept", room.map(|room| room.kept))] {
            set_known(&self.room.get_or_create(&[("what", what)]), bytes);
        }
        let Account { storage, memory, streams, consumers, .. } = account.unwrap_or_default();
        for (resource, part) in
            [("storage", storage), ("memory", memory), ("streams", streams), ("consumers", consumers)]
        {
            let label = [("resource", resource)];
            set_known(&self.account_used.get_or_create(&label), part.map(|part| part.used));
            set_known(&self.account_limit.get_or_create(&label), part.map(|part| part.most));
        }
    }

    /// Shows whether NATS is reachable, whether it stores, and how many wakes wait.
    pub fn show(&self, up: bool, stores: bool, wakes_waiting: Option<u64>) {
        set(&self.up, usize::from(up));
        set(&self.stores, usize::from(stores));
        set_known(&self.wakes_waiting, wakes_waiting);
    }
}
