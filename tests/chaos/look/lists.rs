//! Which timers a node lists, and which it should.

use std::collections::BTreeSet;

use crate::client::Client;
use crate::record::Record;

/// The ids of all timers.
pub(super) async fn listed(client: &Client) -> Result<Vec<String>, String> {
    let (mut ids, mut cursor) = (vec![], String::new());
    loop {
        let path = format!("/timers?limit=1000{cursor}");
        let (status, page) = client.get(&path).await.ok_or("a node does not answer")?;
        if status != 200 || page["complete"] != true {
            return Err(format!("GET /timers is answered {status}, and the list is not complete"));
        }
        let timers = page["timers"].as_array().into_iter().flatten();
        ids.extend(timers.filter_map(|timer| timer["id"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(ids),
        }
    }
}

/// The timers that are there, and not in the list.
pub(super) async fn unlisted(record: &Record, client: &Client, listed: &[String]) -> Vec<String> {
    let history = record.history();
    let told = history.requests.iter().filter_map(|request| request.told.as_ref()?.timer.as_ref());
    let told: BTreeSet<&String> = told.map(|timer| &timer.id).filter(|id| !listed.contains(id)).collect();
    let mut unlisted = vec![];
    for id in told {
        if client.get(&format!("/timer/{id}")).await.is_some_and(|(status, _)| status == 200) {
            unlisted.push(id.clone());
        }
    }
    unlisted
}
