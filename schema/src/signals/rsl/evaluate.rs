//! What a content says, as signals: prohibitions of any of its licenses, offers of each, and what is offered to nobody.
//!
//! Licenses are alternatives, and any one suffices. Signals have no "or": all that speak count, the stricter first. So an
//! offer that another one makes superfluous is left out, and where two remain for one use and one asker both their duties
//! stand, which asks for more than the document and never for less.

use super::askers;
use super::document::{Content, Dimension, License, Rsl, Tokens};
use super::place::{Place, Trust};
use super::standard::{self, Asks};
use super::together::{Said, Speaks};
use crate::signals::reach::{self, Classes};
use crate::signals::territory::{self, Territories};
use crate::signals::{Complaint, Lint, Parsed, Signal, price, shown};
use crate::terms::{Constraints, Duty};
use crate::vocab::labels::{self, Label, rsl};
use crate::vocab::{AuthorityKind, Preference, Use};
use std::collections::BTreeMap;

/// Most entries of all lists of territories together, lest a short document grow a thousandfold.
const MOST_TERRITORIES: usize = 200_000;

/// An offer of one license for one use.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    of: Use,
    classes: Classes,
    /// `None`: everywhere.
    territories: Option<Territories>,
    duties: Vec<Duty>,
    doubtful: bool,
    /// Which license.
    license: usize,
}

impl Offer {
    /// Whether nobody needs `other` who has this.
    fn makes_superfluous(&self, other: &Self) -> bool {
        let within = match (&other.territories, &self.territories) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(narrow), Some(wide)) => narrow.is_subset(wide),
        };
        let no_dearer = self.duties.iter().all(|duty| other.duties.contains(duty));
        self.of == other.of && !self.doubtful && within && no_dearer && other.classes.is_subset(&self.classes)
    }
}

/// All of an offer but its use.
type Terms = (usize, Classes, Option<Territories>, Vec<Duty>, bool);

/// Evaluates contents into signals.
pub(super) struct Evaluator<'a> {
    pub rsl: &'a Rsl,
    pub document: Option<String>,
    pub authority: AuthorityKind,
    pub out: &'a mut Parsed,
    /// Entries of lists of territories so far.
    pub territories: usize,
    /// A bound was reached.
    pub too_much: bool,
}

/// What was gathered of one content.
#[derive(Default)]
struct Gathered {
    /// Label, uses and constraints of each prohibition.
    prohibited: Vec<(String, Vec<Use>, Constraints)>,
    offers: Vec<Offer>,
    /// Some prohibition can't be read, so that no permission of this content is sure.
    doubtful: bool,
    /// Some license has a list of what it permits, which is closed.
    closed: bool,
    /// Some license is more than prohibitions.
    offering: bool,
    /// Uses that a list permits, as RSL 1.0 writes them.
    permitted: Vec<Use>,
}

impl Evaluator<'_> {
    /// Adds the signals of one content, and tells what it spoke of unless it speaks of another host.
    pub fn content(&mut self, content: &Content, place: &Place) -> Option<Said> {
        let start = self.out.signals.len();
        let mut gathered = Gathered::default();
        for license in &content.licenses {
            license.prohibits.iter().for_each(|tokens| self.prohibition(tokens, &mut gathered));
        }
        for (number, license) in content.licenses.iter().enumerate() {
            self.offers(number, license, content, &mut gathered);
        }
        let barred: Vec<Use> = gathered
            .prohibited
            .iter()
            .filter(|(_, _, constraints)| constraints.is_open())
            .flat_map(|(_, uses, _)| uses.clone())
            .collect();
        gathered.offers.retain(|offer| !barred.contains(&offer.of));
        gathered.permitted.retain(|of| !barred.contains(of));
        self.nobody(content, &gathered, &barred, place);
        let closed = start..self.out.signals.len();
        for (label, uses, constraints) in gathered.prohibited.drain(..) {
            self.disallow(&label, uses, constraints, place);
        }
        let prohibited = closed.end..self.out.signals.len();
        if matches!(place.trust, Trust::Foreign(_)) {
            return None;
        }
        let speaks = match (gathered.closed, gathered.offering || content.licenses.is_empty()) {
            (true, _) => Speaks::Uses,
            (false, true) => Speaks::Terms,
            (false, false) => Speaks::Prohibitions,
        };
        let permitted = std::mem::take(&mut gathered.permitted);
        self.permit(content, gathered, place);
        let lists = |dimension: &Dimension| {
            content.licenses.iter().flat_map(|license| &license.permits).any(|list| list.dimension == *dimension)
        };
        Some(Said {
            closed,
            prohibited,
            all: start..self.out.signals.len(),
            path: place.path.clone(),
            speaks,
            permitted,
            operators: lists(&Dimension::User),
            territories: lists(&Dimension::Geo),
        })
    }

    /// Adds a signal as it is.
    pub fn say(&mut self, signal: Signal) {
        self.territories += signal.constraints.territories.as_ref().map_or(0, Vec::len);
        self.too_much |= self.territories > MOST_TERRITORIES || self.out.signals.len() >= crate::signals::MAX_SIGNALS;
        if !self.too_much {
            self.out.signals.push(signal);
        }
    }

    fn complain(&mut self, line: usize, lint: Lint, detail: impl AsRef<str>) {
        self.out.complaints.push(Complaint::at(line, lint, detail));
    }

    fn prohibition(&mut self, tokens: &Tokens, gathered: &mut Gathered) {
        for token in &tokens.tokens {
            let label = format!("prohibits {token}");
            let lowered = token.to_ascii_lowercase();
            let read = match &tokens.dimension {
                Dimension::Usage => usage(&lowered).map(|row| (row.uses(Preference::Disallowed), open())),
                Dimension::User => askers::named(&lowered).map(|(whole, partly)| {
                    let classes = whole.iter().chain(partly).copied().collect();
                    (all(), reach::constraints(&classes, None))
                }),
                Dimension::Geo => territory::meant(token).map(|codes| {
                    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
                    self.territories += codes.len();
                    (all(), Constraints { territories: Some(codes), ..open() })
                }),
                Dimension::Other(kind) => match usage(&kind.to_ascii_lowercase()) {
                    // `<prohibits type="ai-train">yes</prohibits>`: the label stands where its kind should.
                    Some(row) if !says_no(&lowered) => Some((row.uses(Preference::Disallowed), open())),
                    Some(_) => None,
                    None => usage(&lowered).map(|row| (row.uses(Preference::Disallowed), open())),
                },
            };
            match read {
                Some((uses, constraints)) => gathered.prohibited.push((label, uses, constraints)),
                None => {
                    let detail = format!("`{token}` in `prohibits` is not known: no permission beside it is sure");
                    self.complain(tokens.line, Lint::UnknownValue, detail);
                    gathered.doubtful = true;
                }
            }
        }
    }

    /// What one license offers, use by use.
    fn offers(&mut self, number: usize, license: &License, content: &Content, gathered: &mut Gathered) {
        let only_prohibits = license.permits.is_empty() && !license.prohibits.is_empty();
        if only_prohibits {
            // Whoever lists what he prohibits has not granted everything else, whatever he sells beside it.
            if let Some(payment) = license.payments.first() {
                self.complain(payment.line, Lint::Misplaced, "a payment beside prohibitions alone offers nothing");
            }
            return;
        }
        gathered.offering = true;
        let (uses, mut doubtful) = self.permitted(license, gathered);
        if license.permits.is_empty() && license.payments.is_empty() {
            self.complain(license.line, Lint::Malformed, "a license that says nothing");
            doubtful = true;
        }
        let (sure, perhaps) = self.operators(license);
        let territories = self.territories_of(license);
        for of in uses {
            let Asks { duties, classes, doubtful: asked } = standard::asks(license, content, of);
            for (mut reached, unsure) in [(sure.clone(), false), (perhaps.clone(), true)] {
                if let Some(classes) = &classes {
                    reached.retain(|class| classes.contains(class));
                }
                if reached.is_empty() || territories.as_ref().is_some_and(Territories::is_empty) {
                    continue;
                }
                gathered.offers.push(Offer {
                    of,
                    classes: reached,
                    territories: territories.clone(),
                    duties: duties.clone(),
                    doubtful: doubtful || asked || unsure,
                    license: number,
                });
            }
        }
    }

    /// The uses that a license permits, and whether that needed a repair.
    fn permitted(&mut self, license: &License, gathered: &mut Gathered) -> (Vec<Use>, bool) {
        let mut uses = Vec::new();
        let (mut closed, mut doubtful) = (false, false);
        for tokens in &license.permits {
            for token in &tokens.tokens {
                let lowered = token.to_ascii_lowercase();
                let row = match &tokens.dimension {
                    Dimension::Usage => {
                        doubtful |= *token != lowered && usage(&lowered).is_some();
                        usage(&lowered)
                    }
                    Dimension::Other(kind) => {
                        doubtful = true;
                        match usage(&kind.to_ascii_lowercase()) {
                            // `<permits type="ai-train">no</permits>` is meant as a "no", and nothing else.
                            Some(row) if says_no(&lowered) => {
                                let label = format!("permits type={kind}: {token}");
                                gathered.prohibited.push((label, row.uses(Preference::Disallowed), open()));
                                continue;
                            }
                            Some(row) => Some(row),
                            None => usage(&lowered),
                        }
                    }
                    Dimension::User | Dimension::Geo => continue,
                };
                match row {
                    Some(row) => {
                        uses.extend(row.uses(Preference::Allowed));
                        if tokens.dimension == Dimension::Usage && *token == lowered {
                            gathered.permitted.extend(row.uses(Preference::Allowed));
                        }
                    }
                    None => {
                        self.complain(
                            tokens.line,
                            Lint::UnknownValue,
                            format!("`{token}` in `permits` grants nothing"),
                        );
                    }
                }
            }
            closed |= matches!(tokens.dimension, Dimension::Usage | Dimension::Other(_));
        }
        gathered.closed |= closed;
        if !closed {
            uses = all();
        }
        uses.sort_unstable();
        uses.dedup();
        (uses, doubtful)
    }

    /// The classes that a license lets in, and those of which it lets some in.
    fn operators(&mut self, license: &License) -> (Classes, Classes) {
        let mut lists = license.permits.iter().filter(|tokens| tokens.dimension == Dimension::User).peekable();
        if lists.peek().is_none() {
            return (reach::everybody(), Classes::new());
        }
        let (mut sure, mut perhaps) = (Classes::new(), Classes::new());
        for tokens in lists {
            for token in &tokens.tokens {
                match askers::named(token) {
                    Some((whole, partly)) => {
                        sure.extend(whole);
                        perhaps.extend(partly);
                    }
                    None => {
                        self.complain(tokens.line, Lint::UnknownValue, format!("user `{token}` is let in by nothing"));
                    }
                }
            }
        }
        perhaps.retain(|class| !sure.contains(class));
        (sure, perhaps)
    }

    fn territories_of(&mut self, license: &License) -> Option<Territories> {
        let mut lists = license.permits.iter().filter(|tokens| tokens.dimension == Dimension::Geo).peekable();
        lists.peek()?;
        let mut territories = Territories::new();
        for tokens in lists {
            for token in &tokens.tokens {
                match territory::named(token) {
                    Some(codes) => territories.extend(codes),
                    None => {
                        let detail = format!("`{token}` is no ISO 3166-1 code in upper case");
                        self.complain(tokens.line, Lint::UnknownValue, detail);
                    }
                }
            }
        }
        Some(territories)
    }

    /// What no license offers, to whom and where: a closed list, be it of uses, operators or territories, reserves the
    /// rest (RSL 1.0 section 3.5).
    fn nobody(&mut self, content: &Content, gathered: &Gathered, barred: &[Use], place: &Place) {
        if !gathered.offering {
            return;
        }
        let mut rest: BTreeMap<Constraints, Vec<Use>> = BTreeMap::new();
        for of in all().into_iter().filter(|of| !barred.contains(of)) {
            let offers = gathered.offers.iter().filter(|offer| offer.of == of);
            for constraints in reach::left_out(offers.map(|offer| (&offer.classes, offer.territories.as_ref()))) {
                rest.entry(constraints).or_default().push(of);
            }
        }
        let label = format!("closed list: {}", permits(content));
        for (constraints, uses) in rest {
            self.territories += constraints.territories.as_ref().map_or(0, Vec::len);
            self.disallow(&label, uses, constraints, place);
        }
    }

    fn permit(&mut self, content: &Content, gathered: Gathered, place: &Place) {
        let legacy_or_worse = self.rsl.defective || self.rsl.legacy || gathered.doubtful;
        let doubtful = legacy_or_worse || place.trust == Trust::Vague;
        if content.licenses.is_empty() {
            let label = format!("no license; terms: {}", content.terms.join(" "));
            self.push(label, Preference::Allowed, all(), open(), Vec::new(), place, true);
            return;
        }
        if gathered.offers.is_empty() && gathered.doubtful {
            // Somebody is kept out of this place, and it can't be read who: a wider rule must not open it.
            let label = "prohibits something that is not known".to_owned();
            self.push(label, Preference::Allowed, all(), open(), Vec::new(), place, true);
            return;
        }
        let offers = needed(gathered.offers);
        let mut merged: BTreeMap<Terms, Vec<Use>> = BTreeMap::new();
        for offer in offers {
            let key = (offer.license, offer.classes, offer.territories, offer.duties, offer.doubtful);
            merged.entry(key).or_default().push(offer.of);
        }
        for ((number, classes, territories, duties, unsure), uses) in merged {
            self.territories += territories.as_ref().map_or(0, Territories::len);
            let constraints = reach::constraints(&classes, territories.as_ref());
            let label = offered(&content.licenses[number]);
            self.push(label, Preference::Allowed, uses, constraints, duties, place, doubtful || unsure);
        }
    }

    fn disallow(&mut self, label: &str, uses: Vec<Use>, constraints: Constraints, place: &Place) {
        self.push(label.to_owned(), Preference::Disallowed, uses, constraints, Vec::new(), place, false);
    }

    #[expect(clippy::too_many_arguments, reason = "one signal has so many members, and each call names all of them")]
    fn push(
        &mut self,
        label: String,
        preference: Preference,
        uses: Vec<Use>,
        constraints: Constraints,
        duties: Vec<Duty>,
        place: &Place,
        malformed: bool,
    ) {
        self.too_much |= self.territories > MOST_TERRITORIES || self.out.signals.len() >= crate::signals::MAX_SIGNALS;
        if self.too_much || uses.is_empty() {
            return;
        }
        let policy = match &place.trust {
            Trust::Foreign(name) => price::place(name).or_else(|| self.document.clone()),
            Trust::Whole | Trust::Vague => self.document.clone(),
        };
        let edition = self.rsl.edition().word();
        let signal = Signal::of("rsl", edition, shown(&label), self.authority, preference, uses);
        let path = place.path.clone();
        self.out.signals.push(Signal { constraints, duties, policy, path, malformed, ..signal });
    }
}

/// The offers that some asker needs.
fn needed(offers: Vec<Offer>) -> Vec<Offer> {
    let mut kept: Vec<Offer> = Vec::new();
    for offer in offers {
        if kept.iter().any(|other| other.makes_superfluous(&offer)) {
            continue;
        }
        kept.retain(|other| !offer.makes_superfluous(other));
        kept.push(offer);
    }
    kept
}

/// The row of a usage token of either edition.
fn usage(token: &str) -> Option<&'static Label> {
    labels::find(rsl::TABLE, token).or_else(|| labels::find(rsl::TABLE_0_9, token))
}

/// Every use that RSL speaks of.
pub(super) fn all() -> Vec<Use> {
    let mut uses = usage("all").map(|row| row.uses(Preference::Allowed)).unwrap_or_default();
    uses.sort_unstable();
    uses
}

fn says_no(text: &str) -> bool {
    matches!(
        text,
        "no" | "false" | "0" | "none" | "never" | "deny" | "denied" | "disallow" | "disallowed" | "prohibited"
    )
}

fn open() -> Constraints {
    Constraints::default()
}

/// What the licenses of a content permit, in their own words.
fn permits(content: &Content) -> String {
    let lists = content.licenses.iter().flat_map(|license| &license.permits);
    // No list of the wild is so long; it is cut to a label's length in any case.
    lists.flat_map(|list| list.tokens.iter().map(String::as_str)).take(60).collect::<Vec<_>>().join(" ")
}

fn offered(license: &License) -> String {
    let permits: Vec<&str> =
        license.permits.iter().flat_map(|list| list.tokens.iter().map(String::as_str)).take(60).collect();
    let permits = if permits.is_empty() { "everything".to_owned() } else { permits.join(" ") };
    let payment = license.payments.iter().find_map(|payment| payment.kind.as_deref()).unwrap_or("none");
    format!("permits {permits}; payment {payment}")
}
