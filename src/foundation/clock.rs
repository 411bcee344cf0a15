//! The clock of a node.
//!
//! The only place that reads the machine's clock; all other code is given a [`Timestamp`]. A node goes by the world's clock, except
//! with `jettimer dev --time-scale`: then its clock goes faster from an anchor on. Such a node keeps and shows times by its own
//! clock, and tells the world (NATS, receivers, other nodes) times by the world's.
//!
//! Instants are translated where they leave: in `nats` (schedules, times to live, times of storage), in `webhook` (`webhook-timestamp`,
//! `Retry-After` as a date), and in `heartbeat`, which compares clocks of the world. The rules do not know how fast the clock goes. They
//! ask the present ([`Moment`]) how far it gets in the spans that depend on the world: the lead of a wake, lingering, postponements, and
//! the lease, which has to outlast a call whose timeout is the world's. Spans that clients set (delays, backoff, deadlines, retention) are
//! by the node's clock.
//!
//! **Invariant:** nothing is done before the node's clock shows its instant: spans and instants are rounded up on their way into the world.
//! **Invariant:** a lease outlasts its call in the world, however fast the clock goes.

mod course;
mod reference;
mod scale;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rules::domain::time::{Now, Timestamp};

pub use course::Course;
pub use reference::Reference;
pub use scale::TimeScale;

/// The present by a clock, and how fast the clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The instant that the clock shows.
    pub at: Timestamp,
    pub scale: TimeScale,
}

impl Moment {
    /// How long it takes in the world until the clock shows `shown`; zero if it does already.
    pub fn until(self, shown: Timestamp) -> Duration {
        self.scale.clock_to_world(shown.since(self.at))
    }
}

impl Now for Moment {
    fn at(self) -> Timestamp {
        self.at
    }

    fn by_the_clock(self, in_the_world: Duration) -> Duration {
        self.scale.world_to_clock(in_the_world)
    }
}

/// A clock. The default is the world's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    course: Course,
}

impl Clock {
    pub const OF_THE_WORLD: Self = Self { course: Course::OF_THE_WORLD };

    pub const fn on(course: Course) -> Self {
        Self { course }
    }

    /// The present instant by this clock.
    pub fn now(self) -> Timestamp {
        self.shown(self.world())
    }

    /// The present by this clock.
    pub fn moment(self) -> Moment {
        Moment { at: self.now(), scale: self.scale() }
    }

    /// How fast this clock goes.
    pub fn scale(self) -> TimeScale {
        self.course.scale
    }

    /// The present instant in the world. A machine's clock before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends others to")]
    pub fn world(self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
    }

    /// The time that this clock shows at an instant of the world.
    pub fn shown(self, world: Timestamp) -> Timestamp {
        self.course.shown(world)
    }

    /// The instant of the world at which this clock shows `shown`; never before it does.
    pub fn in_the_world(self, shown: Timestamp) -> Timestamp {
        self.course.in_the_world(shown)
    }
}
