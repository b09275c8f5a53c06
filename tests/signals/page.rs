//! Marks inside pages, held to cases, to real pages, and to the promise of the pre-check.

use cleartitle_schema::signals::html;
use cleartitle_schema::vocab::agents::AgentTable;
use proptest::prelude::*;

use crate::cases::{self, Case};
use crate::said::compare;

fn check(case: &Case) -> Result<(), String> {
    let page = case.text("page").ok_or("no page")?;
    let said = html::parse(page.as_bytes(), AgentTable::builtin());
    if !said.is_silent() && !html::may_speak(page.as_bytes()) {
        return Err("the pre-check hides it".into());
    }
    compare(&said, case)
}

#[test]
fn pages_say_what_they_should() {
    cases::run("html", check);
}

#[test]
fn license_marks_say_what_they_should() {
    cases::run("marks", check);
}

/// The pages of the crawl files beside the workspace; none where they are not at hand.
fn real_pages() -> Vec<Vec<u8>> {
    let pages = crate::real::pages();
    if pages.is_empty() {
        println!("no crawl file is at hand: nothing was read from real pages");
    }
    pages
}

#[test]
fn the_pre_check_hides_nothing_of_real_pages() {
    let pages = real_pages();
    let mut passed = 0;
    for page in &pages {
        let speaks = html::may_speak(page);
        passed += usize::from(speaks);
        assert!(speaks || html::parse(page, AgentTable::builtin()).is_silent());
    }
    println!("{passed} of {} real pages pass the pre-check", pages.len());
}

/// Real pages with a mark put in, cut and flipped anywhere.
#[test]
fn mutated_real_pages_neither_panic_nor_hide() {
    let pages = real_pages();
    if pages.is_empty() {
        return;
    }
    let marks =
        ["<meta name=robots content=noai>", "<link rel=canonical href=/a>", "<a rel=license href=x>", "<!--", "\""];
    let config = ProptestConfig::with_cases(300);
    proptest!(config, |(which in any::<usize>(), at in any::<usize>(), mark in 0..marks.len(), cut in any::<usize>(),
                        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..20))| {
        let mut page = pages[which % pages.len()].clone();
        page.truncate(60_000);
        let place = at % (page.len() + 1);
        page.splice(place..place, marks[mark].bytes());
        for (at, byte) in flips {
            let place = at % page.len();
            page[place] = byte;
        }
        page.truncate(cut % (2 * page.len()) + 1);
        let said = html::parse(&page, AgentTable::builtin());
        prop_assert!(html::may_speak(&page) || said.is_silent());
    });
}
