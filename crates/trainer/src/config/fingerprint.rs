//! A digest of a config's values that depends on no order of keys and no way of writing a number.

use blake3::Hasher;
use toml::{Table, Value};

use super::raw::RunConfig;
use crate::repro::{SeedStreams, Stream};

/// Part of every fingerprint. A change of what is hashed, or how, must change it.
const CONTEXT: &str = "ctr trainer 2026-11 plan fingerprint";

/// Keys that change no number, and `seed` and `seeds`, for which the seed of each stream stands in.
const LEFT_OUT: [&str; 8] = ["name", "seed", "seeds", "device", "threads", "loader", "checkpoint", "watch"];
const LEFT_OUT_OF_DATA: [&str; 2] = ["dir", "cache_dir"];

/// BLAKE3 of the values that influence the numbers of a run, in hexadecimal.
pub(super) fn of(config: &RunConfig, streams: &SeedStreams) -> Result<String, toml::ser::Error> {
    let mut table = Table::try_from(config)?;
    table.retain(|key, _| !LEFT_OUT.contains(&key));
    if let Some(Value::Table(data)) = table.get_mut("data") {
        data.retain(|key, _| !LEFT_OUT_OF_DATA.contains(&key));
    }
    // Where the tables are changes a number no more than the device does.
    if let Some(Value::Table(embedding)) = table.get_mut("embedding") {
        embedding.remove("residence");
    }
    // Its digest stays.
    if let Some(Value::Table(warm_start)) = table.get_mut("warm_start") {
        warm_start.remove("file");
    }
    let churn = table.get_mut("loss").and_then(|loss| loss.get_mut("churn_distillation"));
    if let Some(Value::Table(churn)) = churn {
        churn.remove("run");
    }
    let mut hasher = Hasher::new_derive_key(CONTEXT);
    for stream in Stream::ALL {
        add_text(&mut hasher, b'n', stream.name());
        hasher.update(&streams.seed(stream).to_le_bytes());
    }
    add(&mut hasher, &Value::Table(table));
    Ok(hasher.finalize().to_hex().to_string())
}

/// Every value goes in behind a tag of its type and, where it has one, its length: no two trees give the same bytes.
fn add(hasher: &mut Hasher, value: &Value) {
    match value {
        Value::String(text) => add_text(hasher, b's', text),
        Value::Integer(integer) => {
            hasher.update(b"i").update(&integer.to_le_bytes());
        }
        Value::Float(float) => {
            hasher.update(b"f").update(&float.to_bits().to_le_bytes());
        }
        Value::Boolean(boolean) => {
            hasher.update(&[b'b', u8::from(*boolean)]);
        }
        Value::Datetime(datetime) => add_text(hasher, b'd', &datetime.to_string()),
        Value::Array(items) => {
            hasher.update(b"a").update(&(items.len() as u64).to_le_bytes());
            for item in items {
                add(hasher, item);
            }
        }
        Value::Table(table) => {
            let mut entries: Vec<(&String, &Value)> = table.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            hasher.update(b"t").update(&(entries.len() as u64).to_le_bytes());
            for (key, value) in entries {
                add_text(hasher, b'k', key);
                add(hasher, value);
            }
        }
    }
}

fn add_text(hasher: &mut Hasher, tag: u8, text: &str) {
    hasher.update(&[tag]).update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}
