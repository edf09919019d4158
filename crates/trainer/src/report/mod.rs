//! Reports: one HTML file that needs no network, with every figure also as SVG and CSV beside it.
//!
//! ```text
//! report.html          summary in words, tables, figures, cost, definitions
//! figures/NAME.svg     each figure
//! figures/NAME.csv     the numbers in it
//! ```
//!
//! The report is a function of the finished runs: the same runs give the same bytes, however often the study was stopped. Only its section
//! `cost` has timings in it.
mod comparison;
mod examples;
mod figures;
mod html;
mod panels;
mod scale;
mod study;
mod style;
mod svg;
mod words;

pub use comparison::{ComparedPair, ComparedRun, Comparison};
pub use study::write_report;
