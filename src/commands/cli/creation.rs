//! Turns options of `create` and `change` into the JSON that the API takes. A JSON body is sent as it was written.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::commands::options::{Fields, When};
use crate::foundation::text_file;

/// The most bytes that are read of a file for a body, so that a wrong name does not fill the memory: more than any node takes.
const MOST_BYTES: u64 = 16 * 1_024 * 1_024;

/// The fields of a request.
#[derive(Default)]
pub(super) struct Request(BTreeMap<&'static str, Box<RawValue>>);

impl Request {
    /// The fields that these options stand for.
    pub(super) fn of(when: Option<&When>, url: Option<&String>, fields: &Fields) -> Result<Self, Failure> {
        let mut request = Self::default();
        match when {
            Some(When::Delay(delay)) => request.put("delay", delay)?,
            Some(When::At(at)) => request.put("at", at)?,
            None => {}
        }
        request.put_some("url", url)?;
        request.put_some("method", fields.method.as_ref().map(|method| method.to_ascii_uppercase()))?;
        if !fields.headers.is_empty() {
            request.put("headers", &headers(&fields.headers)?)?;
        }
        request.body(fields)?;
        request.put_some("timeout", fields.timeout.as_ref())?;
        request.put_some("delivery", fields.delivery.map(crate::commands::options::Delivery::name))?;
        request.put_object(
            "retry",
            &[
                ("max_attempts", fields.retry_max_attempts.map(Value::from)),
                ("initial_backoff", fields.retry_initial_backoff.clone().map(Value::from)),
                ("max_backoff", fields.retry_max_backoff.clone().map(Value::from)),
                ("factor", fields.retry_factor.map(Value::from)),
                ("deadline", fields.retry_deadline.clone().map(Value::from)),
                ("statuses", statuses(&fields.retry_statuses)),
            ],
        )?;
        request.put_object(
            "flow",
            &[
                ("key", fields.flow.clone().map(Value::from)),
                ("rate", fields.flow_rate.clone().map(Value::from)),
                ("parallelism", fields.flow_parallelism.map(Value::from)),
            ],
        )?;
        request.put_some("on_delivered", fields.on_delivered.as_ref())?;
        request.put_some("on_failed", fields.on_failed.as_ref())?;
        request.put_some("callback", fields.callback.as_ref())?;
        let labels: BTreeMap<String, String> = fields.metadata.iter().cloned().collect();
        if labels.len() < fields.metadata.len() {
            return Err(Failure::usage("--metadata: a label is given twice: leave out one"));
        }
        if !labels.is_empty() {
            request.put("metadata", &labels)?;
        }
        Ok(request)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body of the request.
    pub(super) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(&self.0).map_err(|error| Failure::other(error.to_string()))
    }

    fn body(&mut self, fields: &Fields) -> Result<(), Failure> {
        if let Some(given) = &fields.json {
            let (bytes, from) = read(given)?;
            let text = String::from_utf8(text_file::without_mark(&bytes).to_vec())
                .map_err(|_| Failure::usage(format!("--json: {from} is not UTF-8")))?;
            let json = RawValue::from_string(text).map_err(|error| {
                Failure::usage(format!("--json: {from} is not JSON: {error}\n  --data takes any text"))
            })?;
            self.0.insert("body", json);
        }
        if let Some(given) = &fields.data {
            match String::from_utf8(read(given)?.0) {
                Ok(text) => self.put("body_text", &text)?,
                Err(error) => self.put("body_base64", &BASE64.encode(error.as_bytes()))?,
            }
        }
        Ok(())
    }

    fn put(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
        let value = to_raw_value(value).map_err(|error| Failure::other(error.to_string()))?;
        self.0.insert(name, value);
        Ok(())
    }

    fn put_some(&mut self, name: &'static str, value: Option<impl Serialize>) -> Result<(), Failure> {
        value.map_or(Ok(()), |value| self.put(name, &value))
    }

    /// Puts an object of the fields that have a value; no object if no field has one.
    fn put_object(&mut self, name: &'static str, fields: &[(&str, Option<Value>)]) -> Result<(), Failure> {
        let said = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
        let said: Map<String, Value> = said.collect();
        if said.is_empty() { Ok(()) } else { self.put(name, &said) }
    }
}

/// Statuses as the API takes them: numbers, and classes such as 5xx.
fn statuses(names: &[String]) -> Option<Value> {
    let one = |name: &String| name.parse::<u16>().map_or_else(|_| Value::from(name.as_str()), Value::from);
    (!names.is_empty()).then(|| names.iter().map(one).collect())
}

/// Headers, given in curl's notation.
fn headers(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut headers = BTreeMap::new();
    for line in given {
        let lines = if line.starts_with('@') {
            let (bytes, from) = read(line)?;
            String::from_utf8(text_file::without_mark(&bytes).to_vec())
                .map_err(|_| Failure::usage(format!("--header: {from} is not UTF-8")))?
        } else {
            line.clone()
        };
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            // The error does not repeat the line, which may be a secret.
            let (name, value) = line.split_once(':').ok_or_else(|| {
                Failure::usage("--header: a header is \"Name: value\", or @FILE with one per line")
            })?;
            let name = name.trim();
            if headers.keys().any(|given: &String| given.eq_ignore_ascii_case(name)) {
                return Err(Failure::usage(format!("--header: {name} is given twice: leave out one")));
            }
            headers.insert(name.to_owned(), value.trim().to_owned());
        }
    }
    Ok(headers)
}

/// Reads an argument: the text itself, a file, or standard input. Gives the bytes and the name of their source.
fn read(given: &str) -> Result<(Vec<u8>, String), Failure> {
    let read = |from: &mut dyn std::io::Read| {
        let mut bytes = vec![];
        from.take(MOST_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    };
    let (bytes, name) = match given.strip_prefix('@').unwrap_or(given) {
        "-" => (read(&mut std::io::stdin().lock()), "standard input".to_owned()),
        name if given.starts_with('@') => {
            (std::fs::File::open(name).and_then(|mut file| read(&mut file)), name.to_owned())
        }
        text => return Ok((text.as_bytes().to_vec(), "this".to_owned())),
    };
    Ok((bytes.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(fields: Fields) -> String {
        let when = When::Delay("20m".to_owned());
        Request::of(Some(&when), Some(&"http://a".to_owned()), &fields).unwrap().to_json().unwrap()
    }

    #[test]
    fn nothing_is_sent_that_was_not_said() {
        assert_eq!(json(Fields::default()), r#"{"delay":"20m","url":"http://a"}"#);
    }

    #[test]
    fn a_json_body_is_sent_as_it_was_written_and_text_as_text() {
        let fields = Fields { json: Some(r#"{"b": 1.0, "a":1}"#.to_owned()), ..Fields::default() };
        assert!(json(fields).contains(r#""body":{"b": 1.0, "a":1},"#));
        let fields = Fields { data: Some("{\"a\"".to_owned()), ..Fields::default() };
        assert!(json(fields).contains(r#""body_text":"{\"a\"""#));
    }

    #[test]
    fn headers_and_retries_are_objects() {
        let fields = Fields {
            headers: vec!["A: b:c".to_owned(), "X:".to_owned()],
            retry_statuses: vec!["408".to_owned(), "5xx".to_owned()],
            ..Fields::default()
        };
        let json = json(fields);
        assert!(json.contains(r#""headers":{"A":"b:c","X":""}"#), "{json}");
        assert!(json.contains(r#""retry":{"statuses":[408,"5xx"]}"#), "{json}");
    }

    #[test]
    fn a_header_or_a_label_that_is_given_twice_is_refused() {
        assert!(headers(&["A: 1".to_owned(), "a: 2".to_owned()]).is_err());
        let twice = vec![("team".to_owned(), "red".to_owned()), ("team".to_owned(), "blue".to_owned())];
        assert!(Request::of(None, None, &Fields { metadata: twice, ..Fields::default() }).is_err());
    }

    #[test]
    fn a_bad_header_is_not_repeated() {
        let Err(Failure::Other(_, why)) = headers(&["Bearer secret".to_owned()]) else {
            panic!("it is taken")
        };
        assert!(!why.contains("secret"), "{why}");
    }
}
