//! Rounding to TF32, in `f32`.
use crate::parallel;

/// The bits of an `f32` that TF32 leaves out.
const LEFT_OUT: u32 = (1 << 13) - 1;

/// Half of the last bit that it keeps.
const HALF: u32 = 1 << 12;

/// Rounds each element to the nearest number of 10 bits behind the point, a tie away from zero. What is not a number stays so.
pub(super) fn round(values: &mut [f32]) {
    parallel::for_each_block(values, [], |_, block, []| {
        for value in block {
            let rounded = value.to_bits().wrapping_add(HALF) & !LEFT_OUT;
            *value = if value.is_finite() { f32::from_bits(rounded) } else { *value };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn elements_are_rounded_to_ten_bits() {
        let unit = 2.0_f32.powi(-10);
        let pairs = [
            (0.0, 0.0),
            (1.0, 1.0),
            (1.0 + unit, 1.0 + unit),
            (1.0 + 0.49 * unit, 1.0),
            (1.0 + 0.5 * unit, 1.0 + unit),
            (-1.0 - 0.5 * unit, -1.0 - unit),
            (3.0 - 1e-6, 3.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
        ];
        for (value, expected) in pairs {
            let mut rounded = [value];
            round(&mut rounded);
            assert_eq!(rounded, [expected], "{value:e}");
        }
        let mut nan = [f32::NAN];
        round(&mut nan);
        assert!(nan[0].is_nan());
        let many: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut rounded = many.clone();
        round(&mut rounded);
        for (value, rounded) in many.iter().zip(rounded) {
            assert!((value - rounded).abs() <= value.abs() * unit / 2.0, "{value} {rounded}");
        }
    }
}
