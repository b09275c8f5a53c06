//! The gate: every entry of a data set's papers judged by a snapshot and a policy, and yes only if all may stay.
//!
//! Not here: reading papers ([`crate::dataset`]), the verdict (`decide`), what a run of the filter does ([`crate::filter`]), what is
//! owed ([`crate::bill`]).

pub mod finding;
pub mod judge;

pub use finding::{Finding, Level};
pub use judge::{Judge, Judged, about};
