//! TDMRep, the W3C TDM Reservation Protocol (Community Group Final Report of 2024-05-10), and its policies in ODRL.
//!
//! One bit and an address: mining is reserved or not, and where it is, a policy may say on what terms it may be had. Only
//! the numbers 1 and 0 are values; anything else is an error and unset. What evidently means 1 is read as 1 all the same,
//! and what might mean 0 leaves the answer unknown.
//!
//! Deliberately absent: the protocol's supersession of one carrier by the next (file, header, page, file's own metadata).
//! Each carrier's signals stand by themselves and the stricter counts, which a later carrier's 0 does not lift.

mod file;
mod metadata;
mod order;
mod policy;
mod values;

pub use file::parse_file;
pub use metadata::{parse_opf, parse_xmp};
pub use policy::{parse_policy, with_policy};
pub use values::parse_values;

use super::{Announced, Parsed, Signal, shown};
use crate::vocab::labels::tdmrep::TABLE;
use crate::vocab::{AuthorityKind, Preference, Use};

/// Most bytes of a file, policy or package document that are read.
pub const MAX_BYTES: usize = 1024 * 1024;

const VERSION: &str = "2024-05";

/// What a reservation comes to, from loose to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// 0.
    Open,
    /// Neither 0 nor 1 nor anything that evidently means 1.
    Unknown,
    /// 1, or evidently meant so.
    Reserved,
}

/// The uses that TDMRep speaks of.
fn mining() -> Vec<Use> {
    TABLE.iter().flat_map(|row| row.uses(Preference::Disallowed)).collect()
}

fn signal(state: State, label: &str, authority: AuthorityKind) -> Signal {
    let preference = if state == State::Reserved { Preference::Disallowed } else { Preference::Allowed };
    let signal = Signal::of("tdmrep", VERSION, shown(label), authority, preference, mining());
    Signal { malformed: state == State::Unknown, ..signal }
}

fn announce(policy: &str, out: &mut Parsed) {
    let known = out.announced.iter().any(|announced| announced.url == policy);
    if !known {
        out.announced.push(Announced { standard: "tdm-policy", url: policy.to_owned() });
    }
}
