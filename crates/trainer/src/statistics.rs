//! What a training tells of its gradients and activations, on request.
use ctr_data::HostBatch;
use ctr_model::model::{CtrModel, ModelInput};
use ctr_model::probe::{self, Sight, Site};
use ctr_model::{ModelBackend, Pass};

use crate::learner::{Learner, lookups};
use crate::observe::{LayerStatistics, Statistics};
use crate::step::numeric;

/// Gathers what single steps tell until a line of statistics is due.
#[derive(Debug, Default)]
pub(crate) struct StatisticsWindow {
    steps: u64,
    clipped: u64,
    norm_sum: f64,
}

impl StatisticsWindow {
    /// Takes note of a step.
    pub(crate) fn add(&mut self, gradient_norm: f64, clip_norm: Option<f64>) {
        self.steps += 1;
        self.norm_sum += gradient_norm;
        self.clipped += u64::from(clip_norm.is_some_and(|clip| gradient_norm > clip));
    }

    /// The statistics up to now; begins anew.
    pub(crate) fn take<B: ModelBackend>(
        &mut self,
        learner: &Learner<B>,
        batch: &HostBatch,
        epoch: usize,
    ) -> Statistics {
        let Self { steps, clipped, norm_sum } = std::mem::take(self);
        let share = |sum: f64| (steps > 0).then(|| sum / steps as f64);
        Statistics {
            epoch,
            step: learner.steps,
            gradient_norm: share(norm_sum),
            clip_rate: learner.gradient_clip_norm.and_then(|_| share(clipped as f64)),
            layers: layers(learner, batch),
        }
    }
}

/// The hidden layers on this batch, in a forward pass for evaluation: it changes no running statistic.
fn layers<B: ModelBackend>(learner: &Learner<B>, batch: &HostBatch) -> Vec<LayerStatistics> {
    let embeddings = learner.tables.gather(lookups(&batch.plan), batch.labels.len(), &learner.device);
    let input = ModelInput { embeddings, numeric: numeric(batch, &learner.device) };
    let (_, sights) = probe::watch(|| learner.evaluator().forward(input, Pass::Evaluate));
    let (before, after): (Vec<&Sight>, Vec<&Sight>) =
        sights.iter().partition(|sight| sight.site == Site::PreActivation);
    before
        .into_iter()
        .zip(after)
        .map(|(before, after)| LayerStatistics {
            layer: before.layer,
            pre_activation_std: standard_deviation(&before.values),
            dead_units: constant_columns(&after.values, after.units),
        })
        .collect()
}

/// √(Σ(v − mean)²/n) in f64.
fn standard_deviation(values: &[f32]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    (values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// The share of units whose value is the same for every row: they tell the next layer nothing, and get no gradient from it.
fn constant_columns(values: &[f32], units: usize) -> f64 {
    let Some(first) = values.get(..units).filter(|first| !first.is_empty()) else { return 0.0 };
    let constant = |unit: usize| values.chunks_exact(units).all(|row| row[unit].to_bits() == first[unit].to_bits());
    (0..units).filter(|&unit| constant(unit)).count() as f64 / units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_and_dead_units_are_those_of_the_definition() {
        assert_eq!(standard_deviation(&[1.0, 3.0, 1.0, 3.0]), 1.0);
        assert_eq!(standard_deviation(&[]), 0.0);
        // Units of three rows: one always 0, one that moves, one always 2.
        assert!((constant_columns(&[0.0, 1.0, 2.0, 0.0, 0.0, 2.0, 0.0, 1.0, 2.0], 3) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(constant_columns(&[], 3), 0.0);
    }

    #[test]
    fn the_clip_rate_is_the_share_of_steps_above_the_norm() {
        let mut window = StatisticsWindow::default();
        for norm in [1.0, 2.0, 3.0, 6.0] {
            window.add(norm, Some(2.5));
        }
        assert_eq!((window.steps, window.clipped, window.norm_sum), (4, 2, 12.0));
    }
}
