//! A parser of values that may have a password in them: what is wrong with one is said without the value.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// The parser of such a value.
#[derive(Clone)]
pub(super) struct Hushed<P>(pub(super) P);

impl<P, T> TypedValueParser for Hushed<P>
where
    P: Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let parsed = value.to_str().ok_or_else(|| "must be UTF-8".to_owned()).and_then(&self.0);
        parsed.map_err(|why| {
            let whose = arg.map(Arg::to_string).unwrap_or_default();
            let text =
                format!("invalid value for '{whose}' (not shown, since it may contain a secret): {why}\n");
            Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}
