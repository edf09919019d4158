//! Named parameters as safetensors.
use ctr_model::parameters::NamedParameter;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// The bytes of a safetensors file.
pub(super) fn encode(parameters: &[NamedParameter]) -> Result<Vec<u8>, String> {
    // The format is little-endian, whatever the machine.
    let bytes: Vec<Vec<u8>> = parameters
        .iter()
        .map(|parameter| parameter.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = parameters
        .iter()
        .zip(&bytes)
        .map(|(parameter, bytes)| {
            let view = TensorView::new(Dtype::F32, parameter.shape.clone(), bytes);
            view.map(|view| (parameter.name.as_str(), view)).map_err(|error| error.to_string())
        })
        .collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// The parameters of a safetensors file, in the order of their names.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedParameter>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut parameters = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                return Err(format!("tensor `{name}` has type {:?}, expected F32", view.dtype()));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            Ok(NamedParameter { name, shape: view.shape().to_vec(), values })
        })
        .collect::<Result<Vec<_>, _>>()?;
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_bit_for_bit() {
        let parameter =
            |name: &str, shape: Vec<usize>, values: Vec<f32>| NamedParameter { name: name.into(), shape, values };
        let written = vec![
            parameter("a", vec![2, 2], vec![1.0, -0.0, f32::MIN_POSITIVE / 3.0, f32::INFINITY]),
            parameter("b", vec![0], vec![]),
        ];
        let read = decode(&encode(&written).unwrap()).unwrap();
        assert_eq!(read, written);
        assert_eq!(read[0].values[1].to_bits(), (-0.0_f32).to_bits());
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let written = vec![NamedParameter { name: "a".into(), shape: vec![3], values: vec![1.0; 3] }];
        let bytes = encode(&written).unwrap();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
