//! JUnit's XML for CI systems that know tests: a suite for each paper, a failed case for each finding, a passed one where there is none.

use super::super::finding::Level;
use super::super::report::{Report, Sum, Told};
use super::words::escaped;
use std::fmt::Write as _;

/// The document.
#[must_use]
pub fn document(report: &Report) -> String {
    let mut suites: Vec<(&str, Option<&Sum>, Vec<&Told>)> =
        report.papers.iter().map(|(paper, sum)| (paper.as_str(), Some(sum), Vec::new())).collect();
    for told in &report.told {
        let file = &*told.finding.place.file;
        match suites.iter_mut().find(|(paper, ..)| *paper == file) {
            Some((.., cases)) => cases.push(told),
            // Of the policy's own file.
            None => suites.push((file, None, vec![told])),
        }
    }
    let failed: usize = suites.iter().flat_map(|(.., cases)| cases).filter(|told| fails(told)).count();
    let cases: usize = suites.iter().map(|(.., cases)| cases.len().max(1)).sum();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ =
        writeln!(xml, "<testsuites name=\"cleartitle check\" tests=\"{cases}\" failures=\"{failed}\" errors=\"0\">");
    for (paper, sum, cases) in &suites {
        suite(&mut xml, paper, *sum, cases);
    }
    let left_off = report.left_off();
    if left_off > 0 {
        let _ = writeln!(xml, "  <!-- {left_off} findings more are counted and not listed -->");
    }
    xml.push_str("</testsuites>\n");
    xml
}

const fn fails(told: &Told) -> bool {
    matches!(told.finding.level, Level::Error)
}

fn suite(xml: &mut String, paper: &str, sum: Option<&Sum>, cases: &[&Told]) {
    let failed = cases.iter().filter(|told| fails(told)).count();
    let name = escaped(paper, 400);
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">",
        cases.len().max(1)
    );
    if let Some(sum) = sum {
        xml.push_str("    <properties>\n");
        for (name, count) in [
            ("rows", sum.rows),
            ("keep", sum.keep),
            ("review", sum.review),
            ("drop", sum.drop),
            ("damaged", sum.damaged),
        ] {
            let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{count}\"/>");
        }
        xml.push_str("    </properties>\n");
    }
    for told in cases {
        case(xml, &name, told);
    }
    if cases.is_empty() {
        let _ = writeln!(xml, "    <testcase classname=\"{name}\" name=\"every entry may stay\"/>");
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, suite: &str, told: &Told) {
    let found = &told.finding;
    let about = found.about.as_deref().map_or_else(|| found.place.to_string(), str::to_owned);
    let name = format!("{}: {}", found.code, escaped(&about, 300));
    let line = found.place.line.map_or_else(String::new, |line| format!(" line=\"{line}\""));
    let _ = write!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\" file=\"{suite}\"{line}");
    let mut body = format!("{}\n", escaped(&found.place.to_string(), 500));
    for note in &told.notes {
        let _ = writeln!(body, "{}", escaped(note, 500));
    }
    if let Some(hint) = &found.hint {
        let _ = writeln!(body, "hint: {}", escaped(hint, 500));
    }
    let message = escaped(&found.message, 500);
    let _ = if fails(told) {
        writeln!(
            xml,
            ">\n      <failure message=\"{message}\" type=\"{}\">{body}</failure>\n    </testcase>",
            found.code
        )
    } else {
        writeln!(xml, ">\n      <system-out>{message}\n{body}</system-out>\n    </testcase>")
    };
}
