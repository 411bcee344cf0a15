//! One receiver: its lane, its limit of useful calls at once, whether it can be reached, and its paths. Time comes in as
//! an argument.

use std::time::{Duration, Instant};

use super::Postponed;
use super::breaker::{Breaker, Pass};
use super::candidate::Candidate;
use super::concurrency::{Concurrency, Ended};
use super::evidence::Evidence;
use super::lane::{Entry, Lane};
use super::limit::Limits;
use super::path::{OTHERS_FIRST, Path};
use super::paths::{News, Paths, Said};
use super::ramp;
use super::route::Route;

/// The open breakers for which a call is a probe, and which hear its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// Probes whether the receiver can be reached.
    pub reach: bool,
    /// Probes how the path answers.
    pub path: bool,
    /// Tries whether a path goes well that looks like failing ones.
    pub shape: bool,
}

/// The longest time for which one answer's `Retry-After` holds back all paths of a receiver. The path that gave the answer is left
/// alone for as long as it asked. However often paths ask, a path whose last call went well is held back no longer than this.
pub const LONGEST_HOLD: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Receiver {
    pub lane: Lane,
    /// Opens if no connections can be made.
    pub reach: Breaker,
    pub paths: Paths,
    /// Stands for all paths of which nothing is remembered: how their timers come back, and begin again.
    pub rest: Path,
    hold: Option<Hold>,
    /// How many timers were postponed since it was last called with success, except those that its paths count.
    pub postponed: u64,
    concurrency: Concurrency,
    /// The most calls at once by the settings, as of the last entry.
    most: usize,
}

/// A request of the receiver to leave all of its paths alone.
#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Since when it has asked, with no more than short breaks.
    since: Instant,
    until: Instant,
}

impl Receiver {
    pub fn new(now: Instant) -> Self {
        Self {
            lane: Lane::new(now),
            reach: Breaker::default(),
            paths: Paths::default(),
            rest: Path::new(now),
            hold: None,
            postponed: 0,
            concurrency: Concurrency::new(now),
            most: usize::MAX,
        }
    }

    /// Takes a place for a call of this shape, or says when to come back or what to wait for. The settings are `configured`.
    pub fn enter(&mut self, configured: Limits, shape: u64, now: Instant) -> Entry {
        let limits = self.limits(configured);
        self.lane.enter(limits, shape, now)
    }

    /// Says when to come back if there is no use in entering or waiting now.
    pub fn has_no_room(&mut self, configured: Limits, shape: u64, now: Instant) -> Option<Duration> {
        let limits = self.limits(configured);
        self.lane.refuses(limits, shape, now)
    }

    /// The reason why a timer would not be called now, and until when.
    pub fn refuses(&self, candidate: &Candidate, now: Instant) -> Option<(Postponed, Instant)> {
        self.refuses_as_a_whole(candidate.route, now)
            .or_else(|| self.paths.refuses(candidate, self.limit(), now))
    }

    fn refuses_as_a_whole(&self, route: Route, now: Instant) -> Option<(Postponed, Instant)> {
        let has_waited = self.hold.is_some_and(|hold| now >= hold.since + LONGEST_HOLD);
        match self.refuses_all(now) {
            Some((Postponed::RetryAfter, _)) if has_waited && self.paths.is_good(route) => None,
            refused => refused,
        }
    }

    /// The reason why no call at all would be made now, and until when.
    pub fn refuses_all(&self, now: Instant) -> Option<(Postponed, Instant)> {
        let unreached = self.reach.refuses(now).map(|until| (Postponed::Breaker, until));
        unreached.or_else(|| {
            let hold = self.hold.filter(|hold| now < hold.until)?;
            Some((Postponed::RetryAfter, hold.until))
        })
    }

    /// The reason why all of its timers wait, and until when. A breaker that is half open is such a reason, too.
    pub fn waits(&self, now: Instant) -> Option<(Postponed, Instant)> {
        let probed = (!self.reach.is_closed()).then_some((Postponed::Breaker, now));
        self.refuses_all(now).or(probed)
    }

    /// Says after which time a timer's call may begin, which is zero unless calls begin again; or why it may not, and until when.
    pub fn begins(&mut self, candidate: &Candidate, now: Instant) -> Result<Duration, (Postponed, Instant)> {
        match self.refuses(candidate, now) {
            Some(refused) => Err(refused),
            None => self.start(candidate, now).ok_or((Postponed::Recovery, now)),
        }
    }

    /// Takes a start if calls begin again: the wait for it, or `None` if that is too long.
    pub fn start(&mut self, candidate: &Candidate, now: Instant) -> Option<Duration> {
        let began =
            self.reach.closed_at().max(self.hold.map(|hold| hold.until).filter(|until| *until <= now));
        let began = began.filter(|began| now.saturating_duration_since(*began) < ramp::LENGTH);
        self.paths.start(candidate, began, now).unwrap_or_else(|| {
            began.into_iter().for_each(|began| self.rest.ramp.begin(began));
            self.rest.ramp.start(now)
        })
    }

    /// Asks for permission to call, and names the breakers for which the call is a probe.
    pub fn ask(&mut self, candidate: &Candidate, now: Instant) -> Result<Probes, (Postponed, Instant)> {
        if let Some(refused) = self.refuses_as_a_whole(candidate.route, now) {
            return Err(refused);
        }
        let (path, shape) = self.paths.ask(candidate, self.limit(), now)?;
        let reach = self.reach.ask(now) == Pass::Probe;
        Ok(Probes { reach, path, shape })
    }

    /// When a timer comes back that is not called before `until`, for the reason given. `room` is the most paths to remember.
    pub fn come_back(
        &mut self,
        candidate: &Candidate,
        (why, until): (Postponed, Instant),
        room: usize,
        now: Instant,
    ) -> Duration {
        let line = if self.refuses_all(now) == Some((why, until)) {
            self.paths.come_back_with_all(candidate.route, until, room, now)
        } else {
            self.paths.come_back(candidate, until, now)
        };
        line.unwrap_or_else(|| self.rest.come_back(until, None, now))
    }

    /// Notes the result of a call that began at `began`.
    pub fn heard(
        &mut self,
        route: Route,
        (evidence, probes): (Evidence, Probes),
        (threshold, room): (u32, usize),
        began: Instant,
        now: Instant,
    ) -> Vec<News> {
        let mut news = vec![];
        if probes.shape {
            self.paths.tried(route, Some(now));
        }
        let reached = evidence != Evidence::Unreached;
        if reached && self.reach.succeeded(now) {
            news.push(News::Back);
        }
        match evidence {
            Evidence::Well => {
                self.paths.went_well(route, began, now, &mut news);
                (self.postponed, self.rest.postponed) = (0, 0);
            }
            Evidence::Ill { wait } => {
                let said = Said { wait, probe: probes.path, threshold, room };
                if self.paths.went_ill(route, said, now, &mut news) {
                    self.is_asked(wait.unwrap_or_default(), now);
                }
            }
            Evidence::Unreached => {
                if self.reach.failed(probes.reach, threshold, now) {
                    news.push(News::Left);
                }
                // The call says nothing about the path.
                if probes.path {
                    self.paths.abandoned(route);
                }
            }
        }
        news
    }

    fn is_asked(&mut self, wait: Duration, now: Instant) {
        let until = now + wait.min(LONGEST_HOLD);
        let before = self.hold.filter(|hold| now < hold.until + OTHERS_FIRST);
        self.hold = Some(Hold {
            since: before.map_or(now, |hold| hold.since),
            until: before.map_or(until, |hold| hold.until.max(until)),
        });
    }

    /// Whether timers of this path were to come back at an instant or later.
    pub fn has_held_back(&self, route: Route, since: Option<Instant>) -> bool {
        let (path, shape) = self.paths.of(route);
        path.is_some_and(|path| path.returns.since(since))
            || shape.is_some_and(|shape| shape.returns.since(since))
            || self.rest.returns.since(since)
            || self.lane.has_postponed_since(since)
    }

    /// Whether its breakers and its requests need not be remembered.
    pub fn is_well(&self, now: Instant) -> bool {
        self.reach.is_closed() && self.hold.is_none_or(|hold| hold.until <= now) && self.paths.is_idle(now)
    }

    /// The limit of calls at once, as of now.
    pub fn limit(&self) -> usize {
        self.concurrency.limit(self.most)
    }

    /// Notes a call that has ended.
    pub fn ended(&mut self, call: &Ended, now: Instant) {
        self.concurrency.ended(call, self.most);
        self.lane.allow(self.limit(), now);
    }

    /// Notes that a call of this shape takes long.
    pub fn takes_long(&mut self, shape: u64, now: Instant) {
        self.lane.takes_long(shape);
        self.concurrency.takes_long(self.lane.in_flight(), self.most);
        self.lane.allow(self.limit(), now);
    }

    fn limits(&mut self, configured: Limits) -> Limits {
        self.most = configured.parallelism;
        Limits { parallelism: self.limit(), ..configured }
    }
}

#[cfg(test)]
mod tests;
