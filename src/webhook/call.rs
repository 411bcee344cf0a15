//! One call of a receiver, and the facts that are known about it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Host;

use super::answer;
use super::departure::Departure;
use super::dial::{Dialer, Proxy, own_answer};
use super::exchange::Exchanged;
use super::failure::{Failure, Within};
use super::lookup::silent;
use super::names::Names;
use super::pool::{Origin, Pool};
use super::request::Outgoing;
use super::settings::Settings;
use super::sign::Secrets;
use super::trace::Trace;
use crate::foundation::clock::Clock;
use crate::foundation::tasks::Tasks;
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::timer::{MAX_TIMEOUT, Timer};
use rules::policy::{Destination, Policy};
use rules::receivers::Route;

/// On how many connections a request is tried if none of them takes it: a connection from the pool may be gone just then.
const MOST_CONNECTIONS: u32 = 3;

/// Why a request failed that waited at a connection of HTTP/2: the connection took no bytes, or no other stream.
const NO_ROOM: &str = "no room for the request on the connection";

/// Makes calls. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Caller {
    pub(super) pool: Pool,
    pub(super) names: Names,
    pub(super) proxy: Option<Arc<Proxy>>,
    secrets: Secrets,
    pub(super) policy: Arc<Policy>,
    connect_timeout: Duration,
    first_byte_timeout: Option<Duration>,
    clock: Clock,
}

impl Caller {
    /// Sets up names, TLS and connections, which tasks of `tasks` tend.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up, as without any root certificates, or a file cannot be read.
    pub fn new(clock: Clock, settings: &Settings, tasks: &Tasks) -> Result<Self> {
        let names = Names::new(&settings.dns_servers, settings.policy.clone())?;
        let proxy = settings.proxy.as_ref().map(Proxy::new).transpose()?;
        let dialer = Dialer::new(settings, names.clone(), proxy.clone())?;
        Ok(Self {
            pool: Pool::new(dialer, tasks),
            names,
            proxy: proxy.map(Arc::new),
            secrets: settings.secrets.clone(),
            policy: settings.policy.clone(),
            connect_timeout: settings.connect_timeout,
            first_byte_timeout: settings.first_byte_timeout,
            clock,
        })
    }

    /// Calls the timer's receiver once, within the timer's timeout, or until `abort` is cancelled. The departure is noted
    /// before the first byte of the request is written; if it never was, a call that was aborted is [`CallResult::NotSent`].
    pub async fn call(
        &self,
        timer: &Timer,
        attempt: u32,
        abort: &CancellationToken,
        departure: &Departure,
    ) -> Called {
        let url = timer.target.url.as_url();
        let Some(to) = Destination::of(url) else {
            let reason = format!("{} URLs cannot be called", url.scheme());
            return Called {
                result: CallResult::NotSent { reason },
                answer: None,
                phases: Default::default(),
            };
        };
        let origin = Arc::new(Origin { to, secure: url.scheme() == "https" });
        let trace = Trace::new(self.connect_timeout(timer.timeout));
        let answered = tokio::select! {
            biased;
            () = abort.cancelled() => None,
            answered = self.answered(&origin, &trace, timer, attempt, departure) => Some(answered),
        };
        let mut exchanged = match answered {
            Some(Ok(exchanged)) => exchanged,
            Some(Err(failure)) => {
                if matches!(failure, Failure::Here(_)) {
                    departure.held_here();
                }
                return Called { result: failure.into(), answer: None, phases: trace.phases(None) };
            }
            None => {
                let result = if departure.recall() { not_begun() } else { CallResult::Interrupted };
                return Called { result, answer: None, phases: trace.phases(None) };
            }
        };
        let first_byte = trace.elapsed();
        let retry_after = exchanged.fields.retry_after(self.clock.world());
        let result = CallResult::Answered { status: exchanged.status, retry_after };
        let deadline = trace.after(timer.timeout);
        let answer = tokio::select! {
            biased;
            () = abort.cancelled() => None,
            answer = answer::read(&mut exchanged, deadline) => answer.kept(),
        };
        exchanged.end();
        Called { result, answer, phases: trace.phases(Some(first_byte)) }
    }

    /// How long the answer may take to begin within a timeout.
    fn first_byte_timeout(&self, timeout: Duration) -> Duration {
        self.first_byte_timeout.unwrap_or(timeout).min(timeout)
    }

    /// How long connecting may take within a timeout. A connection that is not made by then provably carried nothing, so the attempt may be
    /// repeated. Once the time for the answer is over, that is not certain.
    pub(super) fn connect_timeout(&self, timeout: Duration) -> Duration {
        self.connect_timeout.min(self.first_byte_timeout(timeout) * 4 / 5)
    }

    /// Whether the timer's own timeout ended a call before it had a connection, and left less time to connect than other timers have.
    pub fn was_cut_short(&self, timer: &Timer, called: &Called) -> bool {
        let allowed = self.connect_timeout(timer.timeout);
        allowed < self.connect_timeout(MAX_TIMEOUT) && called.phases.total >= allowed
    }

    /// Sends the request and waits for the head of the answer.
    async fn answered(
        &self,
        origin: &Arc<Origin>,
        trace: &Trace,
        timer: &Timer,
        attempt: u32,
        departure: &Departure,
    ) -> Result<Exchanged, Failure> {
        self.policy.judge(&origin.to)?;
        if let (Some(_), Host::Domain(name)) = (&self.proxy, &origin.to.host) {
            self.judge_for_proxy(origin, trace, name).await?;
        }
        let mut outgoing = Outgoing::new(timer, attempt, &self.secrets, self.clock.world());
        let passed_on = self.proxy.as_ref().filter(|_| !origin.secure);
        if let Some(proxy) = passed_on {
            outgoing = outgoing.through_proxy(proxy.authorization());
        }
        let timeout = self.first_byte_timeout(timer.timeout);
        let shape = Route::of(timer.target.url.as_url().path()).shape;
        let exchanging = self.exchange(origin, shape, trace, &outgoing, departure, trace.after(timeout));
        let exchanged = match tokio::time::timeout_at(trace.after(timeout), exchanging).await {
            Ok(exchanged) => exchanged?,
            // A call that did not get that far provably carried nothing.
            Err(_) if departure.recall() => {
                let lacks = if departure.has_left() { NO_ROOM } else { trace.lacks() };
                return Err(Failure::NotSent(format!("{lacks} within {}", Within(timeout))));
            }
            Err(_) => return Err(Failure::NoAnswer(format!("no answer within {}", Within(timeout)))),
        };
        match passed_on.and_then(|_| own_answer(exchanged.status, exchanged.fields.proxy_status())) {
            Some(refusal) => Err(Failure::NotSent(refusal)),
            None => Ok(exchanged),
        }
    }

    /// Takes a connection and sends the request on it. If the connection takes nothing of the request, it goes on another one.
    async fn exchange(
        &self,
        origin: &Arc<Origin>,
        shape: u64,
        trace: &Trace,
        outgoing: &Outgoing,
        departure: &Departure,
        deadline: Instant,
    ) -> Result<Exchanged, Failure> {
        let mut connections = 1;
        loop {
            let lease = self.pool.take(origin, shape, trace).await?;
            match Exchanged::new(lease, outgoing, departure, deadline).await {
                Err(Failure::Gone(_)) if connections < MOST_CONNECTIONS => {
                    connections += 1;
                    departure.stays();
                }
                exchanged => return exchanged,
            }
        }
    }

    /// A proxy looks names up itself, and connects to an address that it finds. The addresses that we find are judged before.
    async fn judge_for_proxy(&self, origin: &Origin, trace: &Trace, name: &str) -> Result<(), Failure> {
        let timeout = trace.connect_timeout;
        let judged = tokio::time::timeout(timeout, self.names.judge_all(&origin.to, name)).await;
        judged.unwrap_or_else(|_| Err(silent(timeout)))
    }
}

fn not_begun() -> CallResult {
    CallResult::NotSent { reason: "the node was stopped before the request was written".to_owned() }
}
