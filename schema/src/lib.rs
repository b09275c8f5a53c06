//! The language both sides of Cleartitle speak: what can be said, signed, logged, looked up and decided.
//!
//! Reading order: `vocab` (categories of use), [`terms`] and [`scope`] (what is allowed, and where),
//! [`statement`] (who says so), [`acquisition`] (one copy as somebody got it), [`evidence`] (everything brought to one
//! question), [`decide`](mod@decide) (the one verdict), [`snapshot`] (all of it in one memory-mapped file), [`tlog`]
//! (proof that nothing was rewritten), [`api`] (shapes over HTTP).
//!
//! A reservation, and an agreement with one named lab, brought to one question:
//!
//! ```
//! use cleartitle_schema::acquisition::Acquisition;
//! use cleartitle_schema::decide::{Reason, Verdict, decide};
//! use cleartitle_schema::evidence::{Registered, gather};
//! use cleartitle_schema::id::StatementId;
//! use cleartitle_schema::ledger::Ledger;
//! use cleartitle_schema::policy::Policy;
//! use cleartitle_schema::statement::Statement;
//!
//! // As a registry holds it: the canonical payload, read strictly, and what registration established beside it.
//! let registered = |index: u64, at: &str, payload: &str| {
//!     let statement = Statement::parse(payload.as_bytes()).expect("the one canonical form");
//!     Registered {
//!         id: StatementId::of(payload.as_bytes()), index, registered_at: at.parse().expect("a time"),
//!         signed_by: vec![statement.issuer.domain.clone()], under: Vec::new(), speaks_for: None,
//!         tenure_from: None, statement,
//!     }
//! };
//! let ledger: Ledger = [
//!     registered(0, "2023-08-01T00:00:00Z", r#"{"body":{"basis":"owner","kind":"reservation","scope":{"include":[{"host":"press.example","subdomains":true,"target":"host"}]},"terms":{"clauses":[{"rules":[{"preference":"disallowed","uses":["train-ai"]}]}]}},"issued_at":"2023-08-01T00:00:00Z","issuer":{"domain":"press.example"},"log":"registry.example/log","version":1}"#),
//!     registered(1, "2024-05-22T00:00:00Z", r#"{"body":{"basis":"owner","kind":"agreement","licensees":[{"domain":"biglab.example"}],"scope":{"include":[{"host":"press.example","subdomains":true,"target":"host"}]},"terms":{"clauses":[{"rules":[{"preference":"allowed","uses":["train-ai"]}]}]}},"issued_at":"2024-05-22T00:00:00Z","issuer":{"domain":"press.example"},"log":"registry.example/log","version":1}"#),
//! ].into_iter().collect();
//!
//! let policy = |asker: &str| -> Policy {
//!     serde_json::from_value(serde_json::json!({"version": 1, "use": "train-ai", "asker": {"domain": asker}})).expect("a policy")
//! };
//! let copy = Acquisition::fetched("https://news.press.example/story");
//! let used_at = "2026-06-01T00:00:00Z".parse().expect("a time");
//! let ask = |policy: &Policy| {
//!     let question = policy.question(copy.clone(), used_at);
//!     decide(&question, &gather(&ledger, &question.acquisition), &policy.reading)
//! };
//! let (theirs, ours) = (ask(&policy("biglab.example")), ask(&policy("smalllab.example")));
//! assert_eq!((theirs.verdict, theirs.deciding()), (Verdict::Cleared, Some(Reason::AgreementInForce)));
//! assert_eq!((ours.verdict, ours.deciding()), (Verdict::Reserved, Some(Reason::RightsReserved)));
//! ```
//!
//! Deliberately absent: clocks, files, sockets, environment variables, threads, async. Time, keys and bytes come in as
//! arguments; the same inputs give the same bytes on every machine. `clippy.toml` beside this crate keeps that wall.
#![deny(missing_docs)]

pub mod acquisition;
pub mod address;
pub mod api;
pub mod bill;
pub mod bindings;
pub mod canon;
pub mod changes;
pub mod decide;
pub mod domain_proof;
pub mod erasure;
pub mod evidence;
pub mod fault;
pub mod gate_code;
pub mod http_signature;
pub mod id;
pub mod issuer;
pub mod leaf;
pub mod ledger;
pub mod license;
pub mod license_words;
pub mod lineage;
pub mod manifest;
pub mod memo;
pub mod money;
pub mod opening;
pub mod paper_code;
pub mod policy;
pub mod pricing;
pub mod provenance;
pub mod publish;
pub mod scope;
pub mod served;
pub mod signals;
pub mod signed;
pub mod snapshot;
pub mod statement;
mod statement_check;
pub mod surt;
pub mod terms;
#[cfg(test)]
mod terms_laws;
pub mod thrift;
pub mod time;
pub mod tlog;
pub mod ubiquitous;
pub mod usage;
pub mod vocab;
