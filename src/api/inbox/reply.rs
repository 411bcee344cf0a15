//! Reads from a webhook's URL how it is to be answered, so retries, timeouts and circuit breakers can be tried.
//!
//! All other parameters of the URL are the sender's own, as with any receiver.

use std::time::Duration;

use warp::http::StatusCode;

use crate::api::problem::Problem;
use crate::api::query::Params;
use crate::foundation::duration;

/// The longest delay: the longest timeout of a timer.
const MAX_DELAY: Duration = rules::domain::timer::MAX_TIMEOUT;

/// How to answer a webhook.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InboxReply {
    status: StatusCode,
    /// How often each timer is answered with that status before it is answered with 200; always, if this is not given.
    times: Option<usize>,
    /// How long the answer takes.
    pub(super) delay: Duration,
}

impl InboxReply {
    /// Reads the wish from a query.
    pub(super) fn read(query: &str) -> Result<Self, Problem> {
        let mut params = Params::of(query);
        let status = params.read("status", |text| {
            let status = text.parse().ok().filter(|status| (200..=599).contains(status));
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            status.ok_or_else(|| "must be a status from 200 to 599".to_owned())
        });
        let times =
            params.read("times", |text| text.parse().map_err(|_| "must be a whole number".to_owned()));
        let delay = params.read("delay", |text| {
            let delay = duration::parse(text)?;
            if delay <= MAX_DELAY { Ok(delay) } else { Err("must be 10 minutes at most".to_owned()) }
        });
        params.finish_some()?;
        Ok(Self { status: status.unwrap_or(StatusCode::OK), times, delay: delay.unwrap_or_default() })
    }

    /// The status for a timer whose webhooks were answered this often before.
    pub(super) fn status_after(&self, calls: usize) -> StatusCode {
        match self.times {
            Some(times) if calls >= times => StatusCode::OK,
            Some(_) | None => self.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_it_wants_to_be_answered() {
        let wish = InboxReply::read("status=503&times=2&delay=1500ms&customer=7").unwrap();
        assert_eq!(wish.delay, Duration::from_millis(1_500));
        assert_eq!([0, 1, 2, 9].map(|calls| wish.status_after(calls).as_u16()), [503, 503, 200, 200]);
        let wish = InboxReply::read("").unwrap();
        assert_eq!((wish.status_after(0), wish.delay), (StatusCode::OK, Duration::ZERO));
        assert_eq!(InboxReply::read("status=404").unwrap().status_after(100), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_wish_that_makes_no_sense_is_refused() {
        for wrong in [
            "status=100",
            "status=600",
            "status=ok",
            "times=-1",
            "delay=soon",
            "delay=11m",
            "status=500&status=200",
        ] {
            assert!(InboxReply::read(wrong).is_err(), "{wrong}");
        }
    }
}
