//! The timers that a node lists, and those that it should list.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::client::Client;
use crate::history::History;

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

/// The timers that exist and are not in the list.
pub(super) async fn unlisted(history: &History, client: &Client, listed: &[String]) -> Vec<String> {
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    let told = history.requests.iter().filter_map(|request| request.told.as_ref()?.timer.as_ref());
    let told: BTreeSet<&str> =
        told.map(|timer| timer.id.as_str()).filter(|id| !listed.contains(id)).collect();
    let looks = told.into_iter().map(async |id| {
        let answer = client.get(&format!("/timer/{id}")).await;
        answer.is_some_and(|(status, _)| status == 200).then(|| id.to_owned())
    });
    join_all(looks).await.into_iter().flatten().collect()
}
