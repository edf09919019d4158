//! Tables in the memory of a device beside those of the host.
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use burn::tensor::{Tensor, TensorData};
use ctr_model::ModelBackend;
use ctr_model::embedding::{
    Combine, DeviceTables, EmbeddingTables, FieldLookup, LookupLayout, RowGroup, TableSpec, UpdateRule,
};
use ctr_model::optim::{RowOptimizerConfig, SgdConfig, UpdateStep};

use crate::embedding::{Plan, rules};
use crate::values::{elements, normals};

/// Sums and copies are those of the host bit for bit. An update may contract a product and a sum, so that its numbers may differ in the last
/// places; a device that contracts nothing has no difference.
const TOLERANCE: f32 = 2e-6;

const ROWS: u64 = 40;
const FIELDS: usize = 2;

/// Rows of one number, of less than eight, of eight, and of more with a remainder.
fn specs() -> Vec<TableSpec> {
    [("linear", 1), ("narrow", 3), ("eight", 8), ("wide", 21)]
        .map(|(name, width)| TableSpec::new(name, width, 0.1))
        .to_vec()
}

/// Tables whose rows 10 to 14 are frozen.
fn host(rule: &UpdateRule) -> EmbeddingTables {
    let group = |rows, frozen| RowGroup { rows, width: 0, frozen };
    let layout = LookupLayout {
        groups: vec![group(0..10, false), group(10..15, true), group(15..ROWS, false)],
        fields: vec![FieldLookup { group: 0, combine: Combine::One }; FIELDS],
        names: Vec::new(),
        concatenated: None,
    };
    EmbeddingTables::with_layout(&specs(), &layout, rule.clone(), 7).unwrap()
}

fn on_device<B: ModelBackend>(host: &EmbeddingTables, largest_buffer: Option<u64>) -> Box<dyn DeviceTables<B>> {
    let tables = B::device_tables(host, &B::Device::default(), largest_buffer).unwrap();
    tables.expect("the backend has tables of its own")
}

/// Batches with what is special: none, one row, one row again and again, frozen rows, the first and the last row, a large one, and one row with
/// more lookups than a group of threads fetches twice, of every width.
fn batches() -> Vec<Vec<u64>> {
    let many = normals(5, 600).iter().map(|v| ((v.abs() * 20.0) as u64).min(ROWS - 1)).collect();
    vec![vec![0, 39], vec![], vec![7; 2], vec![12; 34], vec![3, 9, 3, 0, 39, 39, 3, 14], many, vec![39; 9000]]
}

/// How the bytes of a buffer are limited: not at all; to a few rows of the wide table; to less than one row of it.
const BUFFERS: [Option<u64>; 3] = [None, Some(1500), Some(16)];

fn gradients<B: ModelBackend>(gathered: &[Tensor<B, 3>], step: usize) -> Vec<Option<Tensor<B, 3>>> {
    let gradient = |(table, leaf): (usize, &Tensor<B, 3>)| {
        let shape = leaf.dims();
        // CUDA refuses a copy of no bytes.
        if shape.contains(&0) {
            return leaf.clone();
        }
        let values = normals(1000 + (8 * step + table) as u64, shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
    };
    // A loss may leave a table out.
    gathered.iter().enumerate().map(|leaf| (step != 2 || leaf.0 != 1).then(|| gradient(leaf))).collect()
}

fn rows_sums_and_updates_are_those_of_the_host<B: ModelBackend>() {
    type Host = burn::backend::Flex;
    let mut different = 0;
    for rule in rules() {
        for buffer in BUFFERS {
            let mut host = host(&rule);
            let mut device = on_device::<B>(&host, buffer);
            for (index, lookups) in batches().iter().enumerate() {
                let (plan, batch) = (Plan::new(lookups), lookups.len() / FIELDS);
                let expected = host.gather::<Host>(plan.lookups(), batch, &burn::backend::flex::FlexDevice);
                // From this thread, or from another one with other numbers.
                let uploaded = if index % 2 == 0 {
                    device.upload(plan.lookups())
                } else {
                    let (uploader, others) = (device.uploader(), [70 * index, 1].map(|length| normals(7, length)));
                    let (uploaded, sent) = thread::scope(|scope| {
                        let (plan, others) = (&plan, &others);
                        let upload =
                            scope.spawn(move || uploader(plan.lookups(), &others.each_ref().map(Vec::as_slice)));
                        upload.join().expect("the copy was made")
                    });
                    assert_eq!(sent.into_iter().map(elements).collect::<Vec<_>>(), others);
                    uploaded
                };
                let gathered = device.gather(plan.lookups(), &uploaded, batch);
                assert_eq!(gathered.len(), expected.len());
                for (gathered, expected) in gathered.iter().zip(&expected) {
                    assert_eq!(gathered.dims(), expected.dims());
                    let (gathered, expected) = (elements(gathered.clone()), elements(expected.clone()));
                    let close =
                        gathered.iter().zip(&expected).all(|(a, e)| (a - e).abs() <= TOLERANCE * e.abs().max(0.1));
                    assert!(close, "{rule:?}, step {index}: {gathered:?} {expected:?}");
                }
                let grads = host.reduce(gradients(&expected, index), plan.lookups());
                device.reduce(gradients(&gathered, index), plan.lookups(), &uploaded);
                let norms = [host.squared_norm(&grads, plan.lookups()), device.squared_norm(plan.lookups(), &uploaded)];
                assert!((norms[0] - norms[1]).abs() <= 1e-6 * norms[0], "{rule:?}, step {index}: {norms:?}");
                let step = UpdateStep { number: index as u64 + 1, rate_scale: 0.75, grad_scale: 0.5 };
                host.update(&grads, plan.lookups(), step);
                device.update(plan.lookups(), &uploaded, step);
            }
            let mut fetched = self::host(&rule);
            device.download(&mut fetched).unwrap();
            for (table, expected) in fetched.tables().iter().zip(host.tables()) {
                for (actual, expected) in [(table.weights(), expected.weights()), (table.state(), expected.state())] {
                    // FTRL's z is a difference of numbers as large as the largest, and its errors are of their size.
                    let largest = expected.iter().fold(0.1_f32, |largest, e| largest.max(e.abs()));
                    let least = if matches!(rule.optimizer, RowOptimizerConfig::Ftrl(_)) { largest } else { 0.1 };
                    different += actual.iter().zip(&expected).filter(|(a, e)| a.to_bits() != e.to_bits()).count();
                    let close =
                        actual.iter().zip(&expected).all(|(a, e)| (a - e).abs() <= TOLERANCE * e.abs().max(least));
                    assert!(close, "{rule:?}, buffers of {buffer:?}, {}: {actual:?} {expected:?}", table.name());
                }
            }
        }
    }
    // Not through the printing macros, whose output a test that passes does not show.
    let _ = writeln!(stderr(), "{different} numbers of the tables differ from the host's");
}

/// Numbers whose sum depends on its order: 1e8 absorbs a 1 that is added to it.
fn sums_are_taken_in_the_order_of_the_lookups<B: ModelBackend>() {
    let rule = UpdateRule::sparse(RowOptimizerConfig::Sgd(SgdConfig { learning_rate: 1.0, ..Default::default() }));
    let spec = TableSpec::new("linear", 1, 0.0);
    let mut host = EmbeddingTables::new(&[spec], 6, rule, 1).unwrap();
    let mut device = on_device::<B>(&host, None);
    let plan = Plan::new(&[5, 2, 5, 5]);
    let grads = TensorData::new(vec![1e8_f32, 7.0, -1e8, 1.0], [2, 2, 1]);
    let uploaded = device.upload(plan.lookups());
    device.reduce(vec![Some(Tensor::from_data(grads, &B::Device::default()))], plan.lookups(), &uploaded);
    device.update(plan.lookups(), &uploaded, UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 });
    device.download(&mut host).unwrap();
    assert_eq!(host.tables()[0].weights(), [0.0, 0.0, -7.0, 0.0, 0.0, -1.0]);
}

/// The kernels do not compare places with the lengths of the plan's buffers, so that the plan of a smaller batch must not get there.
fn the_plan_of_other_lookups_is_refused<B: ModelBackend>() {
    let rule = UpdateRule::sparse(RowOptimizerConfig::Sgd(SgdConfig::default()));
    let mut device = on_device::<B>(&host(&rule), None);
    let (plan, other) = (Plan::new(&[5, 2, 5, 5]), Plan::new(&[5, 2]));
    let uploaded = device.upload(other.lookups());
    let step = UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 };
    let refused = |work: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(work)).is_err();
    assert!(refused(&mut || drop(device.gather(plan.lookups(), &uploaded, 2))));
    assert!(refused(&mut || device.reduce(vec![None; 4], plan.lookups(), &uploaded)));
    assert!(refused(&mut || _ = device.squared_norm(plan.lookups(), &uploaded)));
    assert!(refused(&mut || device.update(plan.lookups(), &uploaded, step)));
    assert!(!refused(&mut || drop(device.gather(other.lookups(), &uploaded, 1))));
}

/// Whether there is a device to test on.
pub(crate) fn works<B: ModelBackend>() -> bool {
    let works = catch_unwind(|| Tensor::<B, 1>::ones([2], &B::Device::default()).sum().into_data()).is_ok();
    if !works {
        let _ = writeln!(stderr(), "no device for {}: its tests are skipped", std::any::type_name::<B>());
    }
    works
}

macro_rules! on_devices {
    ($($feature:literal, $module:ident, $backend:ty;)*) => {$(
        #[cfg(feature = $feature)]
        mod $module {
            #[test]
            fn rows_sums_and_updates_are_those_of_the_host() {
                if super::works::<$backend>() {
                    super::rows_sums_and_updates_are_those_of_the_host::<$backend>();
                }
            }

            #[test]
            fn the_plan_of_other_lookups_is_refused() {
                if super::works::<$backend>() {
                    super::the_plan_of_other_lookups_is_refused::<$backend>();
                }
            }

            #[test]
            fn sums_are_taken_in_the_order_of_the_lookups() {
                if super::works::<$backend>() {
                    super::sums_are_taken_in_the_order_of_the_lookups::<$backend>();
                }
            }
        }
    )*};
}

on_devices! {
    "wgpu", wgpu, burn::backend::Wgpu;
    "cuda", cuda, burn::backend::Cuda;
}
