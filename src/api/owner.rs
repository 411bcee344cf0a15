//! `created_by` in a creation: the owner of the timer. Without it, the token that sends the request is the owner. An import uses it to keep
//! the owner of each timer, and so the secret that signs the timer's calls.

use serde_json::Value;

use super::problem::FieldError;
use crate::api::access::check_name;

/// The field of a creation.
pub(super) const FIELD: &str = "created_by";

/// The name of the token that owns the timer, if it has one. Only a client that may do everything creates a timer in the name of another
/// token.
///
/// # Errors
///
/// The error of the field.
pub(super) fn of(token: Option<&str>, may_all: bool, creation: &Value) -> Result<Option<String>, FieldError> {
    let Some(value) = creation.get(FIELD) else { return Ok(token.map(str::to_owned)) };
    let wrong = |detail: String| FieldError { pointer: format!("/{FIELD}"), detail };
    let name = value.as_str().ok_or_else(|| wrong("must be a string, the name of a token".to_owned()))?;
    check_name(name).map_err(|why| wrong(format!("must be the name of a token: {why}")))?;
    if may_all || token == Some(name) {
        return Ok(Some(name.to_owned()));
    }
    let asks = token.unwrap_or("the token of this request");
    Err(wrong(format!(
        "is not {asks}, and creating a timer for another token needs the scope admin; leave the field out to create the timer for \
         {asks}"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_timer_is_of_the_token_that_asks_and_of_another_if_an_admin_says_so() {
        let billing = json!({ "created_by": "billing" });
        for (token, may_all, creation, owner) in [
            (Some("x"), false, json!({}), Some("x")),
            (None, true, json!({}), None),
            (Some("billing"), false, billing.clone(), Some("billing")),
            (Some("boss"), true, billing.clone(), Some("billing")),
            (None, true, billing.clone(), Some("billing")),
        ] {
            assert_eq!(of(token, may_all, &creation).unwrap().as_deref(), owner, "{token:?} {creation}");
        }
        assert!(of(Some("x"), false, &billing).unwrap_err().detail.contains("scope admin"));
        for bad in [json!(1), json!(null), json!(""), json!("a b"), json!("a\nb"), json!("x".repeat(65))] {
            assert!(of(None, true, &json!({ "created_by": bad })).is_err());
        }
    }
}
