//! A real browser: one Chromium for all tests, with a separate context (storage, cache) for each tab.
//!
//! The tests drive it by its own protocol over a pipe. A driver in between would have to be installed too. It knows no
//! console messages, policy violations or dark colours, and half of the checks need those.

mod pipe;
mod tab;

use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::sync::OnceCell;

use pipe::Pipe;
pub(crate) use tab::{Look, Tab};

/// The names of Chromium in different distributions.
const NAMES: &str = "chromium chromium-browser google-chrome-stable google-chrome";

/// Starts the first of these programs, which speaks on its descriptors 3 and 4, and removes its profile once it has ended.
/// It ends when the tests end and the pipe closes.
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
    // Tests look at every tab, not only at the newest one.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// The browser, which the first caller starts.
async fn browser() -> &'static Pipe {
    static BROWSER: OnceCell<Pipe> = OnceCell::const_new();
    BROWSER
        .get_or_init(|| async {
            let profile =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", std::process::id()));
            // Chromium's sandbox does not work for root, and containers of CI often run as root.
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
