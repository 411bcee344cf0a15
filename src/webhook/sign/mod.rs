//! Signing webhooks as Standard Webhooks 1.0 says: which secrets a call is signed with, and the signatures.
//!
//! A call is signed with the secrets of its receiver, or else with those of the token that created the timer, or else with those for
//! everyone. To rotate a secret, list the old and the new one for a while: each call then has both signatures.

mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use secret::Secret;

use crate::foundation::text_file;
use rules::domain::host::HostPort;

/// The most secrets that sign one call: the old one, the new one, and the same for another algorithm.
const MAX_SECRETS: usize = 4;

/// The calls that secrets are for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum For {
    /// A host, with or without a port.
    Receiver(HostPort),
    /// Timers that were created with the token of this name.
    Token(String),
    Everyone,
}

/// All secrets of a node. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    lists: Arc<BTreeMap<For, Vec<Secret>>>,
}

impl Secrets {
    /// Reads a list. Each line says which calls its secrets are for, `* | host=<host[:port]> | token=<name>`, and then has one to four
    /// secrets, all of which sign. Comments and several entries in a line are as [`text_file::entries`] has them.
    ///
    /// # Errors
    ///
    /// Every line that is wrong, with its number and without its secrets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lists = BTreeMap::new();
        let mut wrong = vec![];
        for (number, entry) in text_file::entries(text) {
            match read(entry) {
                Ok((whom, secrets)) => {
                    if lists.insert(whom, secrets).is_some() {
                        wrong.push(format!("line {number}: an earlier line is for the same calls"));
                    }
                }
                Err(why) => wrong.push(format!("line {number}: {why}")),
            }
        }
        match (wrong.is_empty(), lists.is_empty()) {
            (false, _) => Err(wrong.join("; ")),
            (true, true) => Err("it contains no secret; `jettimer secret` makes one".to_owned()),
            (true, false) => Ok(Self { lists: Arc::new(lists) }),
        }
    }

    /// The value of `webhook-signature` of a call: one signature for each secret, separated by spaces; `None` if the call
    /// is not signed.
    pub fn signature(&self, call: &Call<'_>) -> Option<String> {
        let secrets = self.of(call.authority, call.signer)?;
        let timestamp = call.timestamp.to_string();
        // In parts, since the body may have megabytes.
        let message: [&[u8]; 5] = [call.id.as_bytes(), b".", timestamp.as_bytes(), b".", call.body];
        let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&message)).collect();
        Some(signatures.join(" "))
    }

    /// Whether the value of `webhook-signature` has a signature that one of these secrets makes, whichever calls it is for.
    pub fn verify(&self, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
        let message = [id.as_bytes(), timestamp.as_bytes(), body].join(&b'.');
        let mut secrets = self.lists.values().flatten();
        secrets.any(|secret| signatures.split(' ').any(|signature| secret.verifies(&message, signature)))
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    fn of(&self, authority: &str, signer: Option<&str>) -> Option<&Vec<Secret>> {
        let receiver = HostPort::of_authority(authority);
        let host = receiver.of_any_port();
        let token = signer.map(|name| For::Token(name.to_owned()));
        [Some(For::Receiver(receiver)), Some(For::Receiver(host)), token, Some(For::Everyone)]
            .into_iter()
            .flatten()
            .find_map(|whom| self.lists.get(&whom))
    }
}

/// The parts of a call that are signed, and those that choose its secrets.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The `webhook-id`.
    pub id: &'a str,
    /// The `webhook-timestamp`: seconds since the epoch.
    pub timestamp: u64,
    /// The body, as it is sent.
    pub body: &'a [u8],
    /// The receiver's host and port.
    pub authority: &'a str,
    /// The name of the token that created the timer.
    pub signer: Option<&'a str>,
}

fn read(line: &str) -> Result<(For, Vec<Secret>), String> {
    let mut words = line.split_whitespace();
    let whom = match words.next() {
        Some("*") => For::Everyone,
        Some(word) => match word.split_once('=') {
            Some(("host", host)) => For::Receiver(host.parse().map_err(|why| format!("host={host} {why}"))?),
            Some(("token", name)) if !name.is_empty() => For::Token(name.to_owned()),
            _ => return Err("the first word must be *, host=<host[:port]> or token=<name>".to_owned()),
        },
        None => return Err("it is empty".to_owned()),
    };
    let secrets = words.map(Secret::parse).collect::<Result<Vec<Secret>, String>>()?;
    if !(1..=MAX_SECRETS).contains(&secrets.len()) {
        return Err(format!("1 to {MAX_SECRETS} secrets must follow the first word"));
    }
    Ok((whom, secrets))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;

    use super::*;
    use rules::domain::target::TargetUrl;

    /// The key of the example in the specification.
    const SPEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn call<'a>(authority: &'a str, signer: Option<&'a str>) -> Call<'a> {
        Call {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: br#"{"test": 2432232314}"#,
            authority,
            signer,
        }
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secrets = Secrets::parse(&format!("* {SPEC}")).unwrap();
        assert_eq!(
            secrets.signature(&call("example.com:443", None)).as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn what_is_signed_with_any_secret_is_verified_and_nothing_else() {
        let signing = Secrets::parse(&format!("* {SPEC} whsk_{}", BASE64.encode([7; 32]))).unwrap();
        let call = call("x:80", None);
        let signatures = signing.signature(&call).unwrap();
        let timestamp = call.timestamp.to_string();
        let verified = |secrets: &Secrets, body: &[u8], signatures: &str| {
            secrets.verify(call.id, &timestamp, body, signatures)
        };
        assert!(verified(&signing, call.body, &signatures));
        for one in signatures.split(' ') {
            assert!(verified(&signing, call.body, one), "{one}");
            assert!(!verified(&signing, b"{}", one), "{one}");
            assert!(!verified(&signing, call.body, &one[..one.len() - 4]), "{one}");
        }
        assert!(verified(
            &Secrets::parse(&format!("host=y {OTHER} {SPEC}")).unwrap(),
            call.body,
            &signatures
        ));
        assert!(!verified(&Secrets::parse(&format!("* {OTHER}")).unwrap(), call.body, &signatures));
        assert!(!verified(&Secrets::default(), call.body, &signatures));
        assert!(!verified(&signing, call.body, "v1, v1a,? v2,AAAA"));
    }

    #[test]
    fn the_receivers_secrets_come_before_the_tokens_and_those_before_all_others() {
        let text = format!(
            "* {SPEC}\nhost=API.example.com {OTHER} # new\nhost=api.example.com:81 {SPEC} {OTHER}; token=billing {OTHER} {SPEC}"
        );
        let secrets = Secrets::parse(&text).unwrap();
        let signed = |authority, token| secrets.signature(&call(authority, token)).unwrap();
        let (spec, other) = (signed("x:80", None), signed("api.example.com:443", Some("billing")));
        assert_ne!(spec, other);
        assert_eq!(signed("api.example.com:81", None), format!("{spec} {other}"));
        assert_eq!(signed("x:80", Some("billing")), format!("{other} {spec}"));
        assert_eq!(signed("x:80", Some("someone")), spec);
        assert_eq!(Secrets::default().signature(&call("x:80", None)), None);
    }

    #[test]
    fn a_receiver_is_known_however_its_host_is_written() {
        for (rule, url) in [
            ("b\u{fc}cher.example", "https://b\u{fc}cher.example/"),
            ("XN--BCHER-KVA.example.", "https://b\u{fc}cher.example/"),
            ("example.com", "https://example.com.:8443/"),
            ("Example.com.:8443", "https://example.com:8443/"),
            ("example.com:443", "https://example.com/"),
            ("::1", "http://[::1]:9000/"),
            ("[0::1]:9000", "http://[::1]:9000/"),
            ("127.1", "http://127.0.0.1/"),
        ] {
            let secrets = Secrets::parse(&format!("* {SPEC}\nhost={rule} {OTHER}")).unwrap();
            let authority = TargetUrl::parse(url).unwrap().authority();
            let others = Secrets::parse(&format!("* {OTHER}")).unwrap();
            let call = call(&authority, None);
            assert_eq!(secrets.signature(&call), others.signature(&call), "{rule} {url}");
        }
        let twice = format!("host=example.com {SPEC}\nhost=EXAMPLE.com. {OTHER}");
        assert!(
            Secrets::parse(&twice).unwrap_err().contains("line 2: an earlier line is for the same calls")
        );
    }

    #[test]
    fn a_list_that_is_wrong_is_explained_without_its_secrets() {
        for (text, why) in [
            ("", "no secret"),
            ("*", "line 1: 1 to 4 secrets"),
            ("everyone whsec_x", "line 1: the first word"),
            ("\n* whsec_c2hvcnQ=", "line 2: a secret must have 24 to 64 bytes"),
            ("* secret", "line 1: a secret begins with whsec_"),
            ("host= whsec_x", "line 1: host= is empty"),
            ("host=https://a.example whsec_x", "line 1: host=https://a.example is more than a host"),
            ("host=*.example.com whsec_x", "line 1: host=*.example.com contains a *"),
        ] {
            let error = Secrets::parse(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("c2hvcnQ"), "{error:?} does not say {why:?}");
        }
        let twice = format!("* {SPEC}\n* {OTHER}");
        assert!(
            Secrets::parse(&twice).unwrap_err().contains("line 2: an earlier line is for the same calls")
        );
        assert!(
            !format!("{:?}", Secrets::parse(&twice[..twice.find('\n').unwrap()]).unwrap()).contains("MfKQ")
        );
    }
}
