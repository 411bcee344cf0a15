//! A text for a set of rules. Nodes compare its digest, to see whether they have the same rules.

use super::Policy;

/// Raised whenever jettimer changes what it refuses or allows without any rule: then nodes of the two versions
/// differ, whatever their rules.
const DEFAULTS: u32 = 1;

impl Policy {
    /// The rules' meaning: the order of rules, and how each is spelt, make no difference.
    pub fn meaning(&self) -> String {
        let listed = |rules: &[super::Rule]| {
            let mut meanings: Vec<String> = rules.iter().map(super::Rule::meaning).collect();
            meanings.sort();
            meanings.dedup();
            meanings.join(",")
        };
        let (allow, deny) = (listed(&self.allow), listed(&self.deny));
        format!("{DEFAULTS}\nallow {allow}\ndeny {deny}\nonly {}", self.only_allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(allow: &str, deny: &str) -> String {
        let rules = |text: &str| text.split_whitespace().map(|rule| rule.parse().unwrap()).collect();
        Policy::new(rules(allow), rules(deny), false).unwrap().meaning()
    }

    #[test]
    fn rules_that_mean_the_same_have_the_same_meaning() {
        let one = meaning("10.0.0.0/8:80 .Example.com@fd00::/8", "a.example");
        assert_eq!(one, meaning(".example.com@[fd00::/8] 10.1.2.3/8:80-80 10.0.0.0/8:80", "A.example."));
        for (allow, deny) in [
            ("10.0.0.0/8:80", "a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/8", ".a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/9", "a.example"),
            ("10.0.0.0/8:80-81 .example.com@fd00::/8", "a.example"),
            ("10.0.0.0/8:80 .example.com@fd00::/8", "*"),
        ] {
            assert_ne!(one, meaning(allow, deny), "{allow} {deny}");
        }
        assert_ne!(meaning("10.0.0.0/8", ""), meaning("", "10.0.0.0/8"));
    }
}
