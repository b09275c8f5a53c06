//! The registry. Reading order: `router` (every route), `registration` and `standing` (what is refused), `log` (the one
//! place where the log grows), `store` (what is kept, and the contract), `clearance` (questions), `app` (how it fits).
//!
//! Floors: `main → cli → witness → serve, jobs → patience, router → routes → app → registration, snapshots, audit → clearance → log →
//! standing → store, data_dir`. A file imports from floors below its own.

pub mod app;
pub mod audit;
pub mod clearance;
pub mod cli;
pub mod data_dir;
pub mod jobs;
pub mod log;
pub mod patience;
pub mod refusal;
pub mod registration;
pub mod router;
pub mod routes;
pub mod serve;
pub mod snapshots;
pub mod standing;
pub mod store;
pub mod witness;

pub use cli::main;
pub use router::openapi_yaml;

#[cfg(test)]
mod registration_tests;
