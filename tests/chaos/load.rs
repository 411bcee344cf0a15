//! The work of the clients: they create timers, read, move, cancel and fire them, and note the answers.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::client::{Client, NoAnswer, timer_in};
use crate::history::{Asked, Micros, Request, Told};
use crate::plan::{Due, FollowUp, Item, NODES};
use crate::record::Record;
use crate::rig::{Receiver, Rig};
use crate::support::{at, now_micros};

/// The timeout of an attempt. The shorter it is, the sooner the lease of a dead claimant ends.
const TIMEOUT: &str = "3s";

/// How often a client sends a creation with a key to a node that does not answer.
const TRIES: usize = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// Sends all requests; returns once the last answer is there.
pub(crate) async fn all(rig: &Rig, items: &[Item], began: Instant, began_at: Micros, record: &Record) {
    let owners = items.iter().enumerate().map(|(number, item)| Owner {
        clients: &rig.clients,
        record,
        number,
        item,
        began,
        began_at,
        id: Mutex::default(),
    });
    join_all(owners.map(Owner::run)).await;
}

/// The client of one timer.
struct Owner<'a> {
    clients: &'a [Client],
    record: &'a Record,
    number: usize,
    item: &'a Item,
    began: Instant,
    began_at: Micros,
    /// The timer's id, once an answer has given it.
    id: Mutex<Option<String>>,
}

impl Owner<'_> {
    async fn run(self) {
        self.until(self.item.at_ms).await;
        let created = join_all(self.item.nodes.iter().map(|node| self.create(*node)));
        let wishes = join_all(self.item.then.iter().map(async |then| {
            self.until(then.at_ms).await;
            self.wish(then.node, then.what).await;
        }));
        tokio::join!(created, wishes);
    }

    async fn until(&self, millis: u32) {
        tokio::time::sleep_until(self.began + Duration::from_millis(millis.into())).await;
    }

    async fn create(&self, node: usize) {
        let item = self.item;
        let key = item.keyed.then(|| format!("key-{}-{}", self.began_at, self.number));
        let mut body = json!({
            "url": Receiver::url(item.receiver, self.number),
            "timeout": TIMEOUT,
            "delivery": if item.at_least_once { "at_least_once" } else { "at_most_once" },
            // Retries come soon, since a run waits until every timer is over.
            "retry": {
                "max_attempts": item.max_attempts, "initial_backoff": "200ms", "max_backoff": "1s", "factor": 2,
            },
            "metadata": { "item": self.number.to_string() },
        });
        if item.body_bytes > 0 {
            body["body_text"] = "x".repeat(item.body_bytes as usize).into();
        }
        match item.due {
            Due::DelayMs(millis) => body["delay"] = format!("{millis}ms").into(),
            Due::AtMs(millis) => body["at"] = at(self.instant(millis)).into(),
        }
        for _ in 0..if item.keyed { TRIES } else { 1 } {
            let told =
                self.ask(node, Asked::Create, Method::POST, "/timer", key.as_deref(), Some(&body)).await;
            if told.is_some() {
                break;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    async fn wish(&self, node: usize, what: FollowUp) {
        // A client that knows no id cannot do anything with the timer.
        let Some(id) = self.id.lock().unwrap().clone() else { return };
        let path = format!("/timer/{id}");
        match what {
            FollowUp::Read => self.ask(node, Asked::Read, Method::GET, &path, None, None).await,
            FollowUp::Cancel => self.ask(node, Asked::Cancel, Method::DELETE, &path, None, None).await,
            FollowUp::MoveTo(millis) => {
                let to = self.instant(millis);
                let body = json!({ "at": at(to) });
                self.ask(node, Asked::MoveTo(to), Method::PATCH, &path, None, Some(&body)).await
            }
            FollowUp::Fire => {
                self.ask(node, Asked::Fire, Method::POST, &format!("{path}/fire"), None, None).await
            }
        };
    }

    fn instant(&self, millis: u32) -> Micros {
        self.began_at + u64::from(millis) * 1_000
    }

    /// Sends a request to this node, or to the next one if there is no connection to it. Notes the answer, and returns its
    /// status unless the outcome is unclear.
    async fn ask(
        &self,
        node: usize,
        asked: Asked,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> Option<u16> {
        for node in (node..NODES).chain(0..node) {
            let sent = now_micros();
            let answer = self.clients[node].ask(method.clone(), path, key, body).await;
            if answer == Err(NoAnswer::NotSent) {
                continue;
            }
            // 503 means that the node may still have carried out the request.
            let told = answer.ok().filter(|(status, _)| *status != 503).map(|(status, json)| Told {
                at: now_micros(),
                status,
                timer: timer_in(&json),
            });
            if let (Asked::Create, Some(told)) = (asked, &told) {
                *self.id.lock().unwrap() = told.timer.as_ref().map(|timer| timer.id.clone());
            }
            let status = told.as_ref().map(|told| told.status);
            self.record.request(Request { item: self.number, node, asked, sent, told });
            return status;
        }
        None
    }
}
