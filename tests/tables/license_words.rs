//! `tests/vectors/license_words`: what people write for a license, and what it is read as.

use cleartitle_schema::license_words::{LicenseWords, read};

fn told(words: LicenseWords) -> String {
    match words {
        LicenseWords::Expression(expression) => format!("= {expression}"),
        LicenseWords::Unversioned(family) => format!("unversioned {family}"),
        LicenseWords::Unknown => "unknown".to_owned(),
        LicenseWords::ElsewhereOnly => "elsewhere".to_owned(),
        LicenseWords::Sentence => "sentence".to_owned(),
        LicenseWords::SeveralUnclear(names) => format!("several {}", names.join(",")).trim_end().to_owned(),
    }
}

#[test]
fn words_are_read_as_the_table_says() {
    let table =
        std::fs::read_to_string(harness::root().join("tests/vectors/license_words/words.tsv")).expect("a table");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (words, wanted) = line.split_once('\t').expect("two columns");
        rows += 1;
        let found = told(read(words));
        if found != wanted {
            wrong.push(format!("`{words}`: {found}, not {wanted}"));
        }
    }
    assert!(rows > 100, "only {rows} rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
