//! One lane of calls: it limits the calls at once, and spaces them evenly if it has a rate. A call that finds it full waits a moment
//! or is told when to come back. Waiting calls take turns by the shapes of their paths. Time comes in as an argument.

use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::in_progress::InProgress;
use super::limit::Limits;
use super::owner::Owner;
use super::progress::Progress;
use super::returns::Returns;
use crate::turns::Turns;

/// A call that would wait longer than this is postponed, since it takes a place in the node's memory while it waits. A shorter limit
/// would postpone the timers of a burst that a quick receiver takes in a second or two, and each of those costs the broker another wake.
pub const MAX_WAIT: Duration = Duration::from_secs(3);

/// A wait that is expected to take more than this many times [`MAX_WAIT`] is in vain. The expectation rests on a fraction of a
/// second, and a short pause of the machine should not postpone the rest of a burst by a second.
const DOUBTED: u32 = 2;

/// The most calls of one shape that wait in a lane: as many as a node may hold. Fewer would postpone the timers of a burst that a quick
/// receiver takes in a fraction of a second. A call that would wait in vain learns so from the lane's progress.
const MAX_WAITING: usize = 32_768;

/// How many timers come back for each call that ends. Most of them are postponed again, which costs the broker and this node nearly as
/// much as a call. With fewer, a receiver whose calls become quicker would have nothing to do.
const RETURNS_OF_CALL: u32 = 4;

/// The space between the returns of two timers by that number is no shorter than this, so that a receiver is not overrun once it is well
/// again. It is this, too, until it is known how often calls end.
const RETURN_SPACE: Duration = Duration::from_millis(2);

/// The longest such space: a receiver that hangs has to find its timers soon once it is well again.
const LONGEST_SPACE: Duration = Duration::from_millis(8);

/// The shape of all calls in a lane that does not tell paths apart.
pub const ALIKE: u64 = 0;

#[derive(Debug)]
pub struct Lane {
    /// Whose timers named it.
    owner: Owner,
    calls: InProgress,
    /// The limits at the last entry.
    limits: Limits,
    waiting: Turns<oneshot::Sender<Turn>>,
    /// The earliest start of the next call.
    next_start: Instant,
    returns: Returns,
    /// The limit for which a timer was last refused.
    full: Full,
    progress: Progress,
}

/// The limit that a lane has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Rate,
    Places,
}

/// The answer to a call that wants to enter.
#[derive(Debug)]
pub enum Entry {
    /// The result is known now.
    Now(Turn),
    /// The call waits for this channel.
    Wait(oneshot::Receiver<Turn>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The place is taken. The call may start after this time, which is at most [`MAX_WAIT`].
    In(Duration),
    /// The timer has to come back after this time.
    Later(Duration),
}

impl Lane {
    pub fn new(now: Instant) -> Self {
        Self {
            owner: Owner::Nobody,
            calls: InProgress::default(),
            limits: Limits { parallelism: usize::MAX, most: usize::MAX, space: Duration::ZERO },
            waiting: Turns::default(),
            next_start: now,
            returns: Returns::default(),
            full: Full::Places,
            progress: Progress::new(now),
        }
    }

    /// Takes a place for a call of this shape, or says when to come back or what to wait for.
    pub fn enter(&mut self, limits: Limits, shape: u64, now: Instant) -> Entry {
        self.limits = limits;
        if let Some(later) = self.refuses(limits, shape, now) {
            return Entry::Now(Turn::Later(later));
        }
        if self.has_room(limits, shape) {
            let pause = self.next_start.saturating_duration_since(now);
            self.take(now);
            self.progress.busy(self.is_full(), now);
            return Entry::Now(Turn::In(pause));
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(shape, sender);
        self.progress.busy(true, now);
        Entry::Wait(receiver)
    }

    /// Says when to come back if there is no use in entering or waiting now.
    pub fn refuses(&mut self, limits: Limits, shape: u64, now: Instant) -> Option<Duration> {
        // Calls that have given up have waited longest, so they are at the front.
        self.waiting.forget_first(shape, oneshot::Sender::is_canceled);
        let too_soon = self.next_start.saturating_duration_since(now) > MAX_WAIT;
        let in_vain = !self.has_room(limits, shape) && {
            let before = self.waiting.of_group(shape);
            let wait = self.progress.time_for(before + 1, now);
            before >= MAX_WAITING || wait.is_some_and(|wait| wait > DOUBTED * MAX_WAIT)
        };
        (too_soon || in_vain).then(|| {
            self.full = if too_soon { Full::Rate } else { Full::Places };
            self.come_back(limits.space, now)
        })
    }

    fn has_room(&self, limits: Limits, shape: u64) -> bool {
        self.calls.has_room(shape, limits) && self.waiting.of_group(shape) == 0
    }

    /// Whether calls wait, or would have to.
    fn is_full(&self) -> bool {
        self.calls.is_full(self.limits) || self.waiting.groups() > 0
    }

    fn take(&mut self, now: Instant) {
        self.calls.begins();
        self.next_start = self.next_start.max(now) + self.limits.space;
    }

    /// Gives back the start that was taken last, by a call that is not made.
    pub fn unused(&mut self, now: Instant) {
        self.next_start = self.next_start.checked_sub(self.limits.space).unwrap_or(now).max(now);
    }

    /// Notes that a call of this shape takes long from now on.
    pub fn takes_long(&mut self, shape: u64) {
        self.calls.takes_long(shape);
    }

    /// Gives back the place of a call of this shape, which took long or not. The next call in turn gets it.
    pub fn leave(&mut self, shape: u64, took_long: bool, now: Instant) {
        self.calls.ends(shape, took_long);
        self.progress.done(now);
        self.let_in(now);
    }

    /// Changes how many calls there may be at once, and lets in calls that wait for that.
    pub fn allow(&mut self, parallelism: usize, now: Instant) {
        self.limits.parallelism = parallelism;
        self.let_in(now);
    }

    /// Lets in waiting calls, as far as there is room. Changed limits may let in several calls at once, more than the rate
    /// allows: the last of them come back later.
    fn let_in(&mut self, now: Instant) {
        // The number of shapes in a row that have no room.
        let mut refused = 0;
        while refused < self.waiting.groups() && !self.calls.is_full(self.limits) {
            let Some((shape, next)) = self.waiting.pop() else { break };
            let pause = self.next_start.saturating_duration_since(now);
            // A call that has given up waiting takes nothing.
            if next.is_canceled() {
                continue;
            }
            if !self.calls.has_room(shape, self.limits) {
                self.waiting.put_back(shape, next);
                refused += 1;
                continue;
            }
            refused = 0;
            if pause > MAX_WAIT {
                self.full = Full::Rate;
                // It makes no difference whether the call hears that.
                let _ = next.send(Turn::Later(self.come_back(self.limits.space, now)));
            } else if next.send(Turn::In(pause)).is_ok() {
                self.take(now);
            }
        }
        let full = self.is_full();
        self.progress.busy(full, now);
        if !full && self.next_start <= now {
            self.returns.begin_again();
        }
    }

    /// When a timer that is not let in comes back: one after the other, and spread out once that is too far away.
    fn come_back(&mut self, space: Duration, now: Instant) -> Duration {
        let space = space.max(self.return_space(now));
        self.returns.next(now, space, now)
    }

    /// When a timer that has waited for a place in vain comes back.
    pub fn gave_up(&mut self, now: Instant) -> Duration {
        self.full = Full::Places;
        let space = self.return_space(now);
        self.returns.next(now + MAX_WAIT, space, now)
    }

    /// The space between the returns of two timers, by how often calls end.
    fn return_space(&mut self, now: Instant) -> Duration {
        let space = self.progress.space(now).map_or(RETURN_SPACE, |space| space / RETURNS_OF_CALL);
        space.clamp(RETURN_SPACE, LONGEST_SPACE)
    }

    /// The limit for which refused timers wait, and the instant at which the last of them comes back.
    pub fn waits(&self, now: Instant) -> Option<(Full, Instant)> {
        self.returns.until(now).map(|until| (self.full, until))
    }

    /// Whether postponed timers were to come back at an instant or later.
    pub fn has_postponed_since(&self, instant: Option<Instant>) -> bool {
        self.returns.since(instant)
    }

    /// Whether no call is in it or waits, and the next call need not keep a distance to the last.
    pub fn is_idle(&self, now: Instant) -> bool {
        !self.is_used() && self.next_start <= now
    }

    /// Whether any call is in it or waits.
    pub fn is_used(&self) -> bool {
        self.calls.count() > 0 || self.waiting.groups() > 0
    }

    /// Notes that a timer of this owner has named it.
    pub fn named_by(&mut self, owner: Owner) {
        self.owner = self.owner.and(owner);
    }

    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// How many calls are in it.
    pub fn in_flight(&self) -> usize {
        self.calls.count()
    }

    /// How many calls are in it, and how many wait.
    pub fn load(&self) -> (usize, usize) {
        (self.calls.count(), self.waiting.iter().filter(|waiting| !waiting.is_canceled()).count())
    }
}

#[cfg(test)]
mod tests;
