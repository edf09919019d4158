//! What can go wrong with a table.

/// A table that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The machine does not have the memory.
    #[error(
        "the table `{name}` of {rows} rows needs {bytes} bytes ({width} weights and {state} numbers of optimiser state a row), which \
         could not be reserved; lower `embedding.dim`, raise `min_count` of its fields, hash or compress them, or choose an optimiser with \
         less state"
    )]
    Memory {
        /// The table.
        name: String,
        /// Its rows.
        rows: u64,
        /// Elements of a row.
        width: usize,
        /// State of a row.
        state: usize,
        /// What was asked for.
        bytes: u128,
    },
    /// The device does not have the memory, or has failed.
    #[error(
        "the device could not hold the embedding tables ({tables}; {bytes} bytes in all): {reason}; set `embedding.residence = \"host\"`, lower \
         `embedding.dim`, or choose an optimiser with less state"
    )]
    Device {
        /// Each table with its rows, width, state and bytes.
        tables: String,
        /// Bytes of all.
        bytes: u128,
        /// What the device said.
        reason: String,
    },
    /// A table for a field that is not there.
    #[error("the table `{name}` is for the field `{field}`, which is not among the categorical fields ({known})")]
    UnknownField {
        /// The table.
        name: String,
        /// The field.
        field: String,
        /// The fields that are there.
        known: String,
    },
    /// A table for some fields, among fields without names.
    #[error(
        "the table `{name}` is for some fields by their names, but the layout names {named} of {fields} fields; expected a name for each"
    )]
    UnnamedFields {
        /// The table.
        name: String,
        /// Names of the layout.
        named: usize,
        /// Its fields.
        fields: usize,
    },
    /// A table for no field, or for one twice.
    #[error("the table `{name}` is for the fields [{found}]; expected at least one, each once")]
    RepeatedFields {
        /// The table.
        name: String,
        /// The fields.
        found: String,
    },
    /// Weights to be loaded do not fit.
    #[error("the table `{name}` holds {expected} numbers, but {found} were given")]
    Size {
        /// The table.
        name: String,
        /// Numbers it holds.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
}
