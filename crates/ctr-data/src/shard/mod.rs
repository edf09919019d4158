//! Encoded rows on disk, memory-mapped.
//!
//! A shard file holds one split. Everything is little-endian; sections begin at multiples of 64 bytes:
//!
//! | section | type | shape |
//! |---|---|---|
//! | header | see [`header`] | 64 bytes |
//! | labels | u8, 0 or 1 | `[rows]`, or empty for rows without labels |
//! | numeric | f32 | `[rows, N]` |
//! | categorical | u32, field-local | `[rows, F − M]`: the fields with one value |
//! | true probability | f64 | `[rows]`, or empty |
//! | list ends | u64 | `[rows, M]`: where the list of each multi-hot field ends in the two sections below |
//! | list ids | u32, field-local | `[values]` |
//! | list weights | f32 | `[values]`, or empty where no field has weights |
//! | digest | BLAKE3 of all bytes before it | 32 bytes |
//!
//! Each section is row-major because a shuffled batch takes whole rows: F = 10 ids are 40 bytes, one or two cache lines of one section,
//! where a column-major layout would touch ten lines of which it uses 4 bytes each. Ids are field-local u32 (no field has 2³² values);
//! the row of the embedding arena, which may need 64 bits, is added when the batch is made, so a shard does not change when another
//! field's vocabulary does.

mod header;
mod reader;
mod writer;

pub(crate) use header::Header;
pub use reader::Shards;
pub(crate) use writer::ShardWriter;

/// Version of the shard format; a reader refuses any other.
pub(crate) const FORMAT_VERSION: u32 = 2;

#[cfg(target_endian = "big")]
compile_error!("shards are mapped as they lie on disk, little-endian; this target needs a conversion first");
