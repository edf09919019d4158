//! Where the training loop stands, and what a validation does to it.
use serde::{Deserialize, Serialize};

use crate::config::{Monitor, TrainingConfig};
use crate::metric::ClassificationMetrics;

/// Where the loop stands: with the parameters and the optimisers' state, all that a resumed run needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitState {
    /// Epochs done.
    pub epochs: usize,
    /// Batches done of the epoch that is under way.
    pub batches: usize,
    /// Σ of loss × rows over those batches.
    pub loss_sum: f64,
    /// Rows in those batches.
    pub rows: u64,
    /// What the plateaus so far multiply every learning rate by.
    pub rate_scale: f64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Epochs since then.
    pub epochs_without_improvement: usize,
    /// Whether training is over.
    pub finished: bool,
    /// Seconds of training and validation so far, over all processes that worked on the run. No number of the run depends on it.
    pub train_seconds: f64,
}

/// The best validation so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Its epoch, counted from 1.
    pub epoch: usize,
    /// The monitored metric.
    pub value: f64,
}

impl Default for FitState {
    fn default() -> Self {
        Self {
            epochs: 0,
            batches: 0,
            loss_sum: 0.0,
            rows: 0,
            rate_scale: 1.0,
            best: None,
            epochs_without_improvement: 0,
            finished: false,
            train_seconds: 0.0,
        }
    }
}

/// The monitored metric is not defined on the validation data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the validation split has rows of one class only, so that its AUC is undefined; set `training.monitor = \"log_loss\"`, or give a \
     validation split with both classes"
)]
pub struct UndefinedMonitor;

impl FitState {
    /// Takes note of a validation; says whether it is the best so far. `learning_rate` is that of the dense parameters before any factor.
    ///
    /// # Errors
    /// When the monitored metric is undefined.
    pub fn end_epoch(
        &mut self,
        training: &TrainingConfig,
        learning_rate: f64,
        valid: &ClassificationMetrics,
    ) -> Result<bool, UndefinedMonitor> {
        let value = match training.monitor {
            Monitor::Auc => valid.auc.ok_or(UndefinedMonitor)?,
            Monitor::LogLoss => valid.log_loss,
        };
        self.epochs += 1;
        (self.batches, self.loss_sum, self.rows) = (0, 0.0, 0);
        let improved = self.best.is_none_or(|best| training.monitor.improves(value, best.value, training.min_delta));
        if improved {
            self.best = Some(Best { epoch: self.epochs, value });
            self.epochs_without_improvement = 0;
        } else {
            self.epochs_without_improvement += 1;
            if let Some(plateau) = &training.reduce_lr_on_plateau
                && self.epochs_without_improvement.is_multiple_of(plateau.patience.saturating_add(1))
            {
                let floor = plateau.min_lr / learning_rate;
                self.rate_scale = (self.rate_scale * plateau.factor).max(floor.min(self.rate_scale));
            }
        }
        let patience = training.early_stop_patience;
        let exhausted = patience > 0 && self.epochs_without_improvement >= patience;
        self.finished = exhausted || self.epochs >= training.epochs;
        Ok(improved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ReduceLrOnPlateauConfig;

    fn training(plateau: ReduceLrOnPlateauConfig) -> TrainingConfig {
        TrainingConfig {
            reduce_lr_on_plateau: Some(plateau),
            early_stop_patience: 0,
            min_delta: 0.01,
            ..TrainingConfig::default()
        }
    }

    fn metrics(auc: Option<f64>, log_loss: f64) -> ClassificationMetrics {
        let mut metrics = ClassificationMetrics::from_logits(&[0.0, 1.0], &[0.0, 1.0]).unwrap();
        (metrics.auc, metrics.log_loss) = (auc, log_loss);
        metrics
    }

    /// The rate after each of these AUCs.
    fn rates(training: &TrainingConfig, aucs: &[f64]) -> Vec<f64> {
        let mut state = FitState::default();
        aucs.iter()
            .map(|&auc| {
                state.end_epoch(training, 1e-3, &metrics(Some(auc), 0.5)).unwrap();
                state.rate_scale * 1e-3
            })
            .collect()
    }

    #[test]
    fn each_epoch_without_an_improvement_lowers_the_rate_down_to_the_floor() {
        let plateau = ReduceLrOnPlateauConfig { factor: 0.1, min_lr: 5e-6, patience: 0 };
        // 0.705 is above 0.70, but not by more than min_delta.
        let rates = rates(&training(plateau), &[0.70, 0.705, 0.72, 0.72, 0.71, 0.60, 0.90]);
        for (rate, expected) in rates.iter().zip([1e-3, 1e-4, 1e-4, 1e-5, 5e-6, 5e-6, 5e-6]) {
            assert!((rate - expected).abs() < 1e-15, "{rates:?}");
        }
    }

    #[test]
    fn patience_lets_epochs_pass_and_starts_anew_after_a_reduction_or_an_improvement() {
        let plateau = ReduceLrOnPlateauConfig { factor: 0.5, min_lr: 0.0, patience: 1 };
        let rates = rates(&training(plateau), &[0.7, 0.6, 0.8, 0.6, 0.6, 0.6, 0.6]);
        for (rate, expected) in rates.iter().zip([1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]) {
            assert!((rate - expected * 1e-3).abs() < 1e-15, "{rates:?}");
        }
    }

    #[test]
    fn a_floor_above_the_rate_does_not_raise_it() {
        let plateau = ReduceLrOnPlateauConfig { factor: 0.5, min_lr: 1.0, patience: 0 };
        assert_eq!(rates(&training(plateau), &[0.7, 0.6, 0.6]), [1e-3; 3]);
    }

    #[test]
    fn training_ends_when_patience_or_epochs_are_used_up() {
        let mut training = TrainingConfig { early_stop_patience: 2, epochs: 5, ..TrainingConfig::default() };
        training.monitor = Monitor::LogLoss;
        let finished = |losses: &[f64]| {
            let mut state = FitState { batches: 3, loss_sum: 1.0, rows: 5, ..FitState::default() };
            for &loss in losses {
                assert!(!state.finished);
                state.end_epoch(&training, 1.0, &metrics(None, loss)).unwrap();
                assert_eq!((state.batches, state.loss_sum, state.rows), (0, 0.0, 0));
            }
            (state.finished, state.best.unwrap().epoch)
        };
        assert_eq!(finished(&[0.5, 0.6, 0.4, 0.6]), (false, 3));
        assert_eq!(finished(&[0.5, 0.6, 0.6]), (true, 1));
        assert_eq!(finished(&[0.5, 0.4, 0.3, 0.2, 0.1]), (true, 5));
    }

    #[test]
    fn an_undefined_metric_is_an_error() {
        let error = FitState::default().end_epoch(&TrainingConfig::default(), 1.0, &metrics(None, 0.5));
        assert_eq!(error, Err(UndefinedMonitor));
    }
}
