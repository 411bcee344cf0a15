//! How much may go wrong and how many requests clients may make, until a world has to go on by itself.

use super::super::event::Event;
use super::super::world::World;

/// How often each of these events may still happen.
#[derive(Clone, Copy, Hash)]
pub(super) struct Faults {
    /// Time passes while an actor has something to do.
    pub(super) slow: u8,
    /// An actor dies in the middle of something.
    pub(super) deaths: u8,
    /// A node that has to stop gives up a call.
    pub(super) stops: u8,
    /// A node whose clock is off gives a wake back.
    pub(super) clocks: u8,
    /// A successor reads a journal a second time.
    pub(super) read_twice: u8,
    /// A journal tells of a claim that is not the record's.
    pub(super) forged: u8,
    /// A write is done, but its author does not hear of it.
    pub(super) unheard: u8,
    /// A write is proposed, and its author does not hear of it.
    pub(super) proposed: u8,
    /// The server fires a schedule and keeps it.
    pub(super) twice: u8,
    /// A replica answers with an older version.
    pub(super) stale: u8,
    /// A record cannot be read at the moment.
    pub(super) unread: u8,
    /// A receiver has no room.
    pub(super) postponed: u8,
    /// A client makes a request.
    pub(super) wishes: u8,
    /// A sweeper looks at the timer.
    pub(super) sweeps: u8,
    /// Every wake is lost, perhaps except one that does not come.
    pub(super) wipes: u8,
    /// The broker brings an older version back.
    pub(super) revivals: u8,
    /// An older copy of the broker's data is put back.
    pub(super) restores: u8,
}

impl Faults {
    /// Everything goes well, and clients make no requests.
    pub(super) const NONE: Self = Self {
        slow: 0,
        deaths: 0,
        stops: 0,
        clocks: 0,
        read_twice: 0,
        forged: 0,
        unheard: 0,
        proposed: 0,
        twice: 0,
        stale: 0,
        unread: 0,
        postponed: 0,
        wishes: 0,
        sweeps: 0,
        wipes: 0,
        revivals: 0,
        restores: 0,
    };

    pub(super) fn use_up(&mut self, event: &Event, before: &World) {
        let used = match event {
            Event::Die { .. } => &mut self.deaths,
            Event::GiveUp { .. } => &mut self.stops,
            Event::PutAside { .. } => &mut self.clocks,
            Event::Inherit { kept: true, .. } => &mut self.read_twice,
            Event::Forge { .. } => &mut self.forged,
            Event::ProceedUnheard { .. } => &mut self.unheard,
            Event::Propose { .. } => &mut self.proposed,
            Event::ScheduleFires { twice: true, .. } => &mut self.twice,
            Event::Deliver { stale_by: 1.., .. } => &mut self.stale,
            Event::LookFails { .. } => &mut self.unread,
            Event::Postpone { .. } => &mut self.postponed,
            Event::Ask(_) => &mut self.wishes,
            Event::Sweep => &mut self.sweeps,
            Event::Wipe { .. } => &mut self.wipes,
            Event::Revive { .. } => &mut self.revivals,
            Event::Restore { .. } => &mut self.restores,
            Event::Advance { .. } if before.is_busy() => &mut self.slow,
            Event::Advance { .. }
            | Event::ScheduleFires { twice: false, .. }
            | Event::Deliver { stale_by: 0, .. }
            | Event::Proceed { .. }
            | Event::Inherit { kept: false, .. }
            | Event::LookAgain { .. }
            | Event::Applied { .. }
            | Event::GiveWay { .. } => return,
        };
        *used -= 1;
    }

    /// How many versions a replica may be behind, at most.
    pub(super) fn oldest(self, world: &World) -> usize {
        if self.stale > 0 { world.history.len().saturating_sub(1) } else { 0 }
    }
}
