//! The creating side: one task per connection, each of which sends its next create when the pace allows it.
//!
//! A create that failed is never sent again. A connection that broke is opened again, at the next server in turn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio::task::JoinSet;

use super::answer::{self, Accepted};
use super::clock;
use super::ledger::Ledger;
use super::order::Due;
use super::pace::{Pace, Ticket};
use super::server::Server;
use super::wire::Wire;

/// After this long a create counts as failed. Longer than any backlog worth measuring, short enough to end a
/// run that hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Pause after a connection could not be opened: a node that is down is asked twice a second by each
/// connection, and each time counts as one failed create.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Load {
    pub(super) servers: Vec<Server>,
    pub(super) due: Due,
    pub(super) body: Bytes,
    /// How many timers a request creates.
    pub(super) per_request: usize,
    pub(super) pace: Pace,
    pub(super) ledger: Arc<Ledger>,
    /// Whether webhooks are matched with timers.
    pub(super) matching: bool,
}

/// Why a create made no timer: a short kind under which it is counted, and the text of the error.
#[derive(Clone)]
struct Failure {
    kind: String,
    text: String,
}

/// Opens all connections, in turn over the servers, before the clock of the run starts.
pub(super) async fn connect(servers: &[Server], connections: u32) -> anyhow::Result<Vec<Wire>> {
    let mut wires = Vec::with_capacity(connections as usize);
    for server in servers.iter().cycle().take(connections as usize) {
        wires.push(server.connect().await?);
    }
    Ok(wires)
}

/// Sends all creates, and returns when the last answer has come.
pub(super) async fn run(load: Arc<Load>, wires: Vec<Wire>) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for (number, wire) in wires.into_iter().enumerate() {
        tasks.spawn(Connection { load: Arc::clone(&load), turn: number, wire: Some(wire) }.run());
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

struct Connection {
    load: Arc<Load>,
    /// The number of its server in turn; each reconnect adds one.
    turn: usize,
    wire: Option<Wire>,
}

impl Connection {
    async fn run(mut self) {
        while let Some(ticket) = self.load.pace.ticket().await {
            let sent = clock::now();
            let intended = match ticket {
                Ticket::Now => sent,
                Ticket::Scheduled(instant) => {
                    let lag = clock::micros(sent.saturating_duration_since(instant));
                    self.load.ledger.creation().lag.record(i64::try_from(lag).unwrap_or(i64::MAX));
                    instant
                }
                Ticket::Overdue(instant) => {
                    self.load.ledger.creation().queued += 1;
                    instant
                }
            };
            let sent_us = clock::wall_now();
            let outcomes = match self.exchange().await {
                Ok((status, body)) => self.load.outcomes(status, &body),
                Err(failure) => Err(failure),
            };
            let (answered, answered_us) = (clock::now(), clock::wall_now());
            let outcomes = outcomes.unwrap_or_else(|failure| vec![Err(failure); self.load.per_request]);
            for outcome in outcomes {
                match outcome {
                    Ok(accepted) => {
                        let as_asked =
                            self.load.due.right_for(sent_us, answered_us).contains(&accepted.due_us);
                        self.load.ledger.creation().created(intended, answered, as_asked);
                        if self.load.matching {
                            self.load.ledger.tally().created(accepted.id, accepted.due_us);
                        }
                    }
                    Err(failure) => {
                        self.load.ledger.creation().failed(&failure.kind, &failure.text, answered)
                    }
                }
            }
        }
    }

    /// Sends a request and reads its answer.
    async fn exchange(&mut self) -> Result<(StatusCode, Bytes), Failure> {
        let mut wire = match self.wire.take() {
            Some(mut wire) => {
                if wire.is_ready().await {
                    wire
                } else {
                    self.reconnect().await?
                }
            }
            None => self.reconnect().await?,
        };
        let server = self.server();
        let mut request = Request::new(Full::new(self.load.body.clone()));
        *request.method_mut() = hyper::Method::POST;
        let path = if self.load.per_request == 1 { &server.create_path } else { &server.create_many_path };
        *request.uri_mut() = path.clone();
        request.headers_mut().clone_from(&server.headers);
        // Any failure from here on leaves the wire in an unknown state, so it is dropped.
        let answer = match tokio::time::timeout(ANSWER_WITHIN, wire.exchange(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::new("connection broken", &error)),
            Err(_) => {
                return Err(Failure {
                    kind: format!("no answer in {} s", ANSWER_WITHIN.as_secs()),
                    text: String::new(),
                });
            }
        };
        self.wire = Some(wire);
        Ok(answer)
    }

    async fn reconnect(&mut self) -> Result<Wire, Failure> {
        self.turn = self.turn.wrapping_add(1);
        match self.server().connect().await {
            Ok(wire) => Ok(wire),
            Err(error) => {
                tokio::time::sleep(RECONNECT_PAUSE).await;
                Err(Failure::new("no connection", &error))
            }
        }
    }

    fn server(&self) -> &Server {
        // There is at least one server: the flag has a default.
        &self.load.servers[self.turn % self.load.servers.len()]
    }
}

impl Load {
    /// The outcome of each timer of a request, from its answer; one failure if it is the same for all.
    fn outcomes(&self, status: StatusCode, body: &[u8]) -> Result<Vec<Result<Accepted, Failure>>, Failure> {
        match (self.per_request, status) {
            (1, StatusCode::CREATED) => {
                let accepted = answer::accepted(body);
                accepted
                    .map(|accepted| vec![Ok(accepted)])
                    .map_err(|error| Failure::new("unreadable 201", &error))
            }
            (2.., StatusCode::OK) => {
                let outcomes = answer::each_of_many(body);
                let outcomes = outcomes.map_err(|error| Failure::new("unreadable 200", &error))?;
                if outcomes.len() != self.per_request {
                    let text = format!("{} outcomes for {} timers", outcomes.len(), self.per_request);
                    return Err(Failure { kind: "unreadable 200".to_owned(), text });
                }
                let refused = |(status, text): (u16, String)| Failure { kind: status.to_string(), text };
                Ok(outcomes.into_iter().map(|outcome| outcome.map_err(refused)).collect())
            }
            (_, status) => {
                Err(Failure { kind: status.as_str().to_owned(), text: answer::problem_text(body) })
            }
        }
    }
}

impl Failure {
    fn new(kind: &str, error: &anyhow::Error) -> Self {
        Self { kind: kind.to_owned(), text: format!("{error:#}") }
    }
}
