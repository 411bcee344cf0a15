//! The page to set and watch timers: static files, in the binary as they are in the repository, without a build step.
//!
//! They are HTML, CSS and ES modules that load each other by relative names, so they are served in their folders. No HTTP
//! here: `api::page` hands them out. Addresses are relative to the page's own, since a proxy may serve the page under a prefix.
//!
//! In the browser, `page` is the frame around views (addresses, dialogs, keys, signing in), `node` asks the node and follows its feed,
//! `base` makes elements and words, `form` is the form of a timer, and `lists`, `timer` and `service` are the views. A view puts itself
//! into the page and lives until its signal is aborted; nothing that it has started outlives that. Lists hold a page of timers and the
//! events that concern it, drawn at most four times a second. So the browser's work depends on the visible timers, not on how many timers
//! there are or how much happens. Countdowns use the node's clock, which answers report. A body stays text from the answer to the request
//! (`base/json`): a script's numbers have 53 bits.
//!
//! **Invariant:** text from timers, receivers and the node goes in as text. The policy of the page (no inline script or style, Trusted
//! Types without a policy) would refuse anything else.
//! **Invariant:** the form decides nothing: it sends the input as written, and the API reports the errors.
//! **Invariant:** displayed data that may be old says so.

use std::sync::LazyLock;

use crate::foundation::crypto::sha256_hex;

/// How many hexadecimal digits of the digest of all files are their version: enough that two builds differ.
const VERSION_DIGITS: usize = 16;

/// The page itself, with placeholders for the folder of its files, for the tags that load them, and for the inbox.
const INDEX: &str = include_str!("index.html");

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// Its folder and its name.
    pub path: &'static str,
    pub text: &'static str,
}

macro_rules! files {
    ($($path:literal)*) => {
        &[$(File { path: $path, text: include_str!($path) },)*]
    };
}

/// Every file except the page itself; styles in the order in which they apply.
#[rustfmt::skip]
pub const FILES: &[File] = files! {
    "style/tokens.css" "style/base.css" "style/frame.css" "style/controls.css" "style/lists.css" "style/now.css"
    "style/timer.css" "style/service.css" "style/icon.svg"
    "page/main.js" "page/router.js" "page/keys.js" "page/standing.js" "page/theme.js" "page/toast.js" "page/dialog.js"
    "page/signin.js" "page/copy.js" "page/inbox.js"
    "base/dom.js" "base/icons.js" "base/format.js" "base/keyed.js" "base/ticker.js" "base/json.js" "base/host.js"
    "node/api.js" "node/session.js" "node/sse.js" "node/feed.js" "node/live.js" "node/clock.js"
    "form/form.js" "form/when.js" "form/target.js" "form/policy.js" "form/pairs.js" "form/field.js" "form/errors.js"
    "form/draft.js" "form/curl.js" "form/set.js" "form/change.js" "form/zone.js"
    "lists/now.js" "lists/due.js" "lists/over.js" "lists/counts.js" "lists/runway.js" "lists/next.js" "lists/row.js"
    "lists/all.js" "lists/filter.js" "lists/bulk.js"
    "timer/timers.js" "timer/timer.js" "timer/life.js" "timer/phases.js" "timer/facts.js" "timer/actions.js"
    "service/service.js" "service/plot.js" "service/tables.js" "service/parts.js"
};

/// The version of the files, which changes with any byte of any of them. It is in their addresses, so a browser that has them never asks
/// again, and never mixes those of two versions.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<&str> = FILES.iter().flat_map(|file| [file.path, file.text]).chain([INDEX]).collect();
    let mut digest = sha256_hex(all.join("\0").as_bytes());
    digest.truncate(VERSION_DIGITS);
    digest
});

/// The page as it is served.
#[derive(Debug)]
pub struct Page {
    pub html: String,
    /// The version of the document, which changes with any byte.
    pub tag: String,
}

/// The page of a node. In `jettimer dev`, the node has a receiver built in at this path.
pub fn page(inbox: Option<&str>) -> Page {
    let inbox = inbox.map(|path| format!("<meta name=\"jettimer-inbox\" content=\"{path}\">\n"));
    let html = PAGE.replace("{inbox}", &inbox.unwrap_or_default());
    let mut tag = sha256_hex(html.as_bytes());
    tag.truncate(VERSION_DIGITS);
    Page { html, tag }
}

/// The page, with the addresses of its files. They are relative, so that a proxy may put the page under a prefix. The page names every
/// module, so that a browser asks for all of them at once, rather than for each when it has read the one before.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let base = format!("ui/{}", *VERSION);
    let mut links = String::new();
    for File { path, .. } in FILES {
        if path.ends_with(".css") {
            links += &format!("<link rel=\"stylesheet\" href=\"{base}/{path}\">\n");
        } else if path.ends_with(".js") {
            links += &format!("<link rel=\"modulepreload\" href=\"{base}/{path}\">\n");
        }
    }
    links += &format!("<script type=\"module\" src=\"{base}/page/main.js\"></script>");
    INDEX.replace("{files}", &base).replace("{links}", &links)
});

/// The file at this path.
pub fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    pub fn media_type(&self) -> &'static str {
        match self.path.rsplit_once('.') {
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests;
