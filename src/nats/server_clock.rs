//! Asks NATS for its time.
//!
//! JetStream's answer about a stream has the time at which it was made, by the clock of that stream's leader. This module asks
//! about the stream of wakes: its leader decides when they come.

use std::time::Instant;

use serde::Deserialize;

use super::Link;
use super::names::STREAM;
use crate::foundation::rfc3339;
use crate::nats::NatsError;
use rules::presence::ServerSample;

#[derive(Deserialize)]
struct StreamTime {
    ts: String,
}

impl Link {
    /// Asks for the server's time.
    pub async fn server_time(&self) -> Result<ServerSample, NatsError> {
        let asked = Instant::now();
        let info: StreamTime = self.info(format!("$JS.API.STREAM.INFO.{STREAM}")).await?;
        let answered = Instant::now();
        let server = rfc3339::parse(&info.ts)
            .map_err(|why| NatsError::NotDone(format!("{} is not a time: {why}", info.ts)))?;
        Ok(ServerSample { asked, answered, server })
    }
}
