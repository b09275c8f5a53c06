//! From the tree of elements to the typed document, with a complaint for whatever RSL 1.0 does not have.

use super::document::{Content, Copyright, Dimension, License, Payment, PaymentAmount, Reporting, Rsl, Tokens, Typed};
use super::xml::{Element, Space};
use crate::signals::{Complaint, Lint};
use crate::vocab::labels::{self, rsl};

/// Most contents, and most alternatives of one content. More than anybody writes by hand; a plug-in that lists each post
/// of a site reaches hundreds.
const MOST_CONTENTS: usize = 2_000;
const MOST_LICENSES: usize = 64;
/// Most tokens of one list.
const MOST_TOKENS: usize = 300;
/// Most complaints.
const MOST_COMPLAINTS: usize = 200;

const PAYMENTS: &[&str] =
    &["purchase", "subscription", "training", "crawl", "use", "contribution", "attribution", "free"];
const PAYMENTS_0_9: &[&str] = &["inference", "royalty"];
const LEGAL: &[&str] = &["warranty", "disclaimer", "attestation", "contact", "proof"];
const REPORTING: &[&str] = &["telemetry", "provenance", "audit"];

/// The document under construction, and what was wrong with it.
pub(super) struct Reader<'a> {
    pub rsl: Rsl,
    pub complaints: &'a mut Vec<Complaint>,
}

impl Reader<'_> {
    fn note(&mut self, line: usize, lint: Lint, detail: impl AsRef<str>) {
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(Complaint::at(line, lint, detail));
        }
    }

    /// Something that makes the document no license.
    fn defect(&mut self, line: usize, lint: Lint, detail: impl AsRef<str>) {
        self.rsl.defective = true;
        self.note(line, lint, detail);
    }

    /// Children that belong to RSL; others' elements are extensions and ignored (RSL 1.0 section 3.1).
    fn own<'e>(&mut self, element: &'e Element) -> Vec<&'e Element> {
        let meant: Vec<&Element> = element.children.iter().filter(|child| child.space != Space::Foreign).collect();
        if let Some(odd) = meant.iter().find(|child| child.space != Space::Rsl) {
            self.defect(odd.line, Lint::Malformed, format!("`{}` is not in RSL's namespace", odd.name));
        }
        meant
    }

    fn unknown(&mut self, parent: &str, element: &Element) {
        let detail = format!("`{}` in `{parent}`: RSL has no such element there", element.name);
        self.defect(element.line, Lint::UnknownLabel, detail);
    }

    fn attributes(&mut self, element: &Element, known: &[&str]) {
        let unknown = element.attributes.iter().find(|(name, _)| !known.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            let detail = format!("`{}` has no attribute `{name}`", element.name);
            self.defect(element.line, Lint::UnknownLabel, detail);
        }
    }

    fn kind(&mut self, element: &Element, known: &[&str]) -> Option<String> {
        let kind = element.attribute("type").map(str::to_owned);
        if !kind.as_deref().is_some_and(|kind| known.contains(&kind)) {
            let shown = kind.as_deref().unwrap_or("missing");
            self.defect(element.line, Lint::UnknownValue, format!("type `{shown}` of `{}`", element.name));
        }
        kind
    }

    /// A text of a form that the vocabulary does not bind, such as a media type.
    fn typed(element: &Element) -> Typed {
        Typed { kind: element.attribute("type").map(str::to_owned), text: element.trimmed().to_owned() }
    }

    /// Reads the root element.
    pub fn root(&mut self, root: &Element) {
        if root.space != Space::Rsl {
            self.defect(root.line, Lint::Malformed, "the root is not in RSL's namespace");
        }
        self.attributes(root, &["max-age"]);
        if let Some(days) = root.attribute("max-age") {
            self.rsl.max_age_days = days.parse().ok().filter(|days| *days > 0);
            if self.rsl.max_age_days.is_none() {
                self.note(root.line, Lint::UnknownValue, format!("max-age `{days}` is not a number of days"));
            }
        }
        for child in self.own(root) {
            match child.name.as_str() {
                "content" => self.content(child),
                _ => self.unknown("rsl", child),
            }
        }
        if self.rsl.contents.is_empty() {
            self.defect(root.line, Lint::Malformed, "no `content`");
        }
    }

    /// Reads a `content`.
    pub fn content(&mut self, element: &Element) {
        if self.rsl.contents.len() >= MOST_CONTENTS {
            self.rsl.too_much = true;
            return;
        }
        self.attributes(element, &["url", "server", "encrypted", "lastmod"]);
        let text = |name: &str| element.attribute(name).map(str::to_owned);
        let mut content = Content {
            url: text("url"),
            server: text("server"),
            encrypted: element.attribute("encrypted").is_some_and(|value| value != "false"),
            lastmod: text("lastmod"),
            line: element.line,
            ..Content::default()
        };
        if content.url.is_none() {
            self.defect(element.line, Lint::Malformed, "a `content` without `url`");
        }
        if element.attribute("encrypted").is_some_and(|value| !matches!(value, "true" | "false")) {
            self.defect(element.line, Lint::UnknownValue, "`encrypted` is neither `true` nor `false`");
        }
        if content.server.is_some() && content.url.as_deref().is_some_and(|url| url.trim().is_empty()) {
            self.defect(element.line, Lint::Malformed, "a server, and no `url` to name to it");
        }
        if content.encrypted && content.server.is_none() {
            self.defect(element.line, Lint::Malformed, "encrypted, and no server has the key");
        }
        for child in self.own(element) {
            match child.name.as_str() {
                "license" if content.licenses.len() >= MOST_LICENSES => self.rsl.too_much = true,
                "license" => content.licenses.push(self.license(child)),
                "alternate" => content.alternates.push(Self::typed(child)),
                "schema" => content.schemas.push(child.trimmed().to_owned()),
                "copyright" => {
                    let kind = self.kind(child, &["person", "organization"]);
                    let text = |name: &str| child.attribute(name).map(str::to_owned);
                    content.copyrights.push(Copyright {
                        kind,
                        name: child.trimmed().to_owned(),
                        contact_email: text("contactEmail"),
                        contact_url: text("contactUrl"),
                    });
                }
                "terms" => {
                    let url = child.trimmed();
                    self.note(child.line, Lint::TermsElsewhere, format!("terms for people: {url}"));
                    content.terms.push(url.to_owned());
                }
                _ => self.unknown("content", child),
            }
        }
        if content.licenses.is_empty() {
            self.defect(element.line, Lint::Malformed, "a `content` without `license`");
        }
        self.rsl.contents.push(content);
    }

    fn license(&mut self, element: &Element) -> License {
        self.attributes(element, &[]);
        let mut license = License { line: element.line, ..License::default() };
        for child in self.own(element) {
            match child.name.as_str() {
                "permits" => {
                    let tokens = self.tokens(child, &license.permits);
                    license.permits.push(tokens);
                }
                "prohibits" => {
                    let tokens = self.tokens(child, &license.prohibits);
                    license.prohibits.push(tokens);
                }
                "payment" => {
                    if !license.payments.is_empty() {
                        self.defect(child.line, Lint::Contradiction, "more than one `payment` in a license");
                    }
                    let payment = self.payment(child);
                    license.payments.push(payment);
                }
                "reporting" => {
                    self.attributes(child, &["type", "profile", "endpoint"]);
                    let kind = self.kind(child, REPORTING);
                    let text = |name: &str| child.attribute(name).map(str::to_owned);
                    license.reporting.push(Reporting { kind, profile: text("profile"), endpoint: text("endpoint") });
                }
                "legal" => {
                    let kind = self.kind(child, LEGAL);
                    license.legal.push(Typed { kind, text: child.trimmed().to_owned() });
                }
                other => {
                    // It is no element of RSL, and there is no doubt what its author asks for.
                    license.asks_credit |= other == "attribution" && child.attribute("required") != Some("no");
                    self.unknown("license", child);
                }
            }
        }
        license
    }

    fn tokens(&mut self, element: &Element, before: &[Tokens]) -> Tokens {
        self.attributes(element, &["type"]);
        let dimension = match element.attribute("type") {
            Some("usage") => Dimension::Usage,
            Some("user") => Dimension::User,
            Some("geo") => Dimension::Geo,
            other => {
                let shown = other.unwrap_or_default();
                self.defect(element.line, Lint::UnknownValue, format!("type `{shown}` of `{}`", element.name));
                // Without a type every list in the wild is one of uses.
                if shown.is_empty() { Dimension::Usage } else { Dimension::Other(shown.to_owned()) }
            }
        };
        if before.iter().any(|tokens| tokens.dimension == dimension) {
            self.defect(element.line, Lint::Contradiction, format!("two `{}` of one type", element.name));
        }
        if let Some(child) = self.own(element).first() {
            self.unknown(&element.name, child);
        }
        if element.text.contains(',') {
            self.rsl.legacy = true;
            self.note(element.line, Lint::LegacyLabel, format!("`{}`: commas are of RSL 0.9", element.trimmed()));
        }
        let mut split = element.text.split(|letter: char| letter.is_whitespace() || letter == ',');
        let mut tokens: Vec<String> = Vec::new();
        for token in split.by_ref().filter(|token| !token.is_empty()) {
            if tokens.len() >= MOST_TOKENS {
                self.rsl.too_much = true;
                break;
            }
            if dimension == Dimension::Usage && labels::find(rsl::TABLE_0_9, &token.to_ascii_lowercase()).is_some() {
                self.rsl.legacy = true;
                self.note(element.line, Lint::LegacyLabel, format!("`{token}` is a label of RSL 0.9"));
            }
            tokens.push(token.to_owned());
        }
        if tokens.is_empty() {
            self.defect(element.line, Lint::Malformed, format!("an empty `{}`", element.name));
        }
        Tokens { dimension, tokens, line: element.line }
    }

    fn payment(&mut self, element: &Element) -> Payment {
        self.attributes(element, &["type"]);
        let mut payment =
            Payment { kind: element.attribute("type").map(str::to_owned), line: element.line, ..Payment::default() };
        match payment.kind.as_deref() {
            Some(kind) if PAYMENTS.contains(&kind) => {}
            Some(kind) if PAYMENTS_0_9.contains(&kind) => {
                self.rsl.legacy = true;
                self.note(element.line, Lint::LegacyLabel, format!("payment type `{kind}` is of RSL 0.9"));
            }
            Some(kind) => {
                self.defect(element.line, Lint::UnknownValue, format!("payment type `{kind}`"));
            }
            // Section 1.1: whose terms they are is then said by a standard or the house's own address.
            None if self.own(element).iter().any(|child| matches!(child.name.as_str(), "standard" | "custom")) => {}
            None => self.defect(element.line, Lint::Malformed, "a `payment` without type"),
        }
        for child in self.own(element) {
            let text = child.trimmed().to_owned();
            match child.name.as_str() {
                "standard" => payment.standards.push(text),
                "custom" => payment.customs.push(text),
                "accepts" => payment.accepts.push(Self::typed(child)),
                "amount" => {
                    let currency = child.attribute("currency").map(str::to_owned);
                    if currency.as_deref() == Some("XBT") {
                        self.rsl.legacy = true;
                        self.note(child.line, Lint::LegacyLabel, "currency `XBT` is of RSL 0.9");
                    }
                    payment.amounts.push(PaymentAmount { currency, text });
                }
                _ => self.unknown("payment", child),
            }
        }
        let most = [payment.standards.len(), payment.customs.len(), payment.amounts.len(), payment.accepts.len()];
        if most.into_iter().any(|count| count > 1) {
            self.defect(element.line, Lint::Contradiction, "more than one element of a kind in a `payment`");
        }
        payment
    }
}
