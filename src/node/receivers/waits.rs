//! The reasons why due timers wait, according to this node's own calls and to messages of other nodes.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Place, Receivers};
use rules::domain::timer::Timer;
use rules::receivers::lane::{Full, Lane};
use rules::receivers::receiver::Receiver;
use rules::receivers::returns::Returns;
use rules::receivers::{Postponed, Reason, Route, Trouble, Waits, Whose, keys};

/// A call that is late by less than this is on time: no cause is looked for.
const ON_TIME: Duration = Duration::from_millis(5);

impl Receivers {
    /// Receivers and flows without room on this node: at most `most`, those with the most postponed timers first.
    pub fn troubles(&self, most: usize) -> Vec<Trouble> {
        let now = Instant::now();
        let known = self.lock();
        let mut all: Vec<Trouble> = vec![];
        for (name, receiver) in &known.receivers {
            of_receiver(name, receiver, now, &mut all);
        }
        all.extend(known.flows.iter().filter_map(|(key, lane)| {
            of_lane(lane, now)
                .map(|(reason, until)| trouble(Whose::Flow(key.clone()), reason, until - now, 0))
        }));
        drop(known);
        all.sort_by_key(|trouble| std::cmp::Reverse(trouble.postponed));
        all.truncate(most);
        all
    }

    /// Takes the troubles of another node.
    pub fn hear(&self, instance: Uuid, troubles: Vec<Trouble>) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.hear(instance, troubles, Instant::now());
    }

    /// The reason why a due timer waits: the nearest of its path, shape, receiver and flow that has no room, here or else on another node.
    pub fn waits_for(&self, timer: &Timer) -> Option<Trouble> {
        let now = Instant::now();
        self.here(timer, now).or_else(|| {
            let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            others.waits(keys(timer), now)
        })
    }

    /// The timers that wait, here and on other nodes.
    pub fn waits(&self) -> Waits {
        let now = Instant::now();
        let mut all: HashSet<u64> =
            self.troubles(usize::MAX).iter().map(|trouble| trouble.whose.key()).collect();
        self.others.lock().unwrap_or_else(PoisonError::into_inner).keys(now, &mut all);
        all.into_iter().collect()
    }

    fn here(&self, timer: &Timer, now: Instant) -> Option<Trouble> {
        let name = timer.target.url.authority();
        let route = Route::to(&timer.target.url);
        let known = self.lock();
        let of_receiver =
            known.receivers.get(name.as_str()).and_then(|receiver| nearest(&name, receiver, route, now));
        let found = of_receiver.or_else(|| {
            let flow = timer.flow.as_ref()?;
            Some((Whose::Flow(flow.key.clone()), of_lane(known.flows.get(&flow.key)?, now)?))
        });
        found.map(|(whose, (reason, until))| trouble(whose, reason, until - now, 0))
    }
}

impl Place {
    /// Whether the timer, which is called this `late`, is late because of its receiver or its flow: it has waited for their room for at
    /// least half of that time, or their timers were held back in that time, here or on another node. A timer that is called within 5 ms
    /// is not late.
    pub fn is_late_for_its_receiver(&self, timer: &Timer, late: Duration) -> bool {
        if late < ON_TIME {
            return false;
        }
        self.has_waited() * 2 >= late || self.was_held_back(Instant::now().checked_sub(late)) || {
            let others = self.of_all().others.lock().unwrap_or_else(PoisonError::into_inner);
            others.waits(keys(timer), Instant::now()).is_some()
        }
    }
}

/// The cause that holds up timers of a path: first an open breaker or a request of the receiver, then a backlog, then the lane.
fn nearest(
    name: &str,
    receiver: &Receiver,
    route: Route,
    now: Instant,
) -> Option<(Whose, (Reason, Instant))> {
    let (path, shape) = receiver.paths.of(route);
    let of_path = || Whose::Path(name.to_owned(), route.path);
    let of_shape = || Whose::Shape(name.to_owned(), route.shape);
    let whole = || Whose::Receiver(name.to_owned());
    let stopped = |waits: Option<(Postponed, Instant)>| waits.map(|(why, until)| (reason_of(why), until));
    None.or_else(|| Some((of_path(), stopped(path?.waits(now))?)))
        .or_else(|| Some((of_shape(), stopped(shape?.waits(now))?)))
        .or_else(|| Some((whole(), stopped(receiver.waits(now))?)))
        .or_else(|| Some((of_path(), backlog(&path?.returns, now)?)))
        .or_else(|| Some((of_shape(), backlog(&shape?.returns, now)?)))
        .or_else(|| Some((whole(), backlog(&receiver.rest.returns, now)?)))
        .or_else(|| Some((whole(), of_lane(&receiver.lane, now)?)))
}

fn of_receiver(name: &str, receiver: &Receiver, now: Instant, all: &mut Vec<Trouble>) {
    let stopped = receiver.waits(now).map(|(why, until)| (reason_of(why), until));
    // While the whole receiver is left alone, the backlog of a path belongs to the receiver.
    let backlog_of = |returns: &Returns| if stopped.is_some() { None } else { backlog(returns, now) };
    let whole =
        stopped.or_else(|| backlog(&receiver.rest.returns, now)).or_else(|| of_lane(&receiver.lane, now));
    let mut add = |whose, reason: Option<(Reason, Instant)>, postponed| {
        all.extend(reason.map(|(reason, until)| trouble(whose, reason, until - now, postponed)));
    };
    let postponed: u64 = receiver.paths.paths().map(|(_, path)| path.postponed).sum();
    add(Whose::Receiver(name.to_owned()), whole, receiver.postponed + receiver.rest.postponed + postponed);
    for (hash, path) in receiver.paths.paths() {
        let reason = path.waits(now).map(|(why, until)| (reason_of(why), until));
        let reason = reason.or_else(|| backlog_of(&path.returns));
        add(Whose::Path(name.to_owned(), hash), reason, path.postponed);
    }
    for (hash, shape) in receiver.paths.shapes() {
        let reason = shape.waits(now).map(|(why, until)| (reason_of(why), until));
        let reason = reason.or_else(|| backlog_of(&shape.returns));
        add(Whose::Shape(name.to_owned(), hash), reason, shape.postponed);
    }
}

/// The reason of timers that are called again while some have yet to come back.
fn backlog(returns: &Returns, now: Instant) -> Option<(Reason, Instant)> {
    returns.until(now).map(|until| (Reason::Recovery, until))
}

fn of_lane(lane: &Lane, now: Instant) -> Option<(Reason, Instant)> {
    lane.waits(now).map(|(full, until)| (Reason::of(Postponed::Receiver, full), until))
}

fn reason_of(why: Postponed) -> Reason {
    Reason::of(why, Full::Places)
}

fn trouble(whose: Whose, reason: Reason, lasts: Duration, postponed: u64) -> Trouble {
    Trouble { whose, reason, lasts, postponed }
}
