//! Papers of data sets: any bytes, in every form that is held whole, are entries or damage, and never a panic.
#![no_main]

use cleartitle::dataset::mistakes::Mistakes;
use cleartitle::dataset::{Columns, Format, Item, open};
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::Arc;

const FORMS: [Format; 6] =
    [Format::Croissant, Format::Spdx, Format::Cyclonedx, Format::Card, Format::Sheet, Format::Dvc];

fuzz_target!(|text: &str| {
    for form in FORMS {
        let mut mistakes = Mistakes::default();
        let items = open::read(text, Path::new("paper.md"), form, &Columns::default(), &Arc::from("paper.md"));
        assert!(!items.is_empty() || form == Format::Sheet, "a paper that says nothing is told");
        for item in items {
            if let Item::Entry(entry) = item {
                mistakes.look(&entry);
            }
        }
        mistakes.end();
    }
});
