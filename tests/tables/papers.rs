//! A dirty sheet, built for the test: the findings that are known, and no others.

use cleartitle::dataset::mistakes::Mistakes;
use cleartitle::dataset::{Item, open};

#[test]
fn a_dirty_sheet_gives_the_known_findings_and_no_others() {
    let folder = harness::root().join("tests/fixtures/papers");
    let mut mistakes = Mistakes::default();
    let mut found = Vec::new();
    let mut rows = 0;
    for item in open(&folder.join("dirty.tsv"), None).expect("a sheet") {
        match item.expect("a row") {
            Item::Entry(entry) => {
                rows += 1;
                found.extend(mistakes.look(&entry));
            }
            Item::Damage { place, what } => panic!("{place}: {what}"),
        }
    }
    found.extend(mistakes.end());
    let mut found: Vec<String> =
        found.iter().map(|finding| format!("{}\t{}", finding.place.line.expect("a line"), finding.code)).collect();
    let known = std::fs::read_to_string(folder.join("dirty.findings.tsv")).expect("the known findings");
    let mut wanted: Vec<String> = known.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    found.sort();
    wanted.sort();
    assert_eq!(rows, 145);
    let missing: Vec<&String> = wanted.iter().filter(|one| !found.contains(one)).collect();
    let false_ones: Vec<&String> = found.iter().filter(|one| !wanted.contains(one)).collect();
    assert!(missing.is_empty() && false_ones.is_empty(), "missing: {missing:?}\nfalse: {false_ones:?}");
    assert_eq!(found, wanted);
}
