//! Chains across papers: found by name, bytes and URL; cycles, depth, breadth and names that several bear stay unresolved.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn papers(folder: &Path, papers: &[&[Value]]) -> Vec<PathBuf> {
    let write = |(number, rows): (usize, &&[Value])| {
        let path = folder.join(format!("{number}.jsonl"));
        let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    papers.iter().enumerate().map(write).collect()
}

/// The first entry of the first paper, resolved over all.
fn first(rows: &[&[Value]]) -> Acquisition {
    let folder = tempfile::tempdir().unwrap();
    let papers = papers(folder.path(), rows);
    let index = Index::of(Papers::usual(&papers)).unwrap();
    let Some(Ok(Item::Entry(entry))) = crate::dataset::open(&papers[0], None).unwrap().next() else {
        panic!("an entry")
    };
    resolve(*entry, &index).copy
}

/// The names that lead nowhere from the first entry, each with the links that lead there.
fn nowhere(rows: &[&[Value]]) -> Vec<(Vec<usize>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let papers = papers(folder.path(), rows);
    let index = Index::of(Papers::usual(&papers)).unwrap();
    let Some(Ok(Item::Entry(entry))) = crate::dataset::open(&papers[0], None).unwrap().next() else {
        panic!("an entry")
    };
    resolve(*entry, &index).nowhere.into_iter().map(|nowhere| (nowhere.at, nowhere.name)).collect()
}

#[test]
fn a_name_that_leads_nowhere_is_told_with_its_place() {
    let at = |place: &[usize], name: &str| (place.to_vec(), name.to_owned());
    assert_eq!(nowhere(&[&[made("a", &["b", "gone"]), made("b", &[])]]), [at(&[1], "gone")]);
    // Below another, behind a link of the entry's own; and back to where it came from.
    let mut root = made("a", &["b", "c"]);
    root["lineage"] = json!([{"link": "excerpt", "parent": {"content": [format!("blake3:{}", "1".repeat(64))]}}]);
    let rows = [root, made("b", &["x", "c"]), made("c", &["y", "b"])];
    let told = nowhere(&[&rows]);
    let wanted = [
        at(&[1, 0], "x"),
        at(&[1, 1, 0], "y"),
        at(&[1, 1, 1], "b"),
        at(&[2, 0], "y"),
        at(&[2, 1, 0], "x"),
        at(&[2, 1, 1], "c"),
    ];
    assert_eq!(told, wanted);
    // Each of them is a link without a parent, and there is no other.
    fn at_link<'c>(copy: &'c Acquisition, at: &[usize]) -> &'c DerivedFrom {
        let link = &copy.lineage[at[0]];
        if at.len() == 1 { link } else { at_link(link.parent.as_deref().unwrap(), &at[1..]) }
    }
    let copy = first(&[&rows]);
    assert!(told.iter().all(|(at, _)| at_link(&copy, at).parent.is_none()), "{copy:?}");
    assert_eq!(depth(&copy).1, told.len());
}

/// The deepest chain of links below a copy, and how many links there are that lead nowhere.
fn depth(copy: &Acquisition) -> (usize, usize) {
    let below = |link: &DerivedFrom| link.parent.as_deref().map_or((0, 1), depth);
    let all: Vec<_> = copy.lineage.iter().map(below).collect();
    let deepest = all.iter().map(|(depth, _)| depth + 1).max().unwrap_or(0);
    (deepest, all.iter().map(|(_, nowhere)| nowhere).sum())
}

fn made(name: &str, of: &[&str]) -> Value {
    let origins: Vec<Value> = of.iter().map(|of| json!({"link": "adaptation", "of": of})).collect();
    json!({"name": name, "url": format!("https://{name}.example/"), "derived_from": origins})
}

#[test]
fn a_chain_runs_through_all_papers() {
    let id = format!("blake3:{}", "1".repeat(64));
    let rewrite =
        json!({"name": "rewrite", "channel": "synthetic", "derived_from": [{"link": "generated", "of": "note-1"}]});
    let note = json!({"name": "note-1", "url": "https://desk.example/1",
        "lineage": [{"link": "annotation", "parent": {"content": [id]}}]});
    let crawled = json!({"url": "https://press.example/a", "content": id});
    let copy = first(&[&[rewrite], &[note], &[crawled]]);
    assert_eq!(depth(&copy), (2, 0), "{copy:?}");
    let note = copy.lineage[0].parent.as_deref().unwrap();
    assert_eq!((copy.lineage[0].link, note.fetched_url()), (Link::Generated, Some("https://desk.example/1")));
    let [link] = note.lineage.as_slice() else { panic!("the reference is the entry, once: {note:?}") };
    assert_eq!(link.parent.as_deref().unwrap().fetched_url(), Some("https://press.example/a"));
}

#[test]
fn what_a_link_says_and_no_entry_does_stays() {
    let id = format!("blake3:{}", "1".repeat(64));
    let parent = json!({"content": [id], "urls": [{"role": "fetched", "url": "https://elsewhere.example/"}]});
    let row = json!({"url": "https://desk.example/1", "lineage": [{"link": "excerpt", "parent": parent}]});
    let crawled = json!({"url": "https://press.example/a", "content": id});
    let copy = first(&[&[row, crawled]]);
    let urls: Vec<_> = copy.lineage.iter().map(|link| link.parent.as_deref().unwrap().fetched_url().unwrap()).collect();
    assert_eq!(urls, ["https://press.example/a", "https://elsewhere.example/"]);
}

#[test]
fn what_is_not_found_or_leads_back_is_unresolved() {
    assert_eq!(depth(&first(&[&[made("a", &["nobody"])]])), (1, 1));
    assert_eq!(depth(&first(&[&[made("a", &["a"])]])), (1, 1), "itself");
    let (_, nowhere) = depth(&first(&[&[made("a", &["b"]), made("b", &["a"])]]));
    assert!(nowhere > 0, "two of each other");
}

#[test]
fn a_name_that_several_bear_means_all_of_them() {
    let twice: Vec<Value> =
        ["x", "y"].map(|host| json!({"name": "data", "url": format!("https://{host}.example/")})).into();
    let copy = first(&[&[made("a", &["data"])], &twice]);
    assert_eq!((copy.lineage.len(), depth(&copy)), (2, (1, 0)));
    // A paper's own entry comes before those of others.
    let here = [made("a", &["data"]), json!({"name": "data", "url": "https://here.example/"})];
    let copy = first(&[&here, &twice]);
    assert_eq!(copy.lineage.len(), 1);
    let many: Vec<Value> =
        (0..=MAX_ALIKE).map(|n| json!({"name": "data", "url": format!("https://h{n}.example/")})).collect();
    assert_eq!(depth(&first(&[&[made("a", &["data"])], &many])), (1, 1), "nobody knows which");
}

#[test]
fn a_name_that_too_many_bear_is_unresolved_beside_what_a_link_says() {
    let url = "https://shared.example/";
    let link = json!({"link": "adaptation", "parent": {"urls": [{"url": url, "role": "fetched"}], "captured_at": "2026-01-01T00:00:00Z"}});
    let root = json!({"url": "https://root.example/", "lineage": [link]});
    let bearers: Vec<Value> = (0..=MAX_ALIKE).map(|n| json!({"url": url, "name": format!("bearer-{n}")})).collect();
    let clear = first(&[std::slice::from_ref(&root), &bearers[..1]]);
    assert_eq!(depth(&clear).1, 0, "one bearer is meant: {clear:?}");
    let unclear = first(&[&[root], &bearers]);
    assert_eq!(depth(&unclear).1, 1, "nobody knows which is meant: {unclear:?}");
}

#[test]
fn depth_and_breadth_are_bounded() {
    let chain: Vec<Value> = (0..40).map(|n| made(&format!("n{n}"), &[&format!("n{}", n + 1)])).collect();
    assert_eq!(depth(&first(&[&chain])), (MAX_DEPTH + 1, 1));
    // Each of a layer is made from all of the next: a full tree would have 10^8 leaves.
    let names = |layer: usize| (0..10).map(|n| format!("l{layer}n{n}")).collect::<Vec<_>>();
    let layer = |layer: usize| {
        let below = names(layer + 1);
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        names(layer).iter().map(|name| made(name, &below)).collect::<Vec<_>>()
    };
    let rows: Vec<Value> = (0..8).flat_map(layer).collect();
    let copy = first(&[&rows]);
    fn nodes(copy: &Acquisition) -> usize {
        copy.lineage.iter().map(|link| 1 + link.parent.as_deref().map_or(0, nodes)).sum()
    }
    assert!(nodes(&copy) <= MAX_ANCESTORS * 11, "{}", nodes(&copy));
    assert!(depth(&copy).1 > 0);
}

proptest! {
    /// Whatever is made from whatever: it ends, within the bounds, and every link by name is there.
    #[test]
    fn arbitrary_graphs_are_followed_and_end(links in prop::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
        let mut rows: Vec<Vec<String>> = vec![Vec::new(); 12];
        for (from, to) in links {
            rows[from].push(format!("n{to}"));
        }
        let rows: Vec<Value> = rows.iter().enumerate().map(|(n, of)| {
            let of: Vec<&str> = of.iter().map(String::as_str).collect();
            made(&format!("n{n}"), &of)
        }).collect();
        let copy = first(&[&rows]);
        prop_assert!(depth(&copy).0 <= MAX_DEPTH + 1);
        let own = rows[0]["derived_from"].as_array().unwrap().len();
        prop_assert!(copy.lineage.len() >= own);
    }
}
