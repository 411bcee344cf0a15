//! What can happen in the world, one thing at a time.

use crate::domain::attempt::CallResult;

use super::journal::Mark;

/// Something that happens. Numbers choose among what is there, and wrap around.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// Time passes.
    Advance { millis: u64 },
    /// The server moves a schedule whose time has come onto the queue.
    ScheduleFires { which: usize, twice: bool },
    /// A worker gets a message and reads the record, perhaps an old version of it.
    Deliver { which: usize, stale_by: usize },
    /// A worker gets a message and cannot read the record.
    LookFails { which: usize },
    /// An actor does its next effect, or hears what came of its call.
    Proceed { actor: usize, result: CallResult },
    /// An actor's next write is done, and it does not hear of that.
    ProceedUnheard { actor: usize },
    /// An actor that does not know whether its claim is stored gives up writing it, and looks.
    LookAgain { actor: usize },
    /// An actor that is about to claim finds no room for the receiver.
    Postpone { actor: usize, millis: u64 },
    /// A node that holds another wake of the timer settles the one that this actor holds.
    GiveWay { actor: usize },
    /// A node whose clock is off gives back the wake that this actor holds.
    PutAside { actor: usize },
    /// A node dies.
    Die { actor: usize },
    /// A node that is to stop gives up the call that an actor is about to make.
    GiveUp { actor: usize },
    /// A successor reads what a node that has died, or has ended its call, wrote about it; once more later if it is `kept`.
    Inherit { which: usize, kept: bool },
    /// A journal is found that says this of a claim that is not the record's: an old one, or one that was tampered with.
    Forge { which: usize, mark: Mark },
    /// A client asks for something.
    Ask(Wish),
    /// A sweeper looks at the timer, and is about to mend what it finds.
    Sweep,
    /// An accident removes every wake, or leaves one that was settled and does not come again.
    Wipe { strands: bool },
    /// The broker brings back an older version of a timer that is over, perhaps with a wake.
    Revive { which: usize, woken: bool },
    /// An older copy of the broker's data, with an older version of a timer that is over, is put back under nodes that live, perhaps with
    /// a wake.
    Restore { which: usize, woken: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// The same timer once more, as another node would create it for the same idempotency key.
    Create,
    /// That it is not called.
    Cancel,
    /// That it is called at another instant.
    Move { in_millis: u64 },
    /// That another receiver is called, at the same instant.
    Elsewhere,
    /// That it is otherwise in another way.
    Timeout { millis: u64 },
    /// That it is called at once.
    Fire,
    /// That it is tried once more.
    Replay,
}
