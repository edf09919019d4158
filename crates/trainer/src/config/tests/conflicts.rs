//! Keys of training on several threads or devices, and what they exclude.

use super::*;

#[test]
fn replicas_and_workers_exclude_each_other() {
    for (set, part) in [
        (&["training.replicas=0"][..], "`training.replicas` is 0; expected a whole number from 1 to 64"),
        (&["training.async_workers=2", "training.replicas=2"], "no such key beside `replicas`"),
        (
            &["model.dropout=0", "perturb.reduction_order=1", "training.replicas=2"],
            "`perturb.reduction_order` is 1; expected absent, because `training.replicas` is above 1",
        ),
        (
            &["embedding.residence=device", "device=wgpu", "training.async_workers=2"],
            "because the workers of `training.async_workers` share tables",
        ),
    ] {
        let text = message(RUN, set);
        assert!(text.contains(part), "{text}");
    }
}
