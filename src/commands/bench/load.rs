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
    pub(super) pace: Pace,
    pub(super) ledger: Arc<Ledger>,
    /// Whether webhooks are matched with timers.
    pub(super) matching: bool,
}

/// Why a create made no timer: a short kind under which it is counted, and the text of the error.
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
            match self.create().await {
                Ok(accepted) => {
                    let as_asked =
                        self.load.due.right_for(sent_us, clock::wall_now()).contains(&accepted.due_us);
                    self.load.ledger.creation().created(intended, clock::now(), as_asked);
                    if self.load.matching {
                        self.load.ledger.tally().created(accepted.id, accepted.due_us);
                    }
                }
                Err(failure) => {
                    self.load.ledger.creation().failed(&failure.kind, &failure.text, clock::now())
                }
            }
        }
    }

    async fn create(&mut self) -> Result<Accepted, Failure> {
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
        *request.uri_mut() = server.create_path.clone();
        request.headers_mut().clone_from(&server.headers);
        // Any failure from here on leaves the wire in an unknown state, so it is dropped.
        let (status, body) = match tokio::time::timeout(ANSWER_WITHIN, wire.exchange(request)).await {
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
        if status == StatusCode::CREATED {
            answer::accepted(&body).map_err(|error| Failure::new("unreadable 201", &error))
        } else {
            Err(Failure { kind: status.as_str().to_owned(), text: answer::problem_text(&body) })
        }
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

impl Failure {
    fn new(kind: &str, error: &anyhow::Error) -> Self {
        Self { kind: kind.to_owned(), text: format!("{error:#}") }
    }
}
