//! What a config that is right becomes.

use ctr_data::config::Dim;

use super::super::{
    AdamConfig, BackendKind, DeviceSpec, EmbeddingUpdate, LoaderConfig, ModelConfig, Monitor, OptimizerConfig,
    RowOptimizerConfig, SgdConfig,
};
use super::*;
use crate::repro::Stream;

#[test]
fn every_key_reaches_the_plan_and_the_rest_is_filled_in() {
    let plan = load(RUN, &[]).expect("plan");
    assert_eq!((plan.name.as_str(), plan.seed, plan.threads), ("tiny_dnn", 2021, None));
    assert_eq!(plan.device, DeviceSpec { backend: BackendKind::Flex, index: None });
    let ModelConfig::Dnn(dnn) = &plan.model else { panic!("{:?}", plan.model) };
    assert_eq!((dnn.hidden_units.as_slice(), dnn.batch_norm, dnn.dropout), (&[16, 8][..], true, 0.4));
    assert_eq!(dnn.activation.to_string(), "SmeLU(beta=0.5)");
    assert_eq!((plan.embedding.dim, plan.embedding.init_std, plan.embedding.l2), (Dim::Fixed(4), 1e-4, 0.1));
    assert_eq!(plan.embedding.update, EmbeddingUpdate::Dense);
    assert_eq!(plan.optimizer, OptimizerConfig::Adam(AdamConfig { learning_rate: 1e-3, ..AdamConfig::default() }));
    assert_eq!((plan.training.batch_size, plan.training.epochs), (128, 3));
    assert_eq!((plan.training.early_stop_patience, plan.training.monitor), (2, Monitor::Auc));
    let reduce = plan.training.reduce_lr_on_plateau.as_ref().expect("plateau");
    assert_eq!((reduce.factor, reduce.min_lr), (0.1, 1e-6));
    assert_eq!(plan.loader, LoaderConfig { threads: 2, prefetch: 4 });
}

#[test]
fn paths_in_a_file_are_relative_to_it_and_paths_of_options_to_the_working_directory() {
    let folder = Folder::new(RUN, DATASET);
    let plan = folder.load(&[]).expect("plan");
    let here = std::env::current_dir().expect("working directory");
    assert_eq!(plan.data.dir, Some(folder.path("datasets/raw")), "relative to the dataset config");
    assert_eq!(plan.data.dataset.dir, None, "the folder stands in one place");
    assert_eq!(plan.data.cache_dir, here.join("cache"));

    let folder = Folder::new(RUN, &DATASET.replace("dir = \"raw\"", ""));
    let plan = folder.load(&[]).expect("plan");
    assert_eq!(plan.data.dir, Some(folder.path("datasets")), "beside the dataset config");

    let run = RUN.replace("[data]", "[data]\ndir = \"../datasets\"\ncache_dir = \"not/yet/there\"");
    let folder = Folder::new(&run, DATASET);
    let plan = folder.load(&[]).expect("plan");
    assert_eq!(plan.data.dir, Some(folder.path("datasets")), "the run config wins");
    assert_eq!(plan.data.cache_dir, folder.path("configs/not/yet/there"));

    let overrides = Overrides { data_dir: Some(PathBuf::from("somewhere")), ..Overrides::default() };
    let plan = Plan::load(&folder.path("configs/run.toml"), &overrides).expect("plan");
    assert_eq!(plan.data.dir, Some(here.join("somewhere")), "the option wins");
}

#[test]
fn the_resolved_config_gives_the_same_plan_wherever_it_lies() {
    let sparse = "embedding.mode=sparse";
    for set in [
        &[][..],
        &["threads=3", "device=cuda:1", "embedding.residence=device", "seeds.shuffle=7", "loader.threads=0"],
        &[sparse, "embedding.optimizer.type=rowwise_adagrad", "embedding.optimizer.learning_rate=0.30000000000000004"],
        &["training.monitor=log_loss", "training.min_delta=0", "optimizer.epsilon=1e-30"],
        &["data.dataset.label=clicked", "seed=9223372036854775807"],
    ] {
        let folder = Folder::new(RUN, DATASET);
        let plan = folder.load(set).expect("plan");
        let text = plan.to_toml().expect("TOML");
        let elsewhere = tempfile::tempdir().expect("folder");
        let path = elsewhere.path().join("config.toml");
        fs::write(&path, &text).expect("config");
        let again = load_file(&path).expect("the resolved config loads");
        assert_eq!(again, plan, "{text}");
        assert_eq!(again.to_toml().expect("TOML"), text);
        assert_eq!(again.fingerprint().expect("fingerprint"), plan.fingerprint().expect("fingerprint"));
    }
}

#[test]
fn overrides_are_toml_or_bare_strings_and_the_last_one_wins() {
    let plan = load(
        RUN,
        &[
            "model.activation=SmeLU( beta = 2)",
            "model.hidden_units=[32,  16]",
            "training.epochs=5",
            "training . epochs = 6",
            "model.batch_norm=false",
            "optimizer={type=\"sgd\", learning_rate=1}",
            "embedding={mode=\"sparse\", optimizer={type=\"sgd\"}}",
            "data.dataset.label=clicked",
        ],
    )
    .expect("plan");
    let ModelConfig::Dnn(dnn) = &plan.model else { panic!("{:?}", plan.model) };
    assert_eq!(dnn.activation.to_string(), "SmeLU(beta=2)");
    assert_eq!((dnn.hidden_units.as_slice(), dnn.batch_norm), (&[32, 16][..], false));
    assert_eq!(plan.training.epochs, 6);
    assert_eq!(plan.optimizer, OptimizerConfig::Sgd(SgdConfig { learning_rate: 1.0, ..SgdConfig::default() }));
    assert_eq!(plan.data.dataset.label, "clicked");
}

#[test]
fn another_dataset_can_be_given_on_the_command_line() {
    let folder = Folder::new(RUN, DATASET);
    let other = folder.path("other.toml");
    fs::write(&other, DATASET.replace("tiny", "other")).expect("dataset config");
    let plan = folder.load(&[&format!("data.dataset={}", other.display()), "data.dataset.label=y"]).expect("plan");
    assert_eq!((plan.data.dataset.name.as_str(), plan.data.dataset.label.as_str()), ("other", "y"));
}

#[test]
fn options_of_their_own_win_over_set() {
    let overrides = Overrides {
        set: vec!["seed=1".to_owned(), "device=wgpu".to_owned(), "threads=9".to_owned()],
        seed: Some(5),
        device: Some("ndarray".to_owned()),
        threads: Some(2),
        ..Overrides::default()
    };
    let folder = Folder::new(RUN, DATASET);
    let plan = Plan::load(&folder.path("configs/run.toml"), &overrides).expect("plan");
    assert_eq!((plan.seed, plan.device.backend, plan.threads), (5, BackendKind::NdArray, Some(2)));
}

#[test]
fn the_name_defaults_to_the_file() {
    let run = RUN.replace("name = \"tiny_dnn\"\n", "");
    assert_eq!(load(&run, &[]).expect("plan").name, "run");
}

#[test]
fn logistic_regression_has_rows_of_width_one() {
    let run = "[data]\ndataset = \"../datasets/tiny.toml\"\n[model]\ntype = \"lr\"\n";
    assert_eq!(load(run, &[]).expect("plan").embedding.dim, Dim::Fixed(1));
    assert_eq!(load(run, &["embedding.dim=1"]).expect("plan").embedding.dim, Dim::Fixed(1));
    let text = message(run, &["embedding.dim=8"]);
    assert!(text.starts_with("--set embedding.dim=8: `embedding.dim` is 8; expected 1"), "{text}");
}

#[test]
fn sparse_mode_takes_its_row_optimiser() {
    let set = ["embedding.mode=sparse", "embedding.optimizer.type=lazy_adam", "embedding.optimizer.beta1=0.8"];
    let plan = load(RUN, &set).expect("plan");
    let EmbeddingUpdate::Sparse(RowOptimizerConfig::LazyAdam(adam)) = plan.embedding.update else {
        panic!("{:?}", plan.embedding)
    };
    assert_eq!((adam.beta1, adam.beta2), (0.8, 0.999));
}

#[test]
fn schedules_and_limits_come_back_from_the_resolved_config() {
    let set = [
        "embedding.mode=sparse",
        "embedding.optimizer.type=rowwise_adam",
        "embedding.weight_decay=0.1",
        "embedding.gradient_clip_value=2",
        "embedding.update_clip_rms=1",
        "embedding.schedule.course={type=\"multi_step\", milestones=[3, 5], unit=\"epoch\"}",
        "training.schedule={warmup_steps=7, course={type=\"cosine\", end_factor=0.1}}",
        "training.reduce_lr_on_plateau.patience=2",
        "training.precision=bf16",
        "training.replicas=3",
        "optimizer={type=\"adamw\", weight_decay=0.1}",
    ];
    let plan = load(RUN, &set).expect("plan");
    let folder = Folder::new(&plan.to_toml().expect("toml"), DATASET);
    assert_eq!(folder.load(&[]).expect("the same plan"), plan);
    assert_eq!(plan.embedding.clip.value, Some(2.0));
    assert_eq!(plan.training.schedule.expect("schedule").warmup_steps, 7);
}

#[test]
fn methods_come_back_from_the_resolved_config_and_a_base_run_is_known_by_its_digest() {
    let digest = "ab".repeat(32);
    let churn = |run: &str, digest: &str| {
        format!("loss.churn_distillation={{run=\"{run}\", weight=0.25, blake3=\"{digest}\"}}")
    };
    let load_with = |churn: &str| {
        let set = ["ensemble={members=4, tables=\"shared\", cost=\"equal\"}", "loss.symmetric_kl=0.5", churn];
        load(RUN, &set).expect("plan")
    };
    let plan = load_with(&churn("/base", &digest));
    let folder = Folder::new(&plan.to_toml().expect("toml"), DATASET);
    assert_eq!(folder.load(&[]).expect("the same plan"), plan);
    let ModelConfig::Dnn(member) = plan.member_model() else { panic!("{:?}", plan.model) };
    assert_eq!(member.hidden_units, [8, 4], "16 and 8 divided by the root of 4");
    let fingerprint = |plan: Plan| plan.fingerprint().expect("fingerprint");
    let same = fingerprint(load_with(&churn("/elsewhere", &digest)));
    assert_eq!(fingerprint(plan), same);
    assert_ne!(fingerprint(load_with(&churn("/base", &"cd".repeat(32)))), same);
    let text = message(
        "[data]\ndataset = \"../datasets/tiny.toml\"\n[model]\ntype = \"fm\"\n",
        &["ensemble={members=2, cost=\"equal\"}"],
    );
    assert!(
        text.contains("`ensemble.cost` is \"equal\"; expected \"full\", because this model has no hidden"),
        "{text}"
    );
}

#[test]
fn the_fingerprint_changes_with_what_changes_numbers_and_with_nothing_else() {
    let folder = Folder::new(RUN, DATASET);
    let fingerprint = |set: &[&str]| folder.load(set).expect("plan").fingerprint().expect("fingerprint");
    let plain = fingerprint(&[]);
    assert_eq!(plain.len(), 64);
    let derived = folder.load(&[]).expect("plan").seed_streams().seed(Stream::Init);
    for same in [
        "name=other",
        "device=cuda:0",
        "embedding.residence=host",
        "threads=3",
        "loader.threads=7",
        "loader.prefetch=1",
        "checkpoint.every_steps=3",
        "watch.row_ledger=true",
        "data.dir=/elsewhere",
        "data.cache_dir=/elsewhere",
        "model.dropout=0.40",
        &format!("seeds.init={derived}"),
    ] {
        assert_eq!(fingerprint(&[same]), plain, "{same}");
    }
    let mut seen = vec![plain];
    for different in [
        "seed=2022",
        "seeds.init=1",
        "seeds.dropout=1",
        "model.dropout=0.5",
        "model.hidden_units=[168]",
        "model.activation=ReLU",
        "embedding.l2=0",
        "embedding.update_clip_rms=1",
        "training.update_clip_rms=1",
        "training.precision=bf16",
        "training.replicas=2",
        "ensemble.members=2",
        "loss.entropy=0.1",
        "optimizer.epsilon=1e-7",
        "optimizer={type=\"adamw\", weight_decay=0.1}",
        "training.schedule.warmup_steps=5",
        "training.reduce_lr_on_plateau.patience=1",
        "training.batch_size=129",
        "training.monitor=log_loss",
        "evaluation.batch_size=1",
        "data.dataset.label=clicked",
    ] {
        let fingerprint = fingerprint(&[different]);
        assert!(!seen.contains(&fingerprint), "{different}");
        seen.push(fingerprint);
    }
}
