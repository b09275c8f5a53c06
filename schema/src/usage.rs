//! Usage reports: what a licensee tells its licensor that a deal was used for: counted, priced, signed, and nobody else's to read.
//!
//! The payload is canonical JSON, so that the same use reported twice is one report with one id; the envelope is DSSE by a key of
//! the licensee. Who would attack: a competitor that wants the figures (they are in no public place; the log has a salted
//! commitment), a licensee that denies having reported (the leaf proves that it did, and when), and a stranger that reports in a
//! licensee's name (the signature is the credential).

use crate::canon::{self, CanonError, MAX_INTEGER};
use crate::id::{Commitment, ContentId, StatementId, UsageId};
use crate::issuer::Domain;
use crate::money::{Money, Price};
use crate::pricing::Due;
use crate::time::{Timestamp, Window};
use serde::{Deserialize, Serialize};

/// The version of the report that is written and read.
pub const VERSION: u32 = 1;

/// DSSE payload type of a report.
pub const USAGE_TYPE: &str = "application/vnd.cleartitle.usage+json";

/// The tag of signed requests for reports.
pub const USAGE_TAG: &str = "cleartitle-usage";

/// The most lines of a report.
pub const MAX_LINES: usize = 200;

/// Why a report was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Not canonical, too long, or of another shape.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// A version that this reader does not know.
    #[error("version {0} of usage reports is not known")]
    Version(u32),
    /// It contradicts itself.
    #[error("{0}")]
    Sense(&'static str),
}

/// One price of the deal, and what was used of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageLine {
    /// To whom it is owed: a domain.
    pub to: String,
    /// The price, as the deal has it.
    pub price: Price,
    /// Copies of documents that it fell upon.
    pub documents: u64,
    /// How often its meter turned, where that is not the documents' number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Money>,
    /// What it comes to.
    pub due: Due,
}

/// What a deal was used for in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    /// [`VERSION`].
    pub version: u32,
    /// Origin of the log that the deal is in.
    pub log: String,
    /// The agreement, or the acceptance of an offer.
    pub deal: StatementId,
    /// Who reports.
    pub licensee: Domain,
    /// The period, both ends named.
    pub period: Window,
    /// BLAKE3 of the papers that list what was used, sorted.
    pub papers: Vec<ContentId>,
    /// Copies of documents that the deal permits, in those papers.
    pub documents: u64,
    /// The prices, in their order, each with its use.
    pub lines: Vec<UsageLine>,
}

impl UsageReport {
    /// The id, and the canonical payload that is signed.
    ///
    /// # Errors
    /// [`UsageError`].
    pub fn to_payload(&self) -> Result<(UsageId, Vec<u8>), UsageError> {
        self.check()?;
        let payload = canon::to_canonical(self)?;
        Ok((UsageId::of(&payload), payload))
    }

    /// Reads a payload: the one canonical form, or refused.
    ///
    /// # Errors
    /// [`UsageError`].
    pub fn parse(payload: &[u8]) -> Result<Self, UsageError> {
        let report: Self = canon::from_canonical(payload)?;
        report.check()?;
        // A member that repeats its default would be a second form of one report.
        if canon::to_canonical(&report)? != payload {
            return Err(UsageError::Sense("a member repeats its default"));
        }
        Ok(report)
    }

    fn check(&self) -> Result<(), UsageError> {
        let sense = |holds: bool, why| if holds { Ok(()) } else { Err(UsageError::Sense(why)) };
        if self.version != VERSION {
            return Err(UsageError::Version(self.version));
        }
        let Window { from: Some(from), until: Some(until) } = self.period else {
            return Err(UsageError::Sense("a period has both ends"));
        };
        sense(from < until, "the period ends before it begins")?;
        sense(self.papers.windows(2).all(|pair| pair[0] < pair[1]), "`papers` is not sorted without repeats")?;
        sense(self.papers.len() <= MAX_LINES && self.lines.len() <= MAX_LINES, "more than 200 papers or lines")?;
        let ordered = self.lines.windows(2).all(|pair| (&pair[0].to, &pair[0].price) < (&pair[1].to, &pair[1].price));
        sense(ordered, "`lines` is not sorted without repeats")?;
        let counted = self.lines.iter().all(|line| line.documents <= self.documents);
        sense(counted && self.documents <= MAX_INTEGER, "a line has more documents than the report")?;
        let told = self.lines.iter().all(|line| !matches!(line.due, Due::Uncounted { .. } | Due::NoMoney {}));
        sense(told, "a line is not counted")
    }

    /// When its period was over.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.period.until.unwrap_or(Timestamp::MAX)
    }
}

/// Where a report stands in the log, with what proves it to whom it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageReceipt {
    /// The report's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub report: UsageId,
    /// The place of its sealed leaf in the log, from 0.
    pub index: u64,
    /// When it was received.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// The salted commitment that the leaf carries.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub commitment: Commitment,
    /// The salt of the commitment, 64 hex digits.
    pub salt: String,
    /// The canonical leaf, as the log hashes it.
    pub leaf: String,
    /// The receipt (`c2sp.org/tlog-proof@v1`): inclusion proof and signed checkpoint.
    pub receipt: String,
}

/// A report as those may read it whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageView {
    /// Its place among the reports, for paging.
    pub number: u64,
    /// Where it stands in the log.
    pub receipt: UsageReceipt,
    /// The signed envelope.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub envelope: serde_json::Value,
}

/// One page of reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageList {
    /// The reports, as they came.
    pub reports: Vec<UsageView>,
    /// `after` of the next page, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Meter, Rate};
    use proptest::prelude::*;

    fn report() -> UsageReport {
        let each = crate::money::Amount { amount: "0.01".parse().unwrap(), currency: "EUR".parse().unwrap() };
        let price = Price::new(Rate::Stated { price: each }, Meter::Document {});
        let sum = crate::money::Amount { amount: "0.07".parse().unwrap(), currency: "EUR".parse().unwrap() };
        UsageReport {
            version: VERSION,
            log: "registry.example/log".to_owned(),
            deal: StatementId([7; 32]),
            licensee: "lab.example".parse().unwrap(),
            period: Window { from: Some(Timestamp(0)), until: Some(Timestamp(Timestamp::DAY)) },
            papers: vec![ContentId([1; 32])],
            documents: 7,
            lines: vec![UsageLine {
                to: "press.example".to_owned(),
                price,
                documents: 7,
                units: None,
                due: Due::Exact { amount: sum },
            }],
        }
    }

    #[test]
    fn one_report_has_one_form() {
        let (id, payload) = report().to_payload().unwrap();
        assert_eq!(UsageReport::parse(&payload).unwrap(), report());
        assert_eq!(report().to_payload().unwrap(), (id, payload.clone()));
        let text = String::from_utf8(payload).unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"documents\":7,\"licensee\"", "\"documents\":6,\"licensee\""),
            ("\"papers\":", "\"papers\" :"),
            ("\"units\"", "\"unit\""),
            ("\"1970-01-02T00:00:00Z\"", "\"1969-01-02T00:00:00Z\""),
        ] {
            let changed = text.replace(from, to);
            assert!(changed == text || UsageReport::parse(changed.as_bytes()).is_err(), "{to}");
        }
        let uncounted = Due::Uncounted { missing: "hours".to_owned(), each: None, at_least: None, at_most: None };
        let mut vague = report();
        vague.lines[0].due = uncounted;
        assert_eq!(vague.to_payload(), Err(UsageError::Sense("a line is not counted")));
        let mut twice = report();
        twice.lines.push(twice.lines[0].clone());
        assert!(twice.to_payload().is_err());
        let mut open = report();
        open.period.until = None;
        assert_eq!(open.to_payload(), Err(UsageError::Sense("a period has both ends")));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = UsageReport::parse(&bytes);
        }
    }
}
