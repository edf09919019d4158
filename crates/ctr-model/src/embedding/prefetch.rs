//! Rows into the cache before they are read: they lie anywhere in their table, but the plan knows them.

/// Rows between the one that is asked for and the one that is read.
pub(super) const AHEAD: usize = 16;

/// Numbers in a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

/// Asks for `count` numbers from place `start` on to be fetched into the cache, as far as there are such numbers and the processor can be asked.
#[inline(always)]
pub(super) fn prefetch(numbers: &[f32], start: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(numbers) = numbers.get(start..start.saturating_add(count)) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in numbers.chunks(LINE) {
            // SAFETY: the hint reads and writes nothing that a program can see, at whatever address; this one is that of a slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, start, count);
}
