//! What end-to-end tests stand on: the real binaries, a real server process, publishers who sign, and a full audit.
//!
//! Deliberately absent: shortcuts into the server or the client. Everything goes through processes, files and HTTP, and
//! the audit computes the log with code of its own.

pub mod audit;
pub mod binaries;
pub mod browser;
pub mod crawl;
pub mod disk;
pub mod http;
pub mod independent;
pub mod machine;
pub mod mirror;
pub mod objects;
pub mod postgres;
pub mod provenance;
pub mod proxy;
pub mod publisher;
pub mod served;
pub mod server;
pub mod witness;

pub use binaries::{Ran, cleartitle, cleartitle_server};
pub use http::Answer;
pub use postgres::Postgres;
pub use publisher::Publisher;
pub use served::Served;
pub use server::{Registry, UNLIMITED};
pub use witness::Witness;

use std::path::{Path, PathBuf};

/// The root of the workspace.
///
/// # Panics
/// Never: `tests/` has a parent.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// Whether the long form of a check was asked for: `CLEARTITLE_LONG=crash`, or several with commas.
#[must_use]
pub fn long(check: &str) -> bool {
    std::env::var("CLEARTITLE_LONG").is_ok_and(|asked| asked.split(',').any(|one| one == check || one == "all"))
}

/// A generator of numbers for choices that must be repeatable from a printed seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Seeded(pub u64);

impl Seeded {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }
}
