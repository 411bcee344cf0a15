//! The output for results, in one of three forms: a table on a terminal, values between tabs on a pipe, or JSON.

use std::io::{self, IsTerminal as _, Write as _};

use console::Term;

use super::table::{self, Cell};
use crate::commands::options::Form;

/// Standard output, in the form that the terminal or `--output` asks for.
pub(super) struct Out {
    form: Form,
}

impl Out {
    pub(super) fn new(form: Form) -> Self {
        let form = match form {
            Form::Auto if io::stdout().is_terminal() => Form::Table,
            Form::Auto => Form::Plain,
            Form::Table | Form::Plain | Form::Json => form,
        };
        Self { form }
    }

    pub(super) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Whether a person reads it.
    pub(super) fn is_for_people(&self) -> bool {
        self.form == Form::Table
    }

    /// Writes a line, at once.
    pub(super) fn line(&self, line: &str) -> io::Result<()> {
        self.text(&format!("{line}\n"))
    }

    pub(super) fn text(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes rows: under a heading for people, between tabs for programs.
    pub(super) fn rows(&self, heading: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        if !self.is_for_people() {
            let lines =
                rows.iter().map(|row| row.iter().map(Cell::text).collect::<Vec<_>>().join("\t") + "\n");
            return self.text(&lines.collect::<String>());
        }
        // A table that was asked for on a pipe is as wide as it needs to be.
        let width = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        self.text(&table::render(heading, rows, width))
    }
}
