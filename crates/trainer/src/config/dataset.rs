//! The dataset config: a second file, or a table in the run config, with the same treatment of errors.

use std::fs;
use std::path::{Component, Path, PathBuf};

pub use ctr_data::DatasetConfig;

use ctr_data::DataError;
use ctr_data::config::FieldConfig;

use super::document::{Node, Segment, Value, key_path};
use super::error::{ConfigError, Origin};
use super::overrides::utf8;
use crate::pretrained::content_digest;

/// The way to the dataset config.
pub(super) fn way() -> Vec<Segment> {
    vec!["data".into(), "dataset".into()]
}

/// Where `data.dataset` is a path, puts the table of that file in its place.
pub(super) fn read(root: &mut Node, working_directory: &Path) -> Result<(), ConfigError> {
    let Some(node) = root.get_mut(&way()) else { return Ok(()) };
    let Value::String(text) = &node.value else { return Ok(()) };
    let path = normalised(&folder_of(&node.origin, working_directory).join(text));
    // Messages name the file as seen from the working directory, like the run config beside it.
    let path = path.strip_prefix(working_directory).map_or_else(|_| path.clone(), Path::to_owned);
    let bytes = fs::read(&path).map_err(|cause| ConfigError::ReadDataset {
        origin: node.origin.clone(),
        path: path.clone(),
        cause,
    })?;
    *node = Node::parse(&bytes, &path)?;
    Ok(())
}

/// Makes every path absolute: one in a file is relative to that file, one on the command line to the working directory.
/// The folder of the raw files then stands in `data.dir` alone, whichever config named it; where none did, they lie
/// beside the dataset config.
pub(super) fn resolve_paths(root: &mut Node, working_directory: &Path) -> Result<(), ConfigError> {
    let folder = |key: &str| vec!["data".into(), key.into()];
    let in_dataset = [way(), vec!["dir".into()]].concat();
    let quarantine = [way(), vec!["rows".into(), "quarantine".into()]].concat();
    let warm_start = vec!["warm_start".into(), "file".into()];
    let base_run = vec!["loss".into(), "churn_distillation".into(), "run".into()];
    let (warm, base) = (warm_start.clone(), base_run.clone());
    let paths = [folder("dir"), folder("cache_dir"), in_dataset.clone(), quarantine.clone(), warm, base];
    for keys in paths {
        let Some(node) = root.get_mut(&keys) else { continue };
        let Value::String(text) = &node.value else { continue };
        if text.is_empty() {
            let (origin, value) = (node.origin.clone(), node.value.to_string());
            let expected = if keys == warm_start {
                "the path of a safetensors file"
            } else if keys == base_run {
                "the folder of a finished run"
            } else if keys == quarantine {
                "the path of a file; leave the key out for its default"
            } else {
                "the path of a folder; leave the key out for its default"
            };
            let expected = expected.to_owned();
            return Err(ConfigError::Invalid { origin, key: key_path(&keys), value, expected });
        }
        let path = normalised(&folder_of(&node.origin, working_directory).join(text));
        node.value = Value::String(utf8(&path)?.to_owned());
    }
    let is_text = |node: &Node| matches!(node.value, Value::String(_));
    if root.get(&in_dataset).is_some_and(is_text)
        && let Some(node) = root.remove(&in_dataset)
        && root.get(&folder("dir")).is_none()
    {
        set_folder(root, node)?;
    }
    let in_dataset = |key: &str| [way(), vec![key.into()]].concat();
    if root.get(&in_dataset("files")).is_some()
        && root.get(&folder("dir")).is_none()
        && let Some(Node { origin, .. }) = root.get(&way())
    {
        let origin = origin.clone();
        let value = Value::String(utf8(&normalised(&folder_of(&origin, working_directory)))?.to_owned());
        set_folder(root, Node { value, origin })?;
    }
    Ok(())
}

fn set_folder(root: &mut Node, node: Node) -> Result<(), ConfigError> {
    root.set(&["data".to_owned(), "dir".to_owned()], node)
}

/// What the dataset config's own checks refuse, with the place where it stands.
pub(super) fn check(root: &Node, dataset: &DatasetConfig) -> Result<(), ConfigError> {
    dataset.validate().map_err(|error| {
        let DataError::Config { key, value, expected } = error else {
            let (origin, key) = (root.origin(&way()).clone(), key_path(&way()));
            return ConfigError::Rejected { origin, key, value: "refused".to_owned(), reason: error.to_string() };
        };
        let path: Vec<Segment> = way().into_iter().chain(key.split('.').map(Segment::from)).collect();
        ConfigError::Invalid { origin: root.origin(&path).clone(), key: format!("data.dataset.{key}"), value, expected }
    })
}

/// Writes the digest of each file of pretrained rows beside its name, where it is not given: it stands for the content in the plan's fingerprint, and a
/// plan that has it needs the file only where training begins.
pub(super) fn digest_pretrained(
    root: &Node,
    dataset: &mut DatasetConfig,
    folder: Option<&Path>,
) -> Result<(), ConfigError> {
    for (number, field) in dataset.fields.iter_mut().enumerate() {
        let FieldConfig::Categorical(config) = field else { continue };
        let Some(file) = &mut config.embedding.pretrained else { continue };
        if file.blake3.is_some() {
            continue;
        }
        let digest = content_digest(folder.unwrap_or(Path::new("")), file).map_err(|error| {
            let below =
                ["fields".into(), Segment::Index(number), "embedding".into(), "pretrained".into(), "file".into()];
            let path: Vec<Segment> = way().into_iter().chain(below).collect();
            let value = file.file.display().to_string();
            let expected = format!("a file that can be read ({error})");
            ConfigError::Invalid { origin: root.origin(&path).clone(), key: key_path(&path), value, expected }
        })?;
        file.blake3 = Some(digest);
    }
    Ok(())
}

fn folder_of(origin: &Origin, working_directory: &Path) -> PathBuf {
    match origin {
        Origin::File { path, .. } => working_directory.join(path.parent().unwrap_or(Path::new(""))),
        Origin::CommandLine(_) => working_directory.to_owned(),
    }
}

/// The absolute path without `.` and `..`, and without links as far as it exists.
fn normalised(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // What precedes holds no link any more, so its last component is the folder to leave.
            Component::ParentDir => {
                resolved.pop();
            }
            _ => {
                resolved.push(component);
                resolved = fs::canonicalize(&resolved).unwrap_or(resolved);
            }
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_its_dots_whether_it_exists_or_not() {
        let folder = tempfile::tempdir().expect("folder");
        let root = fs::canonicalize(folder.path()).expect("folder");
        fs::create_dir_all(root.join("a/b")).expect("folders");
        assert_eq!(normalised(&root.join("./a/../a/b")), root.join("a/b"));
        assert_eq!(normalised(&root.join("a/../absent/../other/x")), root.join("other/x"));
        assert_eq!(normalised(Path::new("/..")), Path::new("/"));
    }

    #[cfg(unix)]
    #[test]
    fn the_parent_of_a_link_is_that_of_its_target() {
        let folder = tempfile::tempdir().expect("folder");
        let root = fs::canonicalize(folder.path()).expect("folder");
        fs::create_dir_all(root.join("far/away")).expect("folders");
        std::os::unix::fs::symlink(root.join("far/away"), root.join("link")).expect("link");
        assert_eq!(normalised(&root.join("link/../absent")), root.join("far/absent"));
    }
}
