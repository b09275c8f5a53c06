//! An RSL document as its author wrote it, every element of the vocabulary kept; what it means is `evaluate`'s.

use crate::vocab::words;
use serde::{Deserialize, Serialize};

words!(
    /// The vocabulary that a document is written in. Both have one namespace, and no attribute tells them apart.
    Edition {
        /// RSL 1.0 (Recommendation of 2025-12-10).
        V1_0 = "1.0",
        /// RSL 0.9 (September 2025), known by its tokens, by commas in lists, or by its payment types.
        V0_9 = "0.9",
    }
);

/// A document (RSL 1.0 section 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rsl {
    /// Days for which document and association may be relied on; 30 where nothing is said.
    pub max_age_days: Option<u32>,
    /// What it licenses.
    pub contents: Vec<Content>,
    /// Labels of version 0.9 occur.
    pub legacy: bool,
    /// Something is not as RSL 1.0 demands: by the specification the whole document is then no license, so that it may
    /// restrict and never permit.
    pub defective: bool,
    /// A bound was reached, so that the end of the document is unknown.
    pub too_much: bool,
}

impl Rsl {
    /// The vocabulary that it is written in.
    #[must_use]
    pub const fn edition(&self) -> Edition {
        if self.legacy { Edition::V0_9 } else { Edition::V1_0 }
    }
}

/// One asset or group of assets (section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Path pattern, address, or opaque name. `None`: the attribute is missing.
    pub url: Option<String>,
    /// License server: a token is needed even where nothing is paid.
    pub server: Option<String>,
    /// The files are encrypted, and the server has the key.
    pub encrypted: bool,
    /// When the assets last changed, as written.
    pub lastmod: Option<String>,
    /// Alternative licenses.
    pub licenses: Vec<License>,
    /// Other renditions of the assets, which inherit the licenses.
    pub alternates: Vec<Typed>,
    /// Where schema.org metadata stand.
    pub schemas: Vec<String>,
    /// Holders of the rights.
    pub copyrights: Vec<Copyright>,
    /// Terms for people.
    pub terms: Vec<String>,
    /// Where it stands.
    pub line: usize,
}

/// One license (section 3.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct License {
    /// Closed lists of what is allowed, one a dimension.
    pub permits: Vec<Tokens>,
    /// Lists of what is prohibited.
    pub prohibits: Vec<Tokens>,
    /// What is paid; at most one by the specification.
    pub payments: Vec<Payment>,
    /// Reports that must be made.
    pub reporting: Vec<Reporting>,
    /// Legal declarations.
    pub legal: Vec<Typed>,
    /// A credit is asked for by an element that RSL does not have.
    pub asks_credit: bool,
    /// Where it stands.
    pub line: usize,
}

/// What a list speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// Kinds of use.
    Usage,
    /// Kinds of operator.
    User,
    /// Territories.
    Geo,
    /// Something that RSL does not have, as written; empty where the attribute is missing.
    Other(String),
}

/// A list of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What the list speaks of.
    pub dimension: Dimension,
    /// The tokens, as written.
    pub tokens: Vec<String>,
    /// Where it stands.
    pub line: usize,
}

/// A payment (section 3.7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payment {
    /// `purchase`, `training`, `free` ... as written.
    pub kind: Option<String>,
    /// Names of standard licenses.
    pub standards: Vec<String>,
    /// Where the house's own terms stand, or are bought.
    pub customs: Vec<String>,
    /// Amounts.
    pub amounts: Vec<PaymentAmount>,
    /// Payment protocols by media type, with their payload.
    pub accepts: Vec<Typed>,
    /// Where it stands.
    pub line: usize,
}

/// An amount (section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentAmount {
    /// The currency, as written.
    pub currency: Option<String>,
    /// The amount, as written.
    pub text: String,
}

/// A report to be made (section 3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporting {
    /// `telemetry`, `provenance`, `audit`.
    pub kind: Option<String>,
    /// The protocol. Who does not know it is not licensed.
    pub profile: Option<String>,
    /// Where to.
    pub endpoint: Option<String>,
}

/// Holder of the rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copyright {
    /// `person` or `organization`.
    pub kind: Option<String>,
    /// The name.
    pub name: String,
    /// Mail address.
    pub contact_email: Option<String>,
    /// Contact page.
    pub contact_url: Option<String>,
}

/// A text with a type: a legal declaration, another rendition, a payment protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The type, as written.
    pub kind: Option<String>,
    /// The text.
    pub text: String,
}
