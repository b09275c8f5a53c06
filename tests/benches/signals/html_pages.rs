//! Pages of real crawls: bytes a second of the pre-check, beside a bare scan of the same bytes, and of the parser.

#[path = "../../signals/real.rs"]
mod real;

use std::hint::black_box;
use std::time::{Duration, Instant};

use cleartitle_schema::signals::html;
use cleartitle_schema::vocab::agents::AgentTable;

/// The best of seven runs of at least a fifth of a second each, in seconds for one pass.
fn best(mut pass: impl FnMut()) -> f64 {
    pass();
    let one = || {
        let (start, mut passes) = (Instant::now(), 0_u32);
        while start.elapsed() < Duration::from_millis(200) {
            pass();
            passes += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(passes)
    };
    std::iter::repeat_with(one).take(7).fold(f64::MAX, f64::min)
}

fn line(what: &str, pages: &[&[u8]], mut read: impl FnMut(&[u8])) {
    let bytes: usize = pages.iter().map(|page| page.len()).sum();
    let seconds = best(|| pages.iter().for_each(|page| read(black_box(page))));
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let (rate, each) = (bytes as f64 / seconds / 1e9, seconds * 1e6 / pages.len().max(1) as f64);
    println!("  {what:<44} {rate:>8.2} GB/s  {each:>8.2} us a page");
}

/// The pre-check against bare searches of one byte and one word, and the reading of the pages that pass it.
pub fn html_pages() {
    let pages = real::pages();
    if pages.is_empty() {
        println!("  no crawl file is at hand");
        return;
    }
    let all: Vec<&[u8]> = pages.iter().map(Vec::as_slice).collect();
    let passing: Vec<&[u8]> = all.iter().copied().filter(|page| html::may_speak(page)).collect();
    let bytes = |pages: &[&[u8]]| pages.iter().map(|page| page.len()).sum::<usize>();
    println!("  {} pages, {} bytes; {} pass, {} bytes", all.len(), bytes(&all), passing.len(), bytes(&passing));
    line("bare memchr for an absent byte", &all, |page| {
        black_box(memchr::memchr(0, page));
    });
    let word = memchr::memmem::Finder::new("<meta");
    line("bare memmem for one word", &all, |page| {
        black_box(word.find_iter(page).count());
    });
    line("pre-check, all pages", &all, |page| {
        black_box(html::may_speak(page));
    });
    let silent: Vec<&[u8]> = all.iter().copied().filter(|page| !html::may_speak(page)).collect();
    line("pre-check, pages without a mark", &silent, |page| {
        black_box(html::may_speak(page));
    });
    let agents = AgentTable::builtin();
    line("parse, pages that pass", &passing, |page| {
        black_box(html::parse(page, agents));
    });
}
