//! The gate: every entry of a data set's papers judged by a snapshot and a policy, and yes only if all may stay.
//!
//! A run (`run`, `papers`) judges entries, the usual ones by blocks of lines (`dataset::lane`, `usual`) and by rulings that are
//! remembered (`sites`), all others one by one ([`Judge`]), with the same outcome. [`baseline`] knows old debt again,
//! [`exceptions`] looks after those of the policy, [`licenses`] holds what papers state against its lists, [`lock`] pins what is
//! judged by, [`drift`] compares that with the newest state, and [`told`] tells what was found.
//!
//! Not here: reading papers ([`crate::dataset`]), the verdict (`decide`), what a run of the filter does ([`crate::filter`]), what is
//! owed ([`crate::bill`]).

pub mod baseline;
pub mod drift;
pub mod exceptions;
pub mod finding;
pub mod judge;
pub mod licenses;
pub mod lock;
pub mod papers;
pub mod report;
pub mod rules;
pub mod run;
mod sites;
pub mod told;
mod usual;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Level};
pub use judge::{Judge, Judged, about};
pub use report::Report;
pub use run::{Asked, Gate, RunError};
