//! Which timers are meant: the filter of the API as options, the same for each command that takes one.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::creation::label;
use crate::foundation::rfc3339;
use rules::domain::state_kind::StateKind;

/// Which timers are meant, by what does not change with what happens to them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which timers")]
pub(crate) struct Which {
    /// Due at this instant or later, in RFC 3339
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    due_after: Option<String>,

    /// Due before this instant
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    due_before: Option<String>,

    /// Created at this instant or later
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    created_after: Option<String>,

    /// Created before this instant
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    created_before: Option<String>,

    /// That call this host, or only this port of it (HOST:PORT), in any spelling that a URL allows
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// With this label
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = label)]
    metadata: Vec<(String, String)>,
}

/// Which timers are meant.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which timers")]
pub(crate) struct Filter {
    /// In this state; repeatable
    #[arg(short, long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    state: Vec<String>,

    #[command(flatten)]
    which: Which,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The next due first
    #[value(name = "due")]
    Due,
    /// The last due first
    #[value(name = "-due")]
    DueLast,
    /// The oldest first
    #[value(name = "created")]
    Created,
    /// The newest first
    #[value(name = "-created")]
    CreatedLast,
}

impl Order {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::DueLast => "-due",
            Self::Created => "created",
            Self::CreatedLast => "-created",
        }
    }
}

impl Which {
    /// As parameters of a query.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let once = [
            ("due_after", &self.due_after),
            ("due_before", &self.due_before),
            ("created_after", &self.created_after),
            ("created_before", &self.created_before),
            ("host", &self.host),
        ];
        let once = once.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let labels = self.metadata.iter().map(|(key, value)| (format!("metadata.{key}"), value.clone()));
        once.chain(labels).collect()
    }
}

impl Filter {
    /// As parameters of a query; none if all timers are meant.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let states = self.state.iter().map(|state| ("state".to_owned(), state.clone()));
        states.chain(self.which.pairs()).collect()
    }
}

fn states() -> PossibleValuesParser {
    StateKind::ALL.map(StateKind::name).into()
}

fn instant(text: &str) -> Result<String, String> {
    let checked = rfc3339::parse(text);
    checked
        .map(|_| text.to_owned())
        .map_err(|why| format!("{why}; write an instant like 2027-01-01T09:00:00Z"))
}
