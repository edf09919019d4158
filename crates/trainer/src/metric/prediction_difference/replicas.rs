//! What the replicas predicted, checked once.

use super::super::MetricError;
use super::super::sigmoid::sigmoid;

/// Predicted label distributions of several models on the same examples.
pub trait ReplicaDistributions {
    /// M, at least 1.
    fn models(&self) -> usize;
    /// N, at least 1.
    fn examples(&self) -> usize;
    /// L, at least 2.
    fn labels(&self) -> usize;
    /// Writes P\[example\] into `out`, \[M, L\] row by row.
    fn fill(&self, example: usize, out: &mut [f64]);
}

/// Click logits of M models on the same N examples. Label 0 is "no click", label 1 "click".
#[derive(Debug, Clone)]
pub struct ClickReplicas<'a> {
    models: Vec<&'a [f32]>,
}

impl<'a> ClickReplicas<'a> {
    /// Takes the logits of each model, \[M\] slices of \[N\].
    ///
    /// # Errors
    /// Fewer than two models, no rows, different lengths, a logit that is NaN or infinite.
    pub fn new(models: Vec<&'a [f32]>) -> Result<Self, MetricError> {
        let lengths: Vec<usize> = models.iter().map(|logits| logits.len()).collect();
        check_shape(&lengths)?;
        for (model, logits) in models.iter().enumerate() {
            if let Some(row) = logits.iter().position(|logit| !logit.is_finite()) {
                return Err(MetricError::ReplicaLogit { model, row, value: logits[row] });
            }
        }
        Ok(Self { models })
    }

    /// The replicas named by `models`, in that order; an index may repeat, as in a bootstrap sample.
    #[must_use]
    pub fn select(&self, models: &[usize]) -> Self {
        Self { models: models.iter().map(|&model| self.models[model]).collect() }
    }

    /// The logits of each model.
    #[must_use]
    pub fn logits(&self) -> &[&'a [f32]] {
        &self.models
    }

    /// Calls `visit` with the click probabilities \[M\] of each example, in order.
    pub(super) fn for_each_example(&self, mut visit: impl FnMut(usize, &[f64])) {
        let mut p = vec![0.0; self.models.len()];
        for example in 0..self.examples() {
            for (p, logits) in p.iter_mut().zip(&self.models) {
                *p = sigmoid(logits[example]);
            }
            visit(example, &p);
        }
    }
}

impl ReplicaDistributions for ClickReplicas<'_> {
    fn models(&self) -> usize {
        self.models.len()
    }

    fn examples(&self) -> usize {
        self.models.first().map_or(0, |logits| logits.len())
    }

    fn labels(&self) -> usize {
        2
    }

    fn fill(&self, example: usize, out: &mut [f64]) {
        for (out, logits) in out.chunks_exact_mut(2).zip(&self.models) {
            let logit = logits[example];
            // σ(−z) rather than 1 − σ(z): keeps the small label exact when the model is sure of a click.
            out.copy_from_slice(&[sigmoid(-logit), sigmoid(logit)]);
        }
    }
}

/// Distributions over L labels of M models on the same N examples.
#[derive(Debug, Clone)]
pub struct LabelDistributions<'a> {
    models: Vec<&'a [f64]>,
    labels: usize,
}

impl<'a> LabelDistributions<'a> {
    /// Takes the probabilities of each model, \[M\] slices of \[N, L\] row by row.
    ///
    /// # Errors
    /// Fewer than two models or labels, no rows, lengths that differ or do not divide by L, a row that does not sum to
    /// 1 (within 1e-6) or leaves \[0, 1\].
    pub fn new(models: Vec<&'a [f64]>, labels: usize) -> Result<Self, MetricError> {
        if labels < 2 {
            let (name, value) = ("the number of labels", labels as f64);
            return Err(MetricError::Argument { name, value, expected: "at least 2" });
        }
        let lengths: Vec<usize> = models.iter().map(|probabilities| probabilities.len()).collect();
        check_shape(&lengths)?;
        if !lengths[0].is_multiple_of(labels) {
            let (name, value) = ("the number of probabilities", lengths[0] as f64);
            return Err(MetricError::Argument { name, value, expected: "a multiple of the number of labels" });
        }
        for (model, probabilities) in models.iter().enumerate() {
            for (row, values) in probabilities.chunks_exact(labels).enumerate() {
                let inside = values.iter().all(|p| (0.0..=1.0).contains(p));
                if !inside || (values.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
                    return Err(MetricError::Distribution { model, row, values: values.to_vec() });
                }
            }
        }
        Ok(Self { models, labels })
    }
}

impl ReplicaDistributions for LabelDistributions<'_> {
    fn models(&self) -> usize {
        self.models.len()
    }

    fn examples(&self) -> usize {
        self.models.first().map_or(0, |probabilities| probabilities.len() / self.labels)
    }

    fn labels(&self) -> usize {
        self.labels
    }

    fn fill(&self, example: usize, out: &mut [f64]) {
        let start = example * self.labels;
        for (out, probabilities) in out.chunks_exact_mut(self.labels).zip(&self.models) {
            out.copy_from_slice(&probabilities[start..start + self.labels]);
        }
    }
}

fn check_shape(lengths: &[usize]) -> Result<(), MetricError> {
    if lengths.len() < 2 {
        return Err(MetricError::TooFewModels { what: "prediction difference", needed: 2, models: lengths.len() });
    }
    if let Some(&other) = lengths.iter().find(|&&length| length != lengths[0]) {
        let (left_name, right_name) = ("the first model", "another model");
        return Err(MetricError::Length { left_name, left: lengths[0], right_name, right: other });
    }
    if lengths[0] == 0 { Err(MetricError::NoRows) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_replicas_are_named() {
        assert!(ClickReplicas::new(vec![&[0.0]]).unwrap_err().to_string().contains("at least 2 models, got 1"));
        assert_eq!(ClickReplicas::new(vec![&[], &[]]).unwrap_err(), MetricError::NoRows);
        assert!(ClickReplicas::new(vec![&[0.0, 1.0], &[0.0]]).unwrap_err().to_string().contains("2 rows"));
        let nan = ClickReplicas::new(vec![&[0.0, 1.0], &[0.0, f32::NAN]]).unwrap_err();
        assert!(nan.to_string().starts_with("model 1, row 1: the logit is NaN"), "{nan}");
    }

    #[test]
    fn malformed_distributions_are_named() {
        let good: &[f64] = &[0.5, 0.5, 0.1, 0.9];
        assert!(LabelDistributions::new(vec![good, good], 2).is_ok());
        assert!(LabelDistributions::new(vec![good, good], 3).is_err());
        assert!(LabelDistributions::new(vec![good, good], 1).is_err());
        for bad in [[0.5, 0.5, 0.2, 0.9], [0.5, 0.5, -0.1, 1.1], [0.5, 0.5, f64::NAN, 0.5]] {
            let error = LabelDistributions::new(vec![good, &bad], 2).unwrap_err();
            assert!(error.to_string().starts_with("model 1, row 1"), "{error}");
        }
    }
}
