//! Watching a run: what training tells, and who listens.
//!
//! Training sends each [`Event`] to an [`Observer`]; [`Observers`] passes it on to several. Nothing that an observer
//! does reaches a number of the run.

mod event;
mod jsonl;
mod line;
mod observers;
mod plain;
mod prepare;
mod progress;
mod rewind;
mod row_ledger;
mod tensorboard;

pub use event::{EpochSummary, Event, LayerStatistics, RunSummary, Statistics};
pub use jsonl::JsonlObserver;
pub use observers::{ObserveError, Observer, Observers};
pub use plain::PlainProgress;
pub use prepare::PrepareBar;
pub use progress::{BarProgress, progress_observer};
pub use rewind::rewind;
pub use row_ledger::{LedgerError, LedgerSummary, RowLedger, check_ledger};
pub use tensorboard::TensorBoardObserver;
