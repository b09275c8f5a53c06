//! A first pass that looks at less: what it excludes the whole filter drops, and what it hands on comes to the same.

use super::drawn::Dice;
use super::indexes::{cases, crawl, fates, lines, terms};
use super::made::{Made, Run};
use crate::filter::{Check, Checks, FilterError};
use crate::report::Report;
use cleartitle_schema::policy::Policy;
use proptest::prelude::*;
use std::path::Path;

const PASSES: [&[Check]; 3] = [&[Check::Urls], &[Check::Urls, Check::Content], &[Check::Urls, Check::Signals]];

fn run(made: (&Made, &Policy), input: &Path, out: &Path, checks: Checks) -> Result<Report, FilterError> {
    Run { checks, ..Run::over(made.0, made.1, out, &[input.to_owned()]) }.run(&mut ())
}

/// How many records each pass excluded.
fn agrees(seed: u64) -> Result<[usize; 3], TestCaseError> {
    let mut dice = Dice(seed);
    let (snapshot, policy) = terms(&mut dice);
    let made = (&snapshot, &policy);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (input, rows) = crawl(&mut dice, 40, root);
    let full = root.join("full");
    run(made, &input, &full, Checks::ALL).unwrap();
    let wanted = fates(&full, "x.warc.gz");
    let mut excluded = [0; 3];
    for (place, named) in PASSES.into_iter().enumerate() {
        let first = root.join(format!("first-{place}"));
        let report = run(made, &input, &first, Checks::only(named)).unwrap();
        let gone = lines(&first.join("excluded/x.warc.gz.decisions.jsonl"));
        let left = lines(&first.join("not-checked/x.warc.gz.decisions.jsonl"));
        prop_assert_eq!(gone.len() + left.len(), rows.len());
        prop_assert_eq!(report.tally.candidates, left.len() as u64);
        prop_assert!(lines(&first.join("manifest.jsonl")).is_empty() && !first.join("kept/x.warc.gz").exists());
        for row in &gone {
            prop_assert_eq!(&wanted[&row["offset"].as_u64().unwrap()], "drop", "seed {} {:?} {}", seed, named, row);
        }
        for row in &left {
            let verdict = row["verdict"].as_str().unwrap();
            prop_assert!(["reserved", "disputed", "unknown"].contains(&verdict), "{}", row);
            prop_assert_eq!(&row["action"], "candidate");
            prop_assert_eq!(row["record_signals"] == "not-checked", !named.contains(&Check::Signals));
            prop_assert_eq!(row.get("content").is_some(), named.contains(&Check::Content));
        }
        // The second pass, over what is left, writes what one pass over everything writes.
        let second = root.join(format!("second-{place}"));
        run(made, &first.join("candidates/x.warc.gz"), &second, Checks::ALL).unwrap();
        for part in ["kept/x.warc.gz", "review/x.warc.gz"] {
            let bytes = |out: &Path| std::fs::read(out.join(part)).ok();
            prop_assert_eq!(bytes(&second), bytes(&full), "seed {} {:?}", seed, named);
        }
        excluded[place] = gone.len();
    }
    Ok(excluded)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn two_passes_keep_what_one_keeps(seed in any::<u64>()) {
        agrees(seed)?;
    }
}

#[test]
fn the_property_is_not_held_by_excluding_nothing() {
    let mut excluded = [0; 3];
    for seed in 0..16 {
        let some = agrees(seed).unwrap();
        excluded.iter_mut().zip(some).for_each(|(sum, some)| *sum += some);
    }
    assert!(excluded.iter().all(|&sum| sum > 60), "{excluded:?} excluded by urls, content and signals");
}
