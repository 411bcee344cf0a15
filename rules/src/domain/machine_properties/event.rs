//! The events of the world, one at a time.

use crate::domain::attempt::CallResult;

use super::journal::Mark;

/// An event. Numbers choose among the items that are there, and wrap around.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// Time passes.
    Advance { millis: u64 },
    /// The server moves a schedule whose time has come onto the queue.
    ScheduleFires { which: usize, twice: bool },
    /// A worker receives a message and reads the record, perhaps an old version of it.
    Deliver { which: usize, stale_by: usize },
    /// A worker receives a message and cannot read the record.
    LookFails { which: usize },
    /// An actor does its next action, or hears the result of its call.
    Proceed { actor: usize, result: CallResult },
    /// An actor's next write is done, but the actor does not hear of it.
    ProceedUnheard { actor: usize },
    /// An actor's next write of the record passes the leader's check and is proposed to the replicas. The actor hears nothing.
    Propose { actor: usize },
    /// The replicas apply the write that was proposed. If it is `lost`, a new leader does not have it.
    Applied { lost: bool },
    /// An actor that does not know whether its claim is stored gives up writing it, and reads the record.
    LookAgain { actor: usize },
    /// An actor that is about to claim, or whose claim is stored, finds no room for the receiver.
    Postpone { actor: usize, millis: u64 },
    /// A node that holds another wake of the timer settles the one that this actor holds.
    GiveWay { actor: usize },
    /// A node whose clock is off gives back the wake that this actor holds, or the claim that the actor has stored.
    PutAside { actor: usize },
    /// A node dies.
    Die { actor: usize },
    /// A node that has to stop gives up the call that an actor makes or is about to make.
    GiveUp { actor: usize },
    /// A successor reads the entry of a node that has died or has ended its call. It can read the entry once more later if that
    /// is `kept`.
    Inherit { which: usize, kept: bool },
    /// A journal is found with this mark on a claim that is not the record's. The journal is old, or was tampered with.
    Forge { which: usize, mark: Mark },
    /// A client asks for something.
    Ask(Wish),
    /// A sweeper looks at the timer, and is about to repair the damage that it finds.
    Sweep,
    /// An accident removes every wake. If it `strands` one, a settled wake stays that does not come again.
    Wipe { strands: bool },
    /// The broker brings back an older version of a timer that is over, perhaps with a wake.
    Revive { which: usize, woken: bool },
    /// An older copy of the broker's data is put back while nodes are running. It has an older version of a timer that is over,
    /// and perhaps a wake.
    Restore { which: usize, woken: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// The same timer is to be created once more, as another node would do for the same idempotency key.
    Create,
    /// The timer is not to be called.
    Cancel,
    /// The timer is to be called at another instant.
    Move { in_millis: u64 },
    /// Another receiver is to be called, at the same instant.
    Elsewhere,
    /// Another field of the timer is to be changed.
    Timeout { millis: u64 },
    /// The timer is to be called at once.
    Fire,
    /// The timer is to be tried once more.
    Replay,
}
