//! Rows to lookups.
use super::layout::Combine;
use super::prefetch::AHEAD;
use super::reader::RowReader;
use super::tables::{Output, SlotOutput};
use super::{EmbeddingTable, Lookups};
use crate::parallel::zeroed;

const LOOKUPS_PER_BLOCK: usize = 2048;

/// Copies the row of each lookup of one table; the result is [N, D].
#[must_use]
pub fn gather(table: &EmbeddingTable, lookups: Lookups<'_>) -> Vec<f32> {
    let (width, reader) = (table.width(), table.reader());
    zeroed(lookups.inverse.len() * width, LOOKUPS_PER_BLOCK * width, |block, out| {
        let inverse = &lookups.inverse[block * LOOKUPS_PER_BLOCK..];
        for (number, (out, &unique)) in out.chunks_exact_mut(width).zip(inverse).enumerate() {
            if let Some(&ahead) = inverse.get(number + AHEAD) {
                reader.prefetch(lookups.rows[ahead as usize]);
            }
            reader.read(lookups.rows[unique as usize], out);
        }
    })
}

/// The combined rows of every slot; the result is [B, ΣD].
pub(super) fn gather_slots(tables: &[EmbeddingTable], output: &Output, lookups: Lookups<'_>, batch: usize) -> Vec<f32> {
    let readers: Vec<RowReader<'_>> = tables.iter().map(EmbeddingTable::reader).collect();
    let block = (LOOKUPS_PER_BLOCK / output.slots.len().max(1)).max(1);
    zeroed(batch * output.width, block * output.width, |number, out| {
        let mut row = vec![0.0; output.widest()];
        let first = number * block * output.slots.len();
        for (example, out) in out.chunks_exact_mut(output.width).enumerate() {
            for (field, slot) in output.slots.iter().enumerate() {
                let Some(slot) = slot else { continue };
                let number = first + example * output.slots.len() + field;
                let out = &mut out[slot.offset..][..slot.width];
                gather_slot(&readers[slot.table], *slot, lookups, number, out, &mut row[..slot.width]);
            }
        }
    })
}

fn gather_slot(
    table: &RowReader<'_>,
    slot: SlotOutput,
    lookups: Lookups<'_>,
    number: usize,
    out: &mut [f32],
    row: &mut [f32],
) {
    for (place, lookup) in lookups.of_slot(number).enumerate() {
        match (slot.combine, place) {
            (Combine::One | Combine::Max | Combine::Product, 0) => table.read(lookups.row(lookup), out),
            (Combine::Concatenate, _) => {
                let width = slot.width / 2;
                table.read(lookups.row(lookup), &mut out[place * width..][..width]);
            }
            (Combine::Sum, _) => {
                table.read(lookups.row(lookup), row);
                let factor = lookups.factor(lookup);
                for (out, e) in out.iter_mut().zip(&*row) {
                    *out += factor * e;
                }
            }
            (Combine::Max, _) => {
                table.read(lookups.row(lookup), row);
                for (out, e) in out.iter_mut().zip(&*row) {
                    if *e > *out {
                        *out = *e;
                    }
                }
            }
            (Combine::One | Combine::Product, _) => {
                table.read(lookups.row(lookup), row);
                for (out, e) in out.iter_mut().zip(&*row) {
                    *out *= e;
                }
            }
        }
    }
}
