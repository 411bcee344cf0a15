//! The one list of all kinds of problems, with the facts that problems of a kind share.
//!
//! Clients tell problems apart by the kind, so a name never changes. Tests compare `docs/errors.md` and the OpenAPI document with this
//! list.

use warp::http::StatusCode;

/// Makes the enum, its list and its facts from one table, so none of them lacks a kind.
macro_rules! kinds {
    ($($kind:ident $status:ident $name:literal $title:literal)*) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::api) enum Kind {
            $($kind,)*
        }

        impl Kind {
            #[cfg(test)]
            pub(in crate::api) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The status of answers with this kind.
            pub(in crate::api) const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// The kind's name: the end of `type`.
            pub(in crate::api) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The kind's name for people.
            pub(in crate::api) const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    MalformedRequest BAD_REQUEST "malformed-request" "Malformed request"
    InvalidIdempotencyKey BAD_REQUEST "invalid-idempotency-key" "Invalid idempotency key"
    MalformedJson BAD_REQUEST "malformed-json" "Malformed JSON"
    IncompleteBody BAD_REQUEST "incomplete-body" "Incomplete body"
    InvalidId BAD_REQUEST "invalid-id" "Invalid timer id"
    InvalidQuery BAD_REQUEST "invalid-query" "Invalid query"
    InvalidCursor BAD_REQUEST "invalid-cursor" "Invalid cursor"
    InvalidHeader BAD_REQUEST "invalid-header" "Invalid header"
    Unauthorized UNAUTHORIZED "unauthorized" "Unauthorized"
    Forbidden FORBIDDEN "forbidden" "Forbidden"
    ForeignOrigin FORBIDDEN "foreign-origin" "Foreign origin"
    TimerNotFound NOT_FOUND "timer-not-found" "Timer not found"
    NotFound NOT_FOUND "not-found" "Not found"
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed" "Method not allowed"
    RequestTimeout REQUEST_TIMEOUT "request-timeout" "Request timeout"
    TooLate CONFLICT "too-late" "Too late"
    NotReplayable CONFLICT "not-replayable" "Not replayable"
    PreconditionFailed PRECONDITION_FAILED "precondition-failed" "Precondition failed"
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large" "Body too large"
    TooManyTimers PAYLOAD_TOO_LARGE "too-many-timers" "Too many timers"
    UriTooLong URI_TOO_LONG "uri-too-long" "URI too long"
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "Unsupported media type"
    InvalidTimer UNPROCESSABLE_ENTITY "invalid-timer" "Invalid timer"
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused" "Idempotency key reused"
    FilterRequired UNPROCESSABLE_ENTITY "filter-required" "Filter required"
    TooManyRequests TOO_MANY_REQUESTS "too-many-requests" "Too many requests"
    HeadersTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "headers-too-large" "Request header fields too large"
    Internal INTERNAL_SERVER_ERROR "internal" "Internal error"
    UnreadableRecord INTERNAL_SERVER_ERROR "unreadable-record" "Unreadable record"
    Unavailable SERVICE_UNAVAILABLE "unavailable" "NATS is not available"
    StorageFull SERVICE_UNAVAILABLE "storage-full" "No room for new timers"
    IndexOff SERVICE_UNAVAILABLE "index-off" "Lists are off"
    IndexNotReady SERVICE_UNAVAILABLE "index-not-ready" "Index not ready"
    FeedFull SERVICE_UNAVAILABLE "feed-full" "Feed full"
    MemoryFull SERVICE_UNAVAILABLE "memory-full" "No memory for the request"
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Kind;

    #[test]
    fn no_two_kinds_have_one_name() {
        let names: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    /// Each kind has a heading of its own, then its status and its title.
    #[test]
    fn docs_errors_md_has_every_kind_and_no_other() {
        let documented: Vec<String> = include_str!("../../../docs/errors.md")
            .split("\n## `")
            .skip(1)
            .map(|section| section.lines().take(3).collect::<Vec<_>>().join("\n"))
            .collect();
        for kind in Kind::ALL {
            let (name, status, title) = (kind.name(), kind.status().as_u16(), kind.title());
            let expected = format!("{name}`\n\n`{status}` {title}");
            assert!(documented.contains(&expected), "docs/errors.md does not have\n## `{expected}");
        }
        assert_eq!(documented.len(), Kind::ALL.len(), "docs/errors.md has kinds that are not there");
    }
}
