//! A data set as its own papers list it: entries, each with the place where it is written, whatever the paper's form.
//!
//! Not here: what may be done with an entry ([`crate::gate`]); what it adds up to ([`crate::bill`]); the documents themselves
//! ([`crate::crawl`]). Readers of foreign papers never fail over a part: what is understood is an entry, what is not is damage
//! with its place, and the next entry is read.

pub mod again;
mod card;
pub mod columns;
mod croissant;
mod cyclonedx;
mod dvc;
pub mod entry;
pub mod files;
mod folder;
pub mod inventory;
pub(crate) mod lane;
pub mod mistakes;
mod naming;
pub mod open;
mod papers;
mod parquet;
pub(crate) mod rows;
mod sheet;
mod spdx;
mod texts;
mod tree;

pub use columns::Columns;
pub use entry::{Entry, FileClaim, Item, Nowhere, Origin, Place, Stated};
pub use open::{Entries, Format, OpenError, open, open_by};
pub use papers::Papers;
