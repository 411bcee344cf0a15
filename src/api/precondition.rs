//! `If-Match` (RFC 9110, 13.1.1): a request changes the timer only if it is still the one that the client has seen.

use warp::http::HeaderMap;
use warp::http::header::IF_MATCH;

use super::problem::Problem;

/// The entity tag of a revision of a timer.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The revisions that the request allows; `None` if it allows any revision.
///
/// # Errors
///
/// The field is not a list of entity tags as in RFC 9110 (8.8.3).
pub(super) fn revisions(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    let mut revisions = vec![];
    let mut any = true;
    for value in headers.get_all(IF_MATCH) {
        any = false;
        let text = value.to_str().map_err(|_| malformed())?;
        if text.trim() == "*" {
            return Ok(None);
        }
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            // Empty elements of a list are ignored (RFC 9110, 5.6.1).
            if let Some(after) = rest.strip_prefix(',') {
                rest = after.trim_start();
                continue;
            }
            let (revision, after) = next_tag(rest).ok_or_else(malformed)?;
            revisions.extend(revision);
            rest = after.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(malformed());
            }
        }
    }
    Ok((!any).then_some(revisions))
}

/// The revision that the first tag of a list names, and the rest after the tag. A weak tag, or one that never came from a node, matches
/// nothing. A tag may contain a comma.
fn next_tag(list: &str) -> Option<(Option<u64>, &str)> {
    let weak = list.strip_prefix("W/");
    let (opaque, after) = weak.unwrap_or(list).strip_prefix('"')?.split_once('"')?;
    let ours = |revision: &u64| weak.is_none() && etag(*revision) == format!("\"{opaque}\"");
    Some((opaque.parse().ok().filter(ours), after))
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
        assert_eq!(read("\"a,b\",\"17\" , ,\"18\""), Ok(Some(vec![17, 18])));
        for foreign in ["W/\"17\"", "\"abc\"", "\"\"", "\"017\"", "\"17,18\"", ""] {
            assert_eq!(read(foreign), Ok(Some(vec![])), "{foreign}");
        }
        for malformed in ["17", "\"17", "a\"17\"", "\"1\"7\"", "\"1\" \"7\""] {
            assert_eq!(read(malformed), Err(400), "{malformed}");
        }
    }
}
