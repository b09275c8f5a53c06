//! Finality: whether what a row of an index, or a record's header, comes to stands, whatever the record says of itself.
//!
//! A record adds names of its bytes, another address that it calls its own, marks, credits and signals. More of these can only
//! restrict, but for two things: a permission that speaks of bytes, of copies at any address, or of all but some; and a mark or
//! signal of a host whose own marks the policy trusts. Who could be heard more loosely by either is looked up once a run, and
//! a row that hangs on nobody else stands. The argument goes authority by authority, as `decide` does: the worst verdict of
//! all that speak stands, so that one voice which can't change is enough.

use crate::filter::plan::Ruling;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::policy::{Actions, Disposition, Policy};
use cleartitle_schema::scope::Target;
use cleartitle_schema::snapshot::{Damage, VerifiedSnapshot};
use cleartitle_schema::statement::{Body, Kind};
use cleartitle_schema::surt::without_www;
use std::collections::BTreeSet;

/// A member that terms for copies at any address have in the one canonical form of statements.
const ANY_COPY: &[u8] = b"\"any_copy\":true";
/// The beginning of what a scope leaves out, in the same form.
const EXCLUDE: &[u8] = b"\"exclude\":[";
/// What a statement that takes up an offer, or a part of it, is.
const ACCEPTANCE: &[u8] = b"\"kind\":\"acceptance\"";

/// What could loosen a row's ruling once its record is read.
#[derive(Debug)]
pub struct Finality {
    /// The best verdict at and below which the policy drops everything, for whatever reason; `None`: there is none.
    drops_to: Option<Verdict>,
    /// Those whose permissions may begin or cease to speak with what a record says.
    loosened: BTreeSet<Authority>,
    /// Some of them may begin to speak for any record whatever.
    anywhere: bool,
    /// Hosts whose marks count, without `www.`.
    trusted: BTreeSet<String>,
}

impl Finality {
    /// For one run: looks at every statement where any could matter.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn of<D: AsRef<[u8]>>(snapshot: &VerifiedSnapshot<D>, policy: &Policy) -> Result<Self, Damage> {
        let trusted = policy.reading.trusted_mark_hosts.iter().map(|host| without_www(host.as_str()).to_owned());
        let mut finality = Self {
            drops_to: drops_to(&policy.actions),
            loosened: BTreeSet::new(),
            anywhere: false,
            trusted: trusted.collect(),
        };
        let mut by_bytes = false;
        for name in [ContentName::Blake3(ContentId([0; 32])), ContentName::Sha256(Sha256Alias([0; 32]))] {
            by_bytes |= snapshot.lists_kind(name.to_parts().0)?;
        }
        // Most registries' statements hold none of these, and one look at the bytes is cheaper than to parse them all.
        let says = |what: &[u8]| memchr::memmem::find(snapshot.bytes(), what).is_some();
        if by_bytes || [ANY_COPY, EXCLUDE, ACCEPTANCE].into_iter().any(says) {
            for place in 0..u32::try_from(snapshot.len()).unwrap_or(u32::MAX) {
                let registered = snapshot.statement(place)?;
                finality.look(&registered, policy.asker.domain.as_ref());
                // Which part was taken up may hang on another address of the copy.
                if let Body::Acceptance { offer, scope: Some(_) } = &registered.statement.body
                    && let Some(place) = snapshot.find(offer)?
                {
                    finality.loosened.insert(snapshot.statement(place)?.authority());
                }
            }
        }
        Ok(finality)
    }

    fn look(&mut self, registered: &Registered, asker: Option<&Domain>) {
        let statement = &registered.statement;
        if !matches!(statement.kind(), Kind::Grant | Kind::Offer | Kind::Agreement) {
            return;
        }
        // An agreement of others says nothing to this asker.
        if let (Body::Agreement { licensees, .. }, Some(asker)) = (&statement.body, asker)
            && !licensees.iter().any(|party| party.includes(asker))
        {
            return;
        }
        let any_copy = statement.terms().is_some_and(|terms| terms.any_copy);
        let by_bytes = statement.scope().is_some_and(|scope| {
            scope.include.iter().any(|target| match target {
                Target::Content { ids } => ids.iter().any(|name| name.may_clear()),
                _ => false,
            })
        });
        let leaves_out = statement.scope().is_some_and(|scope| !scope.exclude.is_empty());
        if any_copy || by_bytes || leaves_out {
            self.loosened.insert(registered.authority());
            self.anywhere |= any_copy || by_bytes;
        }
    }

    /// Whether a row with this ruling, on this host, is excluded for good.
    pub fn stands(&self, ruling: &Ruling, host: Option<&str>) -> bool {
        let verdict = ruling.decision.verdict;
        if ruling.outcome.action != Disposition::Drop || self.drops_to.is_none_or(|most| verdict > most) {
            return false;
        }
        // Without a host that can be read nobody's own marks are believed.
        if host.is_some_and(|host| self.trusted.contains(without_www(host))) {
            return false;
        }
        let firm = |authority: &Authority| !self.loosened.contains(authority);
        let voices = &ruling.decision.voices;
        if voices.iter().any(|voice| voice.verdict == verdict && firm(&voice.authority)) {
            return true;
        }
        // Nobody spoke by name: silence, an unlawful source, a URL that can't be read.
        self.loosened.is_empty() || (voices.is_empty() && !self.anywhere)
    }
}

/// The best verdict, no better than `unknown`, at and below which nothing but dropping can come of any decision.
fn drops_to(actions: &Actions) -> Option<Verdict> {
    let drops = |action: Disposition| action == Disposition::Drop;
    let loosens = !actions.statutory.is_empty()
        || actions.by_reason.iter().any(|rule| !drops(rule.action))
        || actions.exceptions.iter().any(|it| !drops(it.action) && matches!(it.target, Target::Content { .. }));
    if loosens {
        return None;
    }
    let ladder = [
        (Verdict::Reserved, actions.reserved),
        (Verdict::Disputed, actions.disputed),
        (Verdict::Unknown, actions.unknown),
    ];
    ladder.into_iter().take_while(|(_, action)| drops(*action)).last().map(|(verdict, _)| verdict)
}
