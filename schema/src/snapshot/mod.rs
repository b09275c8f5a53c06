//! The snapshot: every registered statement at one log size, compiled for lookups into one immutable file.
//!
//! [`build()`] makes the body, [`Snapshot`] reads it in place, [`VerifiedSnapshot`] answers as
//! [`Ledger`](crate::ledger::Ledger) would, by index; [`format`](mod@format) is the page that says every byte;
//! [`note_text`] is what gets signed beside the body.
//!
//! Deliberately absent: files and memory maps (the caller brings bytes), the signing itself ([`crate::tlog::note`]),
//! verdicts ([`crate::evidence`] gathers, `decide` judges), and sealed statements, which join on the client's side.

mod buckets;
mod build;
mod facts;
pub mod format;
mod index;
mod lookup;
mod names;
mod note;
mod radix;
mod read;
mod rules;
mod sets;
mod signers;
mod sort;
mod spool;
mod tails;
mod tape;
mod tree;
mod url_rules;
mod verified;
mod view;

#[cfg(test)]
mod as_read_tests;
#[cfg(test)]
mod index_tests;
#[cfg(test)]
mod tails_tests;
#[cfg(test)]
mod tests;

pub use build::{BuildError, Built, Head, build, build_within};
pub use format::{FormatError, Header, Tables};
pub use lookup::HostNamed;
pub use note::{NoteTextError, SnapshotNote, note_text, parse_note_text};
pub use read::{Damage, SetId, SetKey, Snapshot};
pub use sort::{Room, Scratch};
pub use tails::{LONGEST_HEADER, Tails, TailsError};
pub use tree::{Tree, TreeError};
pub use verified::{VerifiedSnapshot, VerifyError};
