//! How fast signals are read: named benches, each printing bytes or files a second beside what bounds it.
//!
//! `cargo bench -p cleartitle-tests --bench signals -- html` runs those whose name is given; without a name all run.

mod html_pages;
mod robots_files;

/// Name and bench.
const BENCHES: &[(&str, fn())] = &[("html", html_pages::html_pages), ("robots", robots_files::robots_files)];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, bench) in BENCHES {
        if asked.is_empty() || asked.iter().any(|one| one == name) {
            println!("{name}");
            bench();
        }
    }
}
