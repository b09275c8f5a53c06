//! A first pass over real crawls by less than all of each record, then the filter over what it handed on.

use std::path::{Path, PathBuf};

use harness::Registry;
use harness::crawl::{self, KEEP_CLEARED, KEEP_EVERYTHING, Lab};

fn bytes(lab: &Lab, out: &str, part: &str, name: &str) -> Option<Vec<u8>> {
    std::fs::read(lab.folder().join(out).join(part).join(name)).ok()
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn two_passes_keep_what_one_keeps_of_real_crawls() {
    let lab = Lab::pull(&Registry::with_press_and_open());
    let mut inputs: Vec<PathBuf> = crawl::files();
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 120);
    inputs.push(made);
    let (mut excluded, mut candidates, mut kept) = (0, 0, 0);
    for input in &inputs {
        let name = name_of(input);
        for (policy, word) in [(KEEP_CLEARED, "cleared"), (KEEP_EVERYTHING, "all")] {
            let full = format!("{name} {word}");
            assert!(lab.filter(policy, &full, std::slice::from_ref(input), &[]).code < 2);
            for only in ["urls", "urls,content", "urls,signals"] {
                let (first, second) = (format!("{full} first {only}"), format!("{full} second {only}"));
                let ran = lab.filter(policy, &first, std::slice::from_ref(input), &["--only", only]);
                assert!(ran.code < 2, "{}", ran.stderr);
                excluded += lab.rows(&first, &format!("excluded/{name}.decisions.jsonl")).len();
                candidates += lab.rows(&first, &format!("not-checked/{name}.decisions.jsonl")).len();
                assert_eq!(bytes(&lab, &first, "", "manifest.jsonl"), Some(Vec::new()), "nothing is cleared by a part");
                let handed_on = lab.folder().join(&first).join("candidates").join(&name);
                // What holds no record at all is no crawl any more.
                if std::fs::metadata(&handed_on).expect("candidates").len() == 0 {
                    assert_eq!(bytes(&lab, &full, "kept", &name).map(|kept| kept.len()), Some(0));
                    continue;
                }
                let ran = lab.filter(policy, &second, &[handed_on], &[]);
                assert!(ran.code < 2, "{}", ran.stderr);
                for part in ["kept", "review"] {
                    assert_eq!(bytes(&lab, &second, part, &name), bytes(&lab, &full, part, &name), "{second} {part}");
                }
                kept += lab.rows(&second, "manifest.jsonl").len();
            }
        }
    }
    assert!(excluded >= 120 && candidates >= 500 && kept >= 480, "{excluded} {candidates} {kept}");
}

#[test]
fn a_first_pass_says_what_it_is_and_takes_no_table() {
    let lab = Lab::pull(&Registry::with_press_and_open());
    let made = lab.folder().join("made.warc");
    crawl::write_warc(&made, 0, 30);
    let ran = lab.filter(KEEP_CLEARED, "first", &[made], &["--only", "urls"]).exits(0);
    assert!(ran.stdout.contains("0 kept, 0 for review, 20 excluded, 0 damaged, 10 candidates"), "{}", ran.stdout);
    let table = lab.folder().join("d.parquet");
    std::fs::write(&table, b"PAR1").expect("a file");
    let ran = lab.filter(KEEP_CLEARED, "table", &[table], &["--only", "urls"]).exits(2);
    assert!(ran.stderr.contains("d.parquet"), "{}", ran.stderr);
    let ran = lab.filter(KEEP_CLEARED, "both", &[], &["--only", "urls", "--check-digests", "x.warc"]).exits(2);
    assert!(ran.stderr.contains("--check-digests"), "{}", ran.stderr);
}
