//! Reach: whether terms speak to a question, what they say, and which facts they lack.

use super::question::Question;
use super::reason::{Finding, Reason};
use crate::license::{self, Chosen, Reading as LicenseReading};
use crate::policy::Reading;
use crate::signals::{Signal, is_territory};
use crate::terms::{Clause, Constraints, Duty, Rule, Terms};
use crate::vocab::{Access, Preference};

/// What terms say to one question, strictest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The use is disallowed.
    Disallowed,
    /// It can't be told; the reason says why.
    Undetermined(Finding),
    /// The terms are silent; the reason says why.
    Silent(Finding),
    /// The use is allowed, with these duties.
    Allowed(Vec<Duty>),
}

enum Truth {
    True,
    False(&'static str),
    Missing(&'static str),
}

/// Judges the constraints of a rule. A false constraint outweighs a missing fact: the rule is silent either way.
fn judge(constraints: &Constraints, question: &Question) -> Truth {
    let copy = &question.acquisition;
    let asker = question.asker.domain.as_ref();
    let known_access = copy.access.filter(|access| *access != Access::Unknown);
    let checks = [
        (
            "licensee",
            constraints
                .licensees
                .as_ref()
                .map(|parties| asker.map(|domain| parties.iter().any(|party| party.includes(domain)))),
        ),
        (
            "asker-class",
            constraints.asker_classes.as_ref().map(|list| question.asker.class.map(|it| list.contains(&it))),
        ),
        (
            "territory",
            // What names no territory, such as `de` or `Germany`, is no place outside of those that are named either.
            constraints
                .territories
                .as_ref()
                .map(|list| question.territory.as_ref().filter(|it| is_territory(it)).map(|it| list.contains(it))),
        ),
        ("channel", constraints.channels.as_ref().map(|list| copy.channel.map(|it| list.contains(&it)))),
        ("access", constraints.accesses.as_ref().map(|list| known_access.map(|it| list.contains(&it)))),
        ("published-at", constraints.published.map(|window| copy.published_at.map(|it| window.contains(it)))),
        ("used-at", constraints.used.map(|window| Some(window.contains(question.used_at)))),
        ("model", constraints.models.as_ref().map(|list| question.model.as_ref().map(|it| list.contains(it)))),
    ];
    let bounded = || checks.iter().filter_map(|(fact, check)| check.map(|truth| (*fact, truth)));
    if let Some((fact, _)) = bounded().find(|(_, truth)| *truth == Some(false)) {
        return Truth::False(fact);
    }
    match bounded().find(|(_, truth)| truth.is_none()) {
        Some((fact, _)) => Truth::Missing(fact),
        None => Truth::True,
    }
}

/// What one clause says. The more specific of the rules that speak decides; among equals, the stricter, duties together.
fn clause_reach(clause: &Clause, question: &Question) -> Reach {
    let mut speaking: Vec<&Rule> = Vec::new();
    let mut missing: Vec<(&Rule, &'static str)> = Vec::new();
    let mut silent = Finding::new(Reason::ConstraintNotMet).detail("use");
    for rule in clause.rules.iter().filter(|rule| rule.uses.contains(&question.category)) {
        match judge(&rule.constraints, question) {
            Truth::True => speaking.push(rule),
            Truth::False(fact) => silent = Finding::new(Reason::ConstraintNotMet).detail(fact),
            Truth::Missing(fact) => missing.push((rule, fact)),
        }
    }
    let decisive: Vec<&&Rule> = speaking
        .iter()
        .filter(|rule| !speaking.iter().any(|other| other.constraints.narrower_than(&rule.constraints)))
        .collect();
    if decisive.iter().any(|rule| rule.preference == Preference::Disallowed) {
        return Reach::Disallowed;
    }
    // A rule that may or may not hold matters when it would disallow, when nothing else allows, or when it asks for more.
    let asks_more =
        |rule: &Rule| rule.duties.iter().any(|duty| !decisive.iter().any(|decided| decided.duties.contains(duty)));
    let matters = |(rule, _): &&(&Rule, &'static str)| {
        decisive.is_empty() || rule.preference == Preference::Disallowed || asks_more(rule)
    };
    if let Some((_, fact)) = missing.iter().find(matters) {
        return Reach::Undetermined(Finding::new(Reason::FactMissing).detail(*fact));
    }
    if decisive.is_empty() {
        return Reach::Silent(silent);
    }
    let mut duties: Vec<Duty> = decisive.iter().flat_map(|rule| rule.duties.iter().cloned()).collect();
    duties.sort();
    duties.dedup();
    Reach::Allowed(duties)
}

/// What a license expression says, after the asker's recorded choice.
pub(super) fn license_reach(expression: &str, question: &Question, reading: &Reading) -> Reach {
    let licenses = match license::choose(expression, &reading.license_choices) {
        Chosen::All(licenses) => licenses,
        Chosen::ChoiceMissing => {
            return Reach::Undetermined(Finding::new(Reason::LicenseChoiceMissing).detail(expression));
        }
        Chosen::Unreadable(_) => {
            return Reach::Undetermined(Finding::new(Reason::LicenseUnknown).detail(expression));
        }
    };
    let each = licenses.iter().map(|id| match license::read(id) {
        LicenseReading::Unlisted => Reach::Undetermined(Finding::new(Reason::LicenseUnknown).detail(id)),
        LicenseReading::Known(clause) => match clause_reach(&clause, question) {
            Reach::Silent(finding) if finding.detail.as_deref() == Some("use") => {
                Reach::Undetermined(Finding::new(Reason::LicenseUndecided).detail(id))
            }
            other => other,
        },
    });
    conjunction(each.collect())
}

/// What one signal says of the asked use, under the constraints and duties that the mark states.
pub(super) fn signal_reach(signal: &Signal, question: &Question) -> Reach {
    let rule = Rule {
        preference: signal.preference,
        uses: vec![question.category],
        constraints: signal.constraints.clone(),
        duties: signal.duties.clone(),
    };
    clause_reach(&Clause { rules: vec![rule] }, question)
}

/// What terms say: every clause and every license must allow.
pub(super) fn reach(terms: &Terms, question: &Question, reading: &Reading) -> Reach {
    let clauses = terms.clauses.iter().map(|clause| clause_reach(clause, question));
    let licenses = terms.licenses.iter().map(|expression| license_reach(expression, question, reading));
    conjunction(clauses.chain(licenses).collect())
}

/// Whether a rule of these terms would disallow the use, constraints aside.
pub(super) fn may_disallow(terms: &Terms, question: &Question) -> bool {
    terms.rules().any(|rule| rule.preference == Preference::Disallowed && rule.uses.contains(&question.category))
}

/// Strictest of all parts; a part that is silent while another allows leaves the whole silent: all must permit.
fn conjunction(parts: Vec<Reach>) -> Reach {
    if parts.contains(&Reach::Disallowed) {
        return Reach::Disallowed;
    }
    if let Some(found) = parts.iter().find(|part| matches!(part, Reach::Undetermined(_))) {
        return found.clone();
    }
    let mut silent = parts.iter().filter_map(|part| match part {
        Reach::Silent(finding) => Some(finding.clone()),
        _ => None,
    });
    if let Some(finding) = silent.next() {
        return Reach::Silent(finding);
    }
    if parts.is_empty() {
        return Reach::Silent(Finding::new(Reason::ConstraintNotMet).detail("use"));
    }
    let mut duties: Vec<Duty> = parts
        .into_iter()
        .flat_map(|part| match part {
            Reach::Allowed(duties) => duties,
            _ => Vec::new(),
        })
        .collect();
    duties.sort();
    duties.dedup();
    Reach::Allowed(duties)
}
