//! The language both sides of Cleartitle speak: what can be said, signed, logged, looked up and decided.
//!
//! Reading order: `vocab` (categories of use), [`terms`] and [`scope`] (what is allowed, and where),
//! [`statement`] (who says so), [`acquisition`] (one copy as somebody got it), [`evidence`] (everything brought to one
//! question), [`decide`](mod@decide) (the one verdict), [`snapshot`] (all of it in one memory-mapped file), [`tlog`]
//! (proof that nothing was rewritten), [`api`] (shapes over HTTP).
//!
//! Deliberately absent: clocks, files, sockets, environment variables, threads, async. Time, keys and bytes come in as
//! arguments; the same inputs give the same bytes on every machine. `clippy.toml` beside this crate keeps that wall.
#![deny(missing_docs)]

pub mod acquisition;
pub mod api;
pub mod canon;
pub mod decide;
pub mod evidence;
pub mod id;
pub mod issuer;
pub mod leaf;
pub mod ledger;
pub mod license;
pub mod lineage;
pub mod manifest;
pub mod money;
pub mod policy;
pub mod scope;
pub mod signal;
pub mod signed;
pub mod snapshot;
pub mod statement;
mod statement_check;
pub mod surt;
pub mod terms;
pub mod time;
pub mod tlog;
pub mod vocab;
