//! One call on a connection of HTTP/2, and what an error means for its request.

use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::Request;

use super::Connection;
use crate::webhook::answer::Fields;
use crate::webhook::departure::Departure;
use crate::webhook::failure::{Failure, cause};

/// A call's place on a connection.
pub(in crate::webhook) struct Place {
    connection: Connection,
    stream: Option<RecvStream>,
    /// A stream is open, and neither side has ended it.
    open: bool,
}

impl Place {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, stream: None, open: false }
    }

    /// Sends a request, notes its departure before that, and waits for the head of the answer.
    pub(in crate::webhook) async fn exchange(
        &mut self,
        request: Request<()>,
        body: Bytes,
        departure: &Departure,
    ) -> Result<(u16, Fields), Failure> {
        let ready = self.connection.send.clone().ready().await;
        let mut send = ready.map_err(|error| self.failure(&error, None))?;
        departure.leaves();
        let sent = send.send_request(request, body.is_empty());
        let (answer, mut stream) = sent.map_err(|error| self.failure(&error, None))?;
        let id = answer.stream_id().as_u32();
        let facts = self.connection.facts.clone();
        departure.is_queued({
            let facts = facts.clone();
            move || facts.withdraw(id)
        });
        self.open = true;
        if !body.is_empty() {
            // If the receiver's window has no room for the body, the library holds it back.
            stream.send_data(body, true).map_err(|error| self.failure(&error, Some(id)))?;
        }
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| self.failure(&error, Some(id)))?,
            () = facts.shut_out(id) => {
                return Err(Failure::Gone("HTTP/2: no room for the request on the connection".to_owned()));
            }
        };
        facts.answer();
        let mut fields = Fields::default();
        for (name, value) in answer.headers() {
            fields.field(name.as_str().as_bytes(), value.as_bytes());
        }
        let status = answer.status().as_u16();
        let stream = answer.into_body();
        self.open = !stream.is_end_stream();
        self.stream = Some(stream);
        Ok((status, fields))
    }

    /// Reads the next piece of the body; `None` once the body has ended or broken off.
    pub(in crate::webhook) async fn piece(&mut self) -> Option<Bytes> {
        let stream = self.stream.as_mut()?;
        let piece = stream.data().await;
        let Some(Ok(bytes)) = piece else {
            self.open = false;
            return None;
        };
        // This fails if the stream is over, and then there is nothing to release.
        let _ = stream.flow_control().release_capacity(bytes.len());
        Some(bytes)
    }

    /// Whether the receiver has asked for HTTP/1.1.
    pub(in crate::webhook) fn is_http1_wanted(&self) -> bool {
        self.connection.facts.is_http1_wanted()
    }

    /// How many calls the receiver took on this connection before it went away, if it did.
    pub(in crate::webhook) fn taken_before_going(&self) -> Option<u32> {
        self.connection.facts.taken_before_going()
    }

    /// If the connection broke and the receiver had not said that it would go: how many calls it had answered, and how long the connection
    /// had been idle when the lost calls came.
    pub(in crate::webhook) fn broken_off(&self) -> Option<(u32, Duration)> {
        self.connection.facts.broken_off()
    }

    /// The meaning of an error for a request, which has this stream if it got one.
    fn failure(&mut self, error: &h2::Error, stream: Option<u32>) -> Failure {
        self.open = false;
        let text = text(error);
        let facts = &self.connection.facts;
        if error.is_io() {
            facts.break_off();
        }
        if let Some(refused) = facts.refused() {
            return Failure::NotSent(refused);
        }
        let reason = error.reason().filter(|_| error.is_remote());
        if reason == Some(Reason::HTTP_1_1_REQUIRED) {
            facts.want_http1();
        }
        let Some(stream) = stream.filter(|stream| !facts.withdraw(*stream)) else {
            return Failure::Gone(text);
        };
        // The request was written, so sending it again is another attempt.
        if facts.is_left_out(stream) {
            return Failure::NotSent(format!("{text}; the receiver did not process the request"));
        }
        match reason {
            Some(Reason::REFUSED_STREAM) if error.is_reset() => {
                return Failure::NotSent("HTTP/2: stream refused".to_owned());
            }
            Some(Reason::HTTP_1_1_REQUIRED) if error.is_reset() => {
                return Failure::NotSent("HTTP/2: the receiver wants HTTP/1.1 for this request".to_owned());
            }
            _ => {}
        }
        Failure::NoAnswer(format!("{text} before the answer"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The library resets a stream that is dropped before its end.
        self.connection.facts.leave(self.open);
    }
}

/// The text of an error of the library, by its cause.
pub(super) fn text(error: &h2::Error) -> String {
    if let Some(error) = error.get_io() {
        return cause(error);
    }
    let why = error.reason().map_or_else(|| error.to_string(), |reason| format!("{reason:?}"));
    match error {
        error if error.is_reset() && error.is_remote() => format!("HTTP/2: stream reset ({why})"),
        error if error.is_go_away() && error.is_remote() => format!("HTTP/2: connection ended ({why})"),
        error if error.is_library() => format!("HTTP/2: the receiver broke the protocol ({why})"),
        _ => format!("HTTP/2: {why}"),
    }
}
