//! From raw text to ids and numbers.
//!
//! An [`Encoder`] is fitted on the training rows and then turns any rows of the same layout into shards: the run's own splits, and later
//! the files that are to be predicted.

mod encode_rows;
mod encoded_rows;
mod encoder;
mod fit;
mod ids;
mod interner;
mod list;
mod numeric;
mod quantiles;
mod store;
mod vocabulary;

pub(crate) use encode_rows::Encoding;
pub(crate) use encoded_rows::EncodedRows;
pub use encoder::{EncodeOptions, Encoder};
pub(crate) use fit::Fitting;
pub(crate) use store::{FILE_NAME as ENCODER_FILE, FORMAT_VERSION as ENCODER_VERSION};
