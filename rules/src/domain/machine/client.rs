//! A client's commands: what each does to a timer in each state.

use super::effects::{moved, rescheduled, store};
use super::{Command, Effect, Refusal};
use crate::domain::time::Now;
use crate::domain::timer::{State, Timer};

/// Applies a client's command to `timer`, and returns the effects to be done, in order.
///
/// # Errors
///
/// A [`Refusal`]: the command comes too late, or does not fit this timer.
pub fn obey(timer: &Timer, command: Command, now: impl Now) -> Result<Vec<Effect>, Refusal> {
    match (&timer.state, command) {
        (State::Scheduled { .. }, Command::Cancel) => {
            Ok(vec![store(timer.giving_up(), State::Cancelled { at: now.at() }), Effect::Disarm])
        }
        (State::Cancelled { .. }, Command::Cancel) => Ok(vec![]),
        (State::Scheduled { at, .. }, Command::Change(change)) => {
            if change.has_a_body_in_vain(timer) {
                return Err(Refusal::BodyInVain);
            }
            // A wake that names the old receiver might wait in turn with the timers of that receiver.
            let at = change.due_at.or_else(|| change.is_of_another_receiver(timer).then_some(*at));
            let changed = change.applied_to(timer);
            Ok(match at {
                Some(at) => moved(changed, at),
                None => vec![Effect::Store(Box::new(changed))],
            })
        }
        // It is due, so it fires anyway.
        (State::Scheduled { at, .. }, Command::Fire) if *at <= now.at() => Ok(vec![]),
        (State::Scheduled { attempt, .. }, Command::Fire) => {
            let state = State::Scheduled { attempt: *attempt, at: now.at() };
            let due_at = timer.due_at.min(now.at());
            Ok(moved(Timer { due_at, state, ..timer.giving_up() }, now.at()))
        }
        (State::Failed { attempt, .. } | State::Unknown { attempt, .. }, Command::Replay) => {
            let state = State::Scheduled { attempt: attempt.saturating_add(1), at: now.at() };
            let replayed_at = Some(now.at());
            Ok(rescheduled(
                Timer { attempts_before: *attempt, replayed_at, state, ..timer.clone() },
                now.at(),
            ))
        }
        (
            State::Scheduled { .. }
            | State::Firing { .. }
            | State::Delivered { .. }
            | State::Cancelled { .. },
            Command::Replay,
        ) => Err(Refusal::NotReplayable),
        (State::Firing { .. }, Command::Cancel | Command::Change(_) | Command::Fire) => Err(Refusal::Firing),
        (State::Delivered { .. } | State::Failed { .. } | State::Unknown { .. }, Command::Cancel)
        | (
            State::Delivered { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Unknown { .. },
            Command::Change(_) | Command::Fire,
        ) => Err(Refusal::Final),
    }
}
