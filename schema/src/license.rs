//! Licenses: SPDX expressions and the named texts behind them, as terms; what lawyers still argue about stays undecided.

use crate::terms::{Action, Clause, Constraints, Duty, Phase, Rule};
use crate::vocab::{AskerClass, Preference, Use};
use spdx::expression::{ExprNode, Operator};

/// Most alternatives that one expression may have.
const MAX_ALTERNATIVES: usize = 32;

/// Why an expression can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LicenseError {
    /// Not an SPDX license expression (SPDX 2.3 annex D, license list as of the `spdx` package).
    #[error("`{expression}` is not an SPDX license expression: {why}")]
    Syntax {
        /// The expression, cut to 200 characters.
        expression: String,
        /// What the parser says.
        why: String,
    },
    /// More alternatives than anybody writes.
    #[error("the license expression has more than {MAX_ALTERNATIVES} alternatives")]
    Alternatives,
}

/// What a family of licenses says of uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// No conditions.
    PublicDomain,
    /// Keep the notice, name the author.
    Attribution,
    /// The same, for non-commercial askers.
    NonCommercial,
    /// Derivatives under the same terms: whether a model is one is undecided.
    ShareAlike,
    /// The same, for non-commercial askers.
    NonCommercialShareAlike,
    /// No derivatives: whether a model is one is undecided.
    NoDerivatives,
    /// The same, for non-commercial askers.
    NonCommercialNoDerivatives,
}

/// Prefix of an SPDX identifier and its family; the longest prefix decides. Versions of one license agree on what matters
/// here, so `CC-BY-4.0` and `CC-BY-3.0-DE` are found by `CC-BY-`.
const FAMILIES: &[(&str, Family)] = &[
    ("0BSD", Family::PublicDomain),
    ("AGPL-", Family::ShareAlike),
    ("Apache-2.0", Family::Attribution),
    ("BSD-2-Clause", Family::Attribution),
    ("BSD-3-Clause", Family::Attribution),
    ("CC-BY-", Family::Attribution),
    ("CC-BY-NC-", Family::NonCommercial),
    ("CC-BY-NC-ND-", Family::NonCommercialNoDerivatives),
    ("CC-BY-NC-SA-", Family::NonCommercialShareAlike),
    ("CC-BY-ND-", Family::NoDerivatives),
    ("CC-BY-SA-", Family::ShareAlike),
    ("CC-PDDC", Family::PublicDomain),
    ("CC0-1.0", Family::PublicDomain),
    ("EUPL-", Family::ShareAlike),
    ("GFDL-", Family::ShareAlike),
    ("GPL-", Family::ShareAlike),
    ("ISC", Family::Attribution),
    ("LGPL-", Family::ShareAlike),
    ("MIT", Family::Attribution),
    ("MIT-0", Family::PublicDomain),
    ("MPL-", Family::ShareAlike),
    ("ODC-By-1.0", Family::Attribution),
    ("ODbL-1.0", Family::ShareAlike),
    ("OGL-UK-", Family::Attribution),
    ("PDDL-1.0", Family::PublicDomain),
    ("Unlicense", Family::PublicDomain),
    ("Zlib", Family::Attribution),
];

/// Uses on which courts have not said whether the result is a derivative or adapted work.
const UNDECIDED_FOR_COPYLEFT: &[Use] = &[Use::TrainAi, Use::TrainNongen, Use::AiUse, Use::AiIndex, Use::TdmOther];

fn family(id: &str) -> Option<Family> {
    // An exception or addition changes what the text says, and no table says how.
    if id.contains(' ') {
        return None;
    }
    let fits = |prefix: &str| if prefix.ends_with('-') { id.starts_with(prefix) } else { id == prefix };
    FAMILIES.iter().filter(|(prefix, _)| fits(prefix)).max_by_key(|(prefix, _)| prefix.len()).map(|(_, family)| *family)
}

/// What one named license says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Its rules.
    Known(Clause),
    /// A license whose text is not in the table.
    Unlisted,
}

/// The rules of one license by its SPDX identifier. All listed licenses are irrevocable for those who keep their terms.
#[must_use]
pub fn read(id: &str) -> Reading {
    let Some(family) = family(id) else { return Reading::Unlisted };
    let non_commercial =
        matches!(family, Family::NonCommercial | Family::NonCommercialShareAlike | Family::NonCommercialNoDerivatives);
    let copyleft = matches!(family, Family::ShareAlike | Family::NonCommercialShareAlike);
    let no_derivatives = matches!(family, Family::NoDerivatives | Family::NonCommercialNoDerivatives);
    let constraints = Constraints {
        asker_classes: non_commercial.then(|| {
            let mut classes = vec![
                AskerClass::ResearchOrganisation,
                AskerClass::CulturalHeritage,
                AskerClass::NonCommercial,
                AskerClass::Individual,
            ];
            classes.sort();
            classes
        }),
        ..Constraints::default()
    };
    let attribute = Duty { phase: Phase::During, action: Action::Attribute { text: None, url: None } };
    let share_alike = Duty { phase: Phase::During, action: Action::ShareAlike { license: id.to_owned() } };
    let rule = |uses: Vec<Use>, duties: Vec<Duty>| Rule {
        preference: Preference::Allowed,
        uses,
        constraints: constraints.clone(),
        duties,
    };
    let undecided = copyleft || no_derivatives;
    let (copying, others): (Vec<Use>, Vec<Use>) = Use::ALL
        .iter()
        .filter(|atom| !undecided || !UNDECIDED_FOR_COPYLEFT.contains(atom))
        .partition(|atom| **atom == Use::Redistribute);
    let plain = if family == Family::PublicDomain { vec![] } else { vec![attribute.clone()] };
    let copied = if copyleft { vec![attribute, share_alike] } else { plain.clone() };
    let rules = vec![rule(others, plain), rule(copying, copied)];
    let terms = crate::terms::Terms::of(rules);
    Reading::Known(terms.clauses.into_iter().next().unwrap_or_default())
}

/// Parses an expression strictly.
///
/// # Errors
/// [`LicenseError::Syntax`].
pub fn check_expression(expression: &str) -> Result<(), LicenseError> {
    alternatives(expression).map(|_| ())
}

/// The alternatives of an expression, each the licenses that it needs together, as SPDX names them.
///
/// # Errors
/// [`LicenseError`].
pub fn alternatives(expression: &str) -> Result<Vec<Vec<String>>, LicenseError> {
    let parsed = spdx::Expression::parse(expression).map_err(|error| LicenseError::Syntax {
        expression: expression.chars().take(200).collect(),
        why: error.reason.to_string(),
    })?;
    let mut stack: Vec<Vec<Vec<String>>> = Vec::new();
    for node in parsed.iter() {
        let next = match node {
            // The whole requirement is the name: `+` and `WITH` change what the text says.
            ExprNode::Req(required) => vec![vec![required.req.to_string()]],
            ExprNode::Op(operator) => {
                let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else { break };
                match operator {
                    Operator::Or => left.into_iter().chain(right).collect(),
                    Operator::And => left
                        .iter()
                        .flat_map(|one| right.iter().map(move |two| one.iter().chain(two).cloned().collect()))
                        .collect(),
                }
            }
        };
        if next.len() > MAX_ALTERNATIVES {
            return Err(LicenseError::Alternatives);
        }
        stack.push(next);
    }
    Ok(stack.pop().unwrap_or_default())
}

/// Which licenses apply after the asker's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// All of these, by SPDX identifier.
    All(Vec<String>),
    /// The expression offers alternatives and the asker has recorded no choice.
    ChoiceMissing,
    /// The expression can't be read.
    Unreadable(LicenseError),
}

/// Resolves `OR` by the asker's recorded choices: the first alternative of which every license was chosen.
#[must_use]
pub fn choose(expression: &str, choices: &[String]) -> Chosen {
    match alternatives(expression) {
        Err(error) => Chosen::Unreadable(error),
        Ok(mut all) if all.len() == 1 => Chosen::All(all.remove(0)),
        Ok(all) => all
            .into_iter()
            .find(|alternative| alternative.iter().all(|id| choices.contains(id)))
            .map_or(Chosen::ChoiceMissing, Chosen::All),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_need_a_recorded_choice() {
        let expression = "MIT OR (GPL-3.0-only AND CC-BY-4.0)";
        assert_eq!(choose(expression, &[]), Chosen::ChoiceMissing);
        assert_eq!(choose(expression, &["MIT".into()]), Chosen::All(vec!["MIT".into()]));
        assert_eq!(choose("MIT AND CC0-1.0", &[]), Chosen::All(vec!["MIT".into(), "CC0-1.0".into()]));
        assert!(matches!(choose("creative commons", &[]), Chosen::Unreadable(_)));
    }

    #[test]
    fn the_longest_prefix_names_the_family() {
        assert_eq!(family("CC-BY-4.0"), Some(Family::Attribution));
        assert_eq!(family("CC-BY-NC-SA-4.0"), Some(Family::NonCommercialShareAlike));
        assert_eq!(family("MIT-0"), Some(Family::PublicDomain));
        assert_eq!(family("MITNFA"), None);
        assert_eq!(family("LicenseRef-house"), None);
    }

    #[test]
    fn share_alike_says_nothing_of_training() {
        let Reading::Known(clause) = read("CC-BY-SA-4.0") else { panic!("listed") };
        assert!(clause.rules.iter().all(|rule| !rule.uses.contains(&Use::TrainAi)));
        assert!(clause.rules.iter().any(|rule| rule.uses.contains(&Use::Redistribute) && rule.duties.len() == 2));
    }
}
