//! Stance: what terms say of one use to anybody who reads a public file, with all that can't be published taken out.
//!
//! No verdict: who asks is not known here. Terms for some askers alone become conditions, and a prohibition stands for all.

use super::{Loss, What};
use crate::license::{self, Chosen, Reading};
use crate::terms::{Action, Clause, Constraints, Duty, Phase, Rule, Terms};
use crate::vocab::{AskerClass, Preference, Use};

/// Most alternatives for one use; terms with more are written as a denial.
const MAX_ALTERNATIVES: usize = 32;

/// What is said of a use to everybody. Silence is the absence of a stance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stance {
    /// It is reserved.
    Reserved,
    /// It is permitted under any one of these, at least one.
    Conditional(Vec<Alternative>),
    /// It is permitted to everybody without a duty.
    Allowed,
}

/// One way to be permitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alternative {
    /// Only for these. Left out: for all.
    pub askers: Option<Vec<AskerClass>>,
    /// Only there. Left out: everywhere.
    pub territories: Option<Vec<String>>,
    /// What must be done, all of it, sorted.
    pub duties: Vec<Duty>,
}

/// What one clause says of a use.
enum Said {
    Denies,
    Nothing,
    Allows(Vec<Alternative>),
}

/// How the statement's own members bear on its permissions.
pub(super) struct Bearing {
    /// Duties that every permission carries: an offer has to be accepted, a dated permission asked about.
    pub ask_first: Option<Duty>,
    /// Where to ask.
    pub ask_at: Option<String>,
}

impl Bearing {
    pub(super) fn ask(ask_at: Option<&String>) -> Duty {
        Duty { phase: Phase::Before, action: Action::ObtainLicense { from: ask_at.cloned() } }
    }
}

/// What the terms say of a use.
pub(super) fn stance(terms: &Terms, atom: Use, bearing: &Bearing, losses: &mut Vec<Loss>) -> Option<Stance> {
    let mut all = vec![Alternative::default()];
    let (mut silent, mut denied, mut spoken) = (false, false, false);
    let licenses: Vec<Option<Clause>> = terms.licenses.iter().flat_map(|text| license_clauses(text, losses)).collect();
    let clauses = terms.clauses.iter().cloned().map(Some).chain(licenses);
    for clause in clauses {
        match clause.map_or(Said::Nothing, |clause| clause_says(&clause, atom, bearing, losses)) {
            Said::Denies => denied = true,
            Said::Nothing => silent = true,
            Said::Allows(alternatives) => {
                spoken = true;
                all = both(&all, &alternatives);
            }
        }
    }
    if denied || all.len() > MAX_ALTERNATIVES {
        return Some(Stance::Reserved);
    }
    if silent || !spoken || all.is_empty() {
        return None;
    }
    if let Some(duty) = &bearing.ask_first {
        all.iter_mut().for_each(|alternative| alternative.duties.push(duty.clone()));
    }
    for alternative in &mut all {
        alternative.duties.sort();
        alternative.duties.dedup();
    }
    all.sort();
    all.dedup();
    Some(if all.contains(&Alternative::default()) { Stance::Allowed } else { Stance::Conditional(all) })
}

/// The clauses behind a license expression; `None` for one that nobody can be told about.
fn license_clauses(expression: &str, losses: &mut Vec<Loss>) -> Vec<Option<Clause>> {
    let Chosen::All(licenses) = license::choose(expression, &[]) else {
        losses.push(Loss::new(
            "all",
            What::Carried,
            format!("{expression} leaves a choice; nothing is written for it"),
        ));
        return vec![None];
    };
    let read = |id: &String| match license::read(id) {
        Reading::Known(clause) => Some(clause),
        Reading::Unlisted => None,
    };
    losses.push(Loss::new("all", What::Carried, format!("the name {expression}; its conditions are written")));
    licenses.iter().map(read).collect()
}

fn clause_says(clause: &Clause, atom: Use, bearing: &Bearing, losses: &mut Vec<Loss>) -> Said {
    let speaking: Vec<&Rule> = clause.rules.iter().filter(|rule| rule.uses.contains(&atom)).collect();
    let denying = speaking.iter().find(|rule| rule.preference == Preference::Disallowed);
    if let Some(rule) = denying {
        let narrower = speaking.len() > 1 || !rule.constraints.is_open();
        if narrower {
            let detail =
                format!("{atom}: the prohibition is written for everybody, whatever its bounds and exceptions");
            losses.push(Loss::new("all", What::Constraint, detail));
        }
        return Said::Denies;
    }
    let mut alternatives = Vec::new();
    for rule in &speaking {
        if rule.constraints.licensees.is_some() {
            losses.push(Loss::new("all", What::Licensees, format!("{atom}: a permission for named licensees")));
            continue;
        }
        let mut duties = rule.duties.clone();
        for other in speaking.iter().filter(|other| may_join(rule, other)) {
            duties.extend(other.duties.iter().cloned());
        }
        duties.sort();
        duties.dedup();
        if duties.len() > rule.duties.len() && speaking.iter().any(|other| other.constraints != rule.constraints) {
            losses.push(Loss::new(
                "all",
                What::DutiesJoined,
                format!("{atom}: duties of several rules in one license"),
            ));
        }
        if bounded(&rule.constraints) {
            duties.push(Bearing::ask(bearing.ask_at.as_ref()));
            losses.push(Loss::new("all", What::Constraint, format!("{atom}: a license has to be asked for instead")));
        }
        let Constraints { asker_classes, territories, .. } = rule.constraints.clone();
        alternatives.push(Alternative { askers: asker_classes, territories, duties });
    }
    if alternatives.is_empty() { Said::Nothing } else { Said::Allows(alternatives) }
}

/// Whether the duties of `other` may fall on somebody whom `rule` permits: not where `rule` is the more specific, which
/// then decides alone, and not where the two can't hold for one asker. Who reads a public file may choose among licenses,
/// so that a milder one for all would undo a stricter one for some.
fn may_join(rule: &Rule, other: &Rule) -> bool {
    let (one, two) = (&rule.constraints, &other.constraints);
    !one.narrower_than(two)
        && !apart(one.asker_classes.as_deref(), two.asker_classes.as_deref())
        && !apart(one.territories.as_deref(), two.territories.as_deref())
}

fn apart<T: PartialEq>(one: Option<&[T]>, other: Option<&[T]>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if !one.iter().any(|item| other.contains(item)))
}

/// Whether a constraint bounds the rule that no format can state.
fn bounded(constraints: &Constraints) -> bool {
    let Constraints { licensees: _, asker_classes: _, territories: _, channels, accesses, published, used, models } =
        constraints;
    channels.is_some() || accesses.is_some() || published.is_some() || used.is_some() || models.is_some()
}

/// Every way to meet both lists at once.
fn both(one: &[Alternative], other: &[Alternative]) -> Vec<Alternative> {
    let mut all = Vec::new();
    for (left, right) in one.iter().flat_map(|left| other.iter().map(move |right| (left, right))) {
        let askers = meet(left.askers.as_deref(), right.askers.as_deref());
        let territories = meet(left.territories.as_deref(), right.territories.as_deref());
        let nobody = askers.as_ref().is_some_and(Vec::is_empty) || territories.as_ref().is_some_and(Vec::is_empty);
        if !nobody {
            let duties = left.duties.iter().chain(&right.duties).cloned().collect();
            all.push(Alternative { askers, territories, duties });
        }
        if all.len() > MAX_ALTERNATIVES {
            break;
        }
    }
    all
}

fn meet<T: PartialEq + Clone>(one: Option<&[T]>, other: Option<&[T]>) -> Option<Vec<T>> {
    match (one, other) {
        (None, None) => None,
        (Some(list), None) | (None, Some(list)) => Some(list.to_vec()),
        (Some(one), Some(other)) => Some(one.iter().filter(|item| other.contains(item)).cloned().collect()),
    }
}
