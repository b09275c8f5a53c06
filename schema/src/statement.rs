//! Statement: what an issuer claims; immutable, versioned, and refused where a member is not understood.

use crate::canon::{self, CanonError};
use crate::id::{BlobId, Commitment, ContentName, ListId, StatementId};
use crate::issuer::{Domain, Party};
use crate::money::{Amount, Price};
use crate::scope::{Scope, Target};
use crate::signals::Sighting;
use crate::terms::Terms;
use crate::time::{Timestamp, Window};
use crate::ubiquitous;
use crate::vocab::{Basis, words};
use serde::{Deserialize, Serialize};

/// The version of the statement format that this crate writes and reads. Another version is refused, never guessed at.
pub const VERSION: u32 = 1;

/// What a key signed alone so many seconds before it was revoked as compromised is in doubt. Bounded: an issuer that could
/// call any of its old promises a thief's would have made none.
pub const COMPROMISE_WINDOW: i64 = 30 * Timestamp::DAY;

/// DSSE payload type of a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.cleartitle.statement+json";

/// What an issuer claims. A member left out has its narrowest reading, fixed for this version for ever; a member that a
/// reader doesn't know makes the whole statement unreadable (must-understand).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`VERSION`].
    pub version: u32,
    /// Origin of the log that this statement is for; it can't be replayed to another.
    pub log: String,
    /// Who speaks.
    pub issuer: Party,
    /// When the issuer wrote it. Judged nowhere but for the future: what counts is the registered time.
    pub issued_at: Timestamp,
    /// When it is in force. A restriction never binds before it was registered; a permission may reach back within its
    /// issuer's tenure.
    #[serde(default, skip_serializing_if = "is_open")]
    pub effective: Window,
    /// Statements of the same authority that this one replaces, sorted. Only naming lifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<StatementId>,
    /// The delegation that an agent relies on, whose issuer, or the one at its chain's end, is who it speaks for: where `basis` is
    /// `agent`, where an agent delegates onward, and where it withdraws what it stated itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<StatementId>,
    /// Sites that serve what is claimed and sign the claim too, sorted. Each of them must have signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countersigned_by: Vec<Domain>,
    /// What is claimed.
    pub body: Body,
    /// Files that support the claim, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Exhibit>,
    /// Where an example's terms were reported. Never judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modelled_on: Option<Report>,
    /// For people. Never judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The statement, erased by law, of which this is what remains ([`crate::erasure`]). Written by the registry alone, which takes no
    /// such statement from anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remains_of: Option<StatementId>,
}

fn is_open(window: &Window) -> bool {
    *window == Window::default()
}

/// A file that supports a claim, by its hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exhibit {
    /// Its bytes.
    pub blob: BlobId,
    /// Its media type.
    pub media_type: String,
    /// Where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A public report that an example was modelled on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What is said to have been agreed or stated, in words, with "as reported".
    pub what: String,
    /// Who reported it.
    pub reported_by: String,
    /// When, as a date.
    pub as_of: String,
    /// Where, when a page is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

words!(
    /// The kinds of statements.
    Kind {
        /// You may not, or only under terms.
        Reservation = "reservation",
        /// Permission to anyone, maybe with duties.
        Grant = "grant",
        /// Permission to anyone who accepts the price.
        Offer = "offer",
        /// Takes up an offer at its terms.
        Acceptance = "acceptance",
        /// Concluded with named licensees.
        Agreement = "agreement",
        /// Settles past conduct; never clears.
        Release = "release",
        /// A duty was met.
        Discharge = "discharge",
        /// A legal dispute.
        Dispute = "dispute",
        /// Signals seen.
        Observation = "observation",
        /// Ends a statement.
        Withdrawal = "withdrawal",
        /// Lets another speak for listed scopes.
        Delegation = "delegation",
        /// Binds a key to a domain.
        KeyBinding = "key-binding",
        /// A bulk list: data set, provenance batch, repertoire.
        Manifest = "manifest",
        /// An envelope had to be erased by law.
        Erasure = "erasure",
        /// The registry saw claimed bytes served under the claimant's domain.
        ClaimProof = "claim-proof",
        /// Doubts a proven claim over bytes.
        Challenge = "challenge",
        /// The claimant's reply to a challenge.
        Answer = "answer",
    }
);

impl Kind {
    /// Whether statements of this kind can be erased by law. Without its key bindings the log could not be read, and an erasure that
    /// is erased would leave a hole that nobody explains.
    #[must_use]
    pub const fn can_be_erased(self) -> bool {
        !matches!(self, Self::KeyBinding | Self::Erasure)
    }

    /// Whether something remains of such a statement when it is erased: of what restricts, of what ends, of delegations, on which
    /// the standing of others rests, and of claim proofs, on which a reservation of bytes may rest.
    #[must_use]
    pub const fn leaves_remains(self) -> bool {
        matches!(
            self,
            Self::Reservation
                | Self::Dispute
                | Self::Observation
                | Self::Withdrawal
                | Self::Delegation
                | Self::ClaimProof
                | Self::Challenge
        )
    }
}

words!(
    /// How control of a domain was proven.
    Proof {
        /// The operator vouches for it.
        Operator = "operator",
        /// A DNS TXT record.
        DnsTxt = "dns-txt",
        /// A file under `/.well-known/`.
        WellKnown = "well-known",
        /// The Web Bot Auth key directory; such a key signs requests, not deeds.
        KeyDirectory = "key-directory",
    }
);

impl Proof {
    /// Whether a key bound so signs statements. A key of a directory of request signers answers for requests alone: whoever
    /// runs a crawler is not who licenses what a house publishes.
    #[must_use]
    pub const fn signs_deeds(self) -> bool {
        !matches!(self, Self::KeyDirectory)
    }
}

words!(
    /// Why a key no longer speaks for a domain.
    Cause {
        /// The domain no longer publishes it; stated by the registry, which looks again at intervals.
        Lapsed = "lapsed",
        /// It is out of use; what it signed stands.
        Retired = "retired",
        /// Somebody else may have it; what it signed shortly before is in doubt.
        Compromised = "compromised",
    }
);

words!(
    /// What a bulk list holds.
    ListRole {
        /// The contents of a data set.
        DataSet = "data-set",
        /// Provenance records: acquisitions, one a line.
        Provenance = "provenance",
        /// Works that a repertoire consists of.
        Repertoire = "repertoire",
    }
);

words!(
    /// How an agreement may end before its term.
    Ending {
        /// Either party may end it alone; its withdrawal takes effect when it says so.
        EitherParty = "either-party",
        /// The licensor may end it alone.
        Licensor = "licensor",
        /// The licensee may end it alone.
        Licensee = "licensee",
    }
);

/// A court case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The court.
    pub court: String,
    /// Its reference.
    pub reference: String,
    /// A public page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What is claimed, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Body {
    /// See [`Kind::Reservation`].
    Reservation {
        /// By what right.
        basis: Basis,
        /// Over what.
        scope: Scope,
        /// What is reserved.
        terms: Terms,
    },
    /// See [`Kind::Grant`].
    Grant {
        /// By what right.
        basis: Basis,
        /// Over what.
        scope: Scope,
        /// What is allowed.
        terms: Terms,
    },
    /// See [`Kind::Offer`].
    Offer {
        /// By what right.
        basis: Basis,
        /// Over what.
        scope: Scope,
        /// What is allowed to those who accept.
        terms: Terms,
        /// Last moment to accept. Left out: while the offer is in force.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accept_until: Option<Timestamp>,
    },
    /// See [`Kind::Acceptance`]. The issuer is the licensee.
    Acceptance {
        /// The offer, whose terms are pinned by its id.
        offer: StatementId,
        /// The part of the offer's scope that is taken up. Left out: none beyond what the offer covers, all of that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
    },
    /// See [`Kind::Agreement`]. The issuer is the licensor; a licensee signs too.
    Agreement {
        /// By what right.
        basis: Basis,
        /// Over what.
        scope: Scope,
        /// What is allowed to the licensees.
        terms: Terms,
        /// The licensees, sorted.
        licensees: Vec<Party>,
        /// How it may end early. Left out: by both together.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ending: Option<Ending>,
    },
    /// See [`Kind::Release`].
    Release {
        /// Over what.
        scope: Scope,
        /// Who is released, sorted.
        released: Vec<Party>,
        /// Conduct in this window.
        conduct: Window,
        /// What was paid for it. Carried, and never judged: it buys nothing onwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid: Option<Price>,
    },
    /// See [`Kind::Discharge`]. The issuer is the payee.
    Discharge {
        /// The agreement, offer or grant that asks for the duty.
        statement: StatementId,
        /// The duty's word, such as `pay`.
        duty: String,
        /// Who met it.
        licensee: Party,
        /// For which period. Left out: for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<Window>,
        /// What was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Amount>,
        /// The manifest for which the duty fell due.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<ListId>,
    },
    /// See [`Kind::Dispute`].
    Dispute {
        /// By what right.
        basis: Basis,
        /// Over what.
        scope: Scope,
        /// Before which court.
        case: Case,
        /// Whom it names, sorted. Left out: everybody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        against: Vec<Party>,
        /// The agreement that it suspends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agreement: Option<StatementId>,
    },
    /// See [`Kind::Observation`]. The issuer is the observer.
    Observation {
        /// The site that was observed.
        scope: Scope,
        /// What was seen.
        sighting: Sighting,
    },
    /// See [`Kind::Withdrawal`].
    Withdrawal {
        /// What ends.
        statement: StatementId,
        /// Of a key binding, and of nothing else: why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
        /// Of a compromised key: since when somebody else may have had it. Left out: as far back as is asked
        /// ([`COMPROMISE_WINDOW`]).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// See [`Kind::Delegation`].
    Delegation {
        /// Who may speak.
        agent: Party,
        /// Over what.
        scope: Scope,
        /// Whether the agent may delegate further.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        onward: bool,
    },
    /// See [`Kind::KeyBinding`]. The issuer is the registry's operator.
    KeyBinding {
        /// The domain.
        domain: Domain,
        /// The key, in its file form.
        key: String,
        /// How control was proven.
        proof: Proof,
        /// The domain has changed hands: nobody loosens what was captured or stated before. Left out: the same holder.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        new_tenure: bool,
    },
    /// See [`Kind::Manifest`].
    Manifest {
        /// What the list holds.
        role: ListRole,
        /// The list's digest.
        list: ListId,
        /// How many rows.
        rows: u64,
        /// How many bytes.
        bytes: u64,
        /// Media type of the list.
        media_type: String,
        /// A name for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// See [`Kind::Erasure`]. The issuer is the registry's operator.
    Erasure {
        /// The leaf whose envelope is gone.
        commitment: Commitment,
        /// The statement that it held. Left out: the leaf is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<StatementId>,
        /// Why it had to be, in words that tell nothing of what is gone.
        reason: String,
        /// What remains of it, also among the exhibits. Left out: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remains: Option<BlobId>,
    },
    /// See [`Kind::ClaimProof`]. The issuer is the registry's operator.
    ClaimProof {
        /// The claim over content.
        claim: StatementId,
        /// Names of the bytes that were served, all computed from them; sorted.
        content: Vec<ContentName>,
        /// The URL that served them, under the claimant's registrable domain.
        url: String,
        /// Start of the tenure in which they were served. Left out: no earlier tenure is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenure_from: Option<Timestamp>,
    },
    /// See [`Kind::Challenge`]. The issuer is the challenger.
    Challenge {
        /// The claim.
        claim: StatementId,
        /// Which of the claimed documents, sorted.
        content: Vec<ContentName>,
        /// Why, in words.
        why: String,
    },
    /// See [`Kind::Answer`]. The issuer is the claimant.
    Answer {
        /// The challenge.
        challenge: StatementId,
        /// What is said to it, in words.
        why: String,
    },
}

impl Body {
    /// The end of a statement that is no key binding.
    #[must_use]
    pub const fn withdrawal_of(statement: StatementId) -> Self {
        Self::Withdrawal { statement, cause: None, since: None }
    }
}

/// Why a statement can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The bytes are not the one canonical form.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// A member is unknown, missing or of the wrong shape.
    #[error("the statement does not have the shape of version {VERSION}: {0}")]
    Shape(String),
    /// Another version of the format.
    #[error("the statement has version {0}, this reader knows {VERSION}")]
    Version(u64),
    /// A member repeats its default or a list is out of order: two spellings of one statement.
    #[error("the statement is not in its one form: {0}")]
    Form(String),
    /// The members contradict each other or say nothing.
    #[error("the statement makes no sense: {0}")]
    Sense(String),
}

impl Statement {
    /// A statement of this version that says the body, and nothing besides.
    #[must_use]
    pub fn new(log: impl Into<String>, issuer: Party, issued_at: Timestamp, body: Body) -> Self {
        Self {
            version: VERSION,
            log: log.into(),
            issuer,
            issued_at,
            effective: Window::default(),
            supersedes: Vec::new(),
            delegation: None,
            countersigned_by: Vec::new(),
            body,
            evidence: Vec::new(),
            modelled_on: None,
            note: None,
            remains_of: None,
        }
    }

    /// Reads a canonical payload strictly.
    ///
    /// # Errors
    /// [`StatementError`] for anything but the one canonical form of a statement of this version that makes sense.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let value = canon::check_canonical(payload)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(StatementError::Version(version)),
            None => return Err(StatementError::Shape("`version` is missing".to_owned())),
        }
        let statement: Self =
            serde_json::from_value(value).map_err(|error| StatementError::Shape(error.to_string()))?;
        // One form: whatever serialisation would leave out or sort otherwise may not be spelled.
        if canon::to_canonical(&statement)? != payload {
            return Err(StatementError::Form("a member repeats its default".to_owned()));
        }
        crate::statement_check::check(&statement)?;
        Ok(statement)
    }

    /// The canonical payload: checked, then encoded.
    ///
    /// # Errors
    /// [`StatementError`] where [`Statement::parse`] would refuse the result.
    pub fn to_payload(&self) -> Result<Vec<u8>, StatementError> {
        crate::statement_check::check(self)?;
        Ok(canon::to_canonical(self)?)
    }

    /// The same statement with every list in its one order, as signing and registration want it.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort();
            list.dedup();
        }
        sort(&mut self.supersedes);
        sort(&mut self.countersigned_by);
        sort(&mut self.evidence);
        sort(&mut self.issuer.affiliates);
        sort(&mut self.issuer.successors);
        match &mut self.body {
            Body::Reservation { scope, terms, .. }
            | Body::Grant { scope, terms, .. }
            | Body::Offer { scope, terms, .. } => {
                *scope = std::mem::take(scope).sorted();
                *terms = std::mem::take(terms).sorted();
            }
            Body::Agreement { scope, terms, licensees, .. } => {
                *scope = std::mem::take(scope).sorted();
                *terms = std::mem::take(terms).sorted();
                sort(licensees);
            }
            Body::Release { scope, released, .. } => {
                *scope = std::mem::take(scope).sorted();
                sort(released);
            }
            Body::Dispute { scope, against, .. } => {
                *scope = std::mem::take(scope).sorted();
                sort(against);
            }
            Body::Observation { scope, sighting } => {
                *scope = std::mem::take(scope).sorted();
                sort(&mut sighting.sources);
                sighting.signals.iter_mut().for_each(|signal| sort(&mut signal.uses));
                sort(&mut sighting.signals);
            }
            Body::Delegation { scope, .. } | Body::Acceptance { scope: Some(scope), .. } => {
                *scope = std::mem::take(scope).sorted();
            }
            Body::ClaimProof { content, .. } | Body::Challenge { content, .. } => sort(content),
            _ => {}
        }
        self
    }

    /// The kind of the body.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.body {
            Body::Reservation { .. } => Kind::Reservation,
            Body::Grant { .. } => Kind::Grant,
            Body::Offer { .. } => Kind::Offer,
            Body::Acceptance { .. } => Kind::Acceptance,
            Body::Agreement { .. } => Kind::Agreement,
            Body::Release { .. } => Kind::Release,
            Body::Discharge { .. } => Kind::Discharge,
            Body::Dispute { .. } => Kind::Dispute,
            Body::Observation { .. } => Kind::Observation,
            Body::Withdrawal { .. } => Kind::Withdrawal,
            Body::Delegation { .. } => Kind::Delegation,
            Body::KeyBinding { .. } => Kind::KeyBinding,
            Body::Manifest { .. } => Kind::Manifest,
            Body::Erasure { .. } => Kind::Erasure,
            Body::ClaimProof { .. } => Kind::ClaimProof,
            Body::Challenge { .. } => Kind::Challenge,
            Body::Answer { .. } => Kind::Answer,
        }
    }

    /// The part of an offer that an acceptance takes up, which is not the acceptance's own scope.
    #[must_use]
    pub const fn taken_up(&self) -> Option<&Scope> {
        match &self.body {
            Body::Acceptance { scope, .. } => scope.as_ref(),
            _ => None,
        }
    }

    /// What it covers, where its kind covers documents.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        match &self.body {
            Body::Reservation { scope, .. }
            | Body::Grant { scope, .. }
            | Body::Offer { scope, .. }
            | Body::Agreement { scope, .. }
            | Body::Release { scope, .. }
            | Body::Dispute { scope, .. }
            | Body::Observation { scope, .. }
            | Body::Delegation { scope, .. } => Some(scope),
            _ => None,
        }
    }

    /// The names of the bytes that it claims, where it states terms over listed content.
    pub fn claimed(&self) -> impl Iterator<Item = &ContentName> {
        let include = self.terms().and(self.scope()).into_iter().flat_map(|scope| &scope.include);
        include.flat_map(|target| match target {
            Target::Content { ids } => ids.as_slice(),
            _ => &[],
        })
    }

    /// Whether its scope lists one of these names among what it covers, whatever its kind. Bytes that everybody serves are
    /// nobody's.
    #[must_use]
    pub fn lists_any(&self, names: &[ContentName]) -> bool {
        let include = self.scope().into_iter().flat_map(|scope| &scope.include);
        names
            .iter()
            .any(|name| !ubiquitous::is_common(name) && include.clone().any(|target| target.names_content(name)))
    }

    /// By what right it speaks, where its kind says so.
    #[must_use]
    pub const fn basis(&self) -> Option<Basis> {
        match &self.body {
            Body::Reservation { basis, .. }
            | Body::Grant { basis, .. }
            | Body::Offer { basis, .. }
            | Body::Agreement { basis, .. }
            | Body::Dispute { basis, .. } => Some(*basis),
            _ => None,
        }
    }

    /// Its terms, where its kind has them.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match &self.body {
            Body::Reservation { terms, .. }
            | Body::Grant { terms, .. }
            | Body::Offer { terms, .. }
            | Body::Agreement { terms, .. } => Some(terms),
            _ => None,
        }
    }

    /// The statements that it names: superseded, withdrawn, accepted, discharged, suspended, erased. They must be in the log.
    /// The statements that it names: superseded, withdrawn, accepted, discharged, suspended, proven, challenged, answered. They
    /// must be in the log.
    #[must_use]
    pub fn names(&self) -> Vec<StatementId> {
        let mut named = self.supersedes.clone();
        named.extend(self.delegation);
        match &self.body {
            Body::Acceptance { offer, .. } => named.push(*offer),
            Body::Discharge { statement, .. } | Body::Withdrawal { statement, .. } => named.push(*statement),
            Body::Dispute { agreement, .. } => named.extend(agreement),
            Body::Erasure { statement, .. } => named.extend(statement),
            Body::ClaimProof { claim, .. } | Body::Challenge { claim, .. } => named.push(*claim),
            Body::Answer { challenge, .. } => named.push(*challenge),
            _ => {}
        }
        named
    }
}
