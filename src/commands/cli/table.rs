//! Tables for people: columns as wide as their contents, the last one cut to the terminal.
//!
//! The contents come from clients and receivers: a character that would move the cursor or turn the direction of text is shown as
//! its number.

use console::{Style, measure_text_width, pad_str, truncate_str};

/// The space between two columns.
const GAP: &str = "  ";

pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: &str) -> Self {
        Self::styled(text, Style::new())
    }

    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self { text: clean(text), style }
    }

    /// Its text in its colour, padded to this width.
    pub(super) fn padded(&self, width: usize) -> String {
        self.style.apply_to(pad_str(&self.text, width, console::Alignment::Left, None)).to_string()
    }

    /// Its text, without colour.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Text without the characters that a terminal would act on.
pub(super) fn clean(text: &str) -> String {
    // Marks that turn the direction of the text after them (Unicode 15, 3.6 of UAX 9).
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    text.chars().fold(String::with_capacity(text.len()), |mut cleaned, c| {
        if c.is_control() || turns(c) {
            cleaned.extend(c.escape_default())
        } else {
            cleaned.push(c)
        }
        cleaned
    })
}

/// The lines of a table that fits into `width` columns, if that is known. An empty heading is left out.
pub(super) fn render(heading: &[&str], rows: &[Vec<Cell>], width: Option<usize>) -> String {
    let dim = Style::new().dim();
    let heading: Vec<Cell> = heading.iter().map(|name| Cell::styled(name, dim.clone())).collect();
    let all = || std::iter::once(&heading).filter(|heading| !heading.is_empty()).chain(rows);
    let mut widths = vec![0; all().map(Vec::len).max().unwrap_or_default()];
    for row in all() {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(measure_text_width(&cell.text));
        }
    }
    let mut lines = String::new();
    for row in all() {
        let mut used = 0;
        for (n, (cell, widest)) in row.iter().zip(&widths).enumerate() {
            let is_last = n + 1 == row.len();
            let shown = if is_last {
                let left = width.map_or(usize::MAX, |width| width.saturating_sub(used));
                truncate_str(&cell.text, left, "…").into_owned()
            } else {
                pad_str(&cell.text, *widest, console::Alignment::Left, None).into_owned()
            };
            used += widest + GAP.len();
            lines.push_str(&cell.style.apply_to(shown).to_string());
            if !is_last {
                lines.push_str(GAP);
            }
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        [["a", "delivered", "http://a.example/hook"], ["bcd", "failed", "http://ü"]]
            .map(|row| row.map(Cell::new).into())
            .into()
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_the_last_is_cut() {
        let expected = "ID   STATE      URL\na    delivered  http://a.…\nbcd  failed     http://ü\n";
        assert_eq!(render(&["ID", "STATE", "URL"], &rows(), Some(26)), expected);
        assert!(render(&["ID", "STATE", "URL"], &rows(), None).contains("a.example/hook\n"));
        assert!(render(&["ID", "STATE", "URL"], &rows(), Some(3)).contains("bcd"));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\tc\u{202e}d\u{7f}é"), "a\\u{1b}[31mb\\r\\n\\tc\\u{202e}d\\u{7f}é");
    }
}
