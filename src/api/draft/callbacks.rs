//! Reads the URLs that are told how the timer ends: `on_delivered` and `on_failed`, or `callback` for both.

use super::fields::Fields;
use super::target::url_of;
use rules::domain::callbacks::Callbacks;
use rules::domain::target::TargetUrl;
use rules::policy::Policy;

/// The callbacks that a change names: `Some(None)` removes one.
pub(super) struct CallbacksChange {
    pub(super) on_delivered: Option<Option<TargetUrl>>,
    pub(super) on_failed: Option<Option<TargetUrl>>,
}

/// Reads the callbacks of a creation.
pub(super) fn read(fields: &mut Fields<'_>, policy: &Policy) -> Callbacks {
    let change = read_change(fields, policy);
    Callbacks {
        on_delivered: change.on_delivered.unwrap_or_default(),
        on_failed: change.on_failed.unwrap_or_default(),
    }
}

/// Reads the callbacks that a change names.
pub(super) fn read_change(fields: &mut Fields<'_>, policy: &Policy) -> CallbacksChange {
    let both = url(fields, policy, "callback");
    let on_delivered = url(fields, policy, "on_delivered");
    let on_failed = url(fields, policy, "on_failed");
    let Some(Some(url)) = both else {
        return CallbacksChange {
            on_delivered: on_delivered.or_else(|| both.clone()),
            on_failed: on_failed.or(both),
        };
    };
    // Some clients send null for each field that they do not set. A single null may be meant, so it is refused.
    if !matches!((&on_delivered, &on_failed), (None, None) | (Some(None), Some(None))) {
        fields.wrong("callback", "sets both on_delivered and on_failed; give either callback or those two");
    }
    CallbacksChange { on_delivered: Some(Some(url.clone())), on_failed: Some(Some(url)) }
}

fn url(fields: &mut Fields<'_>, policy: &Policy, name: &'static str) -> Option<Option<TargetUrl>> {
    let value = fields.take(name)?;
    Some(if value.is_null() { None } else { url_of(fields, name, value, policy) })
}
