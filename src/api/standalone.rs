//! Pages that are one document: they load nothing, need no build step, and have a policy that allows only their own script and style.

use super::answer::{self, Answer};
use crate::foundation::crypto::sha256_base64;

/// Such a page. [`joined`] makes it, so the hashed text is the text in the page.
#[derive(Debug)]
pub(super) struct Standalone {
    pub(super) html: &'static str,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

/// Joins files of a folder into a [`Standalone`]: always `head.html`, `style.css` and `body.html`, and then the scripts, which share one
/// scope.
macro_rules! joined {
    ($($script:literal),+ $(,)?) => {
        $crate::api::standalone::Standalone {
            html: concat!(
                include_str!("head.html"),
                "<style>",
                include_str!("style.css"),
                "</style>\n",
                include_str!("body.html"),
                "<script type=\"module\">",
                $(include_str!($script)),+,
                "</script>\n"
            ),
            style: include_str!("style.css"),
            script: concat!($(include_str!($script)),+),
        }
    };
}

pub(super) use joined;

impl Standalone {
    /// The page's policy. Apart from its script and style, it allows requests to this node, and images in `data:` addresses.
    pub(super) fn policy(&self) -> String {
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            sha256_base64(self.script.as_bytes()),
            sha256_base64(self.style.as_bytes())
        )
    }

    pub(super) fn show(&self) -> Answer {
        answer::page(self.html, &self.policy())
    }
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use crate::api::{docs, inbox};

    #[test]
    fn the_policy_is_of_what_is_in_the_page() {
        for page in [&docs::PAGE, &inbox::PAGE] {
            for part in [page.style, page.script] {
                assert!(
                    page.html.contains(&format!(">{part}</")),
                    "the page has other text than what is hashed"
                );
                assert!(!part.contains("</"), "an end tag would end the script or style");
            }
            assert!(HeaderValue::from_str(&page.policy()).is_ok());
        }
    }

    /// Such an address would leave the prefix under which a proxy serves the page.
    #[test]
    fn no_address_in_it_begins_with_a_slash() {
        for page in [&docs::PAGE, &inbox::PAGE] {
            for address in ["href=\"/", "src=\"/", "href: \"/", "fetch(\"/"] {
                assert!(!page.html.contains(address), "{address}");
            }
        }
    }
}
