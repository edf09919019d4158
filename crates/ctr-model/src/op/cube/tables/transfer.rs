//! From the host's memory to the device and back.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn_cubecl::CubeRuntime;
use cubecl::client::ComputeClient;
use cubecl::future::block_on;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::{CubeTables, Part, Table, array, grid, kernel, upload};
use crate::embedding::{EmbeddingTable, EmbeddingTables, TableError};

/// Numbers that are copied at once: what bounds the memory beside the tables.
const NUMBERS_AT_ONCE: usize = 1 << 22;

/// Numbers of a part at most: its rows, and all but the largest sums of places, are counted in 32 bits.
const NUMBERS_OF_PART: u64 = (1 << 31) - 1;

impl<R: CubeRuntime> CubeTables<R> {
    pub(crate) fn new(
        tables: &EmbeddingTables,
        device: &R::Device,
        largest_buffer: Option<u64>,
    ) -> Result<Self, TableError> {
        let client = R::client(device);
        let largest = client.properties().memory.max_page_size.min(largest_buffer.unwrap_or(u64::MAX));
        let numbers = (largest / size_of::<f32>() as u64).min(NUMBERS_OF_PART);
        let copied = guarded(|| {
            let copy = |(number, table): (usize, &EmbeddingTable)| Table {
                name: table.name().to_owned(),
                width: table.width(),
                stride: table.stride(),
                rows: table.row_range(),
                trainable: tables.trainable(number).to_vec(),
                parts: parts(&client, table, (numbers / table.stride() as u64).max(1)),
            };
            let copies: Vec<Table> = tables.tables().iter().enumerate().map(copy).collect();
            // What the device refuses it tells at the next thing that it is waited for.
            block_on(client.sync()).map_err(|error| error.to_string())?;
            Ok(copies)
        });
        let copies = copied.map_err(|reason| failed(tables, reason))?;
        let (device, rule) = (device.clone(), tables.rule().clone());
        Ok(Self { client, device, rule, tables: copies, sums: Vec::new() })
    }

    pub(super) fn download_tables(&self, tables: &mut EmbeddingTables) -> Result<(), TableError> {
        let copied = guarded(|| {
            for (table, host) in self.tables.iter().zip(tables.tables_mut()) {
                for part in &table.parts {
                    let first = (part.rows.start - table.rows.start) as usize;
                    self.download_part(table, part, first, host)?;
                }
            }
            Ok(())
        });
        copied.map_err(|reason| failed(tables, reason))
    }

    fn download_part(&self, table: &Table, part: &Part, first: usize, host: &mut EmbeddingTable) -> Result<(), String> {
        for (start, count) in blocks((part.rows.end - part.rows.start) as usize, table.stride) {
            let length = count * table.stride;
            let block = self.empty(length);
            let (from, to) = ((&part.data, part.length(table.stride), start * table.stride), (&block, length, 0));
            copy(&self.client, from, to, length);
            let bytes = self.client.read_one(block).map_err(|error| error.to_string())?;
            host.set_records(first + start, &bytemuck::pod_collect_to_vec::<u8, f32>(&bytes)[..length]);
        }
        Ok(())
    }
}

/// A table's rows, cut into parts of `rows_of_part` rows at most.
fn parts<R: CubeRuntime>(client: &ComputeClient<R>, table: &EmbeddingTable, rows_of_part: u64) -> Vec<Part> {
    let (range, stride) = (table.row_range(), table.stride());
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let rows = start..range.end.min(start + rows_of_part);
        let (first, count) = ((rows.start - range.start) as usize, (rows.end - rows.start) as usize);
        let length = count * stride;
        let data = client.empty(length * size_of::<f32>());
        for (block, count) in blocks(count, stride) {
            let records = upload(client, &table.records(first + block, count));
            copy(client, (&records, count * stride, 0), (&data, length, block * stride), count * stride);
        }
        start = rows.end;
        parts.push(Part { rows, data });
    }
    parts
}

/// The first row and the number of rows of each piece that is copied at once.
fn blocks(rows: usize, stride: usize) -> impl Iterator<Item = (usize, usize)> {
    let at_once = (NUMBERS_AT_ONCE / stride).max(1);
    (0..rows).step_by(at_once).map(move |start| (start, at_once.min(rows - start)))
}

/// Copies `length` numbers; both ends are a buffer, its length and the place of the first number.
fn copy<R: CubeRuntime>(
    client: &ComputeClient<R>,
    (from, from_length, from_first): (&Handle, usize, usize),
    (to, to_length, to_first): (&Handle, usize, usize),
    length: usize,
) {
    let (count, dim) = grid(client, length);
    // SAFETY: both ends lie within their buffers: the callers take them from the same rows.
    unsafe {
        kernel::copy::launch_unchecked::<R>(
            client,
            count,
            dim,
            AddressType::from_len(from_length.max(to_length)),
            array(from, from_length),
            array(to, to_length),
            from_first,
            to_first,
            length,
        );
    }
}

/// A device without memory makes its client panic in some places and return an error in others.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panic_text(payload.as_ref())));
    // Below its first line a device tells where in its driver it was.
    done.map_err(|reason| reason.lines().next().unwrap_or_default().to_owned())
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("the device gave no reason");
    text.to_owned()
}

/// The error that names the tables and what each needs.
fn failed(tables: &EmbeddingTables, reason: String) -> TableError {
    let (tables, bytes) = tables.sizes();
    TableError::Device { tables, bytes, reason }
}

#[cfg(test)]
mod tests {
    use super::{failed, guarded};
    use crate::embedding::{EmbeddingTables, TableSpec, UpdateRule};
    use crate::optim::{AdamConfig, RowOptimizerConfig};

    #[test]
    fn what_a_device_refuses_names_the_tables_and_their_sizes() {
        let spec = |name: &str, width| TableSpec::new(name, width, 0.1);
        let rule = UpdateRule::sparse(RowOptimizerConfig::LazyAdam(AdamConfig::default()));
        let tables = EmbeddingTables::new(&[spec("embedding", 16), spec("linear", 1)], 1000, rule, 1).unwrap();
        let refusals: [fn() -> Result<(), String>; 3] = [
            || panic!("no memory is left\n   at somewhere"),
            || panic!("{} is left", "no memory"),
            || Err("no memory is left\nat somewhere".to_owned()),
        ];
        for refuse in refusals {
            let reason = guarded(refuse).unwrap_err();
            let text = failed(&tables, reason).to_string();
            for part in [
                "`embedding` of 1000 rows with 16 weights and 32 numbers of state each, 192000 bytes",
                "`linear` of 1000 rows with 1 weights and 2 numbers of state each, 12000 bytes",
                "204000 bytes in all",
                ": no memory is left; set `embedding.residence = \"host\"`",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}
