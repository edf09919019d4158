//! Finding delimiters.

use super::row::Span;

/// Bytes looked at together.
const BLOCK: usize = 64;

/// Splits a text at each delimiter, an ASCII byte.
pub(super) fn split(text: &str, delimiter: u8, spans: &mut Vec<Span>) {
    spans.clear();
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut cut = |before: usize, block: &[u8; BLOCK]| {
        let mut found = matches(block, delimiter);
        while found != 0 {
            let at = before as u32 + found.trailing_zeros();
            spans.push(Span { start, end: at });
            start = at + 1;
            found &= found - 1;
        }
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        cut(BLOCK * number, block);
    }
    if !rest.is_empty() {
        // The padding is no match: it differs from the delimiter.
        let mut block = [!delimiter; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        cut(bytes.len() - rest.len(), &block);
    }
    spans.push(Span { start, end: bytes.len() as u32 });
}

/// One bit for each byte: whether it is `wanted`.
#[cfg(target_arch = "x86_64")]
fn matches(block: &[u8; BLOCK], wanted: u8) -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { matches_sse2(block, wanted) }
}

/// One bit for each byte: whether it is `wanted`.
#[cfg(not(target_arch = "x86_64"))]
fn matches(block: &[u8; BLOCK], wanted: u8) -> u64 {
    matches_in_words(block, wanted)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn matches_sse2(block: &[u8; BLOCK], wanted: u8) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
    let wanted = _mm_set1_epi8(wanted.cast_signed());
    let mut found = 0;
    for (number, part) in block.as_chunks::<16>().0.iter().enumerate() {
        let equal = _mm_movemask_epi8(_mm_cmpeq_epi8(bytemuck::cast(*part), wanted));
        found |= u64::from(equal as u16) << (16 * number);
    }
    found
}

#[cfg_attr(
    all(target_arch = "x86_64", not(test)),
    allow(dead_code, reason = "what the instructions are compared with")
)]
fn matches_in_words(block: &[u8; BLOCK], wanted: u8) -> u64 {
    let words = block.as_chunks::<8>().0.iter().enumerate();
    words.fold(0, |found, (number, word)| found | matches_in_word(u64::from_le_bytes(*word), wanted) << (8 * number))
}

/// One bit for each byte of a word. A byte of `differing` is zero where it is the wanted one; adding 0x7f to its low bits carries into the
/// high bit unless they are all zero.
fn matches_in_word(word: u64, wanted: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    /// Moves the eight high bits next to each other.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let differing = word ^ (u64::from(wanted) * 0x0101_0101_0101_0101);
    let zero = !(((differing & LOW) + LOW) | differing | LOW);
    ((zero >> 7).wrapping_mul(GATHER)) >> 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_the_split_of_the_standard_library(text in "[,;a-c\u{7f}-\u{ff}]{0,200}", delimiter in prop::sample::select(b",;a\x7f".as_slice())) {
            let mut spans = Vec::new();
            split(&text, delimiter, &mut spans);
            let found: Vec<&str> = spans.iter().map(|span| &text[span.start as usize..span.end as usize]).collect();
            for block in text.as_bytes().as_chunks::<BLOCK>().0 {
                prop_assert_eq!(matches(block, delimiter), matches_in_words(block, delimiter));
            }
            prop_assert_eq!(found, text.split(char::from(delimiter)).collect::<Vec<_>>());
        }
    }
}
