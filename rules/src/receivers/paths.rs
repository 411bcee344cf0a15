//! The paths of one receiver. A path that fails is remembered with a breaker, a path that goes well only with its last success.
//! Time comes in as an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Postponed;
use super::breaker::Pass;
use super::candidate::Candidate;
use super::path::Path;
use super::route::Route;
use super::shape::Shape;
use super::tries::Tries;

/// The most paths and shapes of one receiver that are remembered.
pub const MAX_PATHS: usize = 64;
const MAX_GOOD: usize = 64;
const MAX_SHAPES: usize = 32;

/// The paths of a receiver.
#[derive(Debug, Default)]
pub struct Paths {
    ill: HashMap<u64, Path>,
    /// Paths whose last call went well, and when that was.
    good: HashMap<u64, Instant>,
    shapes: HashMap<u64, Shape>,
    tries: Tries,
    /// Until when one of them is held back at the receiver's request.
    held_until: Option<Instant>,
}

/// A change, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The receiver is left alone.
    Left,
    Back,
    /// A path is left alone.
    PathLeft,
    PathBack,
    /// All paths that look alike are left alone.
    ShapeLeft,
    ShapeBack,
}

impl Paths {
    /// The reason why a call would not be made now, and until when. `places` is the receiver's number of places.
    pub fn refuses(
        &self,
        candidate: &Candidate,
        places: usize,
        now: Instant,
    ) -> Option<(Postponed, Instant)> {
        let route = candidate.route;
        let path = self.ill.get(&route.path);
        path.and_then(|path| path.refuses(now)).or_else(|| {
            let shape = self.shapes.get(&route.shape).filter(|_| !self.is_good(route))?;
            let tried = shape.is_left_alone() && self.tries.refuse(route.path, places, now);
            let until = shape.refuses(candidate, path, now).or(tried.then_some(now))?;
            Some((Postponed::Breaker, until))
        })
    }

    /// Asks for permission to call. Says whether the call is a probe of its path, and whether it is a try within a shape that is left
    /// alone.
    pub fn ask(
        &mut self,
        candidate: &Candidate,
        places: usize,
        now: Instant,
    ) -> Result<(bool, bool), (Postponed, Instant)> {
        if let Some(refused) = self.refuses(candidate, places, now) {
            return Err(refused);
        }
        let route = candidate.route;
        let is_good = self.is_good(route);
        let path = self.ill.get_mut(&route.path);
        let shape = self.shapes.get_mut(&route.shape).filter(|_| !is_good);
        let tries = shape.is_some_and(|shape| shape.tries(candidate, path.as_deref(), now));
        if tries {
            self.tries.begin(route.path, now);
        }
        Ok((path.is_some_and(|path| path.ask(now) == Pass::Probe), tries))
    }

    /// Notes that a try has ended, or that it was given up.
    pub fn tried(&mut self, route: Route, ended: Option<Instant>) {
        match ended {
            Some(now) => self.tries.end(route.path, now),
            None => self.tries.give_up(route.path),
        }
    }

    /// Notes that the probe of a path was not made after all, or says nothing about the path.
    pub fn abandoned(&mut self, route: Route) {
        if let Some(path) = self.ill.get_mut(&route.path) {
            path.breaker.abandoned();
        }
    }

    /// Takes a start, if calls of this path begin again: the wait for it, or `None` within if that is too long. Absent if nothing
    /// is remembered of this path, or if the timer has waited for long. At `since`, all paths of the receiver have begun again.
    pub fn start(
        &mut self,
        candidate: &Candidate,
        since: Option<Instant>,
        now: Instant,
    ) -> Option<Option<Duration>> {
        let route = candidate.route;
        if let Some(path) = self.ill.get_mut(&route.path) {
            since.into_iter().for_each(|since| path.ramp.begin(since));
            return Some(path.ramp.start(now));
        }
        let shape = self.shapes.get_mut(&route.shape).filter(|shape| shape.ramp.is_on(now))?;
        // A shape that is left alone time and again also begins again each time, with only a few starts.
        if candidate.has_waited() {
            return None;
        }
        Some(shape.ramp.start(now))
    }

    /// When a timer comes back that is not called before `until`, because its path or shape is left alone or begins again.
    /// Absent if nothing is remembered of either.
    pub fn come_back(&mut self, candidate: &Candidate, until: Instant, now: Instant) -> Option<Duration> {
        let route = candidate.route;
        let shape = self.shapes.get_mut(&route.shape);
        let latest = shape.as_ref().and_then(|shape| shape.waits_until(candidate, now));
        if let Some(path) = self.ill.get_mut(&route.path) {
            let is_alone = path.refuses(now).is_none() && shape.is_some_and(|shape| shape.is_left_alone());
            return Some(path.come_back(until, latest.filter(|_| is_alone), now));
        }
        shape.map(|shape| shape.come_back(until, latest, now))
    }

    /// The same if the whole receiver is left alone: each path has a line of its own, as far as there is room, so that the timers of one
    /// path do not wait for all those of another.
    pub fn come_back_with_all(
        &mut self,
        route: Route,
        until: Instant,
        room: usize,
        now: Instant,
    ) -> Option<Duration> {
        if self.ill.len() < room {
            self.ill.entry(route.path).or_insert_with(|| Path::new(now));
        }
        self.ill.get_mut(&route.path).map(|path| path.come_back(until, None, now))
    }

    /// Notes that a call of this path that began at `began` went well.
    pub fn went_well(&mut self, route: Route, began: Instant, now: Instant, news: &mut Vec<News>) {
        if let Some(path) = self.ill.get_mut(&route.path) {
            if path.breaker.succeeded(now) {
                path.ramp.begin(now);
                news.push(News::PathBack);
            }
            (path.postponed, path.again_at, path.counted_in) = (0, None, None);
            if path.is_idle(now) {
                self.ill.remove(&route.path);
            }
        }
        if let Some(shape) = self.shapes.get_mut(&route.shape) {
            if shape.succeeded(now) {
                news.push(News::ShapeBack);
            }
            if shape.is_idle(now) {
                self.shapes.remove(&route.shape);
            }
        }
        if self.held_until.is_some_and(|until| now < until) {
            let others = self.ill.iter_mut().filter(|(path, _)| **path != route.path);
            others.for_each(|(_, path)| path.another_went_well(began, now));
        }
        if self.good.len() >= MAX_GOOD && !self.is_good(route) {
            forget_one(&mut self.good, |at| Some(*at));
        }
        self.good.insert(route.path, now);
    }

    /// Notes that a call of this path failed. If the receiver has asked to be left alone, says whether it may have spoken for all of
    /// its paths.
    pub fn went_ill(&mut self, route: Route, said: Said, now: Instant, news: &mut Vec<News>) -> bool {
        self.good.remove(&route.path);
        if !self.ill.contains_key(&route.path) && self.ill.len() >= said.room {
            self.ill.retain(|_, path| !path.is_idle(now));
            if self.ill.len() >= said.room {
                forget_one(&mut self.ill, |path| (!path.is_left_alone(now)).then_some(path.last));
            }
        }
        let known = self.good.len() + self.ill.len();
        let others = if self.ill.contains_key(&route.path) { known > 1 } else { known > 0 };
        if !self.shapes.contains_key(&route.shape) && self.shapes.len() >= MAX_SHAPES {
            forget_one(&mut self.shapes, |shape| (!shape.is_left_alone()).then_some(shape.last));
        }
        let path = self.ill.entry(route.path).or_insert_with(|| Path::new(now));
        path.last = now;
        if path.breaker.failed(said.probe, said.threshold, now) {
            news.push(News::PathLeft);
        }
        if self.shapes.len() < MAX_SHAPES || self.shapes.contains_key(&route.shape) {
            let shape = self.shapes.entry(route.shape).or_insert_with(|| Shape::new(now));
            if shape.failed(path, said.threshold, now) {
                news.push(News::ShapeLeft);
            }
        }
        let Some(wait) = said.wait.filter(|wait| !wait.is_zero()) else { return false };
        let (for_all, until) = path.asked(wait, others, now);
        self.held_until = self.held_until.max(Some(until));
        for_all
    }

    /// Whether the last call of this path is known to have gone well.
    pub fn is_good(&self, route: Route) -> bool {
        self.good.contains_key(&route.path)
    }

    /// Whether there is nothing to remember.
    pub fn is_idle(&self, now: Instant) -> bool {
        self.ill.values().all(|path| path.is_idle(now))
            && self.shapes.values().all(|shape| shape.is_idle(now))
    }

    /// The remembered paths, except those of which only a success is known.
    pub fn paths(&self) -> impl Iterator<Item = (u64, &Path)> {
        self.ill.iter().map(|(path, known)| (*path, known))
    }

    pub fn shapes(&self) -> impl Iterator<Item = (u64, &Shape)> {
        self.shapes.iter().map(|(shape, known)| (*shape, known))
    }

    /// The entries of a path and of its shape. The shape's is absent if the path's last call went well.
    pub fn of(&self, route: Route) -> (Option<&Path>, Option<&Shape>) {
        let shape = self.shapes.get(&route.shape).filter(|_| !self.is_good(route));
        (self.ill.get(&route.path), shape)
    }
}

/// The message of a failed call, and the settings by which it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// For how long the receiver asks to be left alone.
    pub wait: Option<Duration>,
    /// Whether the call was a probe of its path.
    pub probe: bool,
    /// The number of failures in a row that opens a breaker; 0 for no breakers.
    pub threshold: u32,
    /// The most paths that are remembered, at most [`MAX_PATHS`].
    pub room: usize,
}

/// Forgets the oldest entry that may be forgotten.
fn forget_one<T>(known: &mut HashMap<u64, T>, age: impl Fn(&T) -> Option<Instant>) {
    let oldest = known.iter().filter_map(|(key, one)| Some((age(one)?, *key))).min();
    if let Some((_, key)) = oldest {
        known.remove(&key);
    }
}
