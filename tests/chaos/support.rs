//! The files that are shared with the other integration tests, included from their place there.

use std::time::Duration;

#[expect(dead_code, reason = "events are compared with it elsewhere")]
#[path = "../it/support/contract.rs"]
pub(crate) mod contract;
#[expect(dead_code, reason = "some of it is for tests of names")]
#[path = "../it/support/dns.rs"]
mod dns;
#[path = "../it/support/spawn.rs"]
mod spawn;
#[expect(dead_code, reason = "the servers' configuration is whole here")]
#[path = "../it/support/users.rs"]
mod users;
#[expect(dead_code, reason = "here clocks are set, and do not fail")]
#[path = "../it/support/wrong_clock.rs"]
mod wrong_clock;

pub(crate) use dns::Dns;
pub(crate) use spawn::spawn;
pub(crate) use users::Users;
pub(crate) use wrong_clock::WrongClock;

/// The function that `dns` waits with.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        let _ = what;
    }
}

/// Microseconds since the epoch, by this machine's clock.
pub(crate) fn now_micros() -> u64 {
    jettimer::foundation::clock::Clock::OF_THE_WORLD.now().as_micros()
}

/// Microseconds since the epoch of an RFC 3339 instant; 0 if the text is not one.
pub(crate) fn micros_of(text: &serde_json::Value) -> u64 {
    let instant = text.as_str().and_then(|text| jettimer::foundation::rfc3339::parse(text).ok());
    instant.map_or(0, |instant| instant.as_micros())
}

/// An instant as RFC 3339.
pub(crate) fn at(micros: u64) -> String {
    jettimer::foundation::rfc3339::format(rules::domain::time::Timestamp::from_micros(micros))
}
