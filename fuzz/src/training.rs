//! The readers of `trainer`: checkpoints and configs.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};
use trainer::checkpoint::{CheckpointStore, FileEntry, Identity, Index, Manifest, Which};
use trainer::config::{Overrides, Plan};
use trainer::fit::FitState;

use crate::scratch::Scratch;

const STEP: &str = "step-0000000001";

/// The content of a checkpoint's manifest or of the index of checkpoints, as JSON; the digest that seals it is put to it.
pub fn manifest(bytes: &[u8]) {
    let place = place();
    let as_is = write(place, &format!("{STEP}/manifest.json"), bytes, false);
    let identity = as_is.as_ref().map_or_else(identity, |manifest: &Manifest| manifest.identity.clone());
    let store = CheckpointStore::new(place.folder().to_owned(), identity);
    let _ = store.load_named(STEP);
    write::<Manifest>(place, &format!("{STEP}/manifest.json"), bytes, true);
    let _ = store.load_named(STEP);

    for sealed in [false, true] {
        write::<Index>(place, "index.json", bytes, sealed);
        let _ = (store.index(), store.has_any(), store.load(Which::Last), store.load(Which::Best));
    }
    fs::remove_file(place.path("index.json")).expect("the index is there");
}

/// A checkpoint's tensors; the manifest beside them has their size and digest.
pub fn tensors(bytes: &[u8]) {
    let place = place();
    let files = ["parameters.safetensors", "optimizer.safetensors"].map(|name| {
        place.write(&format!("{STEP}/{name}"), bytes);
        FileEntry { name: name.to_owned(), bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
    });
    let manifest = Manifest { steps: 1, fit: FitState::default(), identity: identity(), files: files.to_vec() };
    let content = serde_json::to_vec(&manifest).expect("JSON");
    write::<Manifest>(place, &format!("{STEP}/manifest.json"), &content, true);
    if let Ok(checkpoint) = CheckpointStore::new(place.folder().to_owned(), identity()).load_named(STEP) {
        for parameter in checkpoint.parameters {
            assert_eq!(parameter.shape.iter().product::<usize>(), parameter.values.len());
        }
    }
}

/// A run config, its data set config within it.
pub fn config(bytes: &[u8]) {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    let scratch = SCRATCH.get_or_init(Scratch::new);
    let path = scratch.write("run.toml", bytes);
    let plan = match Plan::load(&path, &Overrides::default()) {
        Ok(plan) => plan,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let written = plan.to_toml().expect("a plan that was read can be written");
    let again = Plan::load(&scratch.write("again.toml", written.as_bytes()), &Overrides::default());
    assert_eq!(again.expect("what was written can be read"), plan);
    plan.fingerprint().expect("a plan that was read has a fingerprint");
}

/// A folder of checkpoints with one of them.
fn place() -> &'static Scratch {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path(STEP)).expect("a folder");
        for name in ["parameters.safetensors", "optimizer.safetensors"] {
            scratch.write(&format!("{STEP}/{name}"), b"\x02\0\0\0\0\0\0\0{}");
        }
        scratch
    })
}

fn identity() -> Identity {
    Identity { plan: "p".to_owned(), schema: "s".to_owned(), dataset: "d".to_owned() }
}

/// Writes the bytes as they are, or sealed: with the version and, if they are a `T`, the digest of what they say. Returns the `T`.
fn write<T: serde::Serialize + serde::de::DeserializeOwned>(
    place: &Scratch,
    name: &str,
    bytes: &[u8],
    sealed: bool,
) -> Option<T> {
    let content: Option<T> = serde_json::from_slice(bytes).ok();
    let digest = content.as_ref().and_then(|content| serde_json::to_vec(content).ok());
    let digest = blake3::hash(&digest.unwrap_or_default()).to_hex().to_string();
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
    let document = match (sealed, json) {
        (true, Some(content)) => json!({ "version": 2, "blake3": digest, "content": content }).to_string().into_bytes(),
        _ => bytes.to_vec(),
    };
    place.write(name, &document);
    content
}
