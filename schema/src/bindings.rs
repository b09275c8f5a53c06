//! Bindings: which key speaks for which domain from when until when, and what follows for a statement that it signs.
//!
//! [`establish`] is asked by a registry's sequencer about a new statement, by its `rebuild` about an old one, and by a lab about
//! a sealed one that it holds itself, each time over the log as it stood just before: all come to the same.

use crate::evidence::{Registered, Signing};
use crate::id::{KeyId, StatementId};
use crate::issuer::{Domain, Party};
use crate::signed::{Envelope, key_id, parse_public_key};
use crate::statement::{Body, Cause, Proof, Statement};
use crate::time::Timestamp;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// The most delegations between an agent and the one it speaks for.
pub const MAX_CHAIN: usize = 3;

/// A key that speaks, or spoke, for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The statement that bound it.
    pub id: StatementId,
    /// The domain.
    pub domain: Domain,
    /// The key's id.
    pub key_id: KeyId,
    /// The key, in its file form.
    pub key: String,
    /// How control of the domain was proven.
    pub proof: Proof,
    /// The leaf of the key binding.
    pub index: u64,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// It opened a new tenure of the domain.
    pub new_tenure: bool,
    /// How it ended, where it did.
    pub ended: Option<Ended>,
}

/// The end of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The leaf of the withdrawal.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// What the log, as far as it goes, says of keys and statements.
pub trait Known {
    /// Why it can't be read.
    type Error;

    /// The bindings of a domain, in log order, ended ones too.
    ///
    /// # Errors
    /// Whatever reading gives, as for every method.
    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, Self::Error>;

    /// The bindings of a key, in log order, ended ones too.
    ///
    /// # Errors
    /// Whatever reading gives.
    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, Self::Error>;

    /// One statement.
    ///
    /// # Errors
    /// Whatever reading gives.
    fn find(&self, id: &StatementId) -> Result<Option<Registered>, Self::Error>;
}

/// The same, each question asked once: for many statements over one state of the log.
pub struct Once<'k, K: Known + ?Sized> {
    known: &'k K,
    of_domain: RefCell<HashMap<Domain, Vec<Binding>>>,
    by_key: RefCell<HashMap<KeyId, Vec<Binding>>>,
}

impl<'k, K: Known + ?Sized> Once<'k, K> {
    /// Asks `known`, which must not change meanwhile.
    #[must_use]
    pub fn new(known: &'k K) -> Self {
        Self { known, of_domain: RefCell::default(), by_key: RefCell::default() }
    }
}

impl<K: Known + ?Sized> Known for Once<'_, K> {
    type Error = K::Error;

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, K::Error> {
        if let Some(found) = self.of_domain.borrow().get(domain) {
            return Ok(found.clone());
        }
        let found = self.known.bindings_of(domain)?;
        self.of_domain.borrow_mut().insert(domain.clone(), found.clone());
        Ok(found)
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, K::Error> {
        if let Some(found) = self.by_key.borrow().get(key) {
            return Ok(found.clone());
        }
        let found = self.known.bindings_by(key)?;
        self.by_key.borrow_mut().insert(*key, found.clone());
        Ok(found)
    }

    fn find(&self, id: &StatementId) -> Result<Option<Registered>, K::Error> {
        self.known.find(id)
    }
}

/// The tenure of a domain: the last binding of it, or of the registrable domain above it, that opened one.
///
/// # Errors
/// Whatever reading gives.
pub fn tenure<K: Known + ?Sized>(known: &K, domain: &Domain) -> Result<Option<(u64, Timestamp)>, K::Error> {
    let mut bindings = known.bindings_of(domain)?;
    let authority = domain.authority();
    if authority.as_str() != domain.as_str()
        && let Ok(above) = authority.as_str().parse()
    {
        bindings.extend(known.bindings_of(&above)?);
    }
    let opened = bindings.iter().filter(|binding| binding.new_tenure).map(|binding| (binding.index, binding.bound_at));
    Ok(opened.max())
}

/// Those of a domain's bindings that are in force: not ended, and of its present tenure. Whoever held the domain before
/// must not speak for whoever holds it now.
///
/// # Errors
/// Whatever reading gives.
pub fn in_force<K: Known + ?Sized>(known: &K, domain: &Domain) -> Result<Vec<Binding>, K::Error> {
    let since = tenure(known, domain)?.map_or(0, |(index, _)| index);
    let mut bindings = known.bindings_of(domain)?;
    bindings.retain(|binding| binding.ended.is_none() && binding.index >= since);
    Ok(bindings)
}

/// What registration establishes about a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Established {
    /// The domains whose bound keys signed, sorted.
    pub signed_by: Vec<Domain>,
    /// Their bindings, and those of the delegations that it relies on; sorted.
    pub under: Vec<Signing>,
    /// Who is spoken for, where a delegation is relied on.
    pub speaks_for: Option<Domain>,
    /// Start of the tenure of whoever speaks, where an earlier one ended.
    pub tenure_from: Option<Timestamp>,
}

/// Establishes who signed a statement in what standing. No check: what may be registered is `registration`'s and
/// `standing`'s matter, and what was registered stays so.
///
/// # Errors
/// Whatever reading gives.
pub fn establish<K: Known + ?Sized>(
    known: &K,
    statement: &Statement,
    envelope: &Envelope,
) -> Result<Established, K::Error> {
    let (mut signed_by, mut under) = (BTreeSet::new(), BTreeSet::new());
    for signature in envelope.signatures() {
        let domains: BTreeSet<Domain> =
            known.bindings_by(&signature.key_id())?.into_iter().map(|binding| binding.domain).collect();
        for domain in domains {
            let bindings = in_force(known, &domain)?;
            for binding in bindings.iter().filter(|it| it.key_id == signature.key_id() && it.proof.signs_deeds()) {
                under.insert(Signing { domain: domain.clone(), binding: binding.id });
                signed_by.insert(domain.clone());
            }
        }
    }
    // The operator's own first binding is signed by the very key that it binds.
    if let Body::KeyBinding { domain, key, .. } = &statement.body
        && domain == &statement.issuer.domain
        && let Ok(key) = parse_public_key(key)
        && envelope.signatures().iter().any(|signature| signature.key_id() == key_id(&key))
    {
        signed_by.insert(domain.clone());
    }
    let chain = delegations(known, statement)?;
    let speaks_for = chain.last().map(|last| last.statement.issuer.domain.clone());
    under.extend(chain.into_iter().flat_map(|delegation| delegation.under));
    let speaker = speaks_for.as_ref().unwrap_or(&statement.issuer.domain);
    let tenure_from = tenure(known, speaker)?.map(|(_, at)| at);
    Ok(Established {
        signed_by: signed_by.into_iter().collect(),
        under: under.into_iter().collect(),
        speaks_for,
        tenure_from,
    })
}

/// Why those who must have signed a statement have not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// A signature by a key that is bound to none of the statement's parties.
    #[error("`{0}` is not bound to a party of the statement")]
    Foreign(KeyId),
    /// The issuer itself did not sign.
    #[error("no key bound to `{0}` has signed")]
    IssuerUnsigned(Domain),
    /// No licensee signed the agreement with a key of its own.
    #[error("an agreement is signed by the licensor and by at least one licensee, each with a key of its own")]
    LicenseeUnsigned,
}

/// The keys with which a domain signs statements now.
///
/// # Errors
/// Whatever reading gives.
pub fn deed_keys<K: Known + ?Sized>(known: &K, domain: &Domain) -> Result<Vec<Binding>, K::Error> {
    let mut bindings = in_force(known, domain)?;
    bindings.retain(|binding| binding.proof.signs_deeds());
    Ok(bindings)
}

/// The domains whose keys may sign a statement beside its issuer's: those of an agreement's licensees.
#[must_use]
pub fn licensees_of(statement: &Statement) -> BTreeSet<&Domain> {
    fn domains_of(party: &Party) -> impl Iterator<Item = &Domain> {
        std::iter::once(&party.domain).chain(&party.affiliates).chain(&party.successors)
    }
    match &statement.body {
        Body::Agreement { licensees, .. } => licensees.iter().flat_map(domains_of).collect(),
        _ => BTreeSet::new(),
    }
}

/// Whether those who must have signed have, and nobody else: the issuer, and of an agreement a licensee, each with a key bound to
/// it now. That the signatures are right is for [`open_statement`](crate::signed::open_statement).
///
/// # Errors
/// [`ConsentError`] inside, whatever reading gives outside.
pub fn consent<K: Known + ?Sized>(
    known: &K,
    statement: &Statement,
    signers: &[KeyId],
) -> Result<Result<(), ConsentError>, K::Error> {
    let issuer = &statement.issuer.domain;
    let licensors = deed_keys(known, issuer)?;
    let mut licensees = Vec::new();
    for domain in licensees_of(statement) {
        licensees.extend(deed_keys(known, domain)?);
    }
    let of = |bindings: &[Binding]| -> Vec<KeyId> {
        signers.iter().filter(|key| bindings.iter().any(|binding| binding.key_id == **key)).copied().collect()
    };
    let (by_licensor, by_licensee) = (of(&licensors), of(&licensees));
    if let Some(foreign) = signers.iter().find(|key| !by_licensor.contains(key) && !by_licensee.contains(key)) {
        return Ok(Err(ConsentError::Foreign(*foreign)));
    }
    if by_licensor.is_empty() {
        return Ok(Err(ConsentError::IssuerUnsigned(issuer.clone())));
    }
    // One key bound to both sides is one consent, not two.
    let two = by_licensor.iter().any(|licensor| by_licensee.iter().any(|licensee| licensee != licensor));
    if matches!(statement.body, Body::Agreement { .. }) && !two {
        return Ok(Err(ConsentError::LicenseeUnsigned));
    }
    Ok(Ok(()))
}

/// The delegations that a statement relies on, its own first, the one by whoever is spoken for last; empty where the chain is
/// broken or longer than [`MAX_CHAIN`].
///
/// # Errors
/// Whatever reading gives.
pub fn delegations<K: Known + ?Sized>(known: &K, statement: &Statement) -> Result<Vec<Registered>, K::Error> {
    let mut chain: Vec<Registered> = Vec::new();
    let mut next = statement.delegation;
    while let Some(id) = next {
        match known.find(&id)? {
            Some(found) if chain.len() < MAX_CHAIN && matches!(found.statement.body, Body::Delegation { .. }) => {
                next = found.statement.delegation;
                chain.push(found);
            }
            _ => return Ok(Vec::new()),
        }
    }
    Ok(chain)
}
