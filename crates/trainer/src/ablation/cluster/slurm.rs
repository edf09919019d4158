//! A Slurm job array, and a job after it that writes the report.
use super::{Export, ExportFile, Tasks, quote};

pub(super) fn export(tasks: &Tasks) -> Export {
    let Tasks { threads, count, .. } = tasks;
    let (label, directory) = (tasks.label(), quote(&tasks.directory.to_string_lossy()));
    let gpu = if tasks.gpu { "#SBATCH --gres=gpu:1\n" } else { "" };
    let head = |name: String, output: &str| {
        format!(
            "#!/bin/sh\n#SBATCH --job-name={name}\n#SBATCH --chdir={directory}\n#SBATCH --output={}\n#SBATCH --open-mode=append\n",
            quote(&tasks.folder.join(output).to_string_lossy()),
        )
    };
    let array = format!(
        "{}#SBATCH --array=0-{}\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task={threads}\n{gpu}#SBATCH --requeue\n# Memory, time and partition \
         are the cluster's: give them to sbatch through submit.sh, or set them here.\nexec {}\n",
        head(label.clone(), "task-%a.log"),
        count - 1,
        tasks.task(&tasks.program, "$SLURM_ARRAY_TASK_ID"),
    );
    let report = format!(
        "{}#SBATCH --ntasks=1\nexec {}\n",
        head(format!("{label}-report"), "report.log"),
        tasks.report(&tasks.program)
    );
    let file = |name: &str| quote(&tasks.folder.join(name).to_string_lossy());
    let submit = format!(
        "#!/bin/sh\n# Submits the study; options go to sbatch. Again after failures: runs that are finished are not made again, and those that \
         were\n# stopped go on.\nset -e\narray=$(sbatch --parsable \"$@\" {})\nreport=$(sbatch --parsable --dependency=afterany:\"${{array%%;*}}\" \
         \"$@\" {})\necho \"array ${{array%%;*}} report ${{report%%;*}}\"\n",
        file("array.sh"),
        file("report.sh"),
    );
    Export {
        files: vec![
            ExportFile { name: "array.sh", text: array },
            ExportFile { name: "report.sh", text: report },
            ExportFile { name: "submit.sh", text: submit },
        ],
        start: format!("sh {}", file("submit.sh")),
    }
}
