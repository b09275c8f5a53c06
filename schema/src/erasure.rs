//! Erasure: what remains of a statement whose envelope had to be erased by law, and who says so.
//!
//! The leaf stays, the salt and the envelope go, and the operator's `erasure` in the log says when and why, never what. What
//! permitted is gone with its envelope. What restricts goes on binding by its compiled rule: the scope and the preferences without
//! names, notes, reports and evidence, on the operator's word, which the log holds it to. Unknown is never cleared, and an erasure
//! must not be a way around a reservation.

use crate::canon::{self, CanonError};
use crate::evidence::{Registered, Signing};
use crate::id::{Commitment, StatementId};
use crate::issuer::{Domain, Party};
use crate::statement::{Body, Case, Statement};
use crate::terms::Terms;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The media type of what remains.
pub const MEDIA_TYPE: &str = "application/vnd.cleartitle.remains+json";

/// The longest form of what remains: a payload, and what registration had established.
pub const MAX_REMAINS: usize = 64 << 10;

/// What stands in place of a court and a reference that were erased.
const ERASED: &str = "erased";

/// What remains of a statement, as the registry keeps and shows it: a blob that the `erasure` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remains {
    /// The commitment of the statement's leaf.
    pub commitment: Commitment,
    /// The compiled rule, with the erased statement's id in `remains_of`.
    pub statement: Statement,
    /// As [`Registered::signed_by`]: the signatures can't be looked at again.
    pub signed_by: Vec<Domain>,
    /// As [`Registered::under`].
    pub under: Vec<Signing>,
    /// As [`Registered::speaks_for`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaks_for: Option<Domain>,
    /// As [`Registered::tenure_from`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenure_from: Option<Timestamp>,
}

impl Remains {
    /// What remains of a statement; `None` of one that permits, settles or lists.
    #[must_use]
    pub fn of(commitment: Commitment, registered: &Registered) -> Option<Self> {
        if !registered.statement.kind().leaves_remains() {
            return None;
        }
        let Registered { id, signed_by, under, speaks_for, tenure_from, statement, .. } = registered;
        Some(Self {
            commitment,
            statement: compiled_rule(*id, statement),
            signed_by: signed_by.clone(),
            under: under.clone(),
            speaks_for: speaks_for.clone(),
            tenure_from: *tenure_from,
        })
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`CanonError`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonError> {
        canon::to_canonical_within(self, MAX_REMAINS)
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value = canon::check_canonical_within(bytes, MAX_REMAINS).map_err(|error| error.to_string())?;
        let remains: Self = serde_json::from_value(value).map_err(|error| canon::complaint(&error))?;
        crate::statement_check::check(&remains.statement).map_err(|error| error.to_string())?;
        match remains.to_bytes() {
            Ok(written) if written == bytes && remains.statement.remains_of.is_some() => Ok(remains),
            _ => Err("what remains is not in its one form".to_owned()),
        }
    }

    /// As the log holds it, in the place of the erased statement, under its id.
    #[must_use]
    pub fn registered(self, id: StatementId, index: u64, registered_at: Timestamp) -> Registered {
        let Self { signed_by, under, speaks_for, tenure_from, statement, .. } = self;
        Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement }
    }
}

/// The statement without anything that tells of a person and changes no verdict for the looser.
fn compiled_rule(id: StatementId, statement: &Statement) -> Statement {
    let mut rule = statement.clone();
    rule.issuer = Party::new(rule.issuer.domain);
    (rule.evidence, rule.modelled_on, rule.note) = (Vec::new(), None, None);
    rule.remains_of = Some(id);
    match &mut rule.body {
        Body::Reservation { terms, .. } => unname_terms(terms),
        Body::Dispute { against, case, .. } => {
            against.iter_mut().for_each(unname);
            *case = Case { court: ERASED.to_owned(), reference: ERASED.to_owned(), url: None };
        }
        // Permissive signals count by their evidence alone, so that they are gone; the others stand.
        Body::Observation { sighting, .. } => sighting.sources.iter_mut().for_each(|source| source.evidence = None),
        Body::Delegation { agent, .. } => unname(agent),
        Body::Challenge { why, .. } => ERASED.clone_into(why),
        _ => {}
    }
    rule.sorted()
}

fn unname(party: &mut Party) {
    party.legal_name = None;
}

fn unname_terms(terms: &mut Terms) {
    terms.covenants.clear();
    let rules = terms.clauses.iter_mut().flat_map(|clause| &mut clause.rules);
    for licensees in rules.filter_map(|rule| rule.constraints.licensees.as_mut()) {
        licensees.iter_mut().for_each(unname);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::to_canonical;
    use crate::statement::Kind;
    use serde_json::json;

    fn registered(body: serde_json::Value) -> Registered {
        let payload = json!({"version": 1, "log": "registry.example/log", "issued_at": "2026-01-01T00:00:00Z",
            "issuer": {"domain": "press.example", "legal_name": "Jane Doe"}, "note": "Jane Doe wrote this",
            "evidence": [{"blob": crate::id::BlobId::of(b"x"), "media_type": "text/plain", "url": "https://press.example/jane"}],
            "body": body});
        let payload = to_canonical(&payload).unwrap();
        Registered {
            id: StatementId::of(&payload),
            index: 3,
            registered_at: Timestamp(1_790_000_000),
            signed_by: vec!["press.example".parse().unwrap()],
            under: Vec::new(),
            speaks_for: None,
            tenure_from: None,
            statement: Statement::parse(&payload).unwrap(),
        }
    }

    #[test]
    fn a_reservation_keeps_its_rule_and_no_names() {
        let party = json!({"domain": "biglab.example", "legal_name": "Jane Doe"});
        let before = registered(json!({"kind": "reservation", "basis": "owner",
            "scope": {"include": [{"target": "host", "host": "press.example"}]},
            "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"],
                "constraints": {"licensees": [party]}}]}]}}));
        let remains = Remains::of(Commitment([7; 32]), &before).unwrap();
        let bytes = remains.to_bytes().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("Jane"), "{}", String::from_utf8_lossy(&bytes));
        let read = Remains::parse(&bytes).unwrap();
        assert_eq!(read, remains);
        let after = read.registered(before.id, before.index, before.registered_at);
        assert_eq!((after.statement.scope(), after.statement.remains_of), (before.statement.scope(), Some(before.id)));
        let rule = after.statement.terms().unwrap().rules().next().unwrap();
        assert!(rule.constraints.licensees.as_ref().unwrap()[0].includes(&"biglab.example".parse().unwrap()));
        assert!(Remains::parse(&[&bytes[..], b" "].concat()).is_err());
    }

    #[test]
    fn nothing_remains_of_a_permission() {
        let grant = registered(json!({"kind": "grant", "basis": "owner",
            "scope": {"include": [{"target": "host", "host": "press.example"}]},
            "terms": {"clauses": [{"rules": [{"preference": "allowed", "uses": ["train-ai"]}]}]}}));
        assert_eq!(Remains::of(Commitment([7; 32]), &grant), None);
        let dispute = registered(json!({"kind": "dispute", "basis": "owner",
            "scope": {"include": [{"target": "host", "host": "press.example"}]},
            "case": {"court": "Court of Jane Doe", "reference": "Doe 1"}}));
        let bytes = Remains::of(Commitment([7; 32]), &dispute).unwrap().to_bytes().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("Doe"));
        assert!(Kind::ALL.iter().all(|kind| kind.can_be_erased() || !kind.leaves_remains()));
    }

    #[test]
    fn a_challenge_goes_on_doubting_without_its_words() {
        let content = crate::id::ContentName::Blake3(crate::id::ContentId::of(b"a song"));
        let claim = StatementId::of(b"a claim");
        let before =
            registered(json!({"kind": "challenge", "claim": claim, "content": [content], "why": "Doe sang it first"}));
        let remains = Remains::of(Commitment([7; 32]), &before).unwrap();
        let bytes = remains.to_bytes().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("Doe"));
        assert!(
            matches!(Remains::parse(&bytes).unwrap().statement.body, Body::Challenge { claim: of, .. } if of == claim)
        );
        let answer = registered(json!({"kind": "answer", "challenge": claim, "why": "No"}));
        assert_eq!(Remains::of(Commitment([7; 32]), &answer), None);
    }
}
