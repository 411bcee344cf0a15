//! Values of options: durations and numbers with their allowed ranges in the error.

use std::time::Duration;

use crate::foundation::duration;
use crate::nats::ServerAddr;
use rules::domain::timer::MAX_NODE_NAME_CHARS;
use rules::presence::MAX_INSTALLATION_CHARS;

/// A parser for durations from `min` to `max`, both included.
pub(crate) fn span(
    min: Duration,
    max: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        let span = duration::parse(text)?;
        if (min..=max).contains(&span) {
            return Ok(span);
        }
        Err(format!("must be {} to {}", duration::format(min), duration::format(max)))
    }
}

/// A parser for numbers from `min` to `max`, both included.
pub(crate) fn number(
    min: usize,
    max: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| {
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
    }
}

/// A node's name: it is in each attempt of a record, of which the size is bounded.
pub(crate) fn node_name(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_NODE_NAME_CHARS).contains(&text.chars().count());
    if !fits || text.chars().any(char::is_control) {
        return Err(format!("must be 1 to {MAX_NODE_NAME_CHARS} characters without control characters"));
    }
    Ok(text.to_owned())
}

/// The name of an installation: it is in a key of the broker and in what nodes tell each other.
pub(crate) fn installation(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAX_INSTALLATION_CHARS).contains(&text.len()) && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {MAX_INSTALLATION_CHARS} letters, digits, dots, underscores and hyphens"))
}

/// The address of a NATS server.
pub(crate) fn server(text: &str) -> Result<ServerAddr, String> {
    if text.trim().is_empty() {
        return Err(
            "an address is needed, such as nats://127.0.0.1:4222; unset it to run a local nats-server".into(),
        );
    }
    text.trim().parse().map_err(|error| format!("{error}; an address is nats://HOST:PORT or tls://HOST:PORT"))
}

/// A factor between two backoffs.
pub(crate) fn factor(text: &str) -> Result<f64, String> {
    let max = rules::domain::retry::MAX_FACTOR;
    text.parse()
        .ok()
        .filter(|factor| (1.0..=max).contains(factor))
        .ok_or_else(|| format!("must be a number from 1 to {max}"))
}

/// A number of replicas, as JetStream has them.
pub(crate) fn replicas(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => {
            Err("must be 1, 3 or 5: an even number survives no more failures than the odd one below it"
                .into())
        }
    }
}
