//! One call of a receiver, and what can be known of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use reqwest::Response;
use tokio_util::sync::CancellationToken;
use url::Host;

use super::client::Clients;
use super::departure::Departure;
use super::outcome::{forbidden, result, was_refused};
use super::resolver::Names;
use super::settings::Settings;
use super::sign::Secrets;
use super::trace::{CALL, Trace};
use super::{answer, request};
use crate::clock::Clock;
use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::timer::Timer;
use crate::policy::{Destination, Policy};

/// How often a request is sent again that the receiver has refused without a look at it (HTTP/2), as reqwest would by itself
/// with a body that it can copy.
const MAX_REFUSALS: u32 = 2;

/// Makes calls. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Caller {
    clients: Clients,
    names: Names,
    secrets: Secrets,
    policy: Arc<Policy>,
    proxied: bool,
    connect_timeout: Duration,
    first_byte_timeout: Option<Duration>,
    clock: Clock,
}

impl Caller {
    /// Sets up clients.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up, as without any root certificates, or a file cannot be read.
    pub fn new(clock: Clock, settings: &Settings) -> Result<Self> {
        let proxied = settings.proxy.is_some();
        let names = Names::new(&settings.dns_servers, settings.policy.clone(), proxied)?;
        Ok(Self {
            clients: Clients::new(settings, &names)?,
            names,
            secrets: settings.secrets.clone(),
            policy: settings.policy.clone(),
            proxied,
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
        let trace = Arc::new(Trace::new(to, self.connect_timeout(timer.timeout)));
        let head = CALL.scope(trace.clone(), self.head(&trace, timer, attempt, departure));
        let head = tokio::select! {
            biased;
            () = abort.cancelled() => Err(CallResult::Interrupted),
            head = head => head,
        };
        let head = match head {
            Err(CallResult::Interrupted) if departure.is_off().await => Err(CallResult::NotSent {
                reason: "the node was stopped before the request was written".to_owned(),
            }),
            head => head,
        };
        let response = match head {
            Ok(response) => response,
            Err(result) => return Called { result, answer: None, phases: trace.phases(None) },
        };
        let first_byte = trace.elapsed();
        let retry_after = answer::retry_after(response.headers(), self.clock.world());
        let result = CallResult::Answered { status: response.status().as_u16(), retry_after };
        let deadline = trace.after(timer.timeout);
        let answer = tokio::select! {
            biased;
            () = abort.cancelled() => None,
            answer = answer::read(response, deadline) => answer.kept(),
        };
        Called { result, answer, phases: trace.phases(Some(first_byte)) }
    }

    /// How long the answer may take to begin within a timeout.
    fn first_byte_timeout(&self, timeout: Duration) -> Duration {
        self.first_byte_timeout.unwrap_or(timeout).min(timeout)
    }

    /// How long connecting may take within a timeout. A connection that is not there by then provably carried
    /// nothing, so the attempt may be repeated, which cannot be said once the time for the answer is over.
    fn connect_timeout(&self, timeout: Duration) -> Duration {
        self.connect_timeout.min(self.first_byte_timeout(timeout) * 4 / 5)
    }

    /// Sends the request and waits for the head of the answer.
    async fn head(
        &self,
        trace: &Trace,
        timer: &Timer,
        attempt: u32,
        departure: &Departure,
    ) -> Result<Response, CallResult> {
        let to = &trace.to;
        self.policy.judge(to).map_err(forbidden)?;
        if let (true, Host::Domain(name)) = (self.proxied, &to.host) {
            self.judge_for_proxy(trace, name).await?;
        }
        let timeout = self.first_byte_timeout(timer.timeout);
        let mut refusals = 0;
        loop {
            let sent = self.request(to, timer, attempt, departure).send();
            return match tokio::time::timeout_at(trace.after(timeout), sent).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) if refusals < MAX_REFUSALS && was_refused(&error) => {
                    refusals += 1;
                    continue;
                }
                Ok(Err(error)) => Err(result(&error)),
                Err(_) => Err(CallResult::NoAnswer { reason: format!("timed out after {timeout:?}") }),
            };
        }
    }

    /// With a proxy, names are looked up there, and it connects to what it finds. What we find is judged before.
    async fn judge_for_proxy(&self, trace: &Trace, name: &str) -> Result<(), CallResult> {
        let timeout = trace.connect_timeout;
        let judged = match tokio::time::timeout(timeout, self.names.judge_all(&trace.to, name)).await {
            Ok(Ok(judged)) => judged,
            Ok(Err(error)) => return Err(CallResult::NotSent { reason: error.to_string() }),
            Err(_) => {
                return Err(CallResult::NotSent {
                    reason: format!("cannot look up {name} within {timeout:?}"),
                });
            }
        };
        judged.map_err(forbidden)
    }

    fn request(
        &self,
        to: &Destination,
        timer: &Timer,
        attempt: u32,
        departure: &Departure,
    ) -> reqwest::RequestBuilder {
        let (method, url) = (request::method(timer), timer.target.url.as_url().clone());
        let (headers, body) = request::parts(timer, attempt, &self.secrets, self.clock.world());
        self.clients.of(to).request(method, url).headers(headers).body(departure.body(body))
    }
}
