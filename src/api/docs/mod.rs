//! `GET /docs`: a page that shows the OpenAPI document and sends requests.
//!
//! The files beside this one are joined by the compiler into one page: no build step, and nothing to load
//! but `/openapi.json`. A viewer from a registry would be a megabyte of minified script in the repository
//! that nobody reviews, and would want styles that this page's policy forbids. The scripts share one scope.

use std::sync::LazyLock;

use super::answer::{self, Answer};
use crate::crypto::sha256_base64;

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = concat!(
    include_str!("dom.js"),
    include_str!("document.js"),
    include_str!("schema.js"),
    include_str!("request.js"),
    include_str!("page.js"),
);

const PAGE: &str = concat!(
    include_str!("head.html"),
    "<style>",
    include_str!("style.css"),
    "</style>\n",
    include_str!("body.html"),
    "<script type=\"module\">",
    include_str!("dom.js"),
    include_str!("document.js"),
    include_str!("schema.js"),
    include_str!("request.js"),
    include_str!("page.js"),
    "</script>\n"
);

/// What the page may do: run the one script and use the one style that are in it, and ask this node.
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
    use warp::http::HeaderValue;

    use super::*;

    #[test]
    fn the_policy_is_of_what_is_in_the_page() {
        for part in [STYLE, SCRIPT] {
            assert!(PAGE.contains(&format!(">{part}</")), "the page has other text than what is hashed");
            assert!(!part.contains("</"), "an end tag would end the script or style");
        }
        assert!(HeaderValue::from_str(&POLICY).is_ok());
    }
}
