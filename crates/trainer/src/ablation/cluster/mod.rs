//! A study's plan for an engine that runs jobs on many machines.
//!
//! Every engine gets the same commands: `ctr ablate … --share I/N` for each task, and `ctr ablate … --report-only` after them. Nothing else
//! goes between the tasks: a run is claimed by a lock in the study's folder, its result lies in its own folder, and the tables are written
//! from all of them. So a task may be killed, started twice or started again, and a run is done once; what was killed goes on from its latest
//! checkpoint. The folder must be on a file system that all machines see and that keeps locks (`flock`) between them, as NFS 4 and
//! Lustre with `flock` do.
mod kubernetes;
mod parallel;
mod share;
mod shell;
mod slurm;

pub use share::Share;
pub(crate) use shell::quote;

use std::path::{Path, PathBuf};

/// What an export is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A Slurm job array.
    Slurm,
    /// A list of commands, one line each, for GNU parallel and the like.
    Parallel,
    /// A Kubernetes job with indexed completions.
    Kubernetes,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Slurm, Self::Parallel, Self::Kubernetes];

    /// Its name on the command line, and that of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slurm => "slurm",
            Self::Parallel => "parallel",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// What the tasks of a study have in common.
#[derive(Clone, Debug)]
pub struct Tasks {
    /// Name of the study.
    pub name: String,
    /// The `ctr` program on this machine.
    pub program: PathBuf,
    /// The working directory, absolute: relative paths of `arguments` begin here.
    pub directory: PathBuf,
    /// The folder of the export, absolute.
    pub folder: PathBuf,
    /// The arguments of every task: `ablate`, the study, its folder, what the config overrides.
    pub arguments: Vec<String>,
    /// Number of tasks, ≥ 1.
    pub count: usize,
    /// Tasks at the same time, where the engine does not know better.
    pub at_a_time: usize,
    /// Compute threads of each.
    pub threads: usize,
    /// Whether each needs a GPU.
    pub gpu: bool,
    /// What Kubernetes needs to know beside.
    pub container: Option<Container>,
}

/// Where a task of Kubernetes finds its program and its files.
#[derive(Clone, Debug)]
pub struct Container {
    /// The image with the program `ctr`.
    pub image: String,
    /// The persistent volume claim with the working directory.
    pub claim: String,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// Its name in the folder.
    pub name: &'static str,
    /// Its contents.
    pub text: String,
}

/// The files of an export, and the command that starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The files.
    pub files: Vec<ExportFile>,
    /// What to type next.
    pub start: String,
}

impl Tasks {
    /// The export for an engine.
    #[must_use]
    pub fn export(&self, engine: Engine) -> Export {
        match engine {
            Engine::Slurm => slurm::export(self),
            Engine::Parallel => parallel::export(self),
            Engine::Kubernetes => kubernetes::export(self),
        }
    }

    /// The words of a task's command, for a shell; `index` is the number of the task as the shell finds it.
    fn task(&self, program: &Path, index: &str) -> String {
        let count = self.count;
        format!("{} --jobs 1 --share \"{index}/{count}\"", self.command(program))
    }

    /// The words of the command that writes the report.
    fn report(&self, program: &Path) -> String {
        format!("{} --report-only", self.command(program))
    }

    fn command(&self, program: &Path) -> String {
        let words = std::iter::once(program.to_string_lossy().into_owned()).chain(self.arguments.iter().cloned());
        words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
    }

    /// The name of the study with nothing in it but lower-case letters, digits and dashes, at most 40 of them.
    fn label(&self) -> String {
        let letters = self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        let label: String = letters.take(40).collect();
        let label = label.trim_matches('-');
        if label.is_empty() { "study".to_owned() } else { label.to_owned() }
    }
}

#[cfg(test)]
mod tests;
