//! The only place that writes results to the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this module and `command` are where output is allowed")]
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Writes a result to stdout. A closed pipe (`ctr … | head`) ends the output without an error.
pub fn result(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
}

/// Writes a line of progress to stderr.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Writes an error to stderr, its causes below it.
pub fn error(error: &anyhow::Error) {
    let mut text = format!("error: {error}");
    // A transparent error repeats the text of its source; a cause that adds nothing is left out.
    let mut shown = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !shown.contains(&cause) {
            let _ = write!(text, "\n  because: {cause}");
            shown.push_str(&cause);
        }
    }
    eprintln!("{text}");
}

/// A table with aligned columns; numbers to the right.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text, one line for each row.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let numeric: Vec<bool> = (0..columns)
            .map(|column| {
                let mut cells = self.rows.iter().skip(1).filter_map(|row| row.get(column)).peekable();
                cells.peek().is_some() && cells.all(|cell| cell == "–" || cell.parse::<f64>().is_ok())
            })
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                if numeric[column] { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A metric to six digits after the point, or a dash where it is undefined.
#[must_use]
pub fn metric(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_to_the_right_and_text_to_the_left() {
        let mut table = Table::new(&["run", "AUC"]);
        table.row(vec!["a".into(), "0.5".into()]);
        table.row(vec!["longer".into(), "–".into()]);
        assert_eq!(table.render(), "run     AUC\na       0.5\nlonger    –");
    }
}
