//! Every mistake is told with its place, the key, the value and what was expected.

use super::*;

/// `RUN` with one text replaced.
fn edited(from: &str, to: &str) -> String {
    assert!(RUN.contains(from), "{from}");
    RUN.replacen(from, to, 1)
}

#[test]
fn an_unknown_key_names_its_place_the_nearest_key_and_the_known_ones() {
    let cases = [
        (
            edited("epochs = 3", "epoch = 3"),
            "configs/run.toml:24:1: unknown key `training.epoch`; the nearest known one is `epochs` (known: batch_size, \
             precision, replicas, shuffle_window, block_shuffle, async_workers, epochs, tensor_clip_value, tensor_clip_norm, gradient_clip_norm, update_clip_rms, \
             early_stop_patience, monitor, min_delta, schedule, \
             reduce_lr_on_plateau)",
        ),
        (
            edited("seed = 2021", "[trainin]\nepochs = 2"),
            "configs/run.toml:2:2: unknown key `trainin`; the nearest known one is `training` (known: name, seed, device, \
             threads, data, model, ensemble, loss, embedding, optimizer, training, evaluation, loader, checkpoint, watch, warm_start, seeds, perturb)",
        ),
        (
            edited("dropout = 0.4", "drop_out = 0.4"),
            "configs/run.toml:12:1: unknown key `model.drop_out`; the nearest known one is `dropout` (known: hidden_units, \
             activation, batch_norm, dropout, init)",
        ),
        (
            edited("learning_rate = 1e-3", "  lr = 1e-3"),
            "configs/run.toml:20:3: unknown key `optimizer.lr`; the nearest known one is `beta1` (known: learning_rate, \
             beta1, beta2, epsilon)",
        ),
        (
            edited("factor = 0.1", "facto = 0.1"),
            "configs/run.toml:28:1: unknown key `training.reduce_lr_on_plateau.facto`; the nearest known one is `factor` \
             (known: factor, min_lr, patience)",
        ),
        (
            edited("[embedding]", "[seeds]\nmodel = 3\n[embedding]"),
            "configs/run.toml:15:1: unknown key `seeds.model`; the nearest known one is `init` (known: init, shuffle, dropout)",
        ),
    ];
    for (run, expected) in cases {
        assert_eq!(message(&run, &[]), expected);
    }
}

#[test]
fn an_unknown_key_of_an_override_names_the_override() {
    for (set, expected) in [
        (
            "training.epoch=3",
            "--set training.epoch=3: unknown key `training.epoch`; the nearest known one is `epochs` (",
        ),
        ("trainin.epochs=3", "--set trainin.epochs=3: unknown key `trainin`; the nearest known one is `training` ("),
        ("model.drop=3", "--set model.drop=3: unknown key `model.drop`; the nearest known one is `dropout` ("),
        (
            "data.dataset.labl=y",
            "--set data.dataset.labl=y: unknown key `data.dataset.labl`; the nearest known one is `label` (",
        ),
    ] {
        let text = message(RUN, &[set]);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn the_dataset_config_is_treated_alike() {
    for (from, to, expected) in [
        (
            "dir =",
            "dirr =",
            "datasets/tiny.toml:2:1: unknown key `data.dataset.dirr`; the nearest known one is `dir` (",
        ),
        (
            "min_count = 2",
            "min_cout = 2",
            "datasets/tiny.toml:15:1: unknown key `data.dataset.fields[0].min_cout`; the nearest known one is `min_count` (",
        ),
        (
            "min_count = 2",
            "min_count = \"two\"",
            "datasets/tiny.toml:15:13: `data.dataset.fields[0].min_count` is \"two\"; expected a whole number ≥ 0",
        ),
        (
            "\"numeric\"",
            "\"number\"",
            "datasets/tiny.toml:19:8: `data.dataset.fields[1].type` is \"number\", which is not known; the nearest known one is `numeric` (",
        ),
        (
            "constant = 0.5",
            "constant = true",
            "datasets/tiny.toml:20:24: `data.dataset.fields[1].missing.constant` is true; expected a number",
        ),
        (
            "constant = 0.5",
            "constant = nan",
            "datasets/tiny.toml:20:24: `fields[1].missing.constant` is nan; expected a finite number",
        ),
        ("[source]\nformat = \"csv\"\n", "", "datasets/tiny.toml:1:1: the key `data.dataset.source` is missing"),
        ("min_count = 2", "min_count = 0", "datasets/tiny.toml:12:"),
        ("train = ", "train == ", "datasets/tiny.toml:8:8: not valid TOML: "),
    ] {
        assert!(DATASET.contains(from), "{from}");
        let text = Folder::new(RUN, &DATASET.replacen(from, to, 1)).message(&[]);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn a_wrong_type_names_the_key_the_value_and_the_type() {
    for (from, to, expected) in [
        ("seed = 2021", "seed = \"x\"", "configs/run.toml:2:8: `seed` is \"x\"; expected a whole number ≥ 0"),
        ("seed = 2021", "seed = 1.5", "configs/run.toml:2:8: `seed` is 1.5; expected a whole number ≥ 0"),
        ("seed = 2021", "seed = -1", "configs/run.toml:2:8: `seed` is -1; expected a whole number ≥ 0"),
        ("[16, 8]", "16", "configs/run.toml:9:16: `model.hidden_units` is 16; expected an array"),
        (
            "[16, 8]",
            "[16, \"8\"]",
            "configs/run.toml:9:21: `model.hidden_units[1]` is \"8\"; expected a whole number ≥ 0",
        ),
        (
            "batch_norm = true",
            "batch_norm = 1",
            "configs/run.toml:11:14: `model.batch_norm` is 1; expected true or false",
        ),
        ("dropout = 0.4", "dropout = \"0.4\"", "configs/run.toml:12:11: `model.dropout` is \"0.4\"; expected a number"),
        (
            "dropout = 0.4",
            "dropout = 2020-01-01",
            "configs/run.toml:12:11: `model.dropout` is 2020-01-01; expected a string, a number, true or false, an array or a table: no key takes a date",
        ),
        (
            "[embedding]\ndim = 4\nl2 = 0.1",
            "[[embedding]]",
            "configs/run.toml:14:1: `embedding` is [{  }]; expected a table",
        ),
        (
            "epochs = 3",
            "monitor = 3",
            "configs/run.toml:24:11: `training.monitor` is 3; expected one of \"auc\", \"log_loss\"",
        ),
        (
            "batch_size = 128",
            "batch_size = {}",
            "configs/run.toml:23:14: `training.batch_size` is {  }; expected a whole number ≥ 0",
        ),
    ] {
        assert_eq!(message(&edited(from, to), &[]), expected);
    }
    assert_eq!(message(RUN, &["model=[\"lr\"]"]), "--set model=[\"lr\"]: `model` is [\"lr\"]; expected a table");
    assert_eq!(
        message(RUN, &["training.epochs=three"]),
        "--set training.epochs=three: `training.epochs` is \"three\"; expected a whole number ≥ 0"
    );
}

#[test]
fn a_name_that_does_not_exist_gets_the_nearest_one() {
    for (set, expected) in [
        (
            "training.monitor=logloss",
            "`training.monitor` is \"logloss\", which is not known; the nearest known one is `log_loss` (known: auc, log_loss)",
        ),
        (
            "model.type=dnnn",
            "`model.type` is \"dnnn\", which is not known; the nearest known one is `dnn` (known: lr, fm, ffm, fwfm, fmfm, afm, dnn, ipnn, wide_deep, deepfm, nfm, dcn, dcn_v2, xdeepfm, autoint, fibinet, dlrm, afn, masknet, edcn, finalmlp, gdcn)",
        ),
        (
            "optimizer.type=adaw",
            "`optimizer.type` is \"adaw\", which is not known; the nearest known one is `adam` (known: adam, adamw, adagrad, sgd)",
        ),
        (
            "training.schedule.course.type=cosin",
            "`training.schedule.course.type` is \"cosin\", which is not known; the nearest known one is `cosine` (known: constant, linear, \
             cosine, step, multi_step, exponential)",
        ),
        (
            "embedding.mode=spars",
            "`embedding.mode` is \"spars\", which is not known; the nearest known one is `sparse` (known: dense, sparse)",
        ),
        (
            "embedding.residence=gpu",
            "`embedding.residence` is \"gpu\", which is not known; the nearest known one is `auto` (known: auto, host, device)",
        ),
    ] {
        assert_eq!(message(RUN, &[set]), format!("--set {set}: {expected}"));
    }
}

#[test]
fn a_block_shuffle_is_checked_and_excludes_the_other_one() {
    for (set, part) in [
        ("training.block_shuffle.block=0", "`training.block_shuffle.block` is 0; expected a whole number from 1"),
        (
            "training.block_shuffle.window=9000000",
            "`training.block_shuffle.window` is 9000000; expected a whole number from 1 to",
        ),
        (
            "training.block_shuffle.blok=9",
            "unknown key `training.block_shuffle.blok`; the nearest known one is `block`",
        ),
        (
            "training={ shuffle_window = 3, block_shuffle = {} }",
            "`training.shuffle_window` is 3; expected no such key beside the table `block_shuffle`",
        ),
    ] {
        let text = message(RUN, &[set]);
        assert!(text.contains(part), "{set}: {text}");
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (set, part) in [
        ("model.dropout=1", "`model.dropout` is 1.0; expected a number in [0, 1)"),
        ("model.dropout=-0.1", "`model.dropout` is -0.1; expected a number in [0, 1)"),
        ("model.dropout=0.99999999999", "(also as f32)"),
        ("model.dropout=nan", "`model.dropout` is nan; expected a finite number"),
        ("embedding.l2=inf", "`embedding.l2` is inf; expected a finite number"),
        ("embedding.l2=-1e-9", "`embedding.l2` is -1e-9; expected a finite number ≥ 0"),
        ("embedding.init_std=1e39", "`embedding.init_std` is 1e39; expected a finite number ≥ 0 (also as f32)"),
        ("embedding.dim=0", "`embedding.dim` is 0; expected a whole number from 1 to 1048576"),
        ("model.hidden_units=[4, 0]", "`model.hidden_units[1]` is 0; expected a whole number from 1"),
        (
            "model.activation=SmeLU(beta=x)",
            "`model.activation` is \"SmeLU(beta=x)\": SmeLU: beta = \"x\" is not a number",
        ),
        (
            "model.init=he",
            "`model.init` is \"he\", which is not known; the nearest known one is `auto` (known: xavier, auto)",
        ),
        ("model.activation=SmellU", "unknown activation \"SmellU\"; did you mean \"SmeLU\"?"),
        ("optimizer.learning_rate=0", "`optimizer.learning_rate` is 0.0; expected a finite number > 0"),
        ("optimizer.learning_rate=-1", "`optimizer.learning_rate` is -1.0; expected"),
        (
            "optimizer.learning_rate=1e-60",
            "`optimizer.learning_rate` is 1e-60; expected a finite number > 0 (also as f32)",
        ),
        ("optimizer.beta2=1", "`optimizer.beta2` is 1.0; expected a number in [0, 1)"),
        ("training.batch_size=0", "`training.batch_size` is 0; expected a whole number from 1 to 1048576"),
        ("training.batch_size=999999999999", "`training.batch_size` is 999999999999; expected"),
        ("training.epochs=0", "`training.epochs` is 0; expected"),
        ("training.gradient_clip_norm=0", "`training.gradient_clip_norm` is 0.0; expected"),
        ("training.tensor_clip_norm=0", "`training.tensor_clip_norm` is 0.0; expected a finite number > 0"),
        ("training.tensor_clip_value=-1", "`training.tensor_clip_value` is -1.0; expected a finite number > 0"),
        ("embedding.dim=automatic", "expected a whole number or \"auto\""),
        ("training.min_delta=-1", "`training.min_delta` is -1.0; expected"),
        (
            "training.reduce_lr_on_plateau.factor=1",
            "`training.reduce_lr_on_plateau.factor` is 1.0; expected a number in (0, 1)",
        ),
        ("optimizer={type=\"sgd\", momentum=1}", "`optimizer.momentum` is 1.0; expected a number in [0, 1)"),
        (
            "optimizer={type=\"sgd\", nesterov=true}",
            "`optimizer.nesterov` is true; expected false, or `momentum` > 0 beside it",
        ),
        ("embedding.weight_decay=1", "`embedding.weight_decay` is 1; expected no such key in dense mode"),
        (
            "embedding.residence=device",
            "`embedding.residence` is \"device\"; expected \"auto\" or \"host\", because `device = \"flex\"` computes in the host's memory",
        ),
        ("embedding.schedule={}", "`embedding.schedule` is given; expected no such table in dense mode"),
        ("embedding.gradient_clip_value=0", "`embedding.gradient_clip_value` is 0.0; expected a finite number > 0"),
        (
            "embedding={mode=\"sparse\", update_clip_rms=1, optimizer={type=\"ftrl\"}}",
            "`embedding.optimizer.type` is \"ftrl\"; expected another optimiser than ftrl",
        ),
        ("training.schedule.warmup_factor=2", "`training.schedule.warmup_factor` is 2.0; expected a number in [0, 1]"),
        (
            "training.schedule.course={type=\"linear\", steps=0}",
            "`training.schedule.course.steps` is 0; expected at least 1",
        ),
        (
            "training.schedule.course={type=\"step\", every=0}",
            "`training.schedule.course.every` is 0; expected at least 1",
        ),
        (
            "training.schedule.course={type=\"exponential\", every=1, factor=0}",
            "`training.schedule.course.factor` is 0.0; expected a number in (0, 1]",
        ),
        (
            "training.schedule.course={type=\"multi_step\", milestones=[2, 2]}",
            "`training.schedule.course.milestones` is [2, 2]; expected numbers that ascend",
        ),
        ("evaluation.batch_size=0", "`evaluation.batch_size` is 0; expected"),
        ("loader.prefetch=0", "`loader.prefetch` is 0; expected"),
        ("checkpoint.keep_last=0", "`checkpoint.keep_last` is 0; expected"),
        ("checkpoint.every_minutes=-1", "`checkpoint.every_minutes` is -1.0; expected"),
        ("threads=0", "`threads` is 0; expected a whole number from 1 to 1024"),
        ("seed=9223372036854775808", "`seed` is 9223372036854775808; expected a whole number from -2^63 to 2^63 - 1"),
        ("seeds.init=-5", "`seeds.init` is -5; expected a whole number ≥ 0"),
        ("device=tpu", "`device` is \"tpu\": unknown backend `tpu`; expected `flex`"),
        ("name=a/b", "`name` is \"a/b\"; expected a name for a folder"),
        ("name=..", "`name` is \"..\"; expected a name for a folder"),
        ("data.dir=", "`data.dir` is \"\"; expected the path of a folder"),
        ("data.dataset.name=a b", "`data.dataset.name` is \"a b\"; expected letters, digits"),
        ("embedding.mode=sparse", "`embedding.optimizer` is absent; expected a table with `type`"),
    ] {
        let text = message(RUN, &[set]);
        assert!(text.contains(part), "{set}: {text}");
        assert!(text.starts_with(&format!("--set {set}: ")) || set == "embedding.mode=sparse", "{text}");
    }
    assert!(message(RUN, &["embedding.optimizer.type=sgd"]).contains("no such table in dense mode"));
    let overrides = Overrides { seed: Some(u64::MAX), ..Overrides::default() };
    let folder = Folder::new(RUN, DATASET);
    let error = Plan::load(&folder.path("configs/run.toml"), &overrides).expect_err("a seed beyond TOML's integers");
    assert_eq!(
        error.to_string(),
        "--seed 18446744073709551615: `seed` is 18446744073709551615; expected a whole number from 0 to 2^63 - 1"
    );
}

#[test]
fn methods_out_of_range_or_without_what_they_need_are_refused() {
    for (set, part) in [
        ("ensemble.members=0", "`ensemble.members` is 0; expected a whole number from 1 to 64"),
        ("ensemble.predict=first", "`ensemble.predict` is given; expected no such key, or `members` of 2 and more"),
        (
            "ensemble.tables=own",
            "`ensemble.tables` is \"own\", which is not known; the nearest known one is `shared` (known: separate, shared)",
        ),
        ("loss.entropy=inf", "`loss.entropy` is inf; expected a finite number"),
        ("loss.symmetric_kl=-1", "`loss.symmetric_kl` is -1.0; expected a finite number ≥ 0"),
        ("loss.co_distillation=1", "`loss.co_distillation` is 1; expected 0, or `ensemble.members` of 2 and more"),
        ("loss.anti_distillation=1", "`loss.anti_distillation` is 1; expected 0, or `ensemble.members` of 2 and more"),
        ("loss.co_distillation_from=5", "`loss.co_distillation_from` is 5; expected 0, or `co_distillation` above 0"),
        (
            "loss.churn_distillation={run=\"x\", weight=2, blake3=\"\"}",
            "`loss.churn_distillation.weight` is 2.0; expected a number in [0, 1]",
        ),
        (
            "loss.churn_distillation={run=\"absent\", weight=0.5, blake3=\"12\"}",
            "`loss.churn_distillation.blake3` is \"12\"; expected 64 hexadecimal digits",
        ),
        ("loss.churn_distillation={run=\"absent\", weight=0.5}", "expected the folder of a finished run ("),
        (
            "loss.churn_distillation={run=\"\", weight=0.5}",
            "`loss.churn_distillation.run` is \"\"; expected the folder",
        ),
        ("training.update_clip_rms=0", "`training.update_clip_rms` is 0.0; expected a finite number > 0"),
    ] {
        let text = message(RUN, &[set]);
        assert!(text.contains(part) && text.starts_with(&format!("--set {set}: ")), "{set}: {text}");
    }
}

#[test]
fn a_missing_key_names_its_table() {
    for (from, to, expected) in [
        ("type = \"dnn\"\n", "", "configs/run.toml:7:1: the key `model.type` is missing"),
        ("hidden_units = [16, 8]\n", "", "configs/run.toml:7:1: the key `model.hidden_units` is missing"),
        ("dataset = \"../datasets/tiny.toml\"", "", "configs/run.toml:4:1: the key `data.dataset` is missing"),
    ] {
        let text = message(&edited(from, to), &[]);
        assert!(text.starts_with(expected), "{text}");
    }
    let text = message("", &[]);
    assert!(text.starts_with("configs/run.toml:1:1: the key `data` is missing"), "{text}");
}

#[test]
fn malformed_overrides_and_files_are_told() {
    for (set, part) in [
        ("training.epochs", "--set training.epochs: there is no `=`"),
        ("=3", "a part of the key is empty"),
        ("training..epochs=3", "a part of the key is empty"),
        ("seed.x=3", "`seed` is 2021; expected a table, because the key `x` below it is to be set"),
        ("model.hidden_units.0=3", "`model.hidden_units` is [16, 8]; expected a table"),
    ] {
        let text = message(RUN, &[set]);
        assert!(text.contains(part), "{text}");
    }
    let text = message(&edited("seed = 2021", "seed = 1\nseed = 2"), &[]);
    assert!(text.starts_with("configs/run.toml:3:1: not valid TOML: duplicate key"), "{text}");
    let text = message(&edited("tiny.toml", "absent.toml"), &[]);
    assert!(
        text.starts_with("configs/run.toml:5:11: `data.dataset` names datasets/absent.toml, which cannot"),
        "{text}"
    );
    let text = load_file(Path::new("/nowhere/run.toml")).expect_err("absent").to_string();
    assert!(text.starts_with("/nowhere/run.toml: cannot read the config: No such file"), "{text}");

    let folder = Folder::new(RUN, DATASET);
    fs::write(folder.path("configs/run.toml"), b"name = \"\xc3\xa4\"\nseed = \xff1").expect("config");
    assert_eq!(folder.message(&[]), "configs/run.toml:2:8: not valid TOML: the byte 0xff is not UTF-8");
}
