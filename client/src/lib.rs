//! The data builder's side: pull a snapshot, filter a crawl down to cleared material, register terms, ask the registry.
//!
//! Reading order: [`terms_file`] and [`policy_file`] (what people write, read by [`toml_file`]), [`registry`] and [`tiles`] (a registry over HTTP, or its log where it lies),
//! [`trust`], [`receipt`] and [`contradiction`] (what is believed of a log, what it proves, what convicts one), [`pull`] and [`snapshot`] (terms on this machine), [`question`] (what is asked
//! about), [`dataset`] and [`gate`] (what a data set's papers list, and whether it may stay), [`crawl`] (what crawls hold), [`filter`] (a crawl in, cleared material out), [`report`], [`bill`], [`quote`], [`usage`] and [`lineage`] with [`trace`] (what came
//! of it, what it costs, what it was made from), [`disclosure`] and [`export`] (what a data set is, as laws and other tools ask), [`run_receipt`] (a run, signed), [`audit`] (whether it still is so), [`log_audit`] (whether a log is), [`publish`] and [`lint`] (what a site says),
//! [`observe`] (what sites say, out of crawls and over the network), [`cli`] (the verbs).
//!
//! Everything that a verb does can be done from here; `cleartitle_schema` holds the language, and the only function that
//! decides. The time is read in [`clock`] alone.

pub mod asker;
pub mod audit;
pub mod bill;
pub mod cli;
pub mod clock;
pub mod contradiction;
pub mod counts_file;
pub mod crawl;
pub mod dataset;
pub mod disclosure;
pub mod domain_look;
pub mod explain;
pub mod export;
pub mod files;
mod files_private;
pub mod filter;
pub mod gate;
mod grow;
pub mod impact;
pub mod lineage;
pub mod lint;
pub mod log_audit;
mod markup;
pub mod observe;
pub mod policy_file;
pub mod publish;
pub mod pull;
pub mod question;
pub mod quote;
pub mod receipt;
pub mod registry;
pub mod report;
pub mod run_receipt;
pub mod sealed;
mod shown;
pub mod snapshot;
pub mod terms_file;
pub mod tiles;
pub mod toml_file;
pub mod trace;
pub mod trust;
mod unrepeated;
pub mod usage;
