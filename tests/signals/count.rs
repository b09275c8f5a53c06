//! How many cases each standard has and how many pass, as the table in `tests/vectors/signals/README.md` says it.

use super::cases;

/// Folder, what it holds the parsers to, and where that parser lives.
const STANDARDS: &[(&str, &str, &str)] = &[
    ("ai-txt", "Spawning ai.txt, 30 May 2023; five formats of the same name", "`signals/ai_txt.rs`"),
    (
        "aipref",
        "draft-ietf-aipref-vocab-08, 14 September 2026, with attach-05 and earlier labels",
        "`signals/aipref.rs`",
    ),
    (
        "cawg",
        "CAWG Training and Data Mining 1.1, 16 May 2025; `c2pa.training-mining` up to C2PA 1.4",
        "`signals/embedded/`",
    ),
    ("content-signal", "Cloudflare Content Signals Policy, 24 September 2025", "`signals/content_signal.rs`"),
    ("headers", "header carriers of one response, own", "`signals/headers.rs`"),
    ("html", "marks in pages, own", "`signals/html/`"),
    (
        "marks",
        "license marks: ccREL, RDFa, microdata, schema.org 30.0, Creative Commons URLs, own",
        "`signals/html/`, `signals/license_uri.rs`",
    ),
    ("payment", "HTTP 402, x402 and pay per crawl, as of November 2026", "`signals/payment/`"),
    ("plus", "IPTC Photo Metadata 2023.1 Data Mining, PLUS LDF", "`signals/embedded/data_mining.rs`"),
    ("robots", "RFC 9309, September 2022", "`signals/robots/`"),
    ("rsl", "RSL 1.0, 10 December 2025", "`signals/rsl/`"),
    ("tdmrep", "W3C TDMRep, Final Report of 10 May 2024", "`signals/tdmrep/`"),
    ("trust-txt", "trust.txt `datatrainingallowed`, 4 April 2024", "`signals/trust_txt.rs`"),
    ("x-robots", "X-Robots-Tag and meta robots, vendors' documentation as of November 2026", "`signals/x_robots.rs`"),
    ("xmp", "rights properties of XMP (ISO 16684-1:2019), TDMRep in it among them", "`signals/embedded/rights.rs`"),
];

/// Where the table begins and ends in the page.
const BEGIN: &str = "<!-- counted: UPDATE=1 cargo test -p cleartitle-tests --test signals count -->\n";
const END: &str = "<!-- end -->";

fn table() -> String {
    let mut rows =
        String::from("| standard | specification, date | cases passed of known | where |\n|---|---|---:|---|\n");
    let (mut passed_of_all, mut known_of_all) = (0, 0);
    for standard in cases::standards() {
        let row = STANDARDS.iter().find(|(folder, ..)| *folder == standard);
        let (_, specification, place) =
            row.unwrap_or_else(|| panic!("`{standard}` has a folder and no row in count.rs"));
        let cases = cases::cases(&standard);
        let passed = cases.iter().filter(|case| case.not_passed.is_none()).count();
        rows.push_str(&format!(
            "| [{standard}]({standard}) | {specification} | {passed} of {} | {place} |\n",
            cases.len()
        ));
        passed_of_all += passed;
        known_of_all += cases.len();
    }
    rows.push_str(&format!("| all | | {passed_of_all} of {known_of_all} | |\n"));
    rows
}

/// Each case runs in its standard's own module, and one that is marked as not passed must fail there; here they are counted.
#[test]
fn the_counted_table_is_the_one_on_the_page() {
    let path = cases::folder().join("README.md");
    let page = std::fs::read_to_string(&path).expect("the page of vectors");
    let (head, rest) = page.split_once(BEGIN).expect("the page has the table's beginning");
    let (_, tail) = rest.split_once(END).expect("the page has the table's end");
    let right = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &right).expect("the page can be written");
    } else {
        assert!(page == right, "tests/vectors/signals/README.md is stale: UPDATE=1 cargo test --test signals count");
    }
}

#[test]
fn every_standard_has_a_module_that_runs_it() {
    let sources = std::fs::read_dir(harness::root().join("tests/signals")).expect("the modules");
    let code: String = sources
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "count.rs"))
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    for standard in cases::standards() {
        let named = [format!("\"{standard}\""), format!("\"{standard}/"), format!("signals/{standard}")];
        assert!(named.iter().any(|name| code.contains(name.as_str())), "nothing in tests/signals runs `{standard}`");
    }
}
