//! `jettimer fire`: makes waiting timers due at once.

use super::Session;
use super::exit::Exit;
use super::failure::Failure;
use super::many::{self, ManyAction};
use crate::commands::options::{Fire, Surroundings};

pub(super) async fn run(args: &Fire, around: &Surroundings) -> Result<Exit, Failure> {
    if args.ids.ids.is_empty() {
        return Err(Failure::usage(
            "no timers are selected: give ids, or - to read them from standard input",
        ));
    }
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    many::apply(&session, ManyAction::Fire, &args.ids).await
}
