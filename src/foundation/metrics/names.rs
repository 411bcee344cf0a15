//! The name of each metric, once, as a scraper reads it, and its help in a few words. The help has no full stop at its end, since
//! the library adds one. docs/metrics.md has the same names, which a test compares.

/// A metric's name and its help.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// The full name, with the prefix `jettimer_`, the unit, and `_total` for a counter.
    pub name: &'static str,
    pub help: &'static str,
}

const fn name(name: &'static str, help: &'static str) -> Name {
    Name { name, help }
}

pub(super) const BUILD_INFO: Name = name("jettimer_build_info", "Always 1; the label has the version");

pub(super) const TASK_FAILURES: Name =
    name("jettimer_task_failures_total", "Tasks of this node that panicked, or ended without being told to");

pub(super) const HTTP_REQUESTS: Name = name(
    "jettimer_http_requests_total",
    "Requests by operation and status class, or gone if the client did not wait for its answer",
);
pub(super) const HTTP_DURATION: Name =
    name("jettimer_http_request_duration_seconds", "Time from a request's head to its answer's head");
pub(super) const HTTP_IN_PROGRESS: Name =
    name("jettimer_http_requests_in_progress", "Requests that are being answered");
pub(super) const HTTP_CONNECTIONS: Name = name("jettimer_http_connections", "Connections of clients");
pub(super) const HTTP_CONNECTIONS_LIMIT: Name =
    name("jettimer_http_connections_limit", "The maximum number of connections of clients; more wait");
pub(super) const HTTP_CLOSED: Name = name(
    "jettimer_http_connections_closed_total",
    "Connections closed because of others, by reason: idle without a valid token, or too many of one address",
);
pub(super) const HTTP_MEMORY: Name =
    name("jettimer_http_memory_bytes", "Memory that large heads, bodies and answers take of their budget");
pub(super) const HTTP_REFUSED: Name = name("jettimer_http_refused_total", "Refused requests, by reason");

pub(super) const FEED_READERS: Name = name("jettimer_feed_readers", "Readers of the feed of events");
pub(super) const FEED_READERS_LIMIT: Name =
    name("jettimer_feed_readers_limit", "The maximum number of readers of the feed of events");
pub(super) const FEED_DROPPED: Name =
    name("jettimer_feed_readers_dropped_total", "Readers of the feed that this node disconnected, by reason");

pub(super) const WRITES: Name =
    name("jettimer_timer_writes_total", "Writes of timers by clients, by operation and result");

pub(super) const TIMERS: Name =
    name("jettimer_timers", "Timers of all nodes by state, as far as this node's index has them");
pub(super) const TIMERS_OVERDUE: Name = name(
    "jettimer_timers_overdue",
    "Scheduled timers of all nodes whose attempt should have begun more than 5 s ago, by cause",
);
pub(super) const INDEX_TIMERS: Name = name("jettimer_index_timers", "Timers in this node's index");
pub(super) const INDEX_LIMIT: Name =
    name("jettimer_index_limit", "The maximum number of timers in this node's index");
pub(super) const INDEX_BYTES: Name =
    name("jettimer_index_bytes", "Bytes that the timers in this node's index take, as the index counts them");
pub(super) const INDEX_BYTES_LIMIT: Name =
    name("jettimer_index_bytes_limit", "The maximum number of bytes that these timers may take");
pub(super) const INDEX_READY: Name =
    name("jettimer_index_ready", "1 once this node's index has been filled and lists are served");
pub(super) const INDEX_COMPLETE: Name =
    name("jettimer_index_complete", "1 if this node's index leaves no timer out");
pub(super) const INDEX_LAG: Name = name(
    "jettimer_index_lag_changes",
    "Changes in the bucket that this node's index does not have yet; NaN if NATS does not report them",
);
pub(super) const INDEX_LAST_CHANGE: Name = name(
    "jettimer_index_last_change_timestamp_seconds",
    "When this node's index last heard of a change, in seconds since 1970; 0 if never",
);

pub(super) const ATTEMPTS: Name =
    name("jettimer_attempts_total", "Attempts that ended and were stored, by outcome");
pub(super) const LATENESS: Name = name(
    "jettimer_lateness_seconds",
    "Time from the instant that an attempt was due until its call began, by this node's clock, by main cause of the delay",
);
pub(super) const CALLS: Name = name("jettimer_calls_total", "Calls of receivers that ended, by result");
pub(super) const CALL_DURATION: Name = name(
    "jettimer_call_duration_seconds",
    "Time from the start of a call to the head of its answer or its end",
);
pub(super) const POSTPONED: Name = name(
    "jettimer_calls_postponed_total",
    "Calls postponed because the receiver, its path or the flow has no room, by reason",
);
pub(super) const RECEIVERS: Name =
    name("jettimer_receivers", "Receivers that this node remembers, by the state of their circuit breaker");
pub(super) const CALLS_IN_PROGRESS: Name =
    name("jettimer_calls_in_progress", "Calls of receivers in progress");
pub(super) const CALLS_LIMIT: Name =
    name("jettimer_calls_limit", "The maximum number of calls of this node in progress");
pub(super) const CLAIMS_OPEN: Name = name(
    "jettimer_claims_open",
    "Timers that this node has claimed, or is about to, and whose outcome is not stored yet",
);
pub(super) const CLAIMS_STORING_LIMIT: Name = name(
    "jettimer_claims_storing_limit",
    "The maximum number of claims that this node stores at once now; it follows how long storing takes",
);
pub(super) const WAKES: Name = name("jettimer_wakes_total", "Wakes that this node handled, by result");
pub(super) const WAKES_HELD: Name =
    name("jettimer_wakes_held", "Wakes that this node handles now: their timers wait or are called");
pub(super) const WAKES_IN_LINE: Name = name(
    "jettimer_wakes_in_line",
    "Wakes that this node has received and does not handle yet, because they are early or it handles others",
);
pub(super) const RECORDS_DROPPED: Name = name(
    "jettimer_records_dropped_total",
    "Large records that this node dropped for lack of memory while their timers waited, and read again",
);
pub(super) const WAKES_LIMIT: Name =
    name("jettimer_wakes_limit", "The maximum number of wakes that this node handles at once");
pub(super) const LEFT_TO_OTHERS: Name = name(
    "jettimer_calls_left_to_others_total",
    "Wakes given back because this node must not call the target, and another node has other rules",
);
pub(super) const PULL_FAILURES: Name = name(
    "jettimer_pull_failures_total",
    "Failures to get wakes from NATS; a change of leader causes single failures",
);
pub(super) const CLAIMS_LOST: Name = name(
    "jettimer_claims_lost_total",
    "Compare-and-swaps that another writer won, by whether the call was made",
);
pub(super) const CLAIMS_TAKEN_OVER: Name =
    name("jettimer_claims_taken_over_total", "Timers found with a claim whose node did not finish in time");

pub(super) const JOURNAL: Name =
    name("jettimer_journal_on", "1 if this node notes the progress of its calls in a file");
pub(super) const JOURNAL_INHERITED: Name = name(
    "jettimer_journal_inherited_total",
    "Calls found in the journals of nodes that are gone, by their progress",
);

pub(super) const NODES: Name =
    name("jettimer_nodes", "Nodes that this node has heard lately, including itself, by role");
pub(super) const NODES_OTHERWISE: Name = name(
    "jettimer_nodes_set_up_otherwise",
    "Other nodes whose set-up differs from this node's, by difference",
);
pub(super) const CLOCK_OFFSET: Name = name(
    "jettimer_clock_offset_seconds",
    "Time of other clocks minus that of this node's clock; NaN while it is not known",
);

pub(super) const NATS_UP: Name = name("jettimer_nats_up", "1 if this node is connected to NATS");
pub(super) const NATS_STORES: Name = name(
    "jettimer_nats_stores",
    "0 if NATS has stored nothing from this node for 8 s, as when its disk is full",
);
pub(super) const NATS_CONNECTS: Name =
    name("jettimer_nats_connects_total", "Connections made to NATS, the first one included");
pub(super) const NATS_REQUESTS: Name = name("jettimer_nats_requests_total", "Requests to NATS");
pub(super) const NATS_FAILURES: Name = name(
    "jettimer_nats_request_failures_total",
    "Requests to NATS that failed, by result; most are sent again",
);
pub(super) const DURABILITY: Name = name(
    "jettimer_durability_met",
    "1 if servers and streams meet --durability, 0 if weaker, NaN if this node cannot see it",
);
pub(super) const BUCKET_TURNED: Name = name(
    "jettimer_bucket_turned_total",
    "Times that the bucket of timers was older than this node had seen it, or another one, by kind",
);
pub(super) const NATS_ROOM: Name = name(
    "jettimer_nats_room_bytes",
    "Bytes that JetStream may still store, and the part of these that new timers must leave; NaN if this node cannot see it",
);
pub(super) const NATS_ACCOUNT_USED: Name = name(
    "jettimer_nats_account_used",
    "The account's use of each resource that has a limit; NaN without a limit or if this node cannot see it",
);
pub(super) const NATS_ACCOUNT_LIMIT: Name = name(
    "jettimer_nats_account_limit",
    "The account's limit of each resource; NaN without a limit or if this node cannot see it",
);
pub(super) const CREATIONS_WITHOUT_ROOM: Name = name(
    "jettimer_creations_without_room_total",
    "Creations, and changes that make a timer larger, that were refused because the remaining room is kept",
);
pub(super) const WAKES_WAITING: Name = name(
    "jettimer_wakes_waiting",
    "Due wakes of all nodes that no worker has taken; NaN if NATS does not report them",
);

pub(super) const SWEEP_FINDINGS: Name = name(
    "jettimer_sweep_findings_total",
    "Damage that this node's sweeps found and repaired; each finding except orphan is an accident or a fault",
);
pub(super) const SWEEPS: Name = name("jettimer_sweeps_total", "Sweeps of this node, by result");
pub(super) const SWEEP_LAST: Name = name(
    "jettimer_sweep_last_timestamp_seconds",
    "When this node last finished a sweep, in seconds since 1970; 0 if never",
);
pub(super) const RESTORED: Name = name(
    "jettimer_timers_restored_total",
    "Timers that must have been over, and of which NATS or a backup brought back an older record; they are not called",
);
pub(super) const SWEEPER: Name = name("jettimer_sweeper", "1 on the node that sweeps");

pub(super) const LEDGER: Name = name(
    "jettimer_ledger_timers",
    "The ledger of all nodes by term; created is the sum of the others and the imbalance; NaN while it is not known",
);
pub(super) const LEDGER_IMBALANCE: Name = name(
    "jettimer_ledger_imbalance",
    "Timers that were created and are missing; NaN while the ledger is not known",
);
pub(super) const LEDGER_BREAKS: Name = name(
    "jettimer_ledger_breaks",
    "How often the ledger had to start over, because events were missing; NaN while it is not known",
);
