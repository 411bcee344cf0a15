//! Single calls without a node, so that a test sees more of a call than a node stores.

use std::sync::Arc;
use std::time::Duration;

use jettimer::foundation::clock::Clock;
use jettimer::foundation::tasks::Tasks;
use jettimer::webhook::{Caller, Departure, Secrets, Settings};
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::target::{Body, Method, Target, TargetUrl};
use rules::domain::timer::Timer;
use rules::policy::Policy;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::PATIENCE;
use super::raw::Raw;

/// Long enough for an answer that comes, and a bound for an answer that does not.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(1_500);

/// A policy with these rules.
pub(crate) fn policy(allow: &[&str], deny: &[&str]) -> Arc<Policy> {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a rule")).collect();
    Arc::new(Policy::new(rules(allow), rules(deny), false).expect("a policy"))
}

/// Settings that allow calls to receivers on loopback.
pub(crate) fn settings() -> Settings {
    Settings {
        policy: policy(&["127.0.0.0/8"], &[]),
        secrets: Secrets::default(),
        dns_servers: vec![],
        ca: None,
        identities: vec![],
        proxy: None,
        connect_timeout: Duration::from_secs(10),
        first_byte_timeout: None,
    }
}

pub(crate) fn caller(settings: &Settings) -> Caller {
    jettimer::foundation::crypto::install();
    Caller::new(Clock::OF_THE_WORLD, settings, &Tasks::default()).expect("a caller")
}

/// Calls a URL once.
pub(crate) async fn call(settings: &Settings, url: &str, timeout: Duration) -> Called {
    caller(settings).call(&timer(url, timeout), 1, &CancellationToken::new(), &unnoted()).await
}

/// A departure that notes nothing.
pub(crate) fn unnoted() -> Departure {
    Departure::new(|| ())
}

/// A due timer.
pub(crate) fn timer(url: &str, timeout: Duration) -> Timer {
    let now = Clock::OF_THE_WORLD.now();
    let target = Target {
        url: TargetUrl::parse(url).expect("a URL"),
        method: Method::Post,
        headers: [].into(),
        body: Body::Default,
    };
    Timer { timeout, ..Timer::waiting(uuid::Uuid::from_u128(1), now, now, target) }
}

/// A receiver's answer with this status.
pub(crate) fn answered(status: u16) -> CallResult {
    CallResult::Answered { status, retry_after: None }
}

/// The name of a result, and its reason.
pub(crate) fn outcome(called: &Called) -> (&'static str, &str) {
    match &called.result {
        CallResult::Answered { .. } => ("answered", ""),
        CallResult::NotSent { reason } => ("not_sent", reason),
        CallResult::Forbidden { reason } => ("forbidden", reason),
        CallResult::NoAnswer { reason } => ("no_answer", reason),
        CallResult::Interrupted => ("interrupted", ""),
    }
}

/// Calls a receiver and returns the result, its reason, the status, the kept part of the answer, and whether that is truncated.
pub(crate) async fn call_raw(receiver: &Raw) -> (&'static str, String, Option<u16>, Vec<u8>, bool) {
    let begun = Instant::now();
    let called = call(&settings(), &format!("http://{}/", receiver.address()), TIMEOUT).await;
    assert!(begun.elapsed() < PATIENCE, "it is over long before the test's patience: {called:?}");
    assert!(called.phases.total >= called.phases.first_byte.unwrap_or_default());
    let (result, reason) = outcome(&called);
    let status = if let CallResult::Answered { status, .. } = called.result { Some(status) } else { None };
    let reason = reason.to_owned();
    let answer = called.answer.unwrap_or_default();
    (result, reason, status, answer.body, answer.truncated)
}
