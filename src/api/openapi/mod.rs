//! `GET /openapi.json`: the contract, in OpenAPI 3.1, put together from the files in this folder.
//!
//! The files are written by hand, and the compiler joins them as text. So the reviewed text is served, in the same order, and nothing about
//! it can fail while a node runs. Tests tie it to the code: to `operation`, to the kinds of problems, to the constants of each limit, and,
//! in `tests/it`, to every answer that a node gives there.

use warp::http::StatusCode;

use super::answer::{self, Answer};

/// A JSON object of the given members, each a file.
macro_rules! object {
    ($first:literal: $first_file:literal $(, $name:literal: $file:literal)* $(,)?) => {
        concat!(
            "{\n\"", $first, "\": ", include_str!($first_file),
            $(",\"", $name, "\": ", include_str!($file),)*
            "}\n"
        )
    };
}

/// The OpenAPI document.
pub const DOCUMENT: &str = concat!(
    "{\n\"openapi\": \"3.1.1\",\n\"jsonSchemaDialect\": \"https://json-schema.org/draft/2020-12/schema\",\n",
    "\"info\": ",
    include_str!("info.json"),
    ",\"servers\": [{\"url\": \"./\"}],\n\"tags\": ",
    include_str!("tags.json"),
    ",\"paths\": ",
    object! {
        "/timer": "paths/timer.json",
        "/timer/{id}": "paths/timer-id.json",
        "/timer/{id}/fire": "paths/timer-id-fire.json",
        "/timer/{id}/replay": "paths/timer-id-replay.json",
        "/timers": "paths/timers.json",
        "/timers/replay": "paths/timers-replay.json",
        "/timers/counts": "paths/timers-counts.json",
        "/timers/events": "paths/timers-events.json",
        "/healthz": "paths/healthz.json",
        "/readyz": "paths/readyz.json",
        "/receivers": "paths/receivers.json",
        "/nodes": "paths/nodes.json",
        "/stats": "paths/stats.json",
        "/metrics": "paths/metrics.json",
        "/openapi.json": "paths/openapi.json",
        "/docs": "paths/docs.json",
        "/": "paths/page.json",
        "/ui_timer": "paths/ui-timer.json",
        "/ui/{version}/{folder}/{file}": "paths/ui-file.json",
        "/dev/inbox": "paths/dev-inbox.json",
    },
    ",\"webhooks\": ",
    include_str!("webhooks.json"),
    ",\"components\": {\n\"schemas\": ",
    object! {
        "TimerCreation": "schemas/TimerCreation.json",
        "TimerChange": "schemas/TimerChange.json",
        "Hours": "schemas/Hours.json",
        "Minutes": "schemas/Minutes.json",
        "Seconds": "schemas/Seconds.json",
        "Delay": "schemas/Delay.json",
        "Duration": "schemas/Duration.json",
        "Instant": "schemas/Instant.json",
        "Url": "schemas/Url.json",
        "Method": "schemas/Method.json",
        "Headers": "schemas/Headers.json",
        "Base64": "schemas/Base64.json",
        "Delivery": "schemas/Delivery.json",
        "Retry": "schemas/Retry.json",
        "StatusName": "schemas/StatusName.json",
        "Flow": "schemas/Flow.json",
        "Metadata": "schemas/Metadata.json",
        "Timer": "schemas/Timer.json",
        "TimerSummary": "schemas/TimerSummary.json",
        "TimerFields": "schemas/TimerFields.json",
        "State": "schemas/State.json",
        "RetryInForce": "schemas/RetryInForce.json",
        "Attempt": "schemas/Attempt.json",
        "AttemptFields": "schemas/AttemptFields.json",
        "LoggedAttempt": "schemas/LoggedAttempt.json",
        "TimerPage": "schemas/TimerPage.json",
        "Complete": "schemas/Complete.json",
        "Counts": "schemas/Counts.json",
        "BulkResult": "schemas/BulkResult.json",
        "BulkItem": "schemas/BulkItem.json",
        "BulkCancellation": "schemas/BulkCancellation.json",
        "BulkReplay": "schemas/BulkReplay.json",
        "Opening": "schemas/Opening.json",
        "Interruption": "schemas/Interruption.json",
        "Health": "schemas/Health.json",
        "ReceiverPage": "schemas/ReceiverPage.json",
        "Node": "schemas/Node.json",
        "NodePage": "schemas/NodePage.json",
        "Receiver": "schemas/Receiver.json",
        "Stats": "schemas/Stats.json",
        "History": "schemas/History.json",
        "Minute": "schemas/Minute.json",
        "WaitingFor": "schemas/WaitingFor.json",
        "Lateness": "schemas/Lateness.json",
        "NatsStatus": "schemas/NatsStatus.json",
        "Stream": "schemas/Stream.json",
        "InboxPage": "schemas/InboxPage.json",
        "InboxWebhook": "schemas/InboxWebhook.json",
        "InboxEmptied": "schemas/InboxEmptied.json",
        "Problem": "schemas/Problem.json",
        "ProblemFields": "schemas/ProblemFields.json",
        "ProblemType": "schemas/ProblemType.json",
        "FieldError": "schemas/FieldError.json",
    },
    ",\"parameters\": ",
    include_str!("parameters.json"),
    ",\"headers\": ",
    include_str!("headers.json"),
    ",\"responses\": ",
    include_str!("responses.json"),
    ",\"examples\": ",
    include_str!("examples.json"),
    ",\"securitySchemes\": ",
    include_str!("security.json"),
    "}\n}\n",
);

/// The answer with the document.
pub(super) fn show() -> Answer {
    answer::text(StatusCode::OK, "application/json", DOCUMENT)
}

#[cfg(test)]
mod tests;
