//! `ctr export`.
use anyhow::Context;
use ctr_data::Encoder;

use super::saved_run;
use crate::checkpoint::Which;
use crate::cli::ExportArgs;
use crate::config::Overrides;
use crate::run_folder::RunFolder;
use crate::{export, printer};

pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let (plan, record) = (folder.plan(&Overrides::default())?, folder.record()?);
    folder.check_encoder(&record)?;
    let encoder = Encoder::load(&folder.encoder_path())?;
    let store = saved_run::store(&folder, &plan, &record, encoder.schema())?;
    let checkpoint = match args.checkpoint.as_str() {
        "best" => store.load(Which::Best)?,
        "last" => store.load(Which::Last)?,
        name => store.load_named(name)?,
    };
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("--output {}: cannot create the folder", args.output.display()))?;
    export::write(&args.output, &checkpoint, &plan, encoder.schema(), &record)?;
    let numbers: usize = checkpoint.parameters.iter().map(|parameter| parameter.values.len()).sum();
    printer::result(&format!(
        "{} tensors with {numbers} numbers, after {} steps\n{}\n{}",
        checkpoint.parameters.len(),
        checkpoint.steps,
        args.output.join("model.safetensors").display(),
        args.output.join("model.json").display(),
    ));
    Ok(())
}
