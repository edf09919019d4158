//! The library behind the `ctr` command: it trains, evaluates and compares click-through-rate models, bit for bit reproducible.
//!
//! Read [`step`] first: it is one training step on one screen. [`fit`](mod@fit) is the loop around it.
#![deny(clippy::disallowed_methods)]

pub mod ablation;
mod asynchronous;
pub mod bench;
pub mod checkpoint;
mod churn;
pub mod cli;
pub mod command;
pub mod config;
pub mod dataset;
pub mod device;
pub mod device_failure;
pub mod diagnosis;
pub mod evaluate;
pub mod export;
pub mod fit;
mod fit_state;
pub mod interrupt;
pub mod layouts;
pub mod learner;
pub mod metric;
pub mod observe;
mod perturb;
pub mod predictions;
pub mod pretrained;
pub mod printer;
pub mod report;
pub mod repro;
pub mod residence;
pub mod run_folder;
pub mod schedule;
pub mod scorer;
mod statistics;
pub mod step;
pub mod training_run;
pub mod transfer;
pub mod verify;
pub mod warm_start;
