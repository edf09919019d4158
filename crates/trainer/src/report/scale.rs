//! From values to places on an axis, and where its ticks stand.

/// How values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Equal differences are equal lengths.
    Linear,
    /// Equal ratios are equal lengths; only values > 0 can be shown.
    Log,
}

/// A range of values on a length of paper.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    spacing: Spacing,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale that holds all `values`, with a margin, from `from` to `to`. Without values it holds 0 to 1.
    pub(super) fn around(values: impl Iterator<Item = f64>, spacing: Spacing, from: f64, to: f64) -> Self {
        let shown = values.filter(|value| value.is_finite() && (spacing == Spacing::Linear || *value > 0.0));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let transform = |value: f64| if spacing == Spacing::Log { libm::log10(value) } else { value };
        let (low, high) = if low <= high { (transform(low), transform(high)) } else { (0.0, 1.0) };
        let width = if high > low { high - low } else { high.abs().max(1e-6) };
        let margin = 0.06 * width;
        Self { spacing, low: low - margin, high: high + margin, from, to }
    }

    /// Where a value stands; `None` where it cannot be shown.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let value = match self.spacing {
            Spacing::Linear => value,
            Spacing::Log if value > 0.0 => libm::log10(value),
            Spacing::Log => return None,
        };
        value.is_finite().then(|| self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from))
    }

    /// Round values within the range.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.spacing {
            Spacing::Linear => linear_ticks(self.low, self.high),
            Spacing::Log => self.log_ticks(),
        }
    }

    /// 1, 2 and 5 of each decade, or powers of ten where there are many.
    fn log_ticks(&self) -> Vec<f64> {
        let decades = self.high - self.low;
        let steps: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let exponents = self.low.floor() as i32..=self.high.ceil() as i32;
        let ticks =
            exponents.flat_map(|exponent| steps.iter().map(move |step| step * libm::pow(10.0, f64::from(exponent))));
        ticks.filter(|tick| (self.low..=self.high).contains(&libm::log10(*tick))).collect()
    }
}

/// About five multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = libm::pow(10.0, libm::log10(rough).floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..).map(|index| index as f64 * step).take_while(|tick| *tick <= high).take(20).collect()
}

/// A number with as many digits as a reader needs.
pub(super) fn label(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    if !(1e-4..1e6).contains(&magnitude) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_range() {
        assert_eq!(linear_ticks(0.03, 0.11), [0.04, 0.06, 0.08, 0.1]);
        let log = Scale::around([0.05, 4.0].into_iter(), Spacing::Log, 0.0, 100.0);
        let labels: Vec<String> = log.ticks().into_iter().map(label).collect();
        assert_eq!(labels, ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
    }

    #[test]
    fn values_lie_between_the_ends_and_what_cannot_be_shown_has_no_place() {
        let scale = Scale::around([1.0, 3.0].into_iter(), Spacing::Linear, 100.0, 0.0);
        let (low, high) = (scale.place(1.0).unwrap(), scale.place(3.0).unwrap());
        assert!(low > high && low < 100.0 && high > 0.0);
        assert_eq!(scale.place(f64::NAN), None);
        let log = Scale::around([1.0].into_iter(), Spacing::Log, 0.0, 1.0);
        assert_eq!(log.place(0.0), None);
        let empty = Scale::around(std::iter::empty(), Spacing::Linear, 0.0, 1.0);
        assert!(empty.place(0.5).is_some() && !empty.ticks().is_empty());
        let flat = Scale::around([2.0, 2.0].into_iter(), Spacing::Linear, 0.0, 1.0);
        assert!(flat.place(2.0).is_some_and(f64::is_finite));
    }

    #[test]
    fn labels_have_no_more_digits_than_needed() {
        let labels = [0.0, 0.1 + 0.2, 12.5, 1e-7, 2e9, -0.25].map(label);
        assert_eq!(labels, ["0", "0.3", "12.5", "1.0e-7", "2.0e9", "-0.25"]);
    }
}
