//! Laws of `Terms::meet`, and the random terms that these and the laws of `decide` share.

use crate::money::{Amount, Meter, Price, Rate};
use crate::terms::{Action, Clause, Constraints, Covenant, Duty, Phase, PostTerm, Remains, Rule, Terms};
use crate::vocab::{AskerClass, Preference, Use};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn some_duty() -> impl Strategy<Value = Duty> {
    let price = r#"{"amount":"0.5","currency":"USD"}"#;
    let amount: Amount = serde_json::from_str(price).expect("an amount");
    let rate = Rate::Stated { price: amount };
    let price = Price::new(rate, Meter::Document {});
    let pay = Action::Pay { price, payee: None };
    let actions = vec![pay, Action::Attribute { text: None, url: None }, Action::PassOn {}];
    (select(vec![Phase::Before, Phase::After]), select(actions)).prop_map(|(phase, action)| Duty { phase, action })
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let constraints = (
        of(subsequence(vec![AskerClass::Commercial, AskerClass::ResearchOrganisation], 1..=2)),
        of(subsequence(vec!["DE".to_owned(), "FR".to_owned()], 1..=2)),
        any::<[bool; 3]>(),
    );
    let preference = select(vec![Preference::Allowed, Preference::Allowed, Preference::Disallowed]);
    let uses = subsequence(vec![Use::TrainAi, Use::Search], 1..=2);
    (preference, uses, constraints, vec(some_duty(), 0..2)).prop_map(
        |(preference, uses, (classes, territories, bound), duties)| {
            let constraints = Constraints {
                asker_classes: classes.filter(|_| bound[0]),
                territories: territories.filter(|_| bound[1]),
                ..Constraints::default()
            };
            let duties = if preference == Preference::Allowed && bound[2] { duties } else { Vec::new() };
            Rule { preference, uses, constraints, duties }
        },
    )
}

/// Terms of few words, so that two of them often meet.
pub(crate) fn some_terms() -> impl Strategy<Value = Terms> {
    let clauses = vec(vec(some_rule(), 1..3).prop_map(|rules| Clause { rules }), 0..3);
    let licenses = subsequence(vec!["CC-BY-4.0".to_owned(), "CC0-1.0".to_owned(), "MIT OR ISC".to_owned()], 0..=1);
    let remains = || of(select(vec![Remains::MustDelete, Remains::MayKeep]));
    let post_term = of((remains(), remains(), remains()));
    let covenants = subsequence(vec![Covenant::Audit { note: None }, Covenant::Exclusivity { note: None }], 0..=2);
    (clauses, licenses, any::<[bool; 4]>(), post_term, covenants).prop_map(
        |(clauses, licenses, flags, post_term, covenants)| {
            let terms = Terms {
                clauses,
                licenses,
                third_party_material: flags[0],
                any_copy: flags[1],
                sublicensable: flags[2],
                irrevocable: flags[3],
                post_term: post_term.map(|(corpus, index, weights)| PostTerm { corpus, index, weights }),
                covenants,
            };
            terms.sorted()
        },
    )
}

/// The identity of `meet`: no clause, every flag, everything may be kept. It is one of algebra alone; as a statement it
/// would allow nothing, and is refused.
fn identity() -> Terms {
    let keep = Some(Remains::MayKeep);
    Terms {
        third_party_material: true,
        any_copy: true,
        sublicensable: true,
        irrevocable: true,
        post_term: Some(PostTerm { corpus: keep, index: keep, weights: keep }),
        ..Terms::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn meet_is_a_semilattice(one in some_terms(), two in some_terms(), three in some_terms()) {
        prop_assert_eq!(one.meet(&two), two.meet(&one));
        prop_assert_eq!(one.meet(&two).meet(&three), one.meet(&two.meet(&three)));
        prop_assert_eq!(one.meet(&one), one.clone());
        prop_assert_eq!(one.meet(&identity()), one);
    }

    #[test]
    fn meet_keeps_the_one_form(one in some_terms(), two in some_terms()) {
        let met = one.meet(&two);
        prop_assert_eq!(met.clone().sorted(), met);
    }
}
