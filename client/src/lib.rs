//! The data builder's side: pull a snapshot, filter a crawl down to cleared material, register terms, ask the registry.
//!
//! Reading order: [`terms_file`] and [`policy_file`] (what people write), [`crawl`] (what crawls hold), [`cli`] (the verbs).
//! Everything that a verb does can be done from here; `cleartitle_schema` holds the language, and the only function that
//! decides.

pub mod audit;
pub mod bill;
pub mod cli;
pub mod clock;
pub mod crawl;
pub mod filter;
pub mod policy_file;
pub mod pull;
pub mod question;
pub mod registry;
pub mod report;
pub mod snapshot;
pub mod terms_file;
pub mod toml_file;
pub mod trust;
