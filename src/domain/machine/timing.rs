//! The spans of time that the rules rest on, and why they are as long as they are. All are of the world: what NATS, calls
//! and nodes take, however fast the clock goes.

use std::time::Duration;

use crate::domain::time::Now;
use crate::domain::timer::Claim;

/// How long before it is due a timer is handed to a worker, which holds it until the exact instant.
/// The server's scheduler fires up to 250 ms late (it ticks four times a second); twice that leaves
/// room for the way to the worker and for reading the record.
pub const LEAD: Duration = Duration::from_millis(500);

/// How much longer than its timeout a call may take until its claimant is taken for dead: the time
/// to store an outcome through a change of leader in NATS (2 to 9 s), and the clocks' difference.
pub const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// Whether a call under `claim` may still begin: it has to end well before the lease does. A worker
/// that was stopped for a while after it claimed finds out here that it has come too late.
pub fn may_still_call(claim: &Claim, timeout: Duration, now: impl Into<Now>) -> bool {
    now.into().after(timeout + LEASE_MARGIN - LATEST_START) <= claim.lease_until
}

/// How long after its claim a call begins at the latest.
pub(super) const LATEST_START: Duration = Duration::from_millis(LEASE_MARGIN.as_millis() as u64 / 2);

/// A record is stored at most this long after the wake that it needs was armed; after that, it has
/// to be armed again first.
pub const ARM_FRESH: Duration = Duration::from_secs(15);

/// A due timer whose receiver has no room is looked at again after this time at the latest: long enough that a long
/// backlog of a dead receiver costs the broker little.
pub const MAX_POSTPONEMENT: Duration = Duration::from_secs(600);

/// How often a wake that is not needed is looked at before it is settled. With [`linger_delay`] that
/// takes 33 s, which is more than [`ARM_FRESH`] and a few requests to NATS: by then, whoever armed it
/// has stored the record that needs it, or never will.
pub const LINGER_TRIES: u32 = 12;

/// How long a wake that is not needed yet stays away after its try number `tries` (from 1): 10 ms,
/// since the record it was armed for is usually a fraction of a millisecond behind; then four times
/// as long each time, up to 5 s.
pub fn linger_delay(tries: u32) -> Duration {
    let factor = 4_u32.saturating_pow(tries.saturating_sub(1).min(8));
    Duration::from_millis(10).saturating_mul(factor).min(Duration::from_secs(5))
}
