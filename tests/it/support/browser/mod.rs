//! A real browser: one Chromium for all tests, with a context of its own (storage, cache) for each tab.
//!
//! It is driven by its own protocol over a pipe. A driver between would have to be installed too, and knows neither the
//! console nor the policy's violations nor dark colours, which is half of what is looked at here.

mod pipe;
mod tab;

use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::sync::OnceCell;

use pipe::Pipe;
pub(crate) use tab::{Look, Tab};

/// What Chromium is called, by distribution.
const NAMES: &str = "chromium chromium-browser google-chrome-stable google-chrome";

/// Starts the first of them, which speaks on its descriptors 3 and 4, and takes its profile away once it has ended: it
/// ends when the tests do and the pipe closes.
const START: &str = r#"
dir=$1; shift
for name in $1; do command -v "$name" >/dev/null && break; name=; done
[ -n "$name" ] || exit 127
shift
"$name" --user-data-dir="$dir" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null
rm -rf "$dir"
"#;

const OPTIONS: [&str; 9] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-dev-shm-usage",
    // Every tab is looked at, whichever came last.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// The browser, started when it is asked for first.
async fn browser() -> &'static Pipe {
    static BROWSER: OnceCell<Pipe> = OnceCell::const_new();
    BROWSER
        .get_or_init(|| async {
            let profile =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", std::process::id()));
            // Chromium's sandbox is not for root, which containers of CI often are.
            let sandbox = rustix::process::geteuid().is_root().then_some("--no-sandbox");
            let child = std::process::Command::new("sh")
                .args(["-c", START, "sh"])
                .arg(profile)
                .arg(NAMES)
                .args(OPTIONS)
                .args(sandbox)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn();
            let pipe = Pipe::open(child.expect("sh"));
            let version = pipe.try_call(None, "Browser.getVersion", json!({})).await;
            assert!(
                version.is_ok(),
                "the tests of the page need Chromium: install it (Debian: apt-get install chromium), as one of {NAMES}"
            );
            pipe
        })
        .await
}
