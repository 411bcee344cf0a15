//! The wakes that certain timers have, and the removal of one of them.

use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde_json::json;

use crate::nats::api::subject;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{STREAM, fire_subject, schedule_subjects_of, scheduled_wake, timer_of};
use crate::nats::requests::leader;
use crate::nats::requests::replica::Batch;
use rules::domain::sweep::Armed;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// Of how many timers the wakes are asked for at once: the server collects an answer before it reads the connection's next request,
/// which may be a claim.
const TIMERS_AT_ONCE: usize = 64;

/// The wakes of each of these timers.
pub async fn wakes_of(link: &Link, ids: &[TimerId]) -> Result<HashMap<TimerId, Vec<Armed>>, NatsError> {
    let mut wakes: HashMap<TimerId, Vec<Armed>> = HashMap::new();
    let mut parts: Vec<&[TimerId]> = ids.chunks(TIMERS_AT_ONCE).collect();
    while let Some(part) = parts.pop() {
        let subjects: Vec<String> =
            part.iter().flat_map(|id| [schedule_subjects_of(*id), fire_subject(*id).into_string()]).collect();
        let batch = Batch::read(link, STREAM, &json!({ "multi_last": subjects })).await?;
        if batch.too_many {
            if let [_] = part {
                // More wakes than an answer has: this timer does not lack one.
                wakes.insert(part[0], vec![Armed::Due]);
            } else {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([left, right]);
            }
            continue;
        }
        let clock = link.clock();
        let seen = batch
            .messages
            .iter()
            .filter_map(|message| armed(message.subject(), clock.shown(message.stored_at())));
        for (id, armed) in seen {
            wakes.entry(id).or_default().push(armed);
        }
    }
    Ok(wakes)
}

/// The wakes of a timer, as the leader knows them.
///
/// The leader is asked for the waiting wakes twice, before and after the due ones. So a wake that becomes due meanwhile is seen
/// in the second answer, and a wake that is armed in place of a due one that is settled, in the third. The answers do not say
/// when a wake was stored: it is known to wait since now.
pub async fn wakes_of_one(link: &Link, id: TimerId) -> Result<Vec<Armed>, NatsError> {
    let waiting = schedule_subjects_of(id);
    let mut wakes = Vec::new();
    for filter in [waiting.as_str(), fire_subject(id).as_str(), waiting.as_str()] {
        let subjects = leader::subjects(link, STREAM, filter).await?;
        let now = link.clock().now();
        wakes.extend(subjects.keys().filter_map(|subject| armed(subject, now)).map(|(_, armed)| armed));
    }
    Ok(wakes)
}

/// Removes this one message from the stream of wakes, if it is still there. A wake that was armed again since has another
/// sequence.
///
/// # Errors
///
/// With [`NatsError::Unclear`], the wake may be removed anyway. An answer that refuses the removal is `false`, and not an
/// error.
pub async fn remove_wake(link: &Link, sequence: u64) -> Result<bool, NatsError> {
    let request = json!({ "seq": sequence, "no_erase": true }).to_string();
    Ok(leader::ask::<IgnoredAny>(link, subject::delete_message(STREAM), request).await?.is_ok())
}

/// The wake that a message of this subject is. It is known to be there since this instant.
fn armed(subject: &str, since: Timestamp) -> Option<(TimerId, Armed)> {
    match scheduled_wake(subject) {
        Some((id, at)) => Some((id, Armed::Waiting { at, since })),
        None => timer_of(subject).map(|id| (id, Armed::Due)),
    }
}
