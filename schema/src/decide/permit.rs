//! Permit: what a permission says for this copy, once basis, proof, tenure, third parties and duties are looked at.

use super::claims::Claim;
use super::question::{DutyState, Owed, Verdict};
use super::reach::{Reach, reach};
use super::reason::{Finding, Reason};
use super::{Case, Outcome, force};
use crate::acquisition::{CopyUrl, UrlRole};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::{Authority, Domain, Party};
use crate::money::Meter;
use crate::scope::Match;
use crate::statement::{Body, Kind};
use crate::surt::UrlKey;
use crate::terms::{Action, Duty, Phase, Terms};
use crate::time::Timestamp;
use crate::vocab::{Access, Basis, Channel};

/// What became of a permission.
pub(super) enum Permit {
    /// It does not cover the copy at all.
    Elsewhere,
    /// It is silent, for this reason.
    Silent(Finding),
    /// It speaks.
    Speaks(Outcome),
}

/// Who gives a permission and by which document, for duties and reasons.
pub(super) struct Giver<'a> {
    /// The authority.
    pub authority: &'a Authority,
    /// The statement; none for a license mark.
    pub statement: Option<StatementId>,
    /// When the permission was registered; a discharge by a later tenure is somebody else's.
    pub since: Option<Timestamp>,
    /// The statements a discharge may name: the permission itself and its acceptance.
    pub discharged_by: Vec<StatementId>,
    /// A flat fee in force leaves no duty per document.
    pub flat_fee_in_force: bool,
    /// The permission reaches material of third parties.
    pub third_party_material: bool,
}

impl<'a> Giver<'a> {
    /// A mark or a signal: no statement that a discharge could name.
    pub(super) const fn by_signal(authority: &'a Authority) -> Self {
        Self {
            authority,
            statement: None,
            since: None,
            discharged_by: Vec::new(),
            flat_fee_in_force: false,
            third_party_material: false,
        }
    }
}

impl Case<'_> {
    /// What a permission that is in force says. `named` holds for agreements and accepted offers, which reach the asker by
    /// name; `discharged_by` lists further statements that a discharge may name.
    pub(super) fn permit(&self, registered: &Registered, named: bool, accepted: Option<StatementId>) -> Permit {
        let (Some(scope), Some(terms), Some(basis)) =
            (registered.statement.scope(), registered.statement.terms(), registered.statement.basis())
        else {
            return Permit::Elsewhere;
        };
        let keys = &self.evidence.keys;
        let Some(by) = scope.permits(keys, terms.any_copy) else {
            // Somebody else's copy of what the permission covers is worth a word; another document is not.
            return match scope.permits(keys, true) {
                Some(_) => Permit::Silent(Finding::new(Reason::OtherCopy).by(registered.id)),
                None => Permit::Elsewhere,
            };
        };
        if let Err(finding) = self.may_clear(registered, basis, by, named) {
            return Permit::Silent(finding.by(registered.id));
        }
        let authority = registered.authority();
        let giver = Giver {
            authority: &authority,
            statement: Some(registered.id),
            since: Some(registered.registered_at),
            discharged_by: std::iter::once(registered.id).chain(accepted).collect(),
            flat_fee_in_force: registered.statement.kind() == Kind::Agreement,
            third_party_material: terms.third_party_material,
        };
        let claim = if by == Match::Content { self.permission_challenged(registered) } else { Claim::Holds };
        match reach(terms, self.question, self.reading) {
            Reach::Disallowed => {
                let finding = Finding::new(Reason::UseDisallowed).by(registered.id);
                Permit::Speaks(Outcome::of(Verdict::Reserved, finding))
            }
            Reach::Undetermined(finding) => Permit::Speaks(Outcome::of(Verdict::Unknown, finding.by(registered.id))),
            Reach::Silent(finding) => Permit::Silent(finding.by(registered.id)),
            Reach::Allowed(_) if claim != Claim::Holds => {
                Permit::Speaks(Outcome::of(Verdict::Disputed, claim.finding(registered.id)))
            }
            Reach::Allowed(duties) => {
                let mut outcome = self.allowed(&giver, duties);
                outcome.any_copy = terms.any_copy;
                outcome.findings.extend(license_findings(terms, registered.id));
                Permit::Speaks(outcome)
            }
        }
    }

    /// Whether the issuer could clear this copy at all, terms aside.
    fn may_clear(&self, registered: &Registered, basis: Basis, by: Match, named: bool) -> Result<(), Finding> {
        match basis {
            Basis::Host => return Err(Finding::new(Reason::HostCannotClear)),
            Basis::Agent if registered.speaks_for.is_none() => return Err(Finding::new(Reason::AgentUndelegated)),
            Basis::Agent | Basis::Owner | Basis::ExclusiveLicensee | Basis::SublicensableLicensee => {}
        }
        if registered.speaker().as_str() != registered.authority().as_str() {
            return Err(Finding::new(Reason::SubdomainCannotClear));
        }
        if registered.tenure_from.is_some_and(|from| self.question.captured_at() < from) {
            return Err(Finding::new(Reason::BeforeTenure));
        }
        if !self.claim_proven(registered, by, named) {
            return Err(Finding::new(Reason::ClaimUnproven));
        }
        let claim = if by == Match::Content { self.permission_challenged(registered) } else { Claim::Holds };
        if matches!(claim, Claim::Unanswered(_)) {
            return Err(claim.finding(registered.id));
        }
        Ok(())
    }

    /// Whether a permission may be believed to be about these bytes. By URL: the URL is under the issuer's authority. By
    /// content, work or compilation: seen served by the registry, countersigned by the site the bytes came from, delivered by
    /// the licensor to its own licensee, or the identifier itself names the issuer (`model:vendor.example/name`).
    fn claim_proven(&self, registered: &Registered, by: Match, named: bool) -> bool {
        let authority = registered.authority();
        let keys = &self.evidence.keys;
        let fetched = keys.fetched().map(UrlKey::authority);
        let own = |url: &UrlKey| {
            let scope = registered.statement.scope();
            url.authority() == authority
                && scope.is_some_and(|scope| scope.include.iter().any(|target| target.covers_url(url)))
        };
        match by {
            // A copy that names several sources came from one of them, nobody knows which.
            Match::Fetched => keys.urls.iter().filter(|(role, _)| *role == UrlRole::Fetched).all(|(_, url)| own(url)),
            Match::OtherUrl => self.recorded_origins().any(|url| own(&url)),
            Match::Content | Match::Work | Match::Collection => {
                let copy = &self.question.acquisition;
                let countersigned = fetched.as_ref().is_some_and(|site| self.countersigned(registered, site));
                let delivered = named
                    && fetched.as_ref().is_none_or(|site| *site == authority)
                    && copy.access == Some(Access::Licensed)
                    && matches!(
                        copy.channel,
                        Some(
                            Channel::LicensedFeed
                                | Channel::Api
                                | Channel::Purchase
                                | Channel::Annotation
                                | Channel::Expert
                        )
                    );
                let licensor_says = || {
                    copy.works.iter().any(|mention| {
                        mention.asserted_by.as_ref().is_some_and(|who| who.authority() == authority)
                            && names_work(registered, mention.id.as_str())
                    })
                };
                let own_name = || {
                    copy.works.iter().any(|mention| {
                        names_work(registered, mention.id.as_str())
                            && vendor(mention.id.as_str()).as_ref() == Some(&authority)
                    })
                };
                let by_work = by == Match::Work && (own_name() || named && licensor_says());
                let by_delivery = by != Match::Work && delivered;
                // The proof is that the bytes were served; it says nothing of titles and compilations listed beside them.
                let by_proof = by == Match::Content && self.proven_by_serving(registered);
                by_proof || countersigned || by_work || by_delivery
            }
            Match::WeakContent | Match::Folded => false,
        }
    }

    /// Whether the site that served the bytes signed the claim too; as a licensee it would vouch for its own deal.
    fn countersigned(&self, registered: &Registered, site: &Authority) -> bool {
        let licensees = match &registered.statement.body {
            Body::Agreement { licensees, .. } => licensees.as_slice(),
            _ => &[],
        };
        let party = |signer: &Domain| {
            let domains = |party: &Party| party.domain.authority() == signer.authority() || party.includes(signer);
            licensees.iter().any(domains)
        };
        registered.signed_by.iter().any(|signer| signer.authority() == *site && !party(signer))
    }

    /// Addresses of which the copy itself, or whoever unwrapped it, says that it is a copy of what stands there. An
    /// embedding page or a redirect says nothing of the bytes, and an address found inside another is a guess.
    fn recorded_origins(&self) -> impl Iterator<Item = UrlKey> {
        let recorded = |copy: &&CopyUrl| matches!(copy.role, UrlRole::Canonical | UrlRole::Unwrapped);
        self.question.acquisition.urls.iter().filter(recorded).filter_map(|copy| UrlKey::parse(&copy.url).ok())
    }

    /// The outcome of a permission that allows: third-party material caps it, unmet duties make it conditional.
    pub(super) fn allowed(&self, giver: &Giver<'_>, duties: Vec<Duty>) -> Outcome {
        let sign = (!giver.third_party_material).then(|| self.third_party_sign(giver.authority)).flatten();
        if let Some(sign) = sign {
            let mut finding = Finding::new(Reason::ThirdPartyMaterial).detail(sign);
            finding.statement = giver.statement;
            return Outcome::of(Verdict::Unknown, finding);
        }
        let owed: Vec<Owed> = duties.into_iter().map(|duty| self.owed(giver, duty)).collect();
        let verdict = if owed.iter().any(Owed::outstanding) { Verdict::Conditional } else { Verdict::Cleared };
        let mut findings: Vec<Finding> = owed
            .iter()
            .filter_map(|owed| {
                let code = match (owed.state, &owed.duty.action) {
                    (DutyState::Outstanding, Action::Pay { .. }) => Reason::PaymentDue,
                    (DutyState::Outstanding, _) => Reason::DutyOutstanding,
                    (DutyState::Discharged, _) => Reason::DutyDischarged,
                    (DutyState::Asserted, _) => Reason::DutyAsserted,
                    (DutyState::Obligation, _) => return None,
                };
                let mut finding = Finding::new(code).detail(owed.duty.action.word());
                finding.statement = giver.statement;
                Some(finding)
            })
            .collect();
        findings.sort();
        findings.dedup();
        Outcome { verdict, findings, duties: owed, ..Outcome::default() }
    }

    /// A sign that the document shows somebody else's material.
    fn third_party_sign(&self, authority: &Authority) -> Option<String> {
        if let Some(credit) = self.question.acquisition.credits.first() {
            return Some(format!("{}: {}", credit.kind, credit.name));
        }
        let foreign = |role: UrlRole, site: &Authority| role == UrlRole::Canonical && site != authority;
        let canonical = self.evidence.keys.urls.iter().find(|(role, url)| foreign(*role, &url.authority()));
        canonical.map(|(_, url)| format!("canonical-link: {}", url.host))
    }

    fn owed(&self, giver: &Giver<'_>, duty: Duty) -> Owed {
        let payee = match &duty.action {
            Action::Pay { payee: Some(payee), .. } => Some(payee.clone()),
            _ => None,
        };
        let state = self.duty_state(giver, &duty, payee.as_ref());
        let to = payee.map_or_else(|| giver.authority.to_string(), |payee| payee.domain.to_string());
        Owed { state, statement: giver.statement, to, duty }
    }

    fn duty_state(&self, giver: &Giver<'_>, duty: &Duty, payee: Option<&Party>) -> DutyState {
        if self.discharged(giver, duty, payee) {
            return DutyState::Discharged;
        }
        if duty.phase == Phase::After {
            return DutyState::Obligation;
        }
        let flat = matches!(&duty.action, Action::Pay { price, .. } if matches!(price.meter, Meter::Flat { .. }));
        if flat && giver.flat_fee_in_force {
            return DutyState::Obligation;
        }
        let asserted = self.reading.asserted_duties.iter().any(|asserted| {
            asserted.duty == duty.action.word()
                && (asserted.statement.is_none() || asserted.statement == giver.statement)
        });
        if asserted { DutyState::Asserted } else { DutyState::Outstanding }
    }

    /// Whether the payee has signed that this asker met the duty.
    fn discharged(&self, giver: &Giver<'_>, duty: &Duty, payee: Option<&Party>) -> bool {
        let Some(asker) = self.question.asker.domain.as_ref() else { return false };
        giver.discharged_by.iter().flat_map(|id| self.naming(*id)).any(|registered| {
            let Body::Discharge { statement, duty: word, licensee, period, manifest, .. } = &registered.statement.body
            else {
                return false;
            };
            let signer = &registered.statement.issuer.domain;
            // Who only holds a desk below the domain, or came by the domain later, is not the payee.
            let by_payee = match payee {
                Some(payee) => payee.includes(signer),
                None => signer.as_str() == giver.authority.as_str(),
            };
            let in_tenure =
                registered.tenure_from.is_none_or(|tenure| giver.since.is_some_and(|since| tenure <= since));
            giver.discharged_by.contains(statement)
                // Of one manifest's documents alone, and a question doesn't say which manifest it is about.
                && manifest.is_none()
                && word == duty.action.word()
                && licensee.includes(asker)
                && period.is_none_or(|period| period.contains(self.question.used_at))
                && by_payee
                && in_tenure
                && force::binds_from(registered) <= self.now
                && self.end(registered).is_none_or(|end| end.at > self.now)
                && self.doubt(registered).is_none()
        })
    }
}

fn license_findings(terms: &Terms, id: StatementId) -> Vec<Finding> {
    terms.licenses.iter().map(|license| Finding::new(Reason::LicenseApplies).by(id).detail(license)).collect()
}

fn names_work(registered: &Registered, work: &str) -> bool {
    registered.statement.scope().is_some_and(|scope| {
        scope.include.iter().any(|target| match target {
            crate::scope::Target::Works { ids } => ids.iter().any(|id| id.as_str() == work),
            _ => false,
        })
    })
}

/// The authority that a model's identifier names: `model:vendor.example/writer-1`.
pub(super) fn vendor(work: &str) -> Option<Authority> {
    let rest = work.strip_prefix("model:")?;
    let host = rest.split('/').next()?;
    host.parse::<crate::issuer::Domain>().ok().map(|domain| domain.authority())
}
