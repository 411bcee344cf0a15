//! Decides which node sweeps: the one that holds the lease.

use std::time::Duration;

use super::{Sweeper, SweeperState};
use crate::nats::Lease;
use rules::domain::time::Timestamp;

/// How long a lease lasts after it was written: longer than a change of leader in NATS usually takes.
const LEASE: Duration = Duration::from_secs(10);

/// A lease that lasts longer than this was written by a clock that was ahead, and is ignored: its holder would keep other nodes from
/// sweeping for as long as its clock was ahead. Two sweeps at once do no harm.
const LONGEST: Duration = LEASE.saturating_mul(2);

/// A lease that does not last longer than this is written again.
const RENEW_BELOW: Duration = Duration::from_secs(8);

impl Sweeper {
    /// Takes the lease if no other node holds it, and renews it.
    pub(super) async fn hold(&self, known: &mut SweeperState) {
        let now = self.clock.world();
        let (lease, revision) = match known.held.take() {
            Some((lease, revision)) if lease.until.since(now) > RENEW_BELOW => {
                known.held = Some((lease, revision));
                return;
            }
            Some(held) => held,
            None => match Lease::read(&self.link).await {
                Ok((Some(lease), _)) if lease.instance != self.instance && is_held(lease.until, now) => {
                    return;
                }
                Ok((Some(lease), revision)) => (lease, revision),
                Ok((None, revision)) => (self.first_lease(), revision),
                // Without its bucket no node holds a lease. `look` creates the bucket; two nodes that do so at once do
                // no harm.
                Err(error) => {
                    tracing::debug!(%error, "cannot read which node sweeps");
                    self.look(known).await;
                    return;
                }
            },
        };
        let lease = Lease {
            instance: self.instance,
            node: self.node.clone(),
            until: now.saturating_add(LEASE),
            ..lease
        };
        match lease.put(&self.link, revision).await {
            Ok(Some(revision)) => known.held = Some((lease, revision)),
            Ok(None) => tracing::debug!("another node sweeps"),
            Err(error) => tracing::debug!(%error, "cannot write the lease of the sweep"),
        }
    }

    fn first_lease(&self) -> Lease {
        Lease {
            instance: self.instance,
            node: self.node.clone(),
            until: self.clock.world(),
            swept_at: None,
            wakes_born: None,
            bucket_born: None,
            bucket_seq: 0,
        }
    }
}

fn is_held(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.since(now) <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_until_it_ends_unless_a_wrong_clock_has_made_it_too_long() {
        let now = Timestamp::from_micros(1_000_000_000);
        let in_seconds = |seconds| now.saturating_add(Duration::from_secs(seconds));
        let held = [0, 1, 10, 20, 21, 3_600].map(|seconds| is_held(in_seconds(seconds), now));
        assert_eq!(held, [false, true, true, true, false, false]);
    }
}
