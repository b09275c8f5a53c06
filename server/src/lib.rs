//! The registry. Reading order: `router` (every route), `registration` and `standing` (what is refused), `log` (the one
//! place where the log grows), `store` (what is kept, and the contract), `clearance` (questions), `app` (how it fits).
//!
//! Floors: `main → cli → witness → serve, jobs → patience, tls, router → signed_request, routes → app → registration, clearance, backup → snapshots, erasure, audit →
//! domains, readiness → log → objects, changes, standing → registration, delegation → limits, peer, places, rate, store, data_dir, turns, figures, notify`. A file imports
//! from floors below its own.

pub mod app;
pub mod audit;
pub mod backup;
pub mod changes;
pub mod claims;
pub mod clearance;
pub mod cli;
pub mod data_dir;
pub mod deadlines;
pub mod delegation;
pub mod documents;
pub mod domains;
pub mod door;
pub mod erasure;
pub mod figures;
pub mod jobs;
pub mod limits;
pub mod log;
pub mod notify;
pub mod objects;
pub mod patience;
pub mod peer;
pub mod places;
pub mod provenance;
pub mod rate;
pub mod readiness;
pub mod refusal;
pub mod registration;
pub mod request_span;
pub mod router;
pub mod routes;
pub mod sealed;
pub mod serve;
pub mod signed_request;
pub mod snapshots;
pub mod standing;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod turns;
pub mod usage;
pub mod witness;

pub use cli::main;
pub use router::openapi_yaml;

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod registration_tests;
