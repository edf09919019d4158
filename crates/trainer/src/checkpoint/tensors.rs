//! Named tensors as safetensors.
use std::collections::BTreeMap;
use std::io::{self, Write};

use ctr_model::parameters::NamedParameter;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

/// An entry of the header.
#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Writes tensors as a safetensors file, in the order of their names: the length of the header, the header, the elements of each tensor.
/// Nothing of it is copied, so that large tables need no second piece of memory.
pub(crate) fn write(parameters: &[NamedParameter], out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<&NamedParameter> = parameters.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut header = BTreeMap::new();
    let mut end = 0;
    for parameter in &sorted {
        let start = end;
        end += size_of_val(parameter.values.as_slice());
        let entry = Entry { dtype: "F32", shape: &parameter.shape, data_offsets: [start, end] };
        header.insert(parameter.name.as_str(), entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    // The elements begin at a multiple of eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for parameter in sorted {
        // The format is little-endian, whatever the machine.
        if cfg!(target_endian = "little") {
            out.write_all(bytemuck::cast_slice(&parameter.values))?;
        } else {
            for value in &parameter.values {
                out.write_all(&value.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

/// The parameters of a safetensors file, in the order of their names.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<NamedParameter>, String> {
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

    fn encode(parameters: &[NamedParameter]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(parameters, &mut bytes).unwrap();
        bytes
    }

    fn parameter(name: &str, shape: &[usize], values: &[f32]) -> NamedParameter {
        NamedParameter { name: name.into(), shape: shape.into(), values: values.into() }
    }

    #[test]
    fn parameters_come_back_bit_for_bit() {
        let odd = [1.0, -0.0, f32::MIN_POSITIVE / 3.0, f32::INFINITY];
        let written = vec![parameter("b", &[0], &[]), parameter("a\"é", &[2, 2], &odd), parameter("c", &[], &[7.0])];
        let read = decode(&encode(&written)).unwrap();
        assert_eq!(read, [written[1].clone(), written[0].clone(), written[2].clone()]);
        assert_eq!(read[0].values[1].to_bits(), (-0.0_f32).to_bits());
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let bytes = encode(&[parameter("a", &[3], &[1.0; 3])]);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
