//! Finds waiting wakes whose timers have no record: creations that were cut off have left them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::findings::{FindingKind, Findings};
use super::pass::{BESIDE, Broom, Order, short};
use crate::nats::{self, NatsError, WaitingWake, WakeScan};
use rules::domain::sweep::is_orphan;

impl Broom {
    /// Looks for waiting wakes that belong to none of the records with these ids.
    pub(super) async fn find_orphans(
        &self,
        order: Order,
        mut ids: Vec<u64>,
        findings: &Findings,
    ) -> Result<(), NatsError> {
        ids.sort_unstable();
        let mut pace = order.pace();
        let mut scan = WakeScan::open(&self.link).await?;
        while let Some(wakes) = scan.next().await? {
            let (read, now) = (wakes.len(), self.clock.world());
            let suspects = wakes.into_iter().filter(|wake: &WaitingWake| {
                is_orphan(wake.stored_at, now) && ids.binary_search(&short(wake.id)).is_err()
            });
            let looks = suspects.map(|wake| self.look_at_wake(wake, order, findings));
            let looks: Vec<_> = looks.collect();
            stream::iter(looks).buffer_unordered(BESIDE).try_collect::<()>().await?;
            pace.after(read).await;
        }
        Ok(())
    }

    async fn look_at_wake(
        &self,
        wake: WaitingWake,
        order: Order,
        findings: &Findings,
    ) -> Result<(), NatsError> {
        match self.store.read(wake.id).await {
            // A record that cannot be read is still a record.
            Ok(Some(_)) | Err(NatsError::Unreadable(_)) => return Ok(()),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        if !order.repair || nats::remove_wake(&self.link, wake.sequence).await? {
            findings.note(FindingKind::Orphan, Some(wake.id));
        }
        Ok(())
    }
}
