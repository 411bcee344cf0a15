//! Shows an event in a line: for people, between tabs, or as JSON.

use serde_json::json;
use serde_json::value::RawValue;

use crate::commands::cli::Session;
use crate::commands::cli::failure::{Failure, say};
use crate::commands::cli::table::{Cell, clean};
use crate::commands::cli::timer::{Timer, state};
use crate::commands::client::Event;
use crate::foundation::clock::Clock;
use crate::foundation::rfc3339;

/// The reason that the event gives for a gap or an end.
pub(super) fn reason(event: &Event) -> String {
    let data = serde_json::from_str::<serde_json::Value>(&event.data).unwrap_or_default();
    data["reason"].as_str().unwrap_or("no reason is given").to_owned()
}

pub(super) fn event(session: &Session, event: &Event) -> Result<(), Failure> {
    if event.name == "gap" {
        let reason = reason(event);
        if session.out.is_json() {
            let json = json!({ "event": "gap", "event_id": event.id, "reason": reason });
            return Ok(session.out.line(&json.to_string())?);
        }
        say(&format!("some events are missing: {}", clean(&reason)));
        return Ok(());
    }
    let data: Box<RawValue> = serde_json::from_str(&event.data)
        .map_err(|error| Failure::other(format!("an event cannot be read: {error}")))?;
    timer(session, &event.name, event.id.as_deref(), &data)
}

/// Shows an event of a timer.
pub(super) fn timer(
    session: &Session,
    event: &str,
    id: Option<&str>,
    data: &RawValue,
) -> Result<(), Failure> {
    let out = &session.out;
    let timer: Timer = serde_json::from_str(data.get())
        .map_err(|error| Failure::other(format!("an event cannot be read: {error}")))?;
    if out.is_json() {
        #[derive(serde::Serialize)]
        struct Line<'l> {
            event: &'l str,
            event_id: Option<&'l str>,
            timer: &'l RawValue,
        }
        let line = serde_json::to_string(&Line { event, event_id: id, timer: data });
        return Ok(out.line(&line.map_err(|error| Failure::other(error.to_string()))?)?);
    }
    let now = rfc3339::format(Clock::OF_THE_WORLD.now());
    let about = about(event, &timer);
    let what = format!("{} {}", timer.method, timer.url);
    if !out.is_for_people() {
        let row = [now.as_str(), event, &timer.id, &what, &about].map(Cell::new).into();
        return Ok(out.rows(&[], &[row])?);
    }
    let clock = now.get(11..23).unwrap_or_default();
    let name = state(event).padded(9);
    Ok(out.line(format!("{clock}  {name}  {}  {}  {}", timer.id, clean(&what), clean(&about)).trim_end())?)
}

/// Details of the timer, in addition to the event's name.
fn about(event: &str, timer: &Timer) -> String {
    match event {
        "delivered" | "failed" | "unknown" => {
            let late = timer.last_attempt.as_ref().map(|attempt| {
                format!(
                    "attempt {}, {}, {:.1} ms late",
                    attempt.number,
                    attempt.came_to(),
                    attempt.lateness_ms
                )
            });
            [timer.reason.clone(), late].into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        "created" | "changed" => format!("due {}", timer.next_call()),
        _ => String::new(),
    }
}
