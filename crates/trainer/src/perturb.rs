//! The smallest disturbance there is: one unit in the last place of one weight.
use burn::backend::Autodiff;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use ctr_model::ModelBackend;

/// Flips the last bit of element `number` of the model's weight matrices, counted modulo how many there are. A model without matrices stays
/// as it is.
pub(crate) fn flip_last_bit<B: ModelBackend, M: Module<Autodiff<B>>>(model: M, number: u64) -> M {
    // A first pass with a place beyond every element counts them.
    let mut count = Flip { at: u64::MAX, seen: 0 };
    let model = model.map(&mut count);
    if count.seen == 0 { model } else { model.map(&mut Flip { at: number % count.seen, seen: 0 }) }
}

struct Flip {
    at: u64,
    seen: u64,
}

impl<B: ModelBackend> ModuleMapper<Autodiff<B>> for Flip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<Autodiff<B>, D>>) -> Param<Tensor<Autodiff<B>, D>> {
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let first = self.seen;
        self.seen += if D >= 2 { shape.iter().product::<usize>() as u64 } else { 0 };
        if !(first..self.seen).contains(&self.at) {
            return Param::from_mapped_value(id, tensor, mapper);
        }
        let (device, require_grad) = (tensor.device(), tensor.is_require_grad());
        let mut values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        let weight = &mut values[(self.at - first) as usize];
        *weight = f32::from_bits(weight.to_bits() ^ 1);
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device).set_require_grad(require_grad);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::backend::Flex;
    use ctr_model::init::Initializer;
    use ctr_model::model::{AnyModel, DnnConfig, InputShape, ModelConfig};
    use ctr_model::parameters::collect;

    #[test]
    fn one_bit_of_one_weight_changes_and_every_weight_has_its_number() {
        let config: DnnConfig = toml::from_str("hidden_units = [3]").unwrap();
        let shape = InputShape { categorical: 1, numeric: 1, embedding_dim: 1 };
        let device = burn::backend::flex::FlexDevice;
        let make = || ModelConfig::Dnn(config.clone()).init::<Autodiff<Flex>>(shape, Initializer::new(1, &device));
        let values = |model: &AnyModel<Autodiff<Flex>>| -> Vec<u32> {
            collect(model).iter().flat_map(|parameter| parameter.values.iter().map(|v| v.to_bits())).collect()
        };
        let plain = values(&make());
        let changed = |number| -> Vec<usize> {
            let flipped = values(&flip_last_bit::<Flex, _>(make(), number));
            let changed: Vec<usize> = (0..plain.len()).filter(|&i| plain[i] != flipped[i]).collect();
            assert!(changed.iter().all(|&i| plain[i] ^ flipped[i] == 1));
            changed
        };
        // Two inputs to three units, then one output: nine weights; the biases are no matrices.
        let mut seen: Vec<usize> = (0..9).flat_map(changed).collect();
        assert_eq!(changed(9), changed(0));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9);
    }
}
