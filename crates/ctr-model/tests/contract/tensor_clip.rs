//! Limits on the gradient of each dense parameter.
use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use ctr_model::optim::{DenseOptimizer, OptimizerConfig, TensorClip};
use ctr_model::parameters;

type A = Autodiff<Flex>;

#[derive(Module, Debug)]
struct Two<B: Backend> {
    first: Param<Tensor<B, 1>>,
    second: Param<Tensor<B, 1>>,
    unused: Param<Tensor<B, 1>>,
}

const FIRST: [f32; 4] = [3.0, -4.0, 0.0, 12.0];
const SECOND: [f32; 2] = [0.3, -0.4];

/// The gradients of Σ w·g, which are g, after `clip`.
fn clipped(clip: TensorClip) -> [Vec<f32>; 2] {
    let vector =
        |values: &[f32]| Tensor::<A, 1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &FlexDevice);
    let param = |length: usize| Param::from_tensor(vector(&vec![1.0; length]));
    let module = Two { first: param(4), second: param(2), unused: param(3) };
    let loss = (module.first.val() * vector(&FIRST)).sum() + (module.second.val() * vector(&SECOND)).sum();
    let mut grads = loss.backward();
    let optimizer = DenseOptimizer::<Flex>::new(OptimizerConfig::default());
    optimizer.clip(&module, &mut grads, clip);
    let [(_, first), (_, second), (_, unused)] =
        <[_; 3]>::try_from(parameters::gradients(&module, &grads)).expect("three parameters");
    assert_eq!(unused, None);
    [first.expect("a gradient"), second.expect("a gradient")]
}

#[test]
fn each_tensor_is_limited_by_itself() {
    let whole = [FIRST.to_vec(), SECOND.to_vec()];
    assert_eq!(clipped(TensorClip::default()), whole);
    assert_eq!(clipped(TensorClip { value: Some(20.0), norm: Some(13.0) }), whole, "the norm of the first is 13");
    assert_eq!(clipped(TensorClip { value: Some(3.5), norm: None }), [vec![3.0, -3.5, 0.0, 3.5], SECOND.to_vec()]);
    let scaled = FIRST.map(|g| g * 0.5).to_vec();
    assert_eq!(clipped(TensorClip { value: None, norm: Some(6.5) }), [scaled, SECOND.to_vec()]);
    // The elements first: ‖(3, -4, 0, 4)‖ = √41.
    let [first, second] = clipped(TensorClip { value: Some(4.0), norm: Some(1.0) });
    let expected = [3.0, -4.0, 0.0, 4.0].map(|g: f32| g / 41.0_f32.sqrt());
    assert!(first.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-6), "{first:?}");
    assert_eq!(second, SECOND);
}
