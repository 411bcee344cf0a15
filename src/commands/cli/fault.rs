//! Describes a refusal: which option each bad field came from, and what to do next.

use super::table::clean;
use crate::commands::client::{Error, Problem};

/// Fields of a request and the options that they come from.
const OPTIONS: &[(&str, &str)] = &[
    ("", "WHEN"),
    ("/delay", "WHEN"),
    ("/at", "WHEN"),
    ("/url", "URL"),
    ("/method", "--method"),
    ("/headers", "--header"),
    ("/body", "--json"),
    ("/body_text", "--data"),
    ("/body_base64", "--data"),
    ("/timeout", "--timeout"),
    ("/delivery", "--delivery"),
    ("/retry/max_attempts", "--retry-max-attempts"),
    ("/retry/initial_backoff", "--retry-initial-backoff"),
    ("/retry/max_backoff", "--retry-max-backoff"),
    ("/retry/factor", "--retry-factor"),
    ("/retry/deadline", "--retry-deadline"),
    ("/retry/statuses", "--retry-statuses"),
    ("/flow", "--flow"),
    ("/flow/key", "--flow"),
    ("/flow/rate", "--flow-rate"),
    ("/flow/parallelism", "--flow-parallelism"),
    ("/on_delivered", "--on-delivered"),
    ("/on_failed", "--on-failed"),
    ("/callback", "--callback"),
    ("/metadata", "--metadata"),
    ("/idempotency_key", "--idempotency-key"),
    ("?state", "--state"),
    ("?due_after", "--due-after"),
    ("?due_before", "--due-before"),
    ("?created_after", "--created-after"),
    ("?created_before", "--created-before"),
    ("?host", "--host"),
    ("?last_event_id", "--last-event-id"),
];

/// The text for a person about an error.
pub(super) fn told(error: &Error, advice: Option<&str>) -> String {
    let mut lines = vec![match error {
        Error::Problem(problem) => return told_of_problem(problem, advice),
        Error::Unreachable { .. } | Error::NoAnswer { .. } | Error::Unusable(_) => clean(&error.to_string()),
    }];
    let next = match error {
        Error::Unreachable { why, .. } if why.contains("certificate") => {
            Some("if your own CA signed the server's certificate, name the CA's with --ca")
        }
        Error::Unreachable { .. } => {
            Some("start one with `jettimer dev`, or say where it is with --server or JETTIMER_SERVER")
        }
        Error::NoAnswer { .. } => {
            advice.or(Some("the request may have been carried out: check before you run this again"))
        }
        Error::Unusable(_) | Error::Problem(_) => None,
    };
    lines.extend(next.map(|next| format!("  {next}")));
    lines.join("\n")
}

fn told_of_problem(problem: &Problem, advice: Option<&str>) -> String {
    let mut lines = vec![];
    if problem.errors.is_empty() {
        lines.push(clean(&problem.to_string()));
    } else {
        lines.push(clean(&problem.title));
        for error in &problem.errors {
            lines.push(format!("  {}: {}", option_of(&error.pointer), clean(&error.detail)));
        }
    }
    lines.extend(advice.map(str::to_owned).or_else(|| next_step(problem)).map(|next| format!("  {next}")));
    // The id under which the node's log has the request, where only the log tells more.
    if let Some(id) = problem.request_id.as_ref().filter(|_| problem.status >= 500) {
        lines.push(format!("  the node's log has it as request {}", clean(id)));
    }
    lines.join("\n")
}

/// The option that a field comes from, or the option of the longest prefix of its pointer that has one.
fn option_of(pointer: &str) -> String {
    if let Some(label) = pointer.strip_prefix("?metadata.") {
        return format!("--metadata {}", clean(label));
    }
    let mut part = pointer;
    loop {
        if let Some((_, option)) = OPTIONS.iter().find(|(field, _)| *field == part) {
            let rest = pointer[part.len()..].trim_start_matches('/');
            return if rest.is_empty() {
                (*option).to_owned()
            } else {
                format!("{option} ({})", clean(rest))
            };
        }
        match part.rsplit_once('/') {
            Some((shorter, _)) if !shorter.is_empty() => part = shorter,
            Some(_) | None => return clean(pointer),
        }
    }
}

/// Advice for a problem that does not say itself what to do.
fn next_step(problem: &Problem) -> Option<String> {
    let wait = |what: &str| {
        let seconds =
            problem.retry_after.map_or_else(|| "a moment".to_owned(), |seconds| format!("{seconds} s"));
        Some(format!("{what}: try again in {seconds}"))
    };
    match (problem.status, problem.kind()) {
        (401, _) => Some(
            "set JETTIMER_TOKEN, or `token` in a profile; node operators make tokens with `jettimer token NAME`"
                .to_owned(),
        ),
        (403, _) => Some("use a token that has this scope".to_owned()),
        (404, "timer-not-found") => {
            Some("finished timers are kept for a limited time (--retention); `jettimer list` shows the existing ones".to_owned())
        }
        (404, _) => Some("is this the address of a jettimer node that serves the API (--server)?".to_owned()),
        (412, _) => Some("`jettimer get` shows its current state and ETag".to_owned()),
        (429, _) => wait("too many requests"),
        (503, "index-off") => Some("ask a node where it is on".to_owned()),
        (502..=504, _) => wait("the request itself is valid"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_field_is_named_by_the_option_that_it_came_from() {
        for (pointer, option) in [
            ("/timeout", "--timeout"),
            ("", "WHEN"),
            ("/retry/max_attempts", "--retry-max-attempts"),
            ("/headers/host", "--header (host)"),
            ("/metadata/a~1b", "--metadata (a~1b)"),
            ("?metadata.team", "--metadata team"),
            ("?state", "--state"),
            ("/odd", "/odd"),
        ] {
            assert_eq!(option_of(pointer), option);
        }
    }
}
