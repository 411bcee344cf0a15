//! The clock of a node.
//!
//! The only place that reads the machine's; everything else is given a [`Timestamp`]. A node goes by the world's clock, but
//! that of `jettimer dev --time-scale` by one that goes faster from an anchor on. What such a node keeps and shows is by
//! that clock; what it tells the world (NATS, receivers, other nodes) by the world's.

mod course;
mod reference;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::{Now, Pace, Timestamp};

pub use course::Course;
pub use reference::Reference;

/// A clock. The default is the world's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    course: Course,
}

impl Clock {
    /// That of the world.
    pub const OF_THE_WORLD: Self = Self { course: Course::OF_THE_WORLD };

    /// One that goes so.
    pub const fn on(course: Course) -> Self {
        Self { course }
    }

    /// The present instant by this clock.
    pub fn now(self) -> Timestamp {
        self.shown(self.world())
    }

    /// The same, and how fast it goes.
    pub fn moment(self) -> Now {
        Now { at: self.now(), pace: self.pace() }
    }

    /// How fast it goes.
    pub fn pace(self) -> Pace {
        self.course.pace
    }

    /// The present instant in the world. A machine's clock before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends others to")]
    pub fn world(self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
    }

    /// What this clock shows at an instant of the world.
    pub fn shown(self, world: Timestamp) -> Timestamp {
        self.course.shown(world)
    }

    /// When in the world this clock shows an instant; never before it does.
    pub fn in_the_world(self, shown: Timestamp) -> Timestamp {
        self.course.in_the_world(shown)
    }
}
