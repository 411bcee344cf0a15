//! Has the name of a receiver looked up before its call takes a place of the node.
//!
//! Lookups have places of their own, as many as calls, which are shared by the same rule: names that no DNS server answers leave some to
//! others, and an eighth to receivers whose names are found quickly.

use std::pin::pin;
use std::time::Duration;

use crate::node::engine::Worker;
use crate::node::places::Callee;
use crate::webhook::Unfound;
use rules::domain::target::TargetUrl;
use rules::receivers::LONG;

/// There was no place to look the name up in time.
pub(super) struct NoPlace;

impl Worker {
    /// Looks up the name of this URL for a call with this timeout. Returns the failure of the call if there is no address.
    pub(super) async fn look_up(
        &self,
        url: &TargetUrl,
        timeout: Duration,
        callee: Callee<'_>,
    ) -> Result<Option<Unfound>, NoPlace> {
        // Neither the flow nor the size of a timer makes its lookup longer or larger.
        let callee = Callee { flow: None, bytes: 0, ..callee };
        let mut place = self.lookups.enter(callee).await.ok_or(NoPlace)?;
        let mut looking = pin!(self.caller.look_up(url, timeout));
        let found = match tokio::time::timeout(LONG, &mut looking).await {
            Ok(found) => found,
            Err(_) => {
                place.takes_long();
                looking.await
            }
        };
        place.made(found.is_ok());
        Ok(found.err())
    }
}
