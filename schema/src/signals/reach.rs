//! Whom and where a set of offers reaches, and the constraints of what it leaves out.

use super::territory::{self, Territories};
use crate::terms::Constraints;
use crate::vocab::AskerClass;
use std::collections::{BTreeMap, BTreeSet};

/// A set of classes.
pub(super) type Classes = BTreeSet<AskerClass>;

/// Every class.
pub(super) fn everybody() -> Classes {
    AskerClass::ALL.iter().copied().collect()
}

/// Constraints that hold for these classes and territories; `None`: everywhere.
pub(super) fn constraints(classes: &Classes, territories: Option<&Territories>) -> Constraints {
    let asker_classes = (*classes != everybody()).then(|| classes.iter().copied().collect());
    let territories = territories.map(|codes| codes.iter().map(|code| (*code).to_owned()).collect());
    Constraints { asker_classes, territories, ..Constraints::default() }
}

/// Constraints that hold exactly where no offer reaches: a rule with false constraints is silent, and silence after a
/// closed list would be looser than the list.
pub(super) fn left_out<'a>(offers: impl Iterator<Item = (&'a Classes, Option<&'a Territories>)>) -> Vec<Constraints> {
    let offers: Vec<_> = offers.collect();
    // Where each class is let in; classes that are treated alike share one answer.
    let mut let_in: BTreeMap<Option<Territories>, Classes> = BTreeMap::new();
    for class in everybody() {
        let mut reached = Some(Territories::new());
        for (_, territories) in offers.iter().filter(|(classes, _)| classes.contains(&class)) {
            reached = match (reached, territories) {
                (Some(mut all), Some(more)) => {
                    all.extend(more.iter());
                    Some(all)
                }
                _ => None,
            };
        }
        let_in.entry(reached).or_default().insert(class);
    }
    let bounded = let_in.into_iter().filter_map(|(reached, classes)| reached.map(|reached| (reached, classes)));
    bounded
        .map(|(reached, classes)| Constraints {
            territories: (!reached.is_empty()).then(|| territory::others(&reached)),
            ..constraints(&classes, None)
        })
        .collect()
}
