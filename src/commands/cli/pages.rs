//! Lists, page by page.

use hyper::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;

use super::failure::Failure;
use super::patience::Patience;
use crate::commands::client::{Ask, Client};

/// The most timers of a page: the API's maximum.
pub(super) const PAGE: u64 = 1_000;

/// A page of a list, each timer as it was written.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) timers: Vec<Box<RawValue>>,
    pub(super) next: Option<String>,
    pub(super) complete: bool,
}

/// Parameters as a query, with its question mark; empty without parameters.
pub(super) fn query(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    format!("?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The page of a list after a cursor.
pub(super) async fn page(
    client: &Client,
    filter: &[(String, String)],
    (sort, limit, cursor): (&str, u64, Option<&str>),
    patience: &mut Patience,
) -> Result<Page, Failure> {
    let mut pairs = filter.to_vec();
    pairs.push(("sort".to_owned(), sort.to_owned()));
    pairs.push(("limit".to_owned(), limit.min(PAGE).to_string()));
    pairs.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.to_owned())));
    let ask = Ask::new(Method::GET, format!("/timers{}", query(&pairs)));
    Ok(patience.send(client, &ask).await?.json()?)
}
