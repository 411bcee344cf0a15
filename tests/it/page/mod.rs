//! The page to set and watch timers, in a real browser against a real node.

mod accessible;
mod files;
mod keyboard;
mod lists;
mod live;
mod numbers;
mod one;
mod prefix;
mod safe;
mod set;
mod sign_in;
mod zones;

use reqwest::Method;

use crate::support::browser::Tab;
use crate::support::{Broker, Node, Sink, eventually};

/// The node, the sink and the browser that most of these tests need.
struct Stage {
    node: Node,
    sink: Sink,
    _broker: Broker,
}

impl Stage {
    async fn set() -> Self {
        let broker = Broker::start().await;
        let node = Node::start(&broker).await;
        Self { node, sink: Sink::start().await, _broker: broker }
    }

    /// Waits until the index, which trails the records, has this many timers.
    async fn counted(&self, total: u64) {
        eventually(&format!("{total} timers are counted"), async || {
            let counts = self.node.client().send(Method::GET, "/timers/counts", &[], "").await;
            (counts.json["total"] == total).then_some(())
        })
        .await;
    }

    /// Opens the page with this fragment in its address.
    async fn page(&self, hash: &str) -> Tab {
        Tab::open(&self.node.client().url(&format!("/{hash}"))).await
    }
}
