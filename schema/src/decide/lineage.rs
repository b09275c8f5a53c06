//! Ancestors: the terms of everything a document was made from, each decided like a document of its own.

use super::question::{Question, Verdict};
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome, decide};
use crate::lineage::{DerivedFrom, Link};
use crate::vocab::Channel;

impl Case<'_> {
    /// What the ancestors come to. `own_voice`: somebody speaks for the document itself.
    pub(super) fn ancestors(&self, own_voice: bool) -> Option<Heard> {
        let copy = &self.question.acquisition;
        let synthetic = copy.channel == Some(Channel::Synthetic);
        // A link says as much as the channel: what was generated has a generator, whoever passed it on.
        let generated = synthetic || copy.lineage.iter().any(|link| link.link == Link::Generated);
        if copy.lineage.is_empty() && !synthetic {
            return None;
        }
        let mut heard = Heard::default();
        for (place, link) in copy.lineage.iter().enumerate() {
            let outcome = self.ancestor(place, link);
            heard.speaking.push(outcome);
        }
        if generated && !copy.lineage.iter().any(names_generator) {
            heard.speaking.push(Outcome::of(Verdict::Unknown, Finding::new(Reason::GeneratorUnknown)));
        }
        // A translator, an adapter, an annotator has rights of its own; a model and a copyist have none.
        let new_author = copy
            .lineage
            .iter()
            .any(|link| matches!(link.link, Link::Translation | Link::Adaptation | Link::Annotation));
        if new_author && !synthetic && !own_voice {
            heard.speaking.push(Outcome::of(Verdict::Unknown, Finding::new(Reason::NoStatement)));
        }
        Some(heard)
    }

    fn ancestor(&self, place: usize, link: &DerivedFrom) -> Outcome {
        let evidence = self.evidence.ancestors.get(place).and_then(Option::as_ref);
        let (Some(parent), Some(evidence)) = (link.parent.as_deref(), evidence) else {
            return Outcome::of(Verdict::Unknown, Finding::new(Reason::LineageUnresolved).detail(link.link.word()));
        };
        let question = Question { acquisition: parent.clone(), ..self.question.clone() };
        let decision = decide(&question, evidence, self.reading);
        let verdict = decision.verdict;
        if verdict < Verdict::Conditional {
            let finding = Finding::new(Reason::AncestorNotCleared).detail(format!("{} {verdict}", link.link));
            let mut findings = vec![finding];
            findings.extend(decision.reasons);
            return Outcome { verdict, findings, ..Outcome::default() };
        }
        let by_asker = match (&link.asserted_by, &self.question.asker.domain) {
            (None, _) => true,
            (Some(who), Some(asker)) => who == asker,
            (Some(_), None) => false,
        };
        let by_trusted = link.asserted_by.as_ref().is_some_and(|who| self.reading.trusted_observers.contains(who));
        if !by_asker && !by_trusted {
            return Outcome::of(Verdict::Unknown, Finding::new(Reason::LineageUntrusted).detail(link.link.word()));
        }
        let mut findings = vec![Finding::new(Reason::AncestorsCleared).detail(link.link.word())];
        if verdict == Verdict::Conditional {
            findings = decision.reasons;
        }
        Outcome { verdict, findings, duties: decision.duties, ..Outcome::default() }
    }
}

fn names_generator(link: &DerivedFrom) -> bool {
    link.link == Link::Generated
        && link
            .parent
            .as_ref()
            .is_some_and(|parent| parent.works.iter().any(|work| work.id.as_str().starts_with("model:")))
}
