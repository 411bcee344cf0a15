//! Checks that the streams and the consumer exist on NATS, and that they are the same as before.

use super::findings::{FindingKind, Findings};
use super::{Sweeper, SweeperState};
use crate::foundation::metrics::SweepFinding;
use crate::nats::{self, Missing, SetupError, TopologyState};

/// How many looks in a row must show a bucket older than it was, or another one, before that is believed: a new leader may lag
/// for a moment.
const BACK_LOOKS: u32 = 5;

impl Sweeper {
    /// Checks that everything exists, and creates the missing parts.
    pub(super) async fn look(&self, known: &mut SweeperState) {
        match Box::pin(nats::mend(&self.link, self.shape)).await {
            Ok(topology) => {
                if known.trouble.take().is_some() {
                    tracing::info!("NATS is again set up as timers need it");
                }
                let findings = Findings::counted(self.metrics.clone());
                for missing in &topology.created {
                    findings.note(FindingKind::missing(*missing), None);
                }
                known.loss |= topology.has_lost_wakes();
                self.compare(known, &topology, &findings);
                findings.log();
                known.topology = Some(topology);
            }
            Err(error) => {
                known.topology = None;
                if matches!(error, SetupError::NotNow(_)) {
                    tracing::debug!(%error, "cannot check whether NATS is set up as timers need it");
                    return;
                }
                let text = error.to_string();
                if known.trouble.as_ref() != Some(&text) {
                    tracing::error!(error = text, "timers do not work: NATS is not set up as they need it");
                    if matches!(error, SetupError::NoBucket(_)) {
                        self.metrics.sweep.findings.count(SweepFinding::BucketMissing);
                    }
                    known.trouble = Some(text);
                }
            }
        }
    }

    /// Compares the streams with the lease's notes of them, whichever node made those.
    fn compare(&self, known: &mut SweeperState, topology: &TopologyState, findings: &Findings) {
        let Some((lease, _)) = &mut known.held else { return };
        if lease.wakes_born.is_some_and(|born| born != topology.wakes_born) && !known.loss {
            if !topology.created.contains(&Missing::Wakes) {
                findings.note(FindingKind::WakesMissing, None);
            }
            known.loss = true;
        }
        let other = lease.bucket_born.is_some_and(|born| born != topology.bucket_born);
        let back = topology.bucket_seq < lease.bucket_seq;
        known.back = if other || back { known.back.saturating_add(1) } else { 0 };
        if known.back == BACK_LOOKS {
            findings.note(FindingKind::BucketTurnedBack, None);
            tracing::error!(
                was = lease.bucket_seq,
                is = topology.bucket_seq,
                "the bucket of timers was replaced, or is older than it was: was it restored from a backup, or deleted \
                 and created again? Changes after the backup are lost, and timers that were called after it may be \
                 called again"
            );
        }
        if known.back == 0 || known.back >= BACK_LOOKS {
            known.back = 0;
            lease.bucket_born = Some(topology.bucket_born);
            lease.bucket_seq = topology.bucket_seq;
        }
    }
}
