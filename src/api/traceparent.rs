//! `traceparent` of a request that creates timers (W3C Trace Context, level 1): the trace of its sender, and whether it is sampled. It is
//! kept as it was sent, since jettimer exports no spans of its own.

use warp::http::HeaderMap;

/// The header's value, if it occurs once and is valid; any other value is ignored (3.2.2.5).
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let text = value.to_str().ok()?.trim();
    is_valid(text).then(|| text.to_owned())
}

/// Whether the text is a version, trace, parent and flags, in lower-case hexadecimal. A later version may have more parts. Only these are
/// known, so such a value is not passed on.
fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    *version == "00" && hex(trace, 32) && some(trace) && hex(parent, 16) && some(parent) && hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", HeaderValue::from_str(value).unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_trace_is_kept_as_it_was_sent_and_any_other_text_is_passed_over() {
        assert_eq!(read(&[GOOD]).as_deref(), Some(GOOD));
        assert_eq!(read(&[&GOOD.replace("-00", "-01")]), Some(GOOD.replace("-00", "-01")));
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replacen("00", "01", 1),
            &format!("{GOOD}-more"),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &GOOD.replace("b7ad6b7169203331", "0000000000000000"),
            &GOOD[..54],
        ] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&[GOOD, GOOD]), None);
        assert_eq!(read(&[]), None);
    }
}
