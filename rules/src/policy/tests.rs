//! Targets that may be called, by default and by rules.

use std::net::IpAddr;

use url::Url;

use super::{Destination, Policy, Rule};

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn policy(allow: &[&str], deny: &[&str], only_allowed: bool) -> Policy {
    Policy::new(rules(allow), rules(deny), only_allowed).unwrap()
}

fn to(url: &str) -> Destination {
    Destination::of(&Url::parse(url).unwrap()).unwrap()
}

/// Whether a URL passes by its visible parts, and then at this address.
fn passes(policy: &Policy, url: &str, address: &str) -> bool {
    let to = to(url);
    let address: IpAddr = address.parse().unwrap();
    policy.judge(&to).and_then(|()| policy.judge_address(&to, address)).is_ok()
}

#[test]
fn an_address_is_seen_through_every_spelling() {
    let policy = Policy::default();
    for url in [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://%31%32%37.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
    ] {
        assert!(policy.judge(&to(url)).is_err(), "{url}");
    }
    for url in
        ["http://example.com/", "https://1.1.1.1/", "https://[2606:4700::1111]/", "http://localhost.example/"]
    {
        assert_eq!(policy.judge(&to(url)), Ok(()), "{url}");
    }
}

#[test]
fn a_name_is_judged_at_each_of_its_addresses() {
    let policy = Policy::default();
    assert!(passes(&policy, "https://example.com/", "1.1.1.1"));
    assert!(!passes(&policy, "https://example.com/", "10.0.0.1"));
    let why = policy.judge_address(&to("https://a.example/"), "10.0.0.1".parse().unwrap()).unwrap_err();
    assert_eq!(
        why.to_string(),
        "a.example is at 10.0.0.1, which is private (RFC 1918; IANA) and may be called only if --allow-targets includes it"
    );
}

#[test]
fn a_network_opens_addresses_and_a_name_does_not() {
    let open = policy(&["10.0.0.0/8", ".corp@192.168.0.0/16:8080"], &[], false);
    assert!(passes(&open, "http://a.example/", "10.1.1.1"));
    assert!(!passes(&open, "http://a.example/", "192.168.0.1"));
    assert!(!passes(&open, "http://a.corp/", "192.168.0.1"));
    assert!(passes(&open, "http://a.corp:8080/", "192.168.0.1"));
    // An address that is translated to a refused one is another way there.
    assert!(!passes(&open, "http://a.example/", "64:ff9b::10.1.1.1"));

    let named = policy(&[".example"], &[], true);
    assert!(passes(&named, "http://a.example/", "1.1.1.1"));
    assert!(!passes(&named, "http://a.example/", "127.0.0.1"));
}

#[test]
fn deny_wins_over_allow() {
    let policy = policy(&["10.0.0.0/8"], &["10.9.0.0/16", ".evil.example", "*:9000", "1.1.1.1"], false);
    assert!(passes(&policy, "http://a.example/", "10.1.1.1"));
    assert!(!passes(&policy, "http://a.example/", "10.9.1.1"));
    assert!(!passes(&policy, "http://evil.example/", "8.8.8.8"));
    assert!(!passes(&policy, "http://EVIL.example./", "8.8.8.8"));
    assert!(!passes(&policy, "http://a.example:9000/", "8.8.8.8"));
    for address in ["1.1.1.1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"] {
        assert!(!passes(&policy, "http://a.example/", address), "{address}");
    }
}

#[test]
fn only_what_is_allowed_is_called_if_so_said() {
    let only = policy(&[".example.com:443", "10.0.0.0/8", "1.0.0.0/8"], &[], true);
    assert!(passes(&only, "https://a.example.com/", "8.8.8.8"));
    assert!(!passes(&only, "http://a.example.com/", "8.8.8.8"));
    assert!(passes(&only, "http://other.example/", "10.0.0.1"));
    assert!(passes(&only, "http://other.example/", "1.0.0.1"));
    assert!(!passes(&only, "http://other.example/", "8.8.8.8"));
    assert!(!passes(&only, "http://8.8.8.8/", "8.8.8.8"));

    let names = policy(&[".example.com"], &[], true);
    assert!(names.judge(&to("https://other.example/")).is_err(), "seen without its address");
}

#[test]
fn a_port_of_another_protocol_is_opened_by_a_rule_that_names_it() {
    let by_default = Policy::default();
    assert!(!passes(&by_default, "http://a.example:25/", "8.8.8.8"));
    assert!(passes(&by_default, "http://a.example:8025/", "8.8.8.8"));
    let network = policy(&["10.0.0.0/8"], &[], false);
    assert!(!passes(&network, "http://a.example:25/", "10.0.0.1"));
    let open = policy(&["10.0.0.0/8:25"], &[], false);
    assert!(passes(&open, "http://a.example:25/", "10.0.0.1"));
    assert!(!passes(&open, "http://a.example:25/", "8.8.8.8"));
}

#[test]
fn a_rule_that_opens_nothing_is_not_taken() {
    assert!(Policy::new(rules(&["a.example"]), vec![], false).unwrap_err().contains("has no effect"));
    assert!(Policy::new(rules(&["a.example"]), vec![], true).is_ok());
    assert!(Policy::new(vec![], vec![], true).unwrap_err().contains("needs --allow-targets"));
}
