//! `ctr devices`.
use crate::device;
use crate::printer::{self, Table};

pub(super) fn run() {
    let mut table = Table::new(&["device", "state"]);
    for (device, described) in device::list() {
        let state = described.map_or_else(|error| error.to_string(), |name| format!("ready ({name})"));
        table.row(vec![device.to_string(), state]);
    }
    printer::result(&table.render());
}
