//! The protocol of Chromium's developer tools over a pipe: JSON texts, each followed by a zero byte.
//!
//! A thread reads and the tests write, since each test has a runtime that ends with it. Events are kept for later queries.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The other end of the pipe.
pub(super) struct Pipe {
    next: AtomicU64,
    input: Mutex<ChildStdin>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// The browser sends nothing more.
    ended: bool,
    asked: HashMap<u64, oneshot::Sender<Value>>,
    /// The events of each session.
    events: HashMap<String, Vec<Value>>,
}

impl Pipe {
    pub(super) fn open(mut child: Child) -> Self {
        let input = Mutex::new(child.stdin.take().expect("a pipe"));
        let output = child.stdout.take().expect("a pipe");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let reading = heard.clone();
        std::thread::spawn(move || {
            read(output, &reading);
            let mut heard = reading.lock().expect("no panic in a lock");
            heard.ended = true;
            // The closed channel tells the waiting callers.
            heard.asked.clear();
            drop(heard);
            child.wait().ok();
        });
        Self { next: AtomicU64::new(1), input, heard }
    }

    /// Calls a method, which must succeed.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_call(session, method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a method and returns its result.
    ///
    /// # Errors
    ///
    /// The browser's reason for not doing it.
    pub(super) async fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (sender, answer) = oneshot::channel();
        {
            let mut heard = self.heard.lock().expect("no panic in a lock");
            if !heard.ended {
                heard.asked.insert(id, sender);
            }
        }
        let sent =
            self.input.lock().expect("no panic in a lock").write_all(format!("{message}\0").as_bytes());
        sent.map_err(|error| format!("the browser has ended: {error}"))?;
        let mut answer = answer.await.map_err(|_| "the browser has ended".to_owned())?;
        if answer["error"].is_object() {
            return Err(answer["error"]["message"].to_string());
        }
        Ok(answer["result"].take())
    }

    /// The events of a session so far.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        self.heard.lock().expect("no panic in a lock").events.get(session).cloned().unwrap_or_default()
    }
}

fn read(output: ChildStdout, heard: &Mutex<Heard>) {
    let mut output = BufReader::new(output);
    let mut text = vec![];
    while output.read_until(0, &mut text).is_ok_and(|length| length > 0) {
        text.pop();
        let message: Value = serde_json::from_slice(&text).unwrap_or_default();
        text.clear();
        let mut heard = heard.lock().expect("no panic in a lock");
        if let Some(asked) = message["id"].as_u64().and_then(|id| heard.asked.remove(&id)) {
            asked.send(message).ok();
        } else if let Some(session) = message["sessionId"].as_str() {
            heard.events.entry(session.to_owned()).or_default().push(message);
        }
    }
}
