//! For GitHub Actions: annotations at the lines of a change, as workflow commands, and the job's summary in Markdown.

use super::super::finding::Level;
use super::super::report::{Report, Told};
use super::excerpt::Excerpt;
use super::words::{page_address, visible};
use std::fmt::Write as _;

/// How many annotations are written; GitHub shows fewer of one step.
const SHOWN: usize = 50;

/// The workflow commands.
#[must_use]
pub fn commands(report: &Report, excerpts: &[Option<Excerpt>]) -> String {
    let mut text = String::new();
    for (told, excerpt) in report.told.iter().zip(excerpts).take(SHOWN) {
        text.push_str(&command(told, excerpt.as_ref()));
    }
    let all = report.left_off() + report.told.len() as u64;
    if all > SHOWN as u64 {
        let _ = writeln!(text, "::notice title=cleartitle::{} findings more are in the report", all - SHOWN as u64);
    }
    text
}

fn command(told: &Told, excerpt: Option<&Excerpt>) -> String {
    let found = &told.finding;
    let word = match found.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let file = found.place.file.strip_prefix("./").unwrap_or(&found.place.file);
    let mut text = format!("::{word} file={}", property(&visible(file, 500)));
    if let Some(line) = found.place.line {
        let _ = write!(text, ",line={line}");
        let columns = excerpt.and_then(|excerpt| excerpt.columns);
        if let Some(column) = found.place.column.or(columns.map(|(from, _)| from)) {
            let _ = write!(text, ",col={column}");
        }
    }
    let mut message = visible(&found.message, 500);
    if let Some(about) = &found.about {
        let _ = write!(message, ": {}", visible(about, 300));
    }
    for note in told.notes.iter().chain(&found.hint) {
        let _ = write!(message, "\n{}", visible(note, 300));
    }
    let _ = writeln!(text, ",title={}::{}", property(found.code), data(&message));
    text
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands behind a `=`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// How many findings the summary lists; GitHub takes a megabyte.
const LISTED: usize = 200;

/// The job's summary.
#[must_use]
pub fn summary(report: &Report) -> String {
    let (sum, under) = (&report.sum, &report.under);
    let word = if report.is_open() { "open" } else { "closed" };
    let mut text = format!("## cleartitle: the gate is {word}\n\n");
    let _ = writeln!(
        text,
        "{} rows: {} keep, {} review, {} drop, {} damaged; for `{}` at {}, log size {}{}.\n",
        sum.rows,
        sum.keep,
        sum.review,
        sum.drop,
        sum.damaged,
        under.category,
        under.used_at,
        under.log_size,
        under.lock.as_deref().map_or_else(String::new, |lock| format!(", by `{}`", code(lock)))
    );
    if let Some(debt) = report.debt {
        let _ = writeln!(text, "Baseline: {} known, {} new, {} paid off.\n", debt.known, report.errors(), debt.paid);
    }
    if report.told.is_empty() {
        return text;
    }
    text.push_str("| | code | where | what |\n|---|---|---|---|\n");
    for told in report.told.iter().take(LISTED) {
        let found = &told.finding;
        let named = page_address(found.code)
            .map_or_else(|| format!("`{}`", found.code), |page| format!("[`{}`]({page})", found.code));
        let sign = match found.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        let about = found.about.as_deref().map_or_else(String::new, |about| format!(": `{}`", code(about)));
        let place = code(&found.place.to_string());
        let _ = writeln!(text, "| {sign} | {named} | `{place}` | {}{about} |", cell(&found.message));
    }
    let all = report.left_off() + report.told.len() as u64;
    if all > LISTED as u64 {
        let _ = writeln!(text, "\n{} more.", all - LISTED as u64);
    }
    text
}

/// Inside a code span of a table's cell.
fn code(text: &str) -> String {
    visible(text, 200).replace('`', "'").replace('|', "\\|")
}

/// Inside a table's cell: nothing is markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in visible(text, 300).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ';' | ':' | '-' | '/' | '\'' | '"' | '%' | '@') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Place;
    use crate::gate::baseline::Fingerprint;
    use crate::gate::finding::Finding;
    use std::sync::Arc;

    #[test]
    fn nothing_from_outside_becomes_a_command_or_markup() {
        let finding = Finding {
            code: "rights-reserved",
            level: Level::Error,
            place: Place::line(&Arc::from("a,b:c.jsonl"), 3),
            about: Some("https://x.example/\n::error::y|`<b>".to_owned()),
            message: "100% <b>no</b>\nreally".to_owned(),
            hint: None,
        };
        let told = Told { finding, fingerprint: Fingerprint([0; 16]), notes: vec!["one\ntwo".to_owned()] };
        let text = command(&told, None);
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("::error file=a%2Cb%3Ac.jsonl,line=3,title=rights-reserved::100%25 <b>"), "{text}");
        let mut report = Report::default();
        report.tell(told);
        let row = summary(&report).lines().last().unwrap().to_owned();
        assert!(row.contains("100% \\<b\\>no\\</b\\>") && row.contains("y\\|'<b>`"), "{row}");
    }
}
