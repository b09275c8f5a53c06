//! Every metric that the server counts stands on the page of figures, by its kind, and nothing else does.

use std::collections::BTreeSet;

use cleartitle_server::figures::{self, Shape};

use crate::tree::{code, files};

#[test]
fn every_metric_is_on_the_page_of_figures() {
    let mut counted = BTreeSet::new();
    for path in files("server/src").into_iter().filter(|path| path.ends_with(".rs") && !path.ends_with("figures.rs")) {
        let source = code(&path);
        for (word, shape) in [("counter", 0), ("gauge", 1), ("histogram", 2)] {
            for piece in source.split(&format!("metrics::{word}!(")).skip(1) {
                let name = piece.trim_start().trim_start_matches('"').split('"').next().unwrap_or_default();
                counted.insert((name.to_owned(), shape));
            }
        }
    }
    let shape = |shape: &Shape| match shape {
        Shape::Counter => 0,
        Shape::Gauge => 1,
        Shape::Histogram => 2,
    };
    // Set once at the start, on the page itself.
    let mut listed: BTreeSet<(String, i32)> =
        figures::ALL.iter().map(|(name, kind, _)| ((*name).to_owned(), shape(kind))).collect();
    assert!(listed.remove(&("cleartitle_build_info".to_owned(), 1)));
    assert_eq!(counted, listed, "left: counted, right: on the page");
    assert!(figures::ALL.is_sorted_by_key(|(name, ..)| name) && figures::ALL.iter().all(|(.., said)| said.len() > 10));
}
