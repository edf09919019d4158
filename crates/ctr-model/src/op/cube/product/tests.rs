//! How sums are divided among groups and threads.
use std::io::{Write, stderr};
use std::panic::catch_unwind;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;

use super::{SHORTEST, by_tiles, division};

#[test]
fn parts_cover_every_term_once_and_none_is_empty() {
    for rows in [1, 128, 4096] {
        for columns in [1, 429, 1024] {
            for inner in [1, 16, 127, 128, 129, 429, 4096, 65_536, 70_001] {
                let (parts, chunk) = division(rows, columns, inner);
                assert!(parts * chunk >= inner && (parts - 1) * chunk < inner, "{rows} {columns} {inner}");
                assert!(parts == 1 || chunk >= SHORTEST, "{rows} {columns} {inner}");
            }
        }
    }
    assert_eq!(division(429, 1024, 4096), (8, 512));
    assert_eq!(division(4096, 1024, 429), (1, 432));
}

/// Whatever a thread has of a tile, and however many numbers it reads at one time: sums in the order of the terms.
fn vectors_of_columns_change_no_bit<R: CubeRuntime, B: Backend<FloatTensorPrimitive = CubeTensor<R>>>() {
    let device = B::Device::default();
    if catch_unwind(|| Tensor::<B, 1>::ones([2], &B::Device::default()).into_data()).is_err() {
        let _ = writeln!(stderr(), "no device for {}: its tests are skipped", std::any::type_name::<B>());
        return;
    }
    let matrix = |rows: usize, columns: usize| {
        let numbers = (0..rows * columns).map(|n| ((n * 7919 + rows) % 1009) as f32 / 1009.0 - 0.5).collect();
        Tensor::<B, 2>::from_data(TensorData::new(numbers, [rows, columns]), &device)
    };
    // Whole tiles and others; lengths that four divides and others; terms that fill the last step and others; sums in several parts.
    for [rows, inner, columns] in
        [[256, 40, 128], [256, 300, 128], [129, 429, 132], [130, 1030, 33], [1, 1024, 1025], [132, 9, 1000]]
    {
        for [a_turned, b_turned] in [[false, false], [false, true], [true, false], [true, true]] {
            let a = if a_turned { matrix(inner, rows).transpose() } else { matrix(rows, inner) };
            let b = if b_turned { matrix(columns, inner).transpose() } else { matrix(inner, columns) };
            let product = |across| {
                let factors = [&a, &b].map(|matrix| matrix.clone().into_primitive().tensor());
                let [a, b] = factors;
                let product = TensorPrimitive::Float(by_tiles(a, b, across));
                Tensor::<B, 2>::from_primitive(product).into_data().to_vec::<f32>().expect("numbers of f32")
            };
            let (few, many) = (product(2), product(4));
            let name = format!("[{rows}, {inner}]·[{inner}, {columns}], transposed: {a_turned}, {b_turned}");
            assert!(few == many, "{name}: the bits depend on who has which column");
            let [a, b] = [&a, &b].map(|matrix| matrix.clone().into_data().to_vec::<f32>().expect("numbers of f32"));
            for (place, &number) in few.iter().enumerate() {
                let (row, column) = (place / columns, place % columns);
                let terms = (0..inner).map(|k| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column]));
                let expected: f64 = terms.sum();
                assert!((f64::from(number) - expected).abs() <= 1e-4, "{name}, place {place}: {number} {expected}");
            }
        }
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn vectors_of_columns_change_no_bit_on_wgpu() {
    vectors_of_columns_change_no_bit::<_, burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn vectors_of_columns_change_no_bit_on_cuda() {
    vectors_of_columns_change_no_bit::<_, burn::backend::Cuda>();
}
