//! Asks NATS for its time.
//!
//! JetStream's answer about a stream has the time at which it was made, by the clock of that stream's leader. This module asks
//! about the stream of wakes: its leader decides when they come.

use std::time::Instant;

use crate::foundation::rfc3339;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::STREAM;
use crate::nats::requests::leader;
use rules::presence::ServerSample;

/// Asks for the server's time.
pub async fn server_time(link: &Link) -> Result<ServerSample, NatsError> {
    let asked = Instant::now();
    let ts = leader::stream_info(link, STREAM).await?.ts;
    let answered = Instant::now();
    let server =
        rfc3339::parse(&ts).map_err(|why| NatsError::NotDone(format!("{ts:?} is not a time: {why}")))?;
    Ok(ServerSample { asked, answered, server })
}
