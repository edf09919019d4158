//! Finding delimiters.

use super::row::Span;

/// Splits a text at each delimiter, an ASCII byte.
pub(super) fn split(text: &str, delimiter: u8, spans: &mut Vec<Span>) {
    spans.clear();
    let bytes = text.as_bytes();
    let mut start = 0;
    let blocks = bytes.chunks(64);
    for (number, block) in blocks.enumerate() {
        let before = (64 * number) as u32;
        let mut found = matches(block, delimiter);
        while found != 0 {
            let at = before + found.trailing_zeros();
            spans.push(Span { start, end: at });
            start = at + 1;
            found &= found - 1;
        }
    }
    spans.push(Span { start, end: bytes.len() as u32 });
}

/// One bit for each of up to 64 bytes: whether it is `wanted`.
fn matches(block: &[u8], wanted: u8) -> u64 {
    let (words, rest) = block.as_chunks::<8>();
    let mut found = 0;
    for (number, word) in words.iter().enumerate() {
        found |= matches_in_word(u64::from_le_bytes(*word), wanted) << (8 * number);
    }
    if !rest.is_empty() {
        // The padding is no match: it differs from the wanted byte.
        let mut word = [!wanted; 8];
        word[..rest.len()].copy_from_slice(rest);
        found |= matches_in_word(u64::from_le_bytes(word), wanted) << (8 * words.len());
    }
    found
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
            prop_assert_eq!(found, text.split(char::from(delimiter)).collect::<Vec<_>>());
        }
    }
}
