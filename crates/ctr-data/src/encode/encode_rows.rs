//! Encoding all rows of a source.

use std::path::Path;

use super::encoded_rows::EncodedRows;
use super::encoder::Encoder;
use crate::bad_rows::{BadRowLedger, BadRows};
use crate::config::BadRowPolicy;
use crate::error::DataError;
use crate::parallel::{self, RowWork};
use crate::shard::{Header, ShardWriter};
use crate::source::{BadRow, DataSource, Row};
use crate::split::{Division, Split};
use crate::watch::Watch;

/// How a source's rows are encoded.
pub(crate) struct Encoding<'a> {
    pub(crate) division: Division<'a>,
    pub(crate) bad: BadRowPolicy,
    /// Threads; 0 is one for each core.
    pub(crate) threads: usize,
    /// Folder of the writers' temporary files.
    pub(crate) dir: &'a Path,
}

/// One writer for each split, where it has rows.
pub(crate) type Writers = [Option<ShardWriter>; 3];

impl Encoder {
    /// Encodes a source's rows; the same bytes for any number of threads.
    pub(crate) fn encode(
        &self,
        source: &dyn DataSource,
        encoding: &Encoding<'_>,
        ledger: &mut BadRowLedger<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Writers, DataError> {
        let work = EncodeWork { encoder: self, encoding };
        let mut writers = Writers::default();
        let of = match encoding.division {
            Division::Whole(split) => split.name(),
            Division::Rule { .. } => "all",
        };
        let mut rows = 0;
        parallel::run(&work, source, encoding.threads, watch, &mut |block| {
            for (writer, encoded) in writers.iter_mut().zip(&block.splits) {
                if encoded.rows == 0 {
                    continue;
                }
                rows += encoded.rows;
                let writer = match writer {
                    Some(writer) => writer,
                    // The first rows tell whether there are labels and probabilities; a source keeps to that.
                    None => writer.insert(ShardWriter::new(encoding.dir, self.header(encoded))?),
                };
                writer.append(encoded)?;
            }
            ledger.take(of, &block.bad)?;
            Ok(rows)
        })?;
        Ok(writers)
    }

    fn header(&self, first: &EncodedRows) -> Header {
        Header {
            rows: 0,
            categorical: self.schema.single_fields() as u32,
            multi_hot: self.schema.multi_hot_fields() as u32,
            values: 0,
            weights: self.schema.is_weighted(),
            numeric: self.schema.numeric.len() as u32,
            labels: !first.labels.is_empty(),
            probabilities: !first.probabilities.is_empty(),
        }
    }
}

struct EncodeWork<'a> {
    encoder: &'a Encoder,
    encoding: &'a Encoding<'a>,
}

/// The encoded rows of each split, and those that could not be encoded.
#[derive(Default)]
struct Encoded {
    splits: [EncodedRows; 3],
    bad: BadRows,
}

impl RowWork for EncodeWork<'_> {
    type State = Encoded;
    type Block = Encoded;

    fn start(&self) -> Encoded {
        Encoded::default()
    }

    fn row(&self, state: &mut Encoded, row: Result<&Row<'_>, BadRow<'_>>) -> Result<(), DataError> {
        let encoded = row.and_then(|row| {
            let split = self.encoding.division.of(row).map_err(|refusal| row.refused(refusal))?;
            self.encoder.encode_row(row, &mut state.splits[split.index()]).map_err(|refusal| row.refused(refusal))
        });
        encoded.or_else(|bad| state.bad.add(bad, self.encoding.bad))
    }

    fn block(&self, state: &mut Encoded) -> Encoded {
        std::mem::take(state)
    }
}

/// The writer of the one split that all rows went to.
pub(crate) fn only(writers: Writers, split: Split) -> Option<ShardWriter> {
    let mut writers = writers;
    writers[split.index()].take()
}
