//! Values that a response or a page carries for standards with parsers of their own, and which parser takes which.

use super::{Parsed, aipref, content_signal, tdmrep};
use crate::vocab::{AuthorityKind, Preference};

/// The values of one response or page, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried<'v> {
    /// `tdm-reservation` (TDMRep).
    pub tdm_reservation: Vec<&'v str>,
    /// `tdm-policy` (TDMRep).
    pub tdm_policy: Vec<&'v str>,
    /// `Content-Usage` (AIPREF).
    pub content_usage: Vec<&'v str>,
    /// `Content-Signal` (Cloudflare).
    pub content_signal: Vec<&'v str>,
}

/// Takes the values of its own standard and leaves the others.
type Reader = fn(&Carried<'_>, AuthorityKind) -> Parsed;

/// One line a standard.
const READERS: &[Reader] = &[
    |carried, authority| tdmrep::parse_values(&carried.tdm_reservation, &carried.tdm_policy, authority),
    |carried, _| aipref::parse_header(&carried.content_usage),
    |carried, _| content_signal::parse_header(&carried.content_signal),
];

impl Carried<'_> {
    /// What all values say together, with the carrier's authority.
    pub fn read(&self, authority: AuthorityKind) -> Parsed {
        let mut all = Parsed::default();
        for reader in READERS {
            let mut said = reader(self, authority);
            if authority == AuthorityKind::Page {
                settle(&mut said);
            }
            all.join(said);
        }
        all
    }
}

/// A header's text in a meta element is no carrier of AIPREF: what it permits is dropped, what it denies stands.
fn settle(said: &mut Parsed) {
    said.signals.retain(|signal| signal.standard != "aipref" || signal.preference == Preference::Disallowed);
    for signal in said.signals.iter_mut().filter(|signal| signal.authority == AuthorityKind::Response) {
        signal.authority = AuthorityKind::Page;
    }
}
