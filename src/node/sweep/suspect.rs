//! A timer that some replica shows without a wake, until the leader has confirmed that.

use rules::domain::sweep::{Armed, Damage};
use rules::domain::target::TargetUrl;
use rules::domain::timer::TimerId;

/// A timer that seems to have no wake.
pub(super) struct Suspect {
    pub(super) id: TimerId,
    pub(super) url: TargetUrl,
    pub(super) damage: Damage,
    /// The wakes that the replica had.
    pub(super) seen: Vec<Armed>,
}

impl Suspect {
    /// A wake as the leader has it, but with the replica's time of arming if the replica had the same wake.
    pub(super) fn known_earlier(&self, wake: Armed) -> Armed {
        let same = |seen: &&Armed| match (seen, wake) {
            (Armed::Waiting { at: seen, .. }, Armed::Waiting { at, .. }) => *seen == at,
            (Armed::Waiting { .. } | Armed::Due, Armed::Waiting { .. } | Armed::Due) => false,
        };
        self.seen.iter().find(same).copied().unwrap_or(wake)
    }
}
