//! A Kubernetes job with indexed completions, and a job for the report.
use std::path::Path;

use super::{Export, ExportFile, Tasks, quote};

pub(super) fn export(tasks: &Tasks) -> Export {
    let label = tasks.label();
    let program = Path::new("ctr");
    let indexed = format!(
        "  completions: {count}\n  parallelism: {}\n  completionMode: Indexed\n  backoffLimitPerIndex: 3\n",
        tasks.at_a_time.min(tasks.count),
        count = tasks.count,
    );
    let array = job(tasks, &label, &indexed, &tasks.task(program, "$JOB_COMPLETION_INDEX"));
    let report = job(tasks, &format!("{label}-report"), "  backoffLimit: 3\n", &tasks.report(program));
    let file = |name: &str| quote(&tasks.folder.join(name).to_string_lossy());
    Export {
        files: vec![ExportFile { name: "array.yaml", text: array }, ExportFile { name: "report.yaml", text: report }],
        start: format!(
            "kubectl apply -f {} && kubectl wait --for=condition=complete --timeout=-1s job/{label} && kubectl apply -f {}",
            file("array.yaml"),
            file("report.yaml"),
        ),
    }
}

fn job(tasks: &Tasks, name: &str, completions: &str, command: &str) -> String {
    // JSON strings are YAML strings, whatever is in them.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let (image, claim) = tasks.container.as_ref().map_or(("", ""), |c| (c.image.as_str(), c.claim.as_str()));
    let directory = text(&tasks.directory.to_string_lossy());
    let gpu = if tasks.gpu { ", nvidia.com/gpu: 1" } else { "" };
    let (cpus, image, claim, command) = (tasks.threads, text(image), text(claim), text(&format!("exec {command}")));
    format!(
        "apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
{completions}  template:
    spec:
      restartPolicy: Never
      containers:
        - name: ctr
          image: {image}
          workingDir: {directory}
          command: [\"/bin/sh\", \"-c\", {command}]
          resources:
            requests: {{cpu: {cpus}}}
            limits: {{cpu: {cpus}{gpu}}}
          volumeMounts:
            - {{name: study, mountPath: {directory}}}
      volumes:
        - name: study
          persistentVolumeClaim: {{claimName: {claim}}}
"
    )
}
