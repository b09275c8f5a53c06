//! Terms: rules with constraints and duties apart, covenants that are only carried, and `meet`, the most restrictive of two.

use crate::issuer::Party;
use crate::money::Price;
use crate::time::Window;
use crate::vocab::{Access, Artefact, AskerClass, Channel, Preference, Use, words};
use serde::{Deserialize, Serialize};

/// A set written as a sorted list without repeats: one canonical form.
pub type Sorted<T> = Vec<T>;

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Everything a statement says about uses. **All** clauses must permit: the terms are their conjunction, so that `meet`
/// is the union of clauses. A member left out has its narrowest reading.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Clauses, sorted, each of which must permit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Sorted<Clause>,
    /// SPDX license expressions, sorted, each of which applies besides the clauses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Sorted<String>,
    /// Permissions reach material of third parties shown on the same pages. Left out: they don't.
    #[serde(default, skip_serializing_if = "is_false")]
    pub third_party_material: bool,
    /// Permissions reach any copy of the document, wherever the bytes came from. Left out: only the issuer's own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub any_copy: bool,
    /// The licensee may pass the permission on. Left out: it may not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sublicensable: bool,
    /// A permission once given to a copy stays, whatever the issuer states later. Left out: it doesn't.
    #[serde(default, skip_serializing_if = "is_false")]
    pub irrevocable: bool,
    /// What may remain of artefacts after the term. Left out: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_term: Option<PostTerm>,
    /// Promises that are carried and never judged, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covenants: Sorted<Covenant>,
}

/// Rules that were written together. Within one clause the more specific rule decides; among equals, the stricter.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The rules, sorted.
    pub rules: Sorted<Rule>,
}

/// One preference for some uses, under constraints, with duties.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Allowed or disallowed.
    pub preference: Preference,
    /// Which uses, sorted, at least one.
    pub uses: Sorted<Use>,
    /// When the rule speaks at all. A false constraint makes it silent.
    #[serde(default, skip_serializing_if = "Constraints::is_open")]
    pub constraints: Constraints,
    /// What must be done for the permission to hold, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Sorted<Duty>,
}

/// Bounds on a rule; a member left out does not bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// Only for these parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensees: Option<Sorted<Party>>,
    /// Only for askers of these classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker_classes: Option<Sorted<AskerClass>>,
    /// Only for copying in these territories (ISO 3166-1 alpha-2, upper case).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territories: Option<Sorted<String>>,
    /// Only for copies got this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Sorted<Channel>>,
    /// Only for copies got by this access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accesses: Option<Sorted<Access>>,
    /// Only for documents published in this window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Window>,
    /// Only for uses in this window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Window>,
    /// Only for these models or model families, as the agreement names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Sorted<String>>,
}

impl Constraints {
    /// Whether nothing is bounded.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether these constraints are strictly narrower than `other`: every member at least as narrow, one narrower.
    #[must_use]
    pub fn narrower_than(&self, other: &Self) -> bool {
        self != other
            && subset(self.licensees.as_deref(), other.licensees.as_deref())
            && subset(self.asker_classes.as_deref(), other.asker_classes.as_deref())
            && subset(self.territories.as_deref(), other.territories.as_deref())
            && subset(self.channels.as_deref(), other.channels.as_deref())
            && subset(self.accesses.as_deref(), other.accesses.as_deref())
            && inside(self.published, other.published)
            && inside(self.used, other.used)
            && subset(self.models.as_deref(), other.models.as_deref())
    }
}

fn subset<T: PartialEq>(narrow: Option<&[T]>, wide: Option<&[T]>) -> bool {
    match (narrow, wide) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => narrow.iter().all(|item| wide.contains(item)),
    }
}

fn inside(narrow: Option<Window>, wide: Option<Window>) -> bool {
    let Some(wide) = wide else { return true };
    let Some(narrow) = narrow else { return false };
    let starts = wide.from.is_none_or(|from| narrow.from.is_some_and(|own| own >= from));
    let ends = wide.until.is_none_or(|until| narrow.until.is_some_and(|own| own <= until));
    starts && ends
}

words!(
    /// When a duty falls due.
    Phase {
        /// It must be met before the use.
        Before = "before",
        /// It must be met while the use goes on.
        During = "during",
        /// It must be met afterwards.
        After = "after",
    }
);

/// Something that must be done for a permission to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// When it falls due.
    pub phase: Phase,
    /// What it is.
    pub action: Action,
}

/// The act that a duty asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "duty", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Pay.
    Pay {
        /// How much.
        price: Price,
        /// To whom; left out: the issuer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payee: Option<Party>,
    },
    /// Name the source.
    Attribute {
        /// The credit line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Where to link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// Pass derivatives on under the same license.
    ShareAlike {
        /// The license, as an SPDX identifier.
        license: String,
    },
    /// Wait so long after publication before showing the document in answers.
    DisplayDelay {
        /// Seconds after publication.
        seconds: u32,
    },
    /// Show no more than so much of one document in an output.
    OutputCap {
        /// Consecutive words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<u32>,
        /// Percent of the document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<u32>,
    },
    /// Report uses.
    Report {
        /// How often, in days.
        every_days: u32,
        /// To whom; left out: the issuer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Party>,
    },
    /// Delete artefacts after the term.
    Delete {
        /// Which, sorted.
        artefacts: Sorted<Artefact>,
        /// Within so many days.
        within_days: u32,
    },
    /// Pass the terms on with whatever is made from the document.
    PassOn {},
    /// Obtain a license, token or consent of one's own first.
    ObtainLicense {
        /// Where: a license server, a page, a mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
}

impl Action {
    /// The words of all acts, as terms files and policies write them.
    pub const WORDS: [&str; 9] = [
        "pay",
        "attribute",
        "share-alike",
        "display-delay",
        "output-cap",
        "report",
        "delete",
        "pass-on",
        "obtain-license",
    ];

    /// The word that JSON, reports and policies use.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pay { .. } => "pay",
            Self::Attribute { .. } => "attribute",
            Self::ShareAlike { .. } => "share-alike",
            Self::DisplayDelay { .. } => "display-delay",
            Self::OutputCap { .. } => "output-cap",
            Self::Report { .. } => "report",
            Self::Delete { .. } => "delete",
            Self::PassOn {} => "pass-on",
            Self::ObtainLicense { .. } => "obtain-license",
        }
    }
}

/// A promise between the parties that says nothing about one document; carried, never judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "covenant", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Covenant {
    /// No other licensee for these uses.
    Exclusivity {
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// No other licensee gets better terms.
    MostFavoured {
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The licensor may inspect.
    Audit {
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Anything else, in words.
    Other {
        /// In words.
        note: String,
    },
}

words!(
    /// What may remain of one artefact after the term. In order: the meet of two is the first.
    Remains {
        /// It must go.
        MustDelete = "must-delete",
        /// It may be kept as it is, and not be used to make new artefacts.
        MayKeep = "may-keep",
    }
);

/// What may remain after the term, per artefact; a member left out is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostTerm {
    /// The copied documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Remains>,
    /// Indexes and embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Remains>,
    /// Model weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Remains>,
}

impl PostTerm {
    /// What is said of one artefact.
    #[must_use]
    pub const fn of(&self, artefact: Artefact) -> Option<Remains> {
        match artefact {
            Artefact::Corpus => self.corpus,
            Artefact::Index => self.index,
            Artefact::Weights => self.weights,
        }
    }
}

/// Deletion ordered by one side stands; permission to keep needs both; otherwise it is unknown.
fn meet_remains(one: Option<Remains>, other: Option<Remains>) -> Option<Remains> {
    match (one, other) {
        (Some(Remains::MustDelete), _) | (_, Some(Remains::MustDelete)) => Some(Remains::MustDelete),
        (Some(Remains::MayKeep), Some(Remains::MayKeep)) => Some(Remains::MayKeep),
        _ => None,
    }
}

fn union<T: Ord + Clone>(one: &[T], other: &[T]) -> Vec<T> {
    let mut both: Vec<T> = one.iter().chain(other).cloned().collect();
    both.sort();
    both.dedup();
    both
}

impl Terms {
    /// Terms of one clause.
    #[must_use]
    pub fn of(rules: Vec<Rule>) -> Self {
        Self { clauses: vec![Clause { rules }], ..Self::default() }.sorted()
    }

    /// Both terms at once: the most restrictive of the two in everything. Commutative, associative, idempotent.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let post_term = match (self.post_term, other.post_term) {
            (None, None) => None,
            (one, two) => {
                let (one, two) = (one.unwrap_or_default(), two.unwrap_or_default());
                let met = PostTerm {
                    corpus: meet_remains(one.corpus, two.corpus),
                    index: meet_remains(one.index, two.index),
                    weights: meet_remains(one.weights, two.weights),
                };
                (met != PostTerm::default()).then_some(met)
            }
        };
        Self {
            clauses: union(&self.clauses, &other.clauses),
            licenses: union(&self.licenses, &other.licenses),
            third_party_material: self.third_party_material && other.third_party_material,
            any_copy: self.any_copy && other.any_copy,
            sublicensable: self.sublicensable && other.sublicensable,
            irrevocable: self.irrevocable && other.irrevocable,
            post_term,
            covenants: union(&self.covenants, &other.covenants),
        }
    }

    /// The same terms with every list in its one order. Statements are accepted only in this form.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn sort<T: Ord>(list: &mut Vec<T>) {
            list.sort();
            list.dedup();
        }
        for clause in &mut self.clauses {
            for rule in &mut clause.rules {
                sort(&mut rule.uses);
                sort(&mut rule.duties);
                let bounds = &mut rule.constraints;
                bounds.licensees.iter_mut().for_each(sort);
                bounds.asker_classes.iter_mut().for_each(sort);
                bounds.territories.iter_mut().for_each(sort);
                bounds.channels.iter_mut().for_each(sort);
                bounds.accesses.iter_mut().for_each(sort);
                bounds.models.iter_mut().for_each(sort);
                for duty in &mut rule.duties {
                    if let Action::Delete { artefacts, .. } = &mut duty.action {
                        sort(artefacts);
                    }
                }
            }
            sort(&mut clause.rules);
        }
        // Members that say nothing are one spelling of silence; left out is the other, and the one that counts.
        self.post_term = self.post_term.filter(|post_term| *post_term != PostTerm::default());
        sort(&mut self.clauses);
        sort(&mut self.licenses);
        sort(&mut self.covenants);
        self
    }

    /// Every rule of every clause.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.clauses.iter().flat_map(|clause| &clause.rules)
    }
}
