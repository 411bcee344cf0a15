//! The page of the inbox: like that of the API one document without a build step, and nothing to load but what it shows.

use std::sync::LazyLock;

use crate::api::answer::{self, Answer};
use crate::crypto::sha256_base64;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

const PAGE: &str = concat!(
    include_str!("head.html"),
    "<style>",
    include_str!("style.css"),
    "</style>\n",
    include_str!("body.html"),
    "<script type=\"module\">",
    include_str!("page.js"),
    "</script>\n"
);

/// The one script and the one style that are in it, and this node.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        sha256_base64(SCRIPT.as_bytes()),
        sha256_base64(STYLE.as_bytes())
    )
});

/// Shows the page.
pub(super) fn show() -> Answer {
    answer::page(PAGE, &POLICY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_of_what_is_in_the_page() {
        for part in [STYLE, SCRIPT] {
            assert!(PAGE.contains(&format!(">{part}</")), "the page has other text than what is hashed");
            assert!(!part.contains("</"), "an end tag would end the script or style");
        }
    }
}
