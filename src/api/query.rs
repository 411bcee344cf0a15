//! Takes the parameters of a query one by one, reports all errors at once, and ignores no parameter.

use std::collections::BTreeSet;

use crate::foundation::rfc3339;
use rules::domain::state_kind::StateKind;
use rules::domain::time::Timestamp;
use rules::index::Filter;

use super::problem::{FieldError, Problem};

/// The prefix of parameters that name a label.
const METADATA: &str = "metadata.";

/// The parameters that have not been taken yet.
pub(super) struct Params {
    rest: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Params {
    /// Parses a query (application/x-www-form-urlencoded).
    pub(super) fn of(query: &str) -> Self {
        let mut params = Self { rest: vec![], known: vec![], errors: vec![] };
        for pair in query.split('&') {
            // A pair gives one parameter, an empty pair gives none.
            for (name, value) in url::form_urlencoded::parse(pair.as_bytes()).into_owned() {
                if is_utf8(pair) {
                    params.rest.push((name, value));
                } else {
                    params.wrong(&name, "must be UTF-8, with every non-ASCII byte percent-encoded");
                }
            }
        }
        params
    }

    /// Takes nothing, for a query that must be empty.
    ///
    /// # Errors
    ///
    /// The query has a parameter.
    pub(super) fn none(query: &str) -> Result<(), Problem> {
        Self::of(query).finish()
    }

    /// Takes every value of a parameter.
    pub(super) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, rest) = std::mem::take(&mut self.rest).into_iter().partition(|(key, _)| key == name);
        self.rest = rest;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a parameter that may occur once.
    pub(super) fn one(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.wrong(name, "is given more than once");
        }
        values.pop()
    }

    /// Takes a parameter and reads it.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.one(name)?;
        read(&text).map_err(|why| self.wrong(name, why)).ok()
    }

    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: format!("?{name}"), detail: detail.into() });
    }

    /// Takes the parameters of a filter.
    pub(super) fn filter(&mut self) -> Filter {
        let mut filter = Filter::default();
        for name in self.all("state") {
            match StateKind::from_name(&name) {
                Some(state) => filter.states.insert(state),
                None => {
                    let names = StateKind::ALL.map(StateKind::name).join(", ");
                    self.wrong("state", format!("must be one of {names}"));
                }
            }
        }
        let mut instant = |name| self.read(name, instant);
        for (bound, name) in [
            (&mut filter.due.start, "due_after"),
            (&mut filter.due.end, "due_before"),
            (&mut filter.created.start, "created_after"),
            (&mut filter.created.end, "created_before"),
        ] {
            *bound = instant(name).unwrap_or(*bound);
        }
        filter.host = self.read("host", str::parse);
        filter.metadata = self.metadata();
        filter
    }

    /// Takes the labels that a timer must have.
    pub(super) fn metadata(&mut self) -> Vec<(String, String)> {
        // For clients that cannot choose the names of parameters.
        let plain = self.all("metadata");
        self.known.push("metadata.KEY");
        let labels =
            |(key, _): &(String, String)| key.strip_prefix(METADATA).is_some_and(|key| !key.is_empty());
        let (taken, rest) = std::mem::take(&mut self.rest).into_iter().partition(labels);
        self.rest = rest;
        let taken: Vec<(String, String)> = taken;
        let mut labels: Vec<(String, String)> =
            taken.into_iter().map(|(key, value)| (key[METADATA.len()..].to_owned(), value)).collect();
        for text in plain {
            match text.split_once('=').filter(|(key, _)| !key.is_empty()) {
                Some((key, value)) => labels.push((key.to_owned(), value.to_owned())),
                None => self.wrong("metadata", "must be a label as KEY=VALUE, such as metadata=order%3D4711"),
            }
        }
        let twice = |n: usize| labels[..n].iter().any(|(key, _)| *key == labels[n].0);
        let twice: BTreeSet<&str> =
            (0..labels.len()).filter(|n| twice(*n)).map(|n| labels[n].0.as_str()).collect();
        for key in twice {
            self.wrong(&format!("{METADATA}{key}"), "is given more than once; a label has one value");
        }
        labels
    }

    /// Reports the errors of the parameters that were taken, and accepts all others, which are for another reader.
    pub(super) fn finish_some(mut self) -> Result<(), Problem> {
        self.rest.clear();
        self.finish()
    }

    /// Reports all errors, unknown parameters included.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.rest) {
            let known = match self.known.join(", ") {
                none if none.is_empty() => "there are none".to_owned(),
                known => format!("the parameters are {known}"),
            };
            self.wrong(&name, format!("is not a parameter here; {known}"));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::bad_query(self.errors)) }
    }
}

/// Whether the percent-encoded bytes are UTF-8. Standard decoding replaces other bytes, and so changes the value.
fn is_utf8(encoded: &str) -> bool {
    let mut bytes = vec![];
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        let digits =
            after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]),
            None => (bytes.push(*first), rest = after),
        };
    }
    std::str::from_utf8(&bytes).is_ok()
}

fn instant(text: &str) -> Result<Timestamp, String> {
    rfc3339::parse(text).map_err(|why| {
        format!("must be an RFC 3339 instant such as 2027-01-01T09:00:00Z, with + written as %2B: {why}")
    })
}

/// Reads a whole number within a range.
pub(super) fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// Reads `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::state_set::StateSet;

    #[test]
    fn a_filter_is_read_from_its_parameters() {
        let mut params = Params::of(
            "state=failed&state=unknown&due_after=2027-01-01T00:00:00Z&host=Example.COM&metadata.a=b%20c&metadata.d=&metadata=e%3D%3D&metadata=f=",
        );
        let filter = params.filter();
        assert!(params.finish().is_ok());
        assert_eq!(filter.states, StateSet::from_iter([StateKind::Failed, StateKind::Unknown]));
        assert_eq!(filter.due.start, rfc3339::parse("2027-01-01T00:00:00Z").unwrap());
        assert_eq!(filter.host.map(|host| host.to_string()).as_deref(), Some("example.com"));
        assert_eq!(
            filter.metadata,
            [("a", "b c"), ("d", ""), ("e", "="), ("f", "")].map(|(key, value)| (key.into(), value.into()))
        );
    }

    #[test]
    fn what_is_not_utf_8_is_refused_and_not_replaced() {
        for bad in ["metadata=order", "metadata=%3D1", "metadata=", "metadata=a%3Db&metadata.a=c"] {
            let mut params = Params::of(bad);
            params.filter();
            assert!(params.finish().is_err(), "{bad}");
        }
        for bad in ["host=%ff", "metadata.a=%C3", "%ff=1", "host=a%e2%82"] {
            let mut params = Params::of(bad);
            params.filter();
            assert!(params.finish().is_err(), "{bad}");
        }
        for good in
            ["host=%c3%A9", "metadata.a=100%", "metadata.a=%EF%BF%BD", "metadata.a=%zz&&", "metadata.a=é", ""]
        {
            let mut params = Params::of(good);
            params.filter();
            assert!(params.finish().is_ok(), "{good}");
        }
        assert!(Params::none("").is_ok() && Params::none("x=1").is_err());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut params = Params::of("state=x&due_after=soon&host=a&host=b&colour=red&limit=0");
        params.filter();
        params.read("limit", |text| number(text, 1, 1_000));
        let pointers: Vec<_> = params.finish().unwrap_err().to_json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(pointers, ["?state", "?due_after", "?host", "?limit", "?colour"]);
    }
}
