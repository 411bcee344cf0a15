//! The changes that a client may make to a waiting timer. A field that is named replaces the timer's whole field. The other
//! fields stay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::attempt::Delivery;
use crate::domain::flow::Flow;
use crate::domain::retry::RetryPolicy;
use crate::domain::target::{Body, Method, TargetUrl};
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer};

/// A change of a timer, with each field that is to be replaced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// When the timer is due. A pending retry moves there, too.
    pub due_at: Option<Timestamp>,
    pub url: Option<TargetUrl>,
    /// The method. If it takes no body, the timer's body is dropped.
    pub method: Option<Method>,
    /// All of the timer's own headers.
    pub headers: Option<Arc<[(String, String)]>>,
    pub body: Option<Body>,
    /// The promise about calls whose result is not known.
    pub delivery: Option<Delivery>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// When and how often it is tried again.
    pub retry: Option<RetryPolicy>,
    /// The limits that it shares with other timers; `Some(None)` for no limits.
    pub flow: Option<Option<Flow>>,
    /// The URL to tell once the timer is delivered; `Some(None)` for no URL.
    pub on_delivered: Option<Option<TargetUrl>>,
    /// The URL to tell once the timer has failed; `Some(None)` for no URL.
    pub on_failed: Option<Option<TargetUrl>>,
    /// All of the client's labels.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
    /// The name of the token that makes the change, if one was needed.
    pub by: Option<String>,
}

impl Change {
    /// Whether the change has a body that the timer's method, old or new, does not take.
    pub fn has_a_body_in_vain(&self, timer: &Timer) -> bool {
        let method = self.method.unwrap_or(timer.target.method);
        self.body.is_some() && !method.takes_body()
    }

    /// Whether the change affects the content that receivers are sent, or which receivers: the token that makes such a change
    /// answers for the signature. Labels count, because callbacks contain them.
    fn is_signed(&self) -> bool {
        self.url.is_some()
            || self.method.is_some()
            || self.headers.is_some()
            || self.body.is_some()
            || self.on_delivered.is_some()
            || self.on_failed.is_some()
            || self.metadata.is_some()
    }

    /// Whether the change makes the timer call another receiver.
    pub fn is_of_another_receiver(&self, timer: &Timer) -> bool {
        self.url.as_ref().is_some_and(|url| url.authority() != timer.target.url.authority())
    }

    /// The timer with the change made. The state changes only if the due instant does.
    pub fn applied_to(self, timer: &Timer) -> Timer {
        let mut timer = timer.clone();
        // Where no token is needed, any client may sign as any other.
        if let Some(by) = self.by.as_ref().filter(|_| self.is_signed()) {
            timer.set_by = Some(by.clone()).filter(|by| timer.created_by.as_ref() != Some(by));
        }
        if let Some(method) = self.method {
            timer.target.method = method;
            if !method.takes_body() {
                timer.target.body = Body::Default;
            }
        }
        replace(&mut timer.target.url, self.url);
        replace(&mut timer.target.headers, self.headers);
        replace(&mut timer.target.body, self.body);
        replace(&mut timer.delivery, self.delivery);
        replace(&mut timer.timeout, self.timeout);
        replace(&mut timer.retry, self.retry);
        replace(&mut timer.flow, self.flow);
        replace(&mut timer.callbacks.on_delivered, self.on_delivered);
        replace(&mut timer.callbacks.on_failed, self.on_failed);
        replace(&mut timer.metadata, self.metadata);
        if let Some(due_at) = self.due_at {
            timer = timer.giving_up();
            timer.due_at = due_at;
            if let State::Scheduled { at, .. } = &mut timer.state {
                *at = due_at;
            }
        }
        timer
    }
}

fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::a_timer;

    #[test]
    fn what_is_not_named_stays() {
        let timer = a_timer(Delivery::AtMostOnce, 3);
        assert_eq!(Change::default().applied_to(&timer), timer);
        let changed =
            Change { timeout: Some(Duration::from_secs(9)), ..Change::default() }.applied_to(&timer);
        assert_eq!(changed, Timer { timeout: Duration::from_secs(9), ..timer });
    }

    #[test]
    fn the_client_that_changes_the_request_or_its_target_signs_it() {
        let first = Timer { created_by: Some("a".to_owned()), ..a_timer(Delivery::AtMostOnce, 3) };
        let by = |token: &str| Change { by: Some(token.to_owned()), ..Change::default() };
        let url = Some(first.target.url.clone());
        let changes = [
            Change { url: url.clone(), ..by("b") },
            Change { method: Some(Method::Get), ..by("b") },
            Change { headers: Some([].into()), ..by("b") },
            Change { body: Some(Body::Default), ..by("b") },
            Change { on_delivered: Some(None), ..by("b") },
            Change { on_failed: Some(url.clone()), ..by("b") },
            Change { metadata: Some(Arc::default()), ..by("b") },
        ];
        for change in changes {
            assert_eq!(change.clone().applied_to(&first).signer(), Some("b"), "{change:?}");
        }
        let second = Change { url: url.clone(), ..by("b") }.applied_to(&first);
        // A change of anything else, or without a token, leaves the signer as it was.
        let moved = Change { due_at: Some(first.due_at), timeout: Some(Duration::ZERO), ..by("c") };
        assert_eq!(moved.clone().applied_to(&first).signer(), Some("a"));
        assert_eq!(moved.applied_to(&second).signer(), Some("b"));
        let open = Change { url: url.clone(), ..Change::default() };
        assert_eq!(open.applied_to(&second).signer(), Some("b"));
        let again = Change { url: url.clone(), ..by("a") }.applied_to(&second);
        assert_eq!((again.signer(), &again.set_by), (Some("a"), &None));
        let of_nobody = Timer { created_by: None, ..first };
        assert_eq!(Change { url, ..by("b") }.applied_to(&of_nobody).signer(), Some("b"));
    }

    #[test]
    fn a_method_without_a_body_drops_the_body() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        timer.target.body = Body::Text("x".into());
        let get = Change { method: Some(Method::Get), ..Change::default() };
        assert_eq!(get.clone().applied_to(&timer).target.body, Body::Default);
        let put = Change { method: Some(Method::Put), ..Change::default() };
        assert_eq!(put.applied_to(&timer).target.body, Body::Text("x".into()));
        timer.target.method = Method::Get;
        assert!(Change { body: Some(Body::Default), ..Change::default() }.has_a_body_in_vain(&timer));
        assert!(!get.has_a_body_in_vain(&timer));
    }
}
