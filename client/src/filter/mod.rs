//! The filter: a crawl goes in, what the policy keeps comes out, with every decision, a manifest and a bill.
//!
//! The way through one input, in file order: a reader thread hands raw records through a bounded channel to workers
//! (`pipeline`), which parse, decode, hash and look up (`document`) and ask the [`Plan`] for a ruling; one writer puts the
//! results back in order, holds companions until their document is decided (`companions`) and writes (`output`). [`Job`]
//! does that for each input, several side by side where there are several (`lanes`), resumes after a stop, and makes the [`Report`](crate::report::Report).
//!
//! The same inputs give the same bytes, whatever the number of workers and however often the run was stopped.
//!
//! Memory, beside the mapped snapshot: records in flight are bounded by [`pipeline::Bounds`] (by default 128 MiB of plain
//! bytes and 64 records a worker, or one record larger than that alone), companions waiting for their document by
//! [`companions::HELD_BYTES`] and [`companions::HELD_RECORDS`], a decoded payload by the reader's own limit, one a worker
//! at a time while it is decoded; the memo of rulings, the host table and the state of a file by fixed counts.
//!
//! A Parquet file has a way of its own (`table`, `table_output`): a row group at a time, URLs first, on the calling thread.
//!
//! With an index, the index goes first (`index`), and only what may be kept is read. Where [`Checks`] leave something out, each
//! record's own header is its row: what it comes to is excluded where that stands (`finality`), or else handed on (`candidate`).
//!
//! What a record says of itself is read by `in_record` and joins the question. Not here: what a record is (`crawl`), what a
//! mark says (`schema::signals`), and what a verdict is (`schema::decide`).

pub mod alike;
mod candidate;
mod checks;
mod coding;
pub mod companions;
mod decisions;
mod document;
mod error;
mod files;
mod finality;
mod in_record;
pub mod index;
mod inputs;
mod job;
mod lanes;
mod output;
pub mod pipeline;
mod plan;
mod planned;
mod receipt;
mod shard;
pub mod state;
mod table;
mod table_output;
mod told;

#[cfg(test)]
mod tests;

pub use checks::{Check, Checks};
pub use coding::{CodingError, OutputCoding};
pub use decisions::DecisionsForm;
pub use document::{Asking, DamageRow, Document, Judge, Judged};
pub use error::FilterError;
pub use in_record::{RecordEvidence, record_evidence};
pub use job::{Job, Watch};
pub use plan::{HostRuling, Missing, Plan, Ruling};
pub use planned::Planned;
pub use shard::{Shard, ShardError};
pub use state::{Identity, Input};
