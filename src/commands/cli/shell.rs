//! Aids for using the command line: completions for shells and manual pages, made from its own definitions.

use std::io::{self, Write as _};

use super::exit::Exit;
use super::failure::{Failure, say};
use crate::commands::options::{Completions, Man, command};

const NAME: &str = "jettimer";

/// `jettimer completions`
pub(super) fn completions(args: &Completions) -> Result<Exit, Failure> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut command(), NAME, &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}

/// `jettimer man`
pub(super) fn man(args: &Man) -> Result<Exit, Failure> {
    if let Some(dir) = &args.dir {
        clap_mangen::generate_to(command(), dir)
            .map_err(|error| Failure::other(format!("cannot write to {}: {error}", dir.display())))?;
        say(&format!("the pages are in {}", dir.display()));
        return Ok(Exit::Done);
    }
    let mut page = vec![];
    clap_mangen::Man::new(command()).render(&mut page)?;
    io::stdout().lock().write_all(&page)?;
    Ok(Exit::Done)
}
