//! The update of tables and the norm of their gradient: the same pieces, rule and constants.
use std::ops::Range;

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::rule::Rule;
use super::{CubeTables, Part, Table, array, kernel, places};
use crate::embedding::Lookups;
use crate::op::cube::reading::{square_sums, sum_while};
use crate::optim::UpdateStep;

/// Rows of a range that are updated at once where all rows are: what bounds the memory for their gradients.
const ROWS_AT_ONCE: u64 = 1 << 16;

/// Rows of one part that are updated by one launch.
struct Piece<'a> {
    table: &'a Table,
    part: &'a Part,
    /// The rows, where all of a range are updated.
    rows: Range<u64>,
    /// The touched rows among them, by their places in the plan.
    unique: Range<usize>,
    /// The number of the table.
    number: usize,
}

impl Piece<'_> {
    fn items(&self, all: bool) -> usize {
        if all { (self.rows.end - self.rows.start) as usize } else { self.unique.len() }
    }

    /// What the first item is counted from.
    fn first(&self, all: bool) -> usize {
        if all { (self.rows.start - self.part.rows.start) as usize } else { self.unique.start }
    }
}

impl<R: CubeRuntime> CubeTables<R> {
    /// The trainable rows, part by part and range by range.
    fn pieces<'a>(&'a self, lookups: Lookups<'_>, all: bool) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            for range in &table.trainable {
                for part in &table.parts {
                    let (mut start, end) = (range.start.max(part.rows.start), range.end.min(part.rows.end));
                    while start < end {
                        let stop = if all { end.min(start + ROWS_AT_ONCE) } else { end };
                        let rows = start..stop;
                        let unique = places(lookups.rows, &rows);
                        pieces.push(Piece { table, part, rows, unique, number });
                        start = stop;
                    }
                }
            }
        }
        pieces.retain(|piece| piece.items(all) > 0);
        pieces
    }

    pub(super) fn update_tables(&self, lookups: Lookups<'_>, rows: &[CubeTensor<R>], step: UpdateStep) {
        for piece in self.pieces(lookups, self.updates_all()) {
            let (rule, constants) = Rule::at(&self.rule, step, piece.table.width, piece.table.stride);
            self.update_piece(&piece, &rows[piece.number].handle, lookups.rows.len(), rule, &constants);
        }
    }

    fn updates_all(&self) -> bool {
        self.rule.scope == crate::embedding::UpdateScope::AllRows
    }

    fn update_piece(&self, piece: &Piece<'_>, rows: &Handle, uniques: usize, rule: Rule, constants: &[f32]) {
        let (totals, offset) = self.totals(piece, rows, uniques, rule, constants);
        let items = piece.items(rule.all);
        let (numbers, stored) = (items * rule.width, piece.part.length(rule.stride));
        let numbers_of_totals = (offset + items) * rule.width;
        let rates = if rule.needs_whole_rows() {
            self.prepare(piece, rows, uniques, (&totals, offset), rule, constants)
        } else {
            self.empty(1)
        };
        let before = self.empty(if rule.limit_step { numbers } else { 1 });
        let (first, address) = (piece.first(rule.all), AddressType::from_len(stored.max(numbers_of_totals)));
        let (count, dim) = self.grid(numbers);
        // SAFETY: every row of the piece lies in its part, every item in the totals, rates and former weights; a thread compares its item with
        // their number.
        unsafe {
            kernel::update::launch_unchecked::<R>(
                &self.client,
                count,
                dim,
                address,
                array(&piece.part.data, stored),
                array(rows, uniques),
                array(&totals, numbers_of_totals),
                array(&rates, if rule.needs_whole_rows() { items } else { 1 }),
                array(&before, if rule.limit_step { numbers } else { 1 }),
                constants.iter().copied().collect(),
                items,
                first,
                offset,
                rule,
            );
        }
        if rule.limit_step {
            let (count, dim) = self.grid(items);
            // SAFETY: as above.
            unsafe {
                kernel::limit_step::launch_unchecked::<R>(
                    &self.client,
                    count,
                    dim,
                    address,
                    array(&piece.part.data, stored),
                    array(rows, uniques),
                    array(&before, numbers),
                    constants.iter().copied().collect(),
                    items,
                    first,
                    rule,
                );
            }
        }
    }

    /// The gradients of the items, and the row of the buffer that is the first item's.
    fn totals(
        &self,
        piece: &Piece<'_>,
        rows: &Handle,
        uniques: usize,
        rule: Rule,
        constants: &[f32],
    ) -> (Handle, usize) {
        let sums = &self.sums[piece.number];
        if !rule.changes_sums() {
            return (sums.clone(), piece.unique.start);
        }
        let numbers = piece.items(rule.all) * rule.width;
        let (totals, stored) = (self.empty(numbers), piece.part.length(rule.stride));
        let (count, dim) = self.grid(numbers);
        // SAFETY: every row of the piece lies in its part and every place in the sums; a thread compares its number with that of the totals.
        unsafe {
            kernel::totals::launch_unchecked::<R>(
                &self.client,
                count,
                dim,
                AddressType::from_len(stored.max(numbers).max(uniques * rule.width)),
                array(&piece.part.data, stored),
                array(rows, uniques),
                array(sums, uniques * rule.width),
                array(&totals, numbers),
                constants.iter().copied().collect(),
                piece.unique.start,
                piece.unique.end,
                (piece.rows.start - piece.part.rows.start) as usize,
                rule,
            );
        }
        (totals, 0)
    }

    /// What is done with whole rows; returns the rate of each item.
    fn prepare(
        &self,
        piece: &Piece<'_>,
        rows: &Handle,
        uniques: usize,
        (totals, offset): (&Handle, usize),
        rule: Rule,
        constants: &[f32],
    ) -> Handle {
        let (items, stored) = (piece.items(rule.all), piece.part.length(rule.stride));
        let (rates, numbers) = (self.empty(items), (offset + items) * rule.width);
        let (count, dim) = self.grid(items);
        // SAFETY: every row of the piece lies in its part, every item in the totals and rates; a thread compares its number with that of the
        // items.
        unsafe {
            kernel::prepare::launch_unchecked::<R>(
                &self.client,
                count,
                dim,
                AddressType::from_len(stored.max(numbers)),
                array(&piece.part.data, stored),
                array(rows, uniques),
                array(totals, numbers),
                array(&rates, items),
                constants.iter().copied().collect(),
                items,
                piece.first(rule.all),
                offset,
                rule,
            );
        }
        rates
    }

    pub(super) fn squared_norm_of_sums(&self, lookups: Lookups<'_>, rows: &[CubeTensor<R>]) -> f64 {
        let step = UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 };
        let uniques = lookups.rows.len();
        // Rows without lookups count where they have a gradient of their own.
        let all = self.updates_all() && !self.rule.gradient().is_identity();
        let squares = self.pieces(lookups, all).into_iter().map(|piece| {
            let (rule, constants) = Rule::at(&self.rule, step, piece.table.width, piece.table.stride);
            let rule = Rule { all, ..rule.gradient_only() };
            let rows = &rows[piece.number].handle;
            let (totals, offset) = self.totals(&piece, rows, uniques, rule, &constants);
            if rule.needs_whole_rows() {
                self.prepare(&piece, rows, uniques, (&totals, offset), rule, &constants);
            }
            square_sums(&self.client, &totals, offset * rule.width, piece.items(all) * rule.width)
        });
        sum_while(&self.client, squares.collect(), || ()).0
    }
}
