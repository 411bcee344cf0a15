//! `Proxy-Status` (RFC 9209), in which the proxy next to us reports on its way to the receiver. It is a list of items with parameters
//! (RFC 9651), whose texts may have commas and semicolons.

/// The error that the proxy names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProxyError {
    /// Its type (RFC 9209, 2.3).
    pub(super) kind: String,
    /// The proxy had an answer from the next server, so that the request was passed on.
    has_answer: bool,
}

impl ProxyError {
    /// The error in the last member of the list, which is that of the proxy next to us (RFC 9209, 2). A field that is not such a list has
    /// no meaning (RFC 9651, 4.2).
    pub(super) fn of(field: &str) -> Option<Self> {
        let parameters = Reader { rest: field }.last_parameters()?;
        // If a parameter is repeated, the last one counts.
        let value = |name| parameters.iter().rfind(|(key, _)| *key == name).map(|(_, value)| value);
        Some(Self { kind: value("error")?.clone()?, has_answer: value("received-status").is_some() })
    }

    /// Whether the proxy cannot have passed anything on when it met this error (RFC 9209, 2.3).
    pub(super) fn is_before_the_request(&self) -> bool {
        !self.has_answer
            && matches!(
                &*self.kind,
                "dns_timeout"
                    | "dns_error"
                    | "destination_not_found"
                    | "destination_unavailable"
                    | "destination_ip_prohibited"
                    | "destination_ip_unroutable"
                    | "connection_refused"
                    | "connection_timeout"
                    | "connection_limit_reached"
                    | "tls_protocol_error"
                    | "tls_certificate_error"
                    | "tls_alert_received"
                    | "http_request_denied"
                    | "proxy_configuration_error"
                    | "proxy_loop_detected"
            )
    }
}

/// Names of parameters, and their values if they have one.
type Parameters<'f> = Vec<(&'f str, Option<String>)>;

struct Reader<'f> {
    rest: &'f str,
}

impl<'f> Reader<'f> {
    fn last_parameters(&mut self) -> Option<Parameters<'f>> {
        loop {
            self.item()?;
            let parameters = self.parameters()?;
            if self.rest.is_empty() {
                return Some(parameters);
            }
            self.eats(',').then_some(())?;
        }
    }

    fn parameters(&mut self) -> Option<Parameters<'f>> {
        let mut parameters = vec![];
        while self.eats(';') {
            self.skip_blanks();
            let name = self.word(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '*'))?;
            let value = if self.rest.starts_with('=') {
                self.rest = &self.rest[1..];
                Some(self.item()?)
            } else {
                None
            };
            parameters.push((name, value));
        }
        Some(parameters)
    }

    /// A text in quotes, or else a token, a number or any other text without quotes and separators.
    fn item(&mut self) -> Option<String> {
        self.skip_blanks();
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        Some(self.word(|c| c.is_ascii_graphic() && !matches!(c, '"' | ',' | ';' | '(' | ')'))?.to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        chars.next();
        loop {
            match chars.next()? {
                '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
                '"' => break,
                c if c.is_control() => return None,
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> Option<&'f str> {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Takes this character, and blanks before it.
    fn eats(&mut self, separator: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(separator);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(field: &str) -> Option<String> {
        ProxyError::of(field).map(|error| error.kind)
    }

    #[test]
    fn the_error_is_that_of_the_proxy_next_to_us() {
        for field in [
            "proxy.test; error=dns_error",
            "proxy.test;\terror=\"dns_error\" ;rcode=NXDOMAIN;info-code=15",
            "far.test; error=http_response_incomplete, near.test;error=dns_error",
            r#"near.test; error=dns_error; details="a, b; error=proxy_loop_detected""#,
            r#"near.test; details="a, b"; error=dns_error"#,
            r#"near.test; details="a \"b\", \\"; error=dns_error"#,
            r#""my; proxy, \"x\""; next-hop="[::1]:80"; secure; error=dns_error"#,
            "near.test; error=dns_timeout; error=dns_error; next-protocol=:aDI=:",
        ] {
            assert_eq!(kind(field).as_deref(), Some("dns_error"), "{field}");
        }
    }

    #[test]
    fn a_text_in_quotes_is_no_parameter_and_a_field_that_is_no_list_says_nothing() {
        for field in [
            "",
            "near.test",
            "far.test; error=dns_error, near.test",
            r#"near.test; details="x; error=dns_error""#,
            r#"near.test; details="x, near.test; error=dns_error""#,
            r#"near.test; details="x\"; error=dns_error; y=""#,
            "near.test; error",
            "near.test; error=",
            "near.test; Error=dns_error",
            "near.test; error=dns_error,",
            "near.test error=dns_error",
            r#"near.test; error="dns_error"#,
            r#"near.test; details="\x"; error=dns_error"#,
        ] {
            assert_eq!(kind(field), None, "{field}");
        }
    }

    #[test]
    fn a_proxy_with_an_answer_has_passed_the_request_on() {
        let is_before =
            |field: &str| ProxyError::of(field).is_some_and(|error| error.is_before_the_request());
        assert!(is_before("p; error=connection_refused"));
        assert!(!is_before("p; error=connection_refused; received-status=503"));
        assert!(!is_before("p; error=connection_terminated") && !is_before("p; error=odd"));
    }

    proptest! {
        #[test]
        fn any_details_are_passed_over(details in "[ -~]{0,40}") {
            let escaped = details.replace('\\', "\\\\").replace('"', "\\\"");
            let field = format!("near.test; details=\"{escaped}\"; error=dns_error");
            prop_assert_eq!(kind(&field), Some("dns_error".to_owned()));
            let field = format!("near.test; details=\"{escaped}\"");
            prop_assert_eq!(kind(&field), None);
        }

        #[test]
        fn any_field_is_read_without_a_panic(field in "\\PC{0,60}") {
            let _ = ProxyError::of(&field);
        }
    }
}
