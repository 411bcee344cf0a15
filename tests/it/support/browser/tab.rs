//! A tab with a page. A test acts in it as a person does, with mouse and keys, and looks for an element until it is there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{Pipe, browser};
use crate::support::eventually;

/// The size and appearance in which a page is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

impl Look {
    pub(crate) const DESK: Self = Self { width: 1440, height: 900, dark: false };
    pub(crate) const PHONE: Self = Self { width: 390, height: 844, dark: false };

    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

/// A page in its own browser context.
pub(crate) struct Tab {
    pipe: &'static Pipe,
    session: String,
    context: String,
}

/// Finds the visible elements of a selector that have a text in them or in their label; an exact match comes before others.
const FIND: &str = r#"(selector, text) => {
    const name = (element) => [element.getAttribute("aria-label"), element.innerText, element.textContent, ...[...(element.labels ?? [])].map((label) => label.innerText)]
        .filter(Boolean).map((words) => words.replace(/\s+/g, " ").trim());
    const seen = [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
    return seen.find((element) => !text || name(element).includes(text)) ?? seen.find((element) => name(element).some((words) => words.includes(text)));
}"#;

/// Where an element can be clicked, once it has stopped moving and nothing covers it.
const PLACE: &str = r#"async (find, selector, text) => {
    let last;
    for (let frame = 0; frame < 600; frame += 1) {
        await new Promise(requestAnimationFrame);
        const element = find(selector, text);
        if (!element) continue;
        element.scrollIntoView({ block: "center" });
        const { x, y, width, height } = element.getBoundingClientRect();
        const [middle, centre] = [x + width / 2, y + height / 2];
        const hit = document.elementFromPoint(middle, centre);
        if (last === `${middle} ${centre}` && (element.contains(hit) || hit?.closest("label")?.contains(element))) return [middle, centre];
        last = `${middle} ${centre}`;
    }
    return null;
}"#;

impl Tab {
    pub(crate) async fn open(url: &str) -> Self {
        Self::with(url, Look::DESK).await
    }

    pub(crate) async fn with(url: &str, look: Look) -> Self {
        let pipe = browser().await;
        let context =
            text(&pipe.call(None, "Target.createBrowserContext", json!({})).await["browserContextId"]);
        let target = pipe
            .call(None, "Target.createTarget", json!({ "url": "about:blank", "browserContextId": context }))
            .await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = text(&pipe.call(None, "Target.attachToTarget", attach).await["sessionId"]);
        let tab = Self { pipe, session, context };
        for domain in ["Page", "Runtime", "Log"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab.look(look).await;
        tab.go(url).await;
        tab
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.pipe.call(Some(&self.session), method, params).await
    }

    pub(crate) async fn look(&self, Look { width, height, dark }: Look) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        // Without animations a picture shows the final state and not the way to it.
        let motion = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme, motion] })).await;
    }

    pub(crate) async fn go(&self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
    }

    /// Has the tab run a script in each page that it opens, before the scripts of the page.
    pub(crate) async fn before_each_page(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// The value of an expression in the page.
    pub(crate) async fn eval(&self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", params).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn until(&self, expression: &str) {
        eventually(&format!("in the page: {expression}"), async || {
            // The page may be navigating to another address.
            let params = json!({ "expression": format!("Boolean({expression})"), "returnByValue": true });
            let answer = self.pipe.try_call(Some(&self.session), "Runtime.evaluate", params).await.ok()?;
            (answer["result"]["value"] == true).then_some(())
        })
        .await;
    }

    /// Waits until there is a visible element with this selector and text.
    pub(crate) async fn sees(&self, selector: &str, text: &str) {
        self.until(&format!("({FIND})({}, {})", json!(selector), json!(text))).await;
    }

    /// Clicks on the element with this text or label, once it is there.
    pub(crate) async fn click(&self, selector: &str, text: &str) {
        self.sees(selector, text).await;
        let place = self.eval(&format!("({PLACE})({FIND}, {}, {})", json!(selector), json!(text))).await;
        assert!(place.is_array(), "{selector} {text:?} does not come to rest, or something is before it");
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types into the control with this label, and replaces its content.
    pub(crate) async fn fill(&self, label: &str, value: &str) {
        self.click("input, textarea, select", label).await;
        self.eval("document.activeElement.select?.()").await;
        self.insert(value).await;
    }

    /// Types into the element with the focus.
    pub(crate) async fn insert(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Chooses a value in the list of choices with this label.
    pub(crate) async fn choose(&self, label: &str, value: &str) {
        self.sees("select", label).await;
        let chosen = format!(
            "(() => {{ const e = ({FIND})('select', {}); e.value = {}; e.dispatchEvent(new Event('input', {{ bubbles: true }})); e.dispatchEvent(new Event('change', {{ bubbles: true }})); return e.value; }})()",
            json!(label),
            json!(value)
        );
        assert_eq!(self.eval(&chosen).await, value, "{label} has no such choice");
    }

    /// Presses a key, named as in `KeyboardEvent.key`.
    pub(crate) async fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let typed = match key {
            "Enter" => Some("\r"),
            key if key.chars().count() == 1 => Some(key),
            _ => None,
        };
        let kind = if typed.is_some() { "keyDown" } else { "rawKeyDown" };
        let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
        if let Some(typed) = typed {
            event["text"] = typed.into();
        }
        self.call("Input.dispatchKeyEvent", event).await;
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        )
        .await;
    }

    /// Presses Tab until the element with the focus has this text or label.
    pub(crate) async fn tab_to(&self, text: &str) {
        for _ in 0..80 {
            self.press("Tab").await;
            let found = format!(
                "(() => {{ const e = document.activeElement; return e !== document.body && e === ({FIND})(e.localName, {}); }})()",
                json!(text)
            );
            if self.eval(&found).await == true {
                return;
            }
        }
        panic!("the focus does not come to {text:?}");
    }

    /// Takes a picture of the tab, as an artefact of the build: target/screenshots/NAME.png.
    pub(crate) async fn picture(&self, name: &str) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let picture = BASE64.decode(text(&picture["data"])).expect("Base64");
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// The errors of the tab: errors on the console, exceptions, and violations of its policy. An error status of an answer
    /// does not count, unless the request was for a file of the page.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let events = self.pipe.events(&self.session);
        let complaint = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" => Some(params["args"].to_string()),
                "Log.entryAdded" => {
                    let entry = &params["entry"];
                    let answered = entry["source"] == "network" && !text(&entry["url"]).contains("/ui/");
                    let advice = entry["level"] == "verbose";
                    (!answered && !advice).then(|| entry.to_string())
                }
                _ => None,
            }
        };
        events.iter().filter_map(complaint).collect()
    }

    /// Closes the tab, and fails the test if the tab had errors.
    pub(crate) async fn close(self) {
        let complaints = self.complaints();
        self.pipe
            .call(None, "Target.disposeBrowserContext", json!({ "browserContextId": self.context }))
            .await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
