//! For people at a terminal: each finding with the line that it is about and a mark below the words, as compilers do.

use super::super::finding::Level;
use super::super::report::{Report, Told};
use super::excerpt::Excerpt;
use super::words::visible;
use cleartitle_schema::paper_code::PaperCode;
use std::fmt::Write as _;

/// How many findings are shown; all are counted.
pub const SHOWN: usize = 200;

/// One finding.
fn finding(told: &Told, excerpt: Option<&Excerpt>) -> String {
    let found = &told.finding;
    let (word, colour) = match found.level {
        Level::Error => ("error", "1;31"),
        Level::Warning => ("warning", "1;33"),
        Level::Note => ("note", "1;36"),
    };
    let mut text = format!("\u{1b}[{colour}m{word}[{}]\u{1b}[0m: {}", found.code, visible(&found.message, 500));
    if let Some(about) = &found.about {
        let _ = write!(text, ": {}", visible(about, 300));
    }
    let mut place = found.place.clone();
    if place.column.is_none() {
        place.column = excerpt.and_then(|excerpt| excerpt.columns).map(|(column, _)| column);
    }
    let member = found.place.member.as_deref().map_or_else(String::new, |member| format!(" {}", visible(member, 200)));
    let margin = " ".repeat(excerpt.map_or(1, |excerpt| excerpt.line.to_string().len()));
    let _ = write!(text, "\n{margin}--> {}{member}\n", visible(&place.to_string(), 400));
    if let Some(excerpt) = excerpt {
        let _ = writeln!(text, "{margin} |\n{} | {}", excerpt.line, excerpt.text);
        let mark = excerpt.mark.map(|(at, length)| format!(" {}{}", " ".repeat(at), "^".repeat(length)));
        let _ = writeln!(text, "{margin} |{}", mark.unwrap_or_default());
    }
    for note in &told.notes {
        let _ = writeln!(text, "{margin} = {}", visible(note, 500));
    }
    if let Some(hint) = &found.hint {
        let _ = writeln!(text, "{margin} = hint: {}", visible(hint, 500));
    }
    text
}

/// All findings.
#[must_use]
pub fn findings(report: &Report, excerpts: &[Option<Excerpt>]) -> String {
    let mut text = String::new();
    // Notes are for programs; people have enough to read.
    let for_people = report.told.iter().zip(excerpts).filter(|(told, _)| told.finding.level != Level::Note);
    for (told, excerpt) in for_people.take(SHOWN) {
        text.push_str(&finding(told, excerpt.as_ref()));
        text.push('\n');
    }
    let all = report.errors() + report.warnings();
    let more = all.saturating_sub(SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "and {more} more; by code:");
        for (code, counted) in &report.codes {
            let _ = writeln!(text, "  {code}  {} errors, {} warnings", counted.errors, counted.warnings);
        }
    }
    text
}

/// The last lines: debt, and how all rows fared.
#[must_use]
pub fn end(report: &Report) -> String {
    let mut text = String::new();
    if let Some(debt) = report.debt {
        let _ = write!(text, "baseline: {} known, {} new", debt.known, report.errors());
        if debt.paid > 0 {
            let _ = write!(text, "; {} paid off (--write-baseline makes the file shorter)", debt.paid);
        }
        text.push('\n');
    }
    let sum = &report.sum;
    let _ = writeln!(
        text,
        "check: {} rows: {} keep, {} review, {} drop, {} damaged",
        sum.rows, sum.keep, sum.review, sum.drop, sum.damaged
    );
    // Notes are for programs, and nobody may take what was not looked at for what was found right.
    let is_open = |told: &&Told| told.finding.level == Level::Note && told.finding.code == PaperCode::NotChecked.word();
    let open = report.told.iter().filter(is_open).count();
    if open > 0 {
        let _ = writeln!(text, "{open} not checked: a claim, or a part of a paper; --format json tells which, and why");
    }
    text
}
