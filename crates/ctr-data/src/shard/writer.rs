//! Writing shards.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::Shards;
use super::header::{ALIGNMENT, HEADER_BYTES, Header};
use crate::encode::EncodedRows;
use crate::error::DataError;
use crate::tree_hash;

/// Writes the rows of one split in a single pass over them, in memory that does not grow with their number.
///
/// Each section goes to a temporary file of its own in `dir`; [`ShardWriter::finish`] joins them.
pub(crate) struct ShardWriter {
    dir: PathBuf,
    header: Header,
    labels: Spool,
    numeric: Spool,
    categorical: Spool,
    probabilities: Spool,
    list_ends: Spool,
    list_ids: Spool,
    list_weights: Spool,
}

type Spool = BufWriter<File>;

const BUFFER_BYTES: usize = 1 << 18;

impl ShardWriter {
    /// A writer of rows of the given shape; `header.rows` is counted, not taken over.
    pub(crate) fn new(dir: &Path, header: Header) -> Result<Self, DataError> {
        let spool = || {
            let file =
                tempfile::tempfile_in(dir).map_err(|cause| DataError::io("create a temporary file in", dir, cause))?;
            Ok::<_, DataError>(BufWriter::with_capacity(BUFFER_BYTES, file))
        };
        Ok(Self {
            dir: dir.to_path_buf(),
            header: Header { rows: 0, values: 0, ..header },
            labels: spool()?,
            numeric: spool()?,
            categorical: spool()?,
            probabilities: spool()?,
            list_ends: spool()?,
            list_ids: spool()?,
            list_weights: spool()?,
        })
    }

    /// Appends rows of the shape that the header says.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] for rows of another shape, [`DataError::Io`].
    pub(crate) fn append(&mut self, rows: &EncodedRows) -> Result<(), DataError> {
        let Header { labels, probabilities, numeric, categorical, multi_hot, .. } = self.header;
        let count = rows.rows as usize;
        let EncodedRows { bags, .. } = rows;
        let found = [
            rows.labels.len(),
            rows.probabilities.len(),
            rows.numeric.len(),
            rows.categorical.len(),
            bags.ends.len(),
            bags.weights.len(),
        ];
        let expected = [
            count * usize::from(labels),
            count * usize::from(probabilities),
            count * numeric as usize,
            count * categorical as usize,
            count * multi_hot as usize,
            bags.ids.len(),
        ];
        if found != expected {
            let what = "labels, probabilities, numbers, ids, lists and weights of rows";
            return Err(DataError::Mismatch { what, found: format!("{found:?}"), expected: format!("{expected:?}") });
        }
        self.write_rows(rows).map_err(|cause| DataError::io("write to", &self.dir, cause))?;
        self.header.rows += rows.rows;
        self.header.values += bags.ids.len() as u64;
        Ok(())
    }

    fn write_rows(&mut self, rows: &EncodedRows) -> io::Result<()> {
        self.labels.write_all(&rows.labels)?;
        self.numeric.write_all(bytemuck::cast_slice(&rows.numeric))?;
        self.categorical.write_all(bytemuck::cast_slice(&rows.categorical))?;
        self.probabilities.write_all(bytemuck::cast_slice(&rows.probabilities))?;
        for &end in &rows.bags.ends {
            self.list_ends.write_all(&(self.header.values + u64::from(end)).to_le_bytes())?;
        }
        self.list_ids.write_all(bytemuck::cast_slice(&rows.bags.ids))?;
        if self.header.weights {
            self.list_weights.write_all(bytemuck::cast_slice(&rows.bags.weights))?;
        }
        Ok(())
    }

    /// Joins the sections into a file at `path`, on disk for good when this returns.
    pub(crate) fn finish(self, path: &Path) -> Result<Shards, DataError> {
        let created = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let mut file = created.map_err(|cause| DataError::io("create", path, cause))?;
        let digest = self.join(&mut file).and_then(|digest| file.sync_all().map(|()| digest));
        Shards::map(&file, path, Some(digest.map_err(|cause| DataError::io("write", path, cause))?))
    }

    /// Joins the sections into a file without a name, which is gone when the shards are dropped.
    pub(crate) fn finish_unnamed(self) -> Result<Shards, DataError> {
        let dir = self.dir.clone();
        let mut file =
            tempfile::tempfile_in(&dir).map_err(|cause| DataError::io("create a temporary file in", &dir, cause))?;
        let digest = self.join(&mut file).map_err(|cause| DataError::io("write to", &dir, cause))?;
        Shards::map(&file, &dir, Some(digest))
    }

    /// The digest of what was joined stands at the end.
    fn join(self, file: &mut File) -> io::Result<blake3::Hash> {
        file.write_all(&self.header.to_bytes())?;
        let mut bytes = HEADER_BYTES;
        let fixed = [self.labels, self.numeric, self.categorical, self.probabilities];
        for spool in fixed.into_iter().chain([self.list_ends, self.list_ids, self.list_weights]) {
            align(file, &mut bytes)?;
            let mut section = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
            section.rewind()?;
            // From file to file: the system need not bring the bytes here.
            bytes += io::copy(&mut section, file)?;
        }
        align(file, &mut bytes)?;
        // SAFETY: the mapping is read-only and gone before the file is written again; nobody else has the file: it is unnamed, or in a folder
        // under construction.
        let content = unsafe { Mmap::map(&*file) }?;
        let digest = tree_hash::hash(content.get(..bytes as usize).ok_or(io::ErrorKind::UnexpectedEof)?);
        drop(content);
        file.write_all(digest.as_bytes())?;
        Ok(digest)
    }
}

/// Zeros up to where the next section begins.
fn align(file: &mut File, bytes: &mut u64) -> io::Result<()> {
    let padding = bytes.next_multiple_of(ALIGNMENT) - *bytes;
    *bytes += padding;
    file.write_all(&[0; ALIGNMENT as usize][..padding as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bags::Bags;

    const SHAPE: Header = Header {
        rows: 0,
        categorical: 2,
        numeric: 1,
        labels: true,
        probabilities: true,
        multi_hot: 2,
        values: 0,
        weights: true,
    };

    /// Lists of as many values as the row's number has units, and an empty one.
    fn lists(row: u32) -> Bags {
        let mut bags = Bags::default();
        for value in 0..row % 10 {
            bags.push(value, value as f32 + 0.5);
        }
        bags.end_bag();
        bags.end_bag();
        bags
    }

    fn written(dir: &Path, rows: u32) -> ShardWriter {
        let mut writer = ShardWriter::new(dir, SHAPE).unwrap();
        let numbers: Vec<u32> = (0..rows).collect();
        for some in numbers.chunks(5) {
            let mut encoded = EncodedRows::default();
            for &row in some {
                encoded.rows += 1;
                encoded.labels.push(u8::from(row % 3 == 0));
                encoded.numeric.push(row as f32);
                encoded.categorical.extend([row, 2 * row]);
                encoded.probabilities.push(f64::from(row) / 7.0);
                let Bags { ids, weights, .. } = lists(row);
                ids.into_iter().zip(weights).for_each(|(id, weight)| encoded.bags.push(id, weight));
                encoded.bags.end_bag();
                encoded.bags.end_bag();
            }
            writer.append(&encoded).unwrap();
        }
        writer
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        for rows in [0, 1, 33] {
            let named = written(dir.path(), rows).finish(&dir.path().join("a.shard")).unwrap();
            let unnamed = written(dir.path(), rows).finish_unnamed().unwrap();
            assert_eq!(named.digest(), unnamed.digest());
            assert_eq!(named.len(), rows as usize);
            for row in 0..named.len() {
                assert_eq!(unnamed.label(row), f32::from(u8::from(row % 3 == 0)));
                assert_eq!(unnamed.numeric(row), [row as f32]);
                assert_eq!(unnamed.categorical(row), [row as u32, 2 * row as u32]);
                assert_eq!(unnamed.true_probability(row), Some(row as f64 / 7.0));
                let mut bags = Bags::default();
                unnamed.add_bags(row, &mut bags);
                assert_eq!(bags, lists(row as u32));
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "temporary files have names");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = written(dir.path(), 5).finish(Path::new("/dev/full")).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("cannot write `/dev/full`") && message.contains("free space"), "{message}");
    }
}
