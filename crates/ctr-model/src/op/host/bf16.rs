//! Rounding to bfloat16, in `f32`.
use crate::parallel;

/// Rounds each element to the nearest bfloat16, a tie to the one whose last bit is 0. What is not a number stays so.
pub(super) fn round(values: &mut [f32]) {
    parallel::for_each_block(values, [], |_, block, []| {
        for value in block {
            let bits = value.to_bits();
            let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000;
            *value = if value.is_nan() { *value } else { f32::from_bits(rounded) };
        }
    });
}

#[cfg(test)]
mod tests {
    use burn::tensor::bf16;

    use super::round;

    #[test]
    fn elements_are_rounded_as_the_format_has_it() {
        let special = [0.0, -0.0, 1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, 1e-45];
        // Ties and their neighbours, with the last kept bit 0 and 1, of both signs.
        let near = [0x3f80_0000_u32, 0xbf81_0000, 0x4049_0000, 0x0001_0000]
            .into_iter()
            .flat_map(|bits| [0x7fff, 0x8000, 0x8001].map(|tail| f32::from_bits(bits + tail)));
        let many = (0..100_000_u32).map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761)));
        let values: Vec<f32> = special.into_iter().chain(near).chain(many).collect();
        let mut rounded = values.clone();
        round(&mut rounded);
        for (value, rounded) in values.iter().zip(&rounded) {
            if value.is_nan() {
                assert!(rounded.is_nan());
            } else {
                assert_eq!(rounded.to_bits(), bf16::from_f32(*value).to_f32().to_bits(), "{value:e}");
            }
        }
    }
}
