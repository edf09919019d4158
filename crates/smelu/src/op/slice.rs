//! A curve over slices of host memory, for kernels that fuse an activation with their own passes.

use super::curve::Curve;
use super::host;

impl Curve {
    /// Replaces every x by `f(x)`: the bits of [`ActivationBackend::activation`](super::ActivationBackend::activation) on the CPU
    /// backends.
    pub fn values_in_place(&self, x: &mut [f32]) {
        host::values_in_place(x, self);
    }

    /// Replaces every gradient by `grad · f'(x)`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn slopes_in_place(&self, grad: &mut [f32], x: &[f32]) {
        assert_eq!(grad.len(), x.len(), "one gradient for each element");
        host::slopes_in_place(grad, x, host::Slope::FromInput(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_the_scalar_definition() {
        let curve = Curve::smelu(0.5);
        let x: Vec<f32> = (-40_i8..40).map(|i| f32::from(i) / 32.0).collect();
        let (mut values, mut grads) = (x.clone(), vec![2.0; x.len()]);
        curve.values_in_place(&mut values);
        curve.slopes_in_place(&mut grads, &x);
        for ((x, value), grad) in x.iter().zip(values).zip(grads) {
            let x = f64::from(*x);
            assert!((f64::from(value) - curve.value(x)).abs() < 1e-6, "{x}: {value}");
            assert!((f64::from(grad) - 2.0 * curve.slope(x)).abs() < 1e-6, "{x}: {grad}");
        }
    }
}
