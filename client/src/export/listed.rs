//! The entries of a paper as an inventory lists them: the first thousand, each with all that the three forms have a place for.
//!
//! Whoever reads an inventory instead of its papers must not come to a better verdict: what a form has no place for, and how
//! many entries are not listed, is said in a property of its own, and [`crate::dataset`] takes that for damage.

use crate::dataset::Entry;
use cleartitle_schema::acquisition::{Acquisition, UrlRole};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use data_encoding::HEXLOWER;

/// Most entries of one paper that are listed.
pub const ENTRIES: usize = 1_000;

/// What stands for a license of which a paper says nothing.
const NO_LICENSE: &str = "NOASSERTION";

/// One entry.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// What it is called, or else its URL or digest.
    pub name: String,
    /// Its compilations.
    pub collections: Vec<String>,
    /// Names of its bytes.
    pub content: Vec<ContentName>,
    /// What it was fetched from.
    pub fetched: Vec<String>,
    /// What shows it.
    pub shown: Vec<String>,
    /// Its licenses, as stated.
    pub licenses: Vec<String>,
    /// What it was made from.
    pub origins: Vec<(Link, String)>,
    /// What of it has no place here.
    pub not_carried: Vec<&'static str>,
}

impl Listed {
    /// An entry as it is listed.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let copy = &entry.copy;
        let urls = |wanted: UrlRole| copy.urls.iter().filter(move |it| it.role == wanted).map(|it| it.url.clone());
        let name = entry.name.clone().or_else(|| crate::gate::about(copy)).unwrap_or_default();
        let license = |text: &str| if text.trim().is_empty() { NO_LICENSE.to_owned() } else { text.to_owned() };
        Self {
            name,
            collections: copy.collections.clone(),
            content: copy.content.clone(),
            fetched: urls(UrlRole::Fetched).collect(),
            shown: urls(UrlRole::Embedding).collect(),
            licenses: entry.licenses.iter().map(|stated| license(&stated.text)).collect(),
            origins: entry.derived_from.iter().map(|origin| (origin.link, origin.of.clone())).collect(),
            not_carried: not_carried(copy, entry.derived_from.len()),
        }
    }

    /// What is not carried, in a text.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        (!self.not_carried.is_empty()).then(|| self.not_carried.join(", "))
    }
}

/// The algorithm and the hex digits of a name of bytes.
#[must_use]
pub fn digest(name: &ContentName) -> (&'static str, String) {
    let algorithm = match name {
        ContentName::Blake3(_) => "blake3",
        ContentName::Sha256(_) => "sha256",
        ContentName::WarcSha1(_) => "sha1",
    };
    (algorithm, HEXLOWER.encode(&name.to_parts().1))
}

/// The parts of a copy that no form has a place for; its links beyond those that are told by name.
fn not_carried(copy: &Acquisition, by_name: usize) -> Vec<&'static str> {
    let other = |role| !matches!(role, UrlRole::Fetched | UrlRole::Embedding);
    [
        ("urls of other roles", copy.urls.iter().any(|url| other(url.role))),
        ("works", !copy.works.is_empty()),
        ("captured_at", copy.captured_at.is_some()),
        ("acquired_at", copy.acquired_at.is_some()),
        ("published_at", copy.published_at.is_some()),
        ("channel", copy.channel.is_some()),
        ("access", copy.access.is_some()),
        ("credits", !copy.credits.is_empty()),
        ("marks", !copy.marks.is_empty()),
        ("in_record", copy.in_record.is_some()),
        ("lineage", by_name == 0 && !copy.lineage.is_empty()),
        ("lineage beside origins by name", by_name > 0 && copy.lineage.len() > by_name),
    ]
    .into_iter()
    .filter_map(|(part, lost)| lost.then_some(part))
    .collect()
}
