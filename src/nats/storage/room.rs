//! Looks how much JetStream may still store: by the account's limits, by the answers of servers about themselves, and by the
//! sweeper's measurement of a single server that does not answer.

use std::time::Duration;

use super::grant::granted;
use super::servers::{self, Answer};
use crate::nats::api::ClusterInfo;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, STREAM};
use crate::nats::requests::leader;
use crate::nats::requests::may_ask::MayAsk;
use rules::room::{Server, Sight};

/// How long all servers together may take to answer, and each of them after the one before. A server that is away does not answer.
const FIRST_SERVER_WITHIN: Duration = Duration::from_secs(1);
const NEXT_SERVER_WITHIN: Duration = Duration::from_millis(200);

/// Looks how much JetStream stores and may store, as far as this node's user may see it.
///
/// # Errors
///
/// A [`NatsError`] if the streams cannot be looked at.
pub async fn room(link: &Link, may_ask: &mut MayAsk) -> Result<Sight, NatsError> {
    let connection = link.connection();
    let stream = |name| leader::stream_info(link, name);
    let (records, wakes) = tokio::join!(stream(BUCKET_STREAM), stream(STREAM));
    let (records, wakes) = (records?, wakes?);
    let replicas = records.config.num_replicas as u64;
    let mut sight =
        Sight { replicas, used: records.state.bytes.saturating_add(wakes.state.bytes), ..Sight::default() };
    if may_ask.account.is_worth_it(connection) {
        let account = leader::account_info(link).await.ok();
        may_ask.account.note(account.is_some(), connection)?;
        sight.account = account.map(|account| account.account(replicas));
    }
    let clusters = [records.cluster, wakes.cluster];
    let is_single = clusters.iter().flatten().all(|cluster| cluster.name.is_none());
    if may_ask.servers.is_worth_it(connection) {
        let mut names: Vec<String> = clusters.into_iter().flatten().flat_map(ClusterInfo::servers).collect();
        if is_single {
            names = vec![link.client().server_info().server_name];
        }
        names.sort();
        names.dedup();
        let said = servers::ask(link, &names, FIRST_SERVER_WITHIN, NEXT_SERVER_WITHIN).await;
        sight.servers = said.iter().filter_map(Answer::storage).map(|storage| Server { storage }).collect();
        may_ask.servers.note(!sight.servers.is_empty(), connection)?;
    }
    if is_single {
        sight.granted = granted(link).await?.0;
    }
    Ok(sight)
}
