//! Reads predictions from CSV.

use std::path::Path;

use csv::StringRecord;

use super::{Predictions, PredictionsError};

/// Reads a CSV file with a header; `row`, `label`, `logit` and `probability` in any order, further columns ignored. An
/// empty label is an unknown one.
pub(super) fn read(path: &Path) -> Result<Predictions, PredictionsError> {
    let damaged = |error: csv::Error| PredictionsError::Damaged { path: path.to_owned(), reason: error.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(damaged)?;
    let header = reader.headers().map_err(damaged)?.clone();
    let find = |column: &'static str| {
        header.iter().position(|name| name.trim() == column).ok_or_else(|| PredictionsError::MissingColumn {
            path: path.to_owned(),
            column,
            found: header.iter().collect::<Vec<_>>().join(", "),
        })
    };
    let (row, label, logit, probability) = (find("row")?, find("label")?, find("logit")?, find("probability")?);

    let (mut rows, mut labels, mut logits, mut probabilities) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut lines = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(damaged)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = Cell { path, line, record: &record };
        rows.push(cell.parse(row, "row", "a row number from 0")?);
        let unknown = cell.text(label).is_empty();
        labels.push(if unknown { None } else { Some(cell.parse(label, "label", "0, 1 or nothing")?) });
        logits.push(cell.parse(logit, "logit", "a finite number")?);
        probabilities.push(cell.parse(probability, "probability", "a number from 0 to 1")?);
        lines.push(line);
    }
    let place = |position: usize| format!("{}, line {}", path.display(), lines[position]);
    let labels = super::all_or_none(labels, place)?;
    Predictions::checked(rows, labels, logits, probabilities, place)
}

/// One line being read.
struct Cell<'a> {
    path: &'a Path,
    line: u64,
    record: &'a StringRecord,
}

impl Cell<'_> {
    fn text(&self, index: usize) -> &str {
        self.record.get(index).unwrap_or_default().trim()
    }

    fn parse<T: std::str::FromStr>(
        &self,
        index: usize,
        column: &'static str,
        expected: &'static str,
    ) -> Result<T, PredictionsError> {
        self.text(index).parse().map_err(|_| PredictionsError::Value {
            place: format!("{}, line {}", self.path.display(), self.line),
            column,
            value: format!("`{}`", self.text(index)),
            expected,
        })
    }
}
