//! `GET /metrics`: this node's metrics, for Prometheus and other programs that read its formats.

use warp::http::header::{ACCEPT, VARY};
use warp::http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::{self, Answer};
use super::parts::Api;
use super::request::Request;
use crate::foundation::metrics::Format;
use crate::nats::stores;

pub(super) async fn show(api: &Api, request: &Request) -> Answer {
    let waiting = api.backlog.look().await;
    if let Some(finder) = &api.finder {
        api.metrics.index.show(&finder.indexed(waiting.last_change, &api.receivers.waits()));
    }
    api.metrics.nats.show(api.link.is_up(), stores(&api.link), waiting.wakes);
    let (room, account) = api.room.seen();
    api.metrics.nats.show_room(room, account);
    let skew = api.heartbeat.skew();
    api.metrics.nodes.show(&api.heartbeat.count(), skew.nats, skew.peers);
    api.metrics.nodes.show_otherwise(&api.heartbeat.count_otherwise());
    for finding in api.durability.findings() {
        api.metrics.nats.show_durability(finding.check, finding.verdict);
    }
    api.metrics.receivers.show(&api.receivers.count());
    let format = format_for(&request.headers);
    let mut answer = answer::text(StatusCode::OK, format.content_type(), api.metrics.write(format));
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    answer
}

/// OpenMetrics for a client that names it and prefers no other format; for all others the format that every program reads.
fn format_for(headers: &HeaderMap) -> Format {
    let ranges = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let (mut open, mut plain) = (0.0_f32, 0.0_f32);
    for range in ranges.flat_map(|ranges| ranges.split(',')) {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<String> = parts.collect();
        let parameter = |name: &str| {
            parameters
                .iter()
                .find_map(|parameter| parameter.strip_prefix(name))
                .map(|text| text.trim_matches('"'))
        };
        let quality = parameter("q=").map_or(1.0, |text| text.parse().unwrap_or(0.0));
        match media_type.as_str() {
            "application/openmetrics-text"
                if parameter("version=").is_none_or(|version| version == "1.0.0") =>
            {
                open = open.max(quality);
            }
            "text/plain" => plain = plain.max(quality),
            _ => {}
        }
    }
    if open > 0.0 && open >= plain { Format::OpenMetrics } else { Format::Prometheus }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_that_it_likes_best() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=0.0.1", Format::Prometheus),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.9", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            assert_eq!(format_for(&headers), format, "{accept}");
        }
        assert_eq!(format_for(&HeaderMap::new()), Format::Prometheus);
    }
}
