//! Desk: where a report's fields are answered, from what was counted first and from what was given second; it notes every gap.

use super::answers::Given;
use super::document::{Answer, Document, Missing, Section, Source};
use super::modality::Modality;
use super::questions::question;
use super::sizes::Extent;
use super::{Inputs, Template};
use crate::report::size;
use cleartitle_schema::time::Timestamp;
use std::collections::BTreeMap;

/// What no report of this kind can know.
const LIMITS: &[&str] = &[
    "The registry proves who stated what and when, not who owns what; a cleared document is cleared of nothing but rights, and not of data protection.",
    "Counted is what the papers list. Data that stands in none of them is known only as far as it was answered for.",
    "Answers that are not marked as counted are the provider's own words; nothing here checks them but what was counted.",
];

/// A report on its way.
pub struct Desk<'a> {
    /// Which one.
    pub template: Template,
    /// What it is made of.
    pub inputs: Inputs<'a>,
    missing: Vec<Missing>,
    contradictions: Vec<String>,
    incomplete: Vec<String>,
    unverified: Vec<&'static str>,
}

impl<'a> Desk<'a> {
    /// A report without sections yet.
    pub fn new(template: Template, inputs: Inputs<'a>) -> Self {
        let (missing, contradictions, incomplete) = (Vec::new(), Vec::new(), Vec::new());
        let mut desk = Self { template, inputs, missing, contradictions, incomplete, unverified: Vec::new() };
        let facts = &*desk.inputs.facts;
        let mut told = Vec::new();
        if facts.damaged > 0 {
            told.push(format!("{} entries of the papers can't be read and are not counted", facts.damaged));
            told.extend(facts.damage.iter().map(|(place, what)| format!("{place}: {what}")));
        }
        let beyond = [
            (facts.licenses.beyond + facts.stated_licenses.beyond, "mentions of licenses"),
            (facts.languages.beyond, "mentions of languages"),
            (facts.generators.beyond, "mentions of generators"),
            (facts.voices.beyond, "mentions of rightsholders"),
            (facts.statements_beyond, "documents with further statements"),
            (facts.credits_beyond, "documents with further credits"),
        ];
        told.extend(beyond.iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
            format!("{count} {what} could not be told apart: a table holds {} names", super::facts::NAMES)
        }));
        desk.incomplete = told;
        desk
    }

    /// The finished report.
    pub fn finish(self, sections: Vec<Section>) -> Document {
        let (version, title) = match self.template {
            Template::Eu => (
                "eu, after the annex to C(2025) 5235 of 24 July 2025 (adopted as C(2025) 8311)",
                "Public Summary of Training Content for General-Purpose AI models",
            ),
            Template::EuSme => (
                "eu-sme, after the annex to C(2025) 5235 of 24 July 2025 (adopted as C(2025) 8311)",
                "Public Summary of Training Content for General-Purpose AI models (small and medium-sized provider)",
            ),
            Template::California => {
                ("california, AB 2013 (Civil Code section 3111(a))", "Documentation of training data under AB 2013")
            }
            Template::GpaiCopyright => (
                "gpai-copyright, Code of Practice for General-Purpose AI models of 10 July 2025",
                "Copyright policy: evidence for the copyright chapter of the GPAI Code of Practice",
            ),
            Template::Attribution => ("attribution", "Attribution notices"),
        };
        Document {
            template: version.to_owned(),
            title: title.to_owned(),
            as_of: self.inputs.as_of,
            as_of_from: self.inputs.as_of_from,
            sections,
            missing: self.missing,
            contradictions: self.contradictions,
            incomplete: self.incomplete,
            unverified: self.unverified,
            limits: LIMITS.to_vec(),
        }
    }

    /// Notes what keeps a figure or list from being whole.
    pub fn incomplete(&mut self, what: String) {
        if !self.incomplete.contains(&what) {
            self.incomplete.push(what);
        }
    }

    /// Notes what of the template could not be checked.
    pub fn unverified(&mut self, what: &'static str) {
        self.unverified.push(what);
    }

    /// What was given, as it is shown.
    fn given(&self, id: &'static str) -> Option<Answer> {
        Some(match self.inputs.answers.of(id)? {
            Given::Text(text) => match text.trim().strip_prefix("N/A") {
                Some(why) => {
                    let why = why.trim_start_matches([':', ' ', '(']).trim_end_matches(')');
                    Answer::not_applicable(if why.is_empty() { "as given" } else { why })
                }
                None => Answer::text(Source::Given, text),
            },
            Given::YesNo(yes) => Answer::yes_no(Source::Given, *yes),
            Given::List(items) => Answer::list(Source::Given, items.clone(), "an empty list was given"),
            Given::Number(number) => Answer::text(Source::Given, number.to_string()),
        })
    }

    /// A number that was given.
    pub fn number(&self, id: &'static str) -> Option<u64> {
        match self.inputs.answers.of(id) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A list that was given.
    pub fn names(&self, id: &'static str) -> Vec<String> {
        match self.inputs.answers.of(id) {
            Some(Given::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    /// The answer to a question that has to be answered.
    pub fn required(&mut self, id: &'static str) -> Answer {
        self.given(id).unwrap_or_else(|| self.lacks(id))
    }

    fn lacks(&mut self, id: &'static str) -> Answer {
        let text = question(id).map_or(id, |question| question.text);
        if !self.missing.iter().any(|missing| missing.question == id) {
            self.missing.push(Missing { question: id, text });
        }
        Answer::Missing { question: id }
    }

    /// The answer to a question that may stay open.
    pub fn optional(&self, id: &'static str) -> Answer {
        self.given(id).unwrap_or_else(|| Answer::not_applicable("optional; nothing was given"))
    }

    /// What was given; else what was counted, where that says anything; else missing.
    pub fn given_or(&mut self, id: &'static str, counted: Option<Answer>) -> Answer {
        self.given(id).or(counted).unwrap_or_else(|| self.lacks(id))
    }

    /// The answer to a question that applies only where another was answered with yes.
    pub fn follows(&mut self, yes: Option<bool>, id: &'static str, need: Need) -> Answer {
        match (yes, need) {
            (Some(false), _) => Answer::not_applicable("answered with no above"),
            (None, _) => self.given(id).unwrap_or_else(|| Answer::not_applicable("the question above is open")),
            (Some(true), Need::Must) => self.required(id),
            (Some(true), Need::May) => self.optional(id),
        }
    }

    /// Yes or no: what was counted says yes where it shows any, and nobody's no is believed against it. Papers that show none
    /// say nothing of data that they don't list, so that a no has to be given.
    pub fn yes_no(&mut self, id: &'static str, shown: u64) -> (Answer, Option<bool>) {
        let said = match self.inputs.answers.of(id) {
            Some(Given::YesNo(yes)) => Some(*yes),
            _ => None,
        };
        if shown > 0 {
            if said == Some(false) {
                let text = question(id).map_or(id, |question| question.text);
                self.contradictions
                    .push(format!("`{id}` ({text}) was answered with no; the papers list {shown} documents"));
            }
            return (Answer::yes_no(Source::Data, true), Some(true));
        }
        match said {
            Some(yes) => (Answer::yes_no(Source::Given, yes), Some(yes)),
            None => (self.lacks(id), None),
        }
    }
}

/// Whether a follow-up has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It has to.
    Must,
    /// It may stay open.
    May,
}

/// Modalities as boxes.
#[must_use]
pub fn modalities(of: &BTreeMap<Modality, Extent>) -> Answer {
    if of.is_empty() {
        return Answer::not_applicable("the papers list none");
    }
    let tick = |kind: &Modality| super::document::Tick { chosen: of.contains_key(kind), text: kind.word().to_owned() };
    Answer::Choice { options: Modality::ALL.iter().map(tick).collect(), from: Source::Data }
}

/// How much, in words.
#[must_use]
pub fn extent(of: Extent) -> String {
    let mut text = format!("{} documents", of.documents);
    if of.unsized_documents < of.documents {
        text.push_str(&format!(", {} bytes ({})", of.bytes, size(of.bytes)));
    }
    if of.unsized_documents > 0 {
        text.push_str(&format!(", {} of unknown size", of.unsized_documents));
    }
    text
}

/// How much of each modality, in words.
#[must_use]
pub fn extents(of: &BTreeMap<Modality, Extent>) -> Vec<String> {
    of.iter().map(|(kind, sum)| format!("{kind}: {}", extent(*sum))).collect()
}

/// A moment's month, as the Commission's template writes dates of collection: `MM/YYYY`.
#[must_use]
pub fn month(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{}/{}", &text[5..7], &text[..4])
}
