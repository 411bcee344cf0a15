//! `If-Match` (RFC 9110, 13.1.1): only if the timer is still the one that the client has seen.

use warp::http::HeaderMap;
use warp::http::header::IF_MATCH;

use super::problem::Problem;

/// The entity tag of a revision of a timer.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The revisions that the request allows; `None` if any will do.
///
/// # Errors
///
/// If the field is not as RFC 9110 (8.8.3) writes entity tags.
pub(super) fn revisions(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    let mut revisions = vec![];
    let mut any = true;
    for value in headers.get_all(IF_MATCH) {
        any = false;
        let text = value.to_str().map_err(|_| malformed())?;
        if text.trim() == "*" {
            return Ok(None);
        }
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            revisions.extend(revision(tag)?);
        }
    }
    Ok((!any).then_some(revisions))
}

/// The revision that a tag names. A weak one, or one that was never ours, matches nothing.
fn revision(tag: &str) -> Result<Option<u64>, Problem> {
    let weak = tag.strip_prefix("W/");
    let quoted = weak.unwrap_or(tag).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let opaque = quoted.filter(|inner| !inner.contains('"')).ok_or_else(malformed)?;
    Ok(opaque.parse().ok().filter(|revision| weak.is_none() && etag(*revision) == tag))
}

fn malformed() -> Problem {
    Problem::bad_header("If-Match must be * or a list of entity tags in double quotes, as in ETag")
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Result<Option<Vec<u64>>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_static(value));
        revisions(&headers).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn only_strong_tags_of_ours_name_a_revision() {
        assert_eq!(read("\"17\""), Ok(Some(vec![17])));
        assert_eq!(read("\"17\", \"18\""), Ok(Some(vec![17, 18])));
        assert_eq!(read("*"), Ok(None));
        assert_eq!(revisions(&HeaderMap::new()).unwrap(), None);
        for foreign in ["W/\"17\"", "\"abc\"", "\"\"", "\"017\"", ""] {
            assert_eq!(read(foreign), Ok(Some(vec![])), "{foreign}");
        }
        for malformed in ["17", "\"17", "a\"17\"", "\"1\"7\""] {
            assert_eq!(read(malformed), Err(400), "{malformed}");
        }
    }
}
