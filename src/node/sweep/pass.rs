//! One sweep: every record with its wakes, and now and then every waiting wake with its record.
//!
//! Pages come from some replica and yield suspects. A suspect becomes a finding once the leader has confirmed that the same record
//! had no wake. If the record has changed meanwhile, a worker or a client is dealing with it. Memory is bounded by a page and
//! eight bytes per timer.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::foundation::clock::{Clock, Moment};
use crate::nats::{self, Link, NatsError, Put, RecordPage, RecordPages, Store, Stored, Wakes};
use crate::node::guard::Guard;
use crate::node::sweep::accounts::Accounts;
use crate::node::sweep::findings::{FindingKind, Findings};
use crate::node::sweep::pace::Pace;
use crate::node::sweep::suspect::Suspect;
use rules::domain::high_water::{HighWater, Soundings};
use rules::domain::machine::{Effect, Input, LEAD, step};
use rules::domain::sweep::{Armed, Damage, Look, judge};
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// How many records, or wakes, a sweep reads per second while no wakes are known to be lost. A record and a wake together cost the server
/// 35 µs of CPU (`scripts/sweep-work`, 200,000 timers), so this is less than a fifth of a core.
const PACE: u32 = 5_000;

/// How many suspects are checked, or armed, at the same time.
pub(super) const BESIDE: usize = 64;

/// The parts that a sweep works with.
#[derive(Clone)]
pub struct Broom {
    pub(super) link: Link,
    pub(super) store: Store,
    wakes: Wakes,
    guard: Guard,
    pub(super) clock: Clock,
    grace: Duration,
}

/// The mode of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Wakes are known to be lost: sweep at full speed, and believe the first look, since a needless wake is harmless.
    pub after_loss: bool,
    /// Repair the damage that is found.
    pub repair: bool,
    /// End timers whose records were brought back. Only a node does so, since it knows how long records are kept.
    pub end_restored: bool,
    /// Read all waiting wakes as well, and find those without a record. Not after a loss: timers that have lost their stream of
    /// wakes have left none.
    pub find_orphans: bool,
    /// Count late timers by receiver, for `jettimer doctor`.
    pub count_late: bool,
}

impl Order {
    pub(super) fn pace(self) -> Pace {
        Pace::new((!self.after_loss).then_some(PACE))
    }
}

impl Broom {
    /// A sweep of the records and wakes on `link`; a timer is overdue after `grace`.
    pub fn new(link: Link, store: Store, guard: Guard, clock: Clock, grace: Duration) -> Self {
        Self { wakes: Wakes::new(link.clone()), store, guard, link, clock, grace }
    }

    /// Sweeps once, and notes each finding as soon as it is made.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; the next sweep looks at the records that this one did not reach.
    pub async fn sweep(&self, order: Order, findings: &Findings) -> Result<(), NatsError> {
        let swept = self.sweep_records(order, findings, None).await?;
        if order.find_orphans { self.find_orphans(order, swept.ids, findings).await } else { Ok(()) }
    }

    /// Sweeps all records once, and counts them for the ledger.
    pub(super) async fn sweep_records(
        &self,
        order: Order,
        findings: &Findings,
        accounts: Option<&mut Accounts>,
    ) -> Result<Swept, NatsError> {
        self.guard.compare().await?;
        if order.repair {
            self.remove_settled_wakes().await?;
        }
        let (connection, bucket_born) = (self.link.connection(), self.guard.bucket_born());
        let mut pass = Pass::new(self.clock.now(), order);
        let mut pages = RecordPages::open(&self.link).await?;
        let read = self.look_at_all(&mut pages, &mut pass, findings, accounts).await;
        pages.close().await;
        read?;
        pass.soundings.reach(nats::no_record_behind(&self.link, pass.seen).await?);
        let same = self.link.connection() == connection;
        Ok(Swept { mark: same.then(|| pass.soundings.finish(bucket_born)), ids: pass.ids })
    }

    async fn look_at_all(
        &self,
        pages: &mut RecordPages,
        pass: &mut Pass,
        findings: &Findings,
        mut accounts: Option<&mut Accounts>,
    ) -> Result<(), NatsError> {
        while let Some(page) = pages.next().await? {
            if let Some(accounts) = &mut accounts {
                accounts.count(&page.records);
            }
            self.look_at_page(page, pass, findings).await?;
        }
        Ok(())
    }

    async fn look_at_page(
        &self,
        page: RecordPage,
        pass: &mut Pass,
        findings: &Findings,
    ) -> Result<(), NatsError> {
        pass.seen = page.last;
        if pass.order.find_orphans {
            pass.ids.extend(page.records.iter().map(|stored| short(stored.timer.id)));
            pass.ids.extend(page.unreadable.iter().map(|(id, _)| short(*id)));
        }
        for (id, revision) in &page.unreadable {
            findings.note(FindingKind::Unreadable, Some(*id));
            pass.soundings.count_unreadable(*revision);
        }
        page.removed.iter().for_each(|id| findings.note(FindingKind::Removed, Some(*id)));
        findings.looked_at(page.records.len());
        if pass.order.count_late {
            let now = self.clock.now();
            page.records.iter().for_each(|stored| findings.late.look_at(&stored.timer, now));
        }
        let read = page.records.len();
        let (restored, records): (Vec<Stored>, Vec<Stored>) =
            page.records.into_iter().partition(|stored| self.guard.is_restored(stored));
        records.iter().for_each(|stored| pass.soundings.count(&stored.timer.state, stored.revision));
        for stored in restored {
            self.end_restored(stored.timer.id, pass.order, findings).await?;
        }
        self.look_at(&records, pass.order, findings).await?;
        pass.pace.after(read).await;
        Ok(())
    }

    /// Removes due wakes that the server never delivers, before the sweep takes a timer for armed because of one.
    async fn remove_settled_wakes(&self) -> Result<(), NatsError> {
        let removed = self.wakes.remove_settled().await?;
        if removed > 0 {
            tracing::warn!(
                removed,
                "removed due wakes that were settled: NATS had kept them, as it does if it cannot write to its disk"
            );
        }
        Ok(())
    }

    /// Ends a timer as unknown if its record was brought back and the leader confirms that.
    async fn end_restored(&self, id: TimerId, order: Order, findings: &Findings) -> Result<(), NatsError> {
        let Some(stored) = self.store.read(id).await?.filter(|stored| self.guard.is_restored(stored)) else {
            return Ok(());
        };
        if order.end_restored {
            let effects = step(&stored.timer, Input::Restored, self.clock.moment()).effects;
            let Some(Effect::Store(ended)) = effects.into_iter().next() else { return Ok(()) };
            match self.store.put(&ended, Some(&stored)).await? {
                Put::Done(revision) => self.guard.wrote(id, revision),
                // Another node or a client has changed the record meanwhile, and has checked it as well.
                Put::Lost => return Ok(()),
            }
        }
        findings.note(FindingKind::Restored, Some(id));
        Ok(())
    }

    /// Looks at the wakes of these records.
    async fn look_at(&self, records: &[Stored], order: Order, findings: &Findings) -> Result<(), NatsError> {
        let open = records.iter().filter(|stored| order.after_loss || !stored.timer.state.is_final());
        let open: Vec<&Stored> = open.collect();
        let ids: Vec<TimerId> = open.iter().map(|stored| stored.timer.id).collect();
        let wakes = nats::wakes_of(&self.link, &ids).await?;
        let look = self.look(order);
        let suspects = open.into_iter().filter_map(|stored: &Stored| {
            let held = wakes.get(&stored.timer.id).map_or(&[][..], Vec::as_slice);
            let damage = judge(&stored.timer, held, look)?;
            Some(Suspect {
                id: stored.timer.id,
                url: stored.timer.target.url.clone(),
                damage,
                seen: held.to_vec(),
            })
        });
        let suspects: Vec<Suspect> = suspects.collect();
        let looks = suspects.into_iter().map(|suspect| self.look_at_one(suspect, order, findings));
        stream::iter(looks).buffer_unordered(BESIDE).try_collect().await
    }

    async fn look_at_one(
        &self,
        suspect: Suspect,
        order: Order,
        findings: &Findings,
    ) -> Result<(), NatsError> {
        let (id, receiver) = (suspect.id, suspect.url.authority());
        let damage =
            if order.after_loss { Some(suspect.damage) } else { self.confirmed(suspect, order).await? };
        let Some(damage) = damage else { return Ok(()) };
        if order.repair {
            self.wakes.arm(id, damage.arm, LEAD, &receiver, self.clock.now(), Uuid::new_v4()).await?;
        }
        findings.note(FindingKind::of(damage.finding), Some(id));
        Ok(())
    }

    /// The damage of a timer as the leader sees it: only a record that had no wake, and that was the same before and
    /// after the wakes were read.
    async fn confirmed(&self, suspect: Suspect, order: Order) -> Result<Option<Damage>, NatsError> {
        let id = suspect.id;
        let Some(before) = self.store.read(id).await? else { return Ok(None) };
        let wakes = nats::wakes_of_one(&self.link, id).await?;
        let wakes: Vec<Armed> = wakes.into_iter().map(|wake| suspect.known_earlier(wake)).collect();
        let after = self.store.read(id).await?.filter(|after| after.revision == before.revision);
        Ok(after.and_then(|stored| judge(&stored.timer, &wakes, self.look(order))))
    }

    fn look(&self, order: Order) -> Look<Moment> {
        Look { now: self.clock.moment(), grace: self.grace, after_loss: order.after_loss }
    }
}

/// What a sweep of all records has found out.
pub(super) struct Swept {
    /// The high-water mark, unless the connection has changed meanwhile.
    pub(super) mark: Option<HighWater>,
    /// The random halves of the ids of all records, if orphans are to be found.
    pub(super) ids: Vec<u64>,
}

/// What a sweep has gathered so far.
struct Pass {
    order: Order,
    soundings: Soundings,
    /// The sequence up to which the records were read.
    seen: u64,
    ids: Vec<u64>,
    pace: Pace,
}

impl Pass {
    fn new(now: Timestamp, order: Order) -> Self {
        Self { order, soundings: Soundings::new(now), seen: 0, ids: Vec::new(), pace: order.pace() }
    }
}

/// The random half of an id: enough to tell it from others. If two are equal, an orphan stays.
pub(super) fn short(id: TimerId) -> u64 {
    id.as_u64_pair().1
}
