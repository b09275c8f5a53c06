//! Usage reports as a lab makes them: one deal, one period, what was used and what it comes to; the same inputs, the same bytes.

mod file;

pub use file::{UsageFile, UsageFileError};

use crate::bill::Account;
use crate::gate::Judged;
use crate::snapshot::Mapped;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::id::{ContentId, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::pricing::{Due, Metering, Priced};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::statement::Body;
use cleartitle_schema::time::Window;
use cleartitle_schema::usage::{UsageLine, UsageReport, VERSION};
use std::collections::BTreeMap;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The deal is not in the snapshot.
    #[error("`{0}` is not in the snapshot")]
    Unknown(StatementId),
    /// What is named is no deal.
    #[error("`{0}` is neither an agreement nor the acceptance of an offer")]
    NoDeal(StatementId),
    /// A paper was named twice, or two are the same.
    #[error("two of the papers are the same bytes, which would be reported twice over")]
    Twice,
    /// Some of it was not counted.
    #[error("`{to}` is owed by {missing}, and nobody counted it")]
    Uncounted {
        /// The payee.
        to: String,
        /// What is missing.
        missing: String,
    },
    /// The snapshot is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// The statement whose terms a deal is used under: the agreement itself, or the offer that was accepted.
///
/// # Errors
/// [`ReportError`].
pub fn terms_of(snapshot: &Mapped, deal: StatementId) -> Result<StatementId, ReportError> {
    let place = snapshot.find(&deal)?.ok_or(ReportError::Unknown(deal))?;
    match snapshot.statement(place)?.statement.body {
        Body::Agreement { .. } => Ok(deal),
        Body::Acceptance { offer, .. } => Ok(offer),
        _ => Err(ReportError::NoDeal(deal)),
    }
}

/// What is counted of one deal.
#[derive(Debug)]
pub struct Used {
    terms: StatementId,
    documents: u64,
    account: Account,
}

impl Used {
    /// Nothing yet, under the terms of this statement.
    #[must_use]
    pub fn under(terms: StatementId) -> Self {
        Self { terms, documents: 0, account: Account::default() }
    }

    /// Counts an entry that is kept by the deal's permission.
    pub fn add(&mut self, judged: &Judged) {
        let decision = &judged.decision;
        let by_deal = decision.duties.iter().any(|owed| owed.statement == Some(self.terms))
            || decision.reasons.iter().any(|finding| finding.statement == Some(self.terms));
        let permitted = decision.verdict >= Verdict::Conditional && judged.outcome.action == Disposition::Keep;
        self.documents += u64::from(by_deal && permitted);
        self.account.add(judged);
    }

    /// What was counted.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The report.
    ///
    /// # Errors
    /// [`ReportError::Uncounted`].
    pub fn report(
        &self,
        log: &str,
        deal: StatementId,
        licensee: Domain,
        period: Window,
        mut papers: Vec<ContentId>,
        metering: &Metering,
    ) -> Result<UsageReport, ReportError> {
        let mut counted: BTreeMap<Priced, u64> = BTreeMap::new();
        for (owed, documents) in self.account.duties().iter().filter(|(owed, _)| owed.statement == Some(self.terms)) {
            if let Some(priced) = Priced::of(owed) {
                *counted.entry(priced).or_default() += documents;
            }
        }
        let mut lines = Vec::with_capacity(counted.len());
        for (priced, documents) in counted {
            let measured = metering.due(&priced, documents);
            let Priced { to, price, .. } = priced;
            if let Due::Uncounted { missing, .. } = measured.due {
                return Err(ReportError::Uncounted { to, missing });
            }
            let units = measured.units.filter(|units| units.0 != documents.into());
            lines.push(UsageLine { to, price, documents, units, due: measured.due });
        }
        papers.sort();
        if papers.windows(2).any(|pair| pair[0] == pair[1]) {
            // Counted twice, and told once.
            return Err(ReportError::Twice);
        }
        let documents = self.documents;
        Ok(UsageReport { version: VERSION, log: log.to_owned(), deal, licensee, period, papers, documents, lines })
    }
}
