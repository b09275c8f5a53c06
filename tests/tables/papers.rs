//! A dirty sheet, built for the test: the findings that are known, and no others; and papers in the shapes of real ones.

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
            Item::NotChecked { place, what } | Item::Damage { place, what } => panic!("{place}: {what}"),
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

/// One item in a line, with everything by which it is asked for.
fn line(item: Item) -> String {
    let at = |place: &cleartitle::dataset::Place| match (place.line, place.column) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        (line, _) => line.map(|line| line.to_string()).unwrap_or_default(),
    };
    let entry = match item {
        Item::NotChecked { place, what } => return format!("not checked {}: {what}", at(&place)),
        Item::Damage { place, what } => return format!("damage {}: {what}", at(&place)),
        Item::Entry(entry) => entry,
    };
    let mut told = vec![format!("entry {} {}", at(&entry.place), entry.name.as_deref().unwrap_or("-"))];
    told.extend(entry.copy.collections.iter().map(|name| format!("in {name}")));
    told.extend(entry.copy.content.iter().map(|name| format!("is {name}")));
    told.extend(entry.copy.urls.iter().map(|url| format!("{} {}", url.role, url.url)));
    told.extend(entry.licenses.iter().map(|license| format!("license {}", license.text)));
    told.extend(entry.derived_from.iter().map(|origin| format!("from {} {}", origin.link, origin.of)));
    told.extend(entry.files.iter().map(|claim| {
        let within = claim.within.as_ref().map(|within| format!(" in {within}")).unwrap_or_default();
        let bytes = claim.bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
        format!("file {}{bytes}{within}", claim.path)
    }));
    told.extend(entry.dead.iter().map(|dead| format!("dead {}", dead.text)));
    told.join("\n  ")
}

/// Papers made in the shapes that papers in the wild have, each beside what is read of it. `UPDATE=1` writes that again.
#[test]
fn papers_in_the_shapes_of_the_wild_are_read_as_told() {
    let folder = harness::root().join("tests/fixtures/papers/shapes");
    let mut papers: Vec<_> = std::fs::read_dir(&folder).expect("papers").map(|it| it.expect("one").path()).collect();
    papers.retain(|path| path.extension().is_none_or(|end| end != "read"));
    papers.sort();
    assert!(papers.len() >= 8, "{papers:?}");
    for paper in papers {
        let items = open(&paper, None).expect("a paper").map(|item| line(item.expect("an item")));
        let read = items.collect::<Vec<_>>().join("\n") + "\n";
        let known = std::path::PathBuf::from(format!("{}.read", paper.display()));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&known, &read).expect("written");
        }
        let wanted = std::fs::read_to_string(&known).expect("what is known of it; UPDATE=1 writes it");
        assert_eq!(read, wanted, "{}", paper.display());
    }
}
