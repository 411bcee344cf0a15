//! The spans of time that the rules rest on, and the reasons for their lengths. All are spans of the world: the time that NATS,
//! calls and nodes take, however fast the clock goes.

use std::time::Duration;

use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{Claim, TimerId};

/// How long before it is due a worker attends to a timer: it reads the record, and holds the wake until the exact instant. nats-server's
/// scheduler fires up to 250 ms late (it ticks four times a second). Twice that leaves room for the way to the worker and for reading
/// the record.
pub const LEAD: Duration = Duration::from_millis(500);

/// How long before its timer is due a wake comes to a worker at the earliest. The worker leaves it alone until [`LEAD`] before.
///
/// Many timers are due at a full hour. nats-server moves some 12,000 wakes a second to the workers' queue, one after the other, so
/// the wakes of timers that are due at one instant are [spread](lead_of) over the time before it: 30,000 take two and a half seconds.
/// If they came at one instant, timers that are due shortly after them would be late. A longer time would make more timers late when
/// the node that holds them is killed, and a worker would have to tell the broker that it still has them.
pub const LONGEST_LEAD: Duration = Duration::from_secs(3);

/// The wake of a timer that is due sooner comes only [`LEAD`] before: a client may still be creating others for the same instant, and
/// wakes that come meanwhile would delay it.
const SPREAD_FROM: Duration = Duration::from_secs(10);

/// How long before it is due the wake of a timer that a client creates or moves now comes to a worker: between [`LEAD`] and
/// [`LONGEST_LEAD`], by its id.
pub fn lead_of(id: TimerId, at: Timestamp, now: impl Now) -> Duration {
    if at < now.after(SPREAD_FROM) {
        return LEAD;
    }
    let millis = id.as_u128() % (LONGEST_LEAD - LEAD).as_millis();
    LEAD + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// How much longer than its timeout a call may take before its claimant is taken for dead: the time to store an outcome through a
/// change of leader in NATS (2 to 9 s), and the difference between the clocks.
pub const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// Whether a call under `claim` may still begin: it has to end well before the lease does. A worker that was stopped for a while
/// after its claim finds out here that it is too late.
pub fn may_still_call(claim: &Claim, timeout: Duration, now: impl Now) -> bool {
    now.after(timeout + LEASE_MARGIN - LATEST_START) <= claim.lease_until
}

/// The latest start of a call, counted from its claim.
pub(super) const LATEST_START: Duration = Duration::from_millis(LEASE_MARGIN.as_millis() as u64 / 2);

/// A record is stored at most this long after the wake that it needs was armed. After that, the wake has to be armed again first.
pub const ARM_FRESH: Duration = Duration::from_secs(15);

/// The longest time until a due timer whose receiver has no room is looked at again. It is long enough that a large backlog of a
/// dead receiver costs the broker little.
pub const MAX_POSTPONEMENT: Duration = Duration::from_secs(600);

/// How often a wake that is not needed is looked at before it is settled. With [`linger_delay`] that takes 33 s, which is more
/// than [`ARM_FRESH`] and a few requests to NATS. By then, the node that armed the wake has stored the record that needs it, or
/// never will.
pub const LINGER_TRIES: u32 = 12;

/// How long a wake that is not needed yet stays away after its try number `tries` (from 1). The first delay is 10 ms, since the
/// record is usually a fraction of a millisecond behind its wake. Each following delay is four times as long, up to 5 s.
pub fn linger_delay(tries: u32) -> Duration {
    let factor = 4_u32.saturating_pow(tries.saturating_sub(1).min(8));
    Duration::from_millis(10).saturating_mul(factor).min(Duration::from_secs(5))
}
