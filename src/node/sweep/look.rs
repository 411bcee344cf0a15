//! Checks that the streams and the consumer exist on NATS, and that they are the same as before.

use super::findings::{Findings, Kind};
use super::{Known, Sweeper};
use crate::foundation::metrics::SweepFinding;
use crate::nats::{self, Missing, Standing, Trouble};

/// How many looks in a row must show a bucket older than it was, or another one, before that is believed: a new leader may lag
/// for a moment.
const BACK_LOOKS: u32 = 5;

impl Sweeper {
    /// Checks that everything exists, and creates the missing parts.
    pub(super) async fn look(&self, known: &mut Known) {
        match Box::pin(nats::mend(&self.link, self.shape)).await {
            Ok(standing) => {
                if known.trouble.take().is_some() {
                    tracing::info!("NATS is again set up as timers need it");
                }
                let findings = Findings::counted(self.metrics.clone());
                for missing in &standing.created {
                    findings.note(Kind::missing(*missing), None);
                }
                known.loss |= standing.has_lost_wakes();
                self.compare(known, &standing, &findings);
                findings.log();
                known.standing = Some(standing);
            }
            Err(error) => {
                known.standing = None;
                if matches!(error, Trouble::NotNow(_)) {
                    tracing::debug!(%error, "cannot check whether NATS is set up as timers need it");
                    return;
                }
                let text = error.to_string();
                if known.trouble.as_ref() != Some(&text) {
                    tracing::error!(error = text, "timers do not work: NATS is not set up as they need it");
                    if matches!(error, Trouble::NoBucket(_)) {
                        self.metrics.sweep.findings.count(SweepFinding::BucketMissing);
                    }
                    known.trouble = Some(text);
                }
            }
        }
    }

    /// Compares the streams with the lease's notes of them, whichever node made those.
    fn compare(&self, known: &mut Known, standing: &Standing, findings: &Findings) {
        let Some((lease, _)) = &mut known.held else { return };
        if lease.wakes_born.is_some_and(|born| born != standing.wakes_born) && !known.loss {
            if !standing.created.contains(&Missing::Wakes) {
                findings.note(Kind::WakesMissing, None);
            }
            known.loss = true;
        }
        let other = lease.bucket_born.is_some_and(|born| born != standing.bucket_born);
        let back = standing.bucket_seq < lease.bucket_seq;
        known.back = if other || back { known.back.saturating_add(1) } else { 0 };
        if known.back == BACK_LOOKS {
            findings.note(Kind::BucketTurnedBack, None);
            tracing::error!(
                was = lease.bucket_seq,
                is = standing.bucket_seq,
                "the bucket of timers was replaced, or is older than it was: was it restored from a backup, or deleted \
                 and created again? Changes after the backup are lost, and timers that were called after it may be \
                 called again"
            );
        }
        if known.back == 0 || known.back >= BACK_LOOKS {
            known.back = 0;
            lease.bucket_born = Some(standing.bucket_born);
            lease.bucket_seq = standing.bucket_seq;
        }
    }
}
