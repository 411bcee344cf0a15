//! A short text for a set of rules. It shows nodes whether they have the same rules.

use super::Policy;
use crate::foundation::crypto;

/// Raised whenever jettimer changes what it refuses or allows without any rule: then nodes of the two versions
/// differ, whatever their rules.
const DEFAULTS: u32 = 1;

impl Policy {
    /// The SHA-256 of the rules' meaning, in hexadecimal. The order of rules, and how each is spelt, make no difference.
    pub fn digest(&self) -> String {
        let listed = |rules: &[super::Rule]| {
            let mut meanings: Vec<String> = rules.iter().map(super::Rule::meaning).collect();
            meanings.sort();
            meanings.dedup();
            meanings.join(",")
        };
        let (allow, deny) = (listed(&self.allow), listed(&self.deny));
        let text = format!("{DEFAULTS}\nallow {allow}\ndeny {deny}\nonly {}", self.only_allowed);
        crypto::sha256_hex(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(allow: &str, deny: &str) -> String {
        let rules = |text: &str| text.split_whitespace().map(|rule| rule.parse().unwrap()).collect();
        Policy::new(rules(allow), rules(deny), false).unwrap().digest()
    }

    #[test]
    fn rules_that_mean_the_same_have_the_same_digest() {
        let one = digest("10.0.0.0/8:80 .Example.com@fd00::/8", "a.example");
        assert_eq!(one, digest(".example.com@[fd00::/8] 10.1.2.3/8:80-80 10.0.0.0/8:80", "A.example."));
        for (allow, deny) in [
            ("10.0.0.0/8:80", "a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/8", ".a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/9", "a.example"),
            ("10.0.0.0/8:80-81 .example.com@fd00::/8", "a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/8", "*"),
        ] {
            assert_ne!(one, digest(allow, deny), "{allow} {deny}");
        }
        assert_ne!(digest("10.0.0.0/8", ""), digest("", "10.0.0.0/8"));
    }
}
