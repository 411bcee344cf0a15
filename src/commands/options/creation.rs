//! What a timer is made of, as options of `create` and `change`: names as in the API, values as people type them.
//!
//! Little is checked here: what a node allows only the node knows, and its answer names each bad field.

use clap::{Args, ValueEnum};

use crate::foundation::{duration, rfc3339};

/// When a timer is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// After so long, by the node's clock.
    Delay(String),
    /// At an instant.
    At(String),
}

/// What is called, how, and what belongs to it.
#[derive(Clone, Debug, Default, Args)]
pub struct Fields {
    /// How the receiver is called: GET, POST, PUT, PATCH, DELETE, HEAD; default: POST
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = "The call")]
    pub(crate) method: Option<String>,

    /// A header of the call, as for curl; @FILE reads one header per line and keeps secrets out of the process list
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "The call")]
    pub(crate) headers: Vec<String>,

    /// The body as JSON, sent unchanged; @FILE reads a file, - standard input
    #[arg(long, value_name = "JSON", conflicts_with = "data", help_heading = "The call")]
    pub(crate) json: Option<String>,

    /// The body as any text or, from a file or standard input, any bytes; @FILE reads a file, - standard input
    #[arg(short = 'd', long, value_name = "TEXT", help_heading = "The call")]
    pub(crate) data: Option<String>,

    /// How long one attempt may take, 100ms to 10m; default: 30s
    #[arg(long, value_name = "DURATION", help_heading = "The call")]
    pub(crate) timeout: Option<String>,

    /// Whether to call again after a call that may have reached the receiver; default: at_most_once
    #[arg(long, value_enum, help_heading = "Delivery")]
    pub(crate) delivery: Option<Delivery>,

    /// Maximum number of attempts
    #[arg(long, value_name = "COUNT", help_heading = "Delivery")]
    pub(crate) retry_max_attempts: Option<u32>,

    /// The wait before the second attempt
    #[arg(long, value_name = "DURATION", help_heading = "Delivery")]
    pub(crate) retry_initial_backoff: Option<String>,

    /// The longest wait between two attempts
    #[arg(long, value_name = "DURATION", help_heading = "Delivery")]
    pub(crate) retry_max_backoff: Option<String>,

    /// Each wait is this many times the one before
    #[arg(long, value_name = "NUMBER", help_heading = "Delivery")]
    pub(crate) retry_factor: Option<f64>,

    /// No attempt is scheduled for later than this after the timer was due
    #[arg(long, value_name = "DURATION", help_heading = "Delivery")]
    pub(crate) retry_deadline: Option<String>,

    /// Response statuses to retry with at_least_once, such as 408,429,5xx
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', help_heading = "Delivery")]
    pub(crate) retry_statuses: Vec<String>,

    /// Key of a flow; all timers with this key share the flow's limits
    #[arg(long, value_name = "KEY", help_heading = "Delivery")]
    pub(crate) flow: Option<String>,

    /// Maximum rate of the flow's calls, such as 100/s
    #[arg(long, value_name = "RATE", requires = "flow", help_heading = "Delivery")]
    pub(crate) flow_rate: Option<String>,

    /// Maximum number of concurrent calls of the flow
    #[arg(long, value_name = "COUNT", requires = "flow", help_heading = "Delivery")]
    pub(crate) flow_parallelism: Option<u32>,

    /// URL to call once the timer is delivered
    #[arg(long, value_name = "URL", conflicts_with = "callback", help_heading = "Afterwards")]
    pub(crate) on_delivered: Option<String>,

    /// URL to call once the timer is failed or unknown
    #[arg(long, value_name = "URL", conflicts_with = "callback", help_heading = "Afterwards")]
    pub(crate) on_failed: Option<String>,

    /// URL to call once the timer has ended, whatever its outcome
    #[arg(long, value_name = "URL", help_heading = "Afterwards")]
    pub(crate) callback: Option<String>,

    /// A label to find the timer by; never sent to the receiver
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = label, help_heading = "Afterwards")]
    pub(crate) metadata: Vec<(String, String)>,
}

/// Whether a timer is called again after an attempt that may or may not have reached the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Delivery {
    /// No: the timer becomes unknown
    AtMostOnce,
    /// Yes: the receiver may be called twice
    AtLeastOnce,
}

impl Delivery {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
        }
    }
}

/// Reads when a timer is due.
pub(super) fn when(text: &str) -> Result<When, String> {
    let text = text.trim();
    if duration::parse_delay(text).is_ok() {
        return Ok(When::Delay(text.to_owned()));
    }
    rfc3339::parse(text).map(|_| When::At(text.to_owned())).map_err(|why| {
        match duration::calendar_unit(text) {
            Some(why) => why,
            None if rfc3339::has_a_date(text) => why,
            None => "must be a delay such as 20m, \"1h 30m\" or PT20M, or an instant with an \
                     offset such as 2027-01-01T09:00:00+01:00"
                .to_owned(),
        }
    })
}

/// Reads a label.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("a label is KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_delay_or_an_instant_and_nothing_that_could_be_either() {
        for delay in ["20m", "1h 30m", "1h30m", "PT20M", "0s"] {
            assert_eq!(when(delay), Ok(When::Delay(delay.to_owned())));
        }
        let instant = "2027-01-01T09:00:00+01:00";
        assert_eq!(when(instant), Ok(When::At(instant.to_owned())));
        for neither in ["", "20", "tomorrow", "2027-01-01", "2027-01-01T09:00:00", "-5m", "https://a"] {
            assert!(when(neither).is_err(), "{neither}");
        }
        // What is meant is told where that can be seen.
        assert!(when("5M").unwrap_err().contains("minute to others"));
        assert!(when("1 month").unwrap_err().contains("no fixed length"));
        assert!(when("2027-01-01T09:00:00").unwrap_err().contains("has no offset"));
    }

    #[test]
    fn a_label_has_a_key_and_perhaps_an_empty_value() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(label("a="), Ok(("a".to_owned(), String::new())));
        assert!(label("a").is_err() && label("=b").is_err());
    }
}
