//! A list of commands, one line each.
use super::{Export, ExportFile, Tasks, quote};

pub(super) fn export(tasks: &Tasks) -> Export {
    let directory = quote(&tasks.directory.to_string_lossy());
    let line = |task: usize| format!("cd {directory} && {}\n", tasks.task(&tasks.program, &task.to_string()));
    let commands: String = (0..tasks.count).map(line).collect();
    let report = format!("cd {directory} && {}\n", tasks.report(&tasks.program));
    let file = |name: &str| quote(&tasks.folder.join(name).to_string_lossy());
    Export {
        files: vec![
            ExportFile { name: "commands.txt", text: commands },
            ExportFile { name: "report.sh", text: report },
        ],
        start: format!("parallel --jobs {} < {}; sh {}", tasks.at_a_time, file("commands.txt"), file("report.sh")),
    }
}
