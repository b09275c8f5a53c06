//! One page of HTML for whoever is sent a report: charts drawn inside, nothing fetched from anywhere, no script.

use super::super::finding::Level;
use super::super::report::{Report, Told};
use super::excerpt::Excerpt;
use super::words::{escaped, page, page_address, summary};
use std::fmt::Write as _;

/// How many findings the page lists.
const LISTED: usize = 1_000;

/// The width of a chart's bar, in its own units.
const WIDTH: u64 = 600;

/// The page's style, the one thing beside text and drawings that its policy lets in.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.6rem;overflow-x:auto}\
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}\
article{border-top:1px solid #ccc;margin-top:1rem}mark{background:#ffe08a}.error{color:#a40000}.warning{color:#7a5200}\
svg{max-width:100%;height:auto}svg text{font:14px system-ui,sans-serif}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}pre{background:#242424}.error{color:#ff8a80}.warning{color:#ffcf70}mark{background:#6b5500;color:#fff}svg text{fill:#eee}a{color:#8ab4f8}}";

/// The page.
#[must_use]
pub fn page_of(report: &Report, excerpts: &[Option<Excerpt>]) -> String {
    let under = &report.under;
    let word = if report.is_open() { "open" } else { "closed" };
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\"><title>cleartitle: the gate is {word}</title>\n\
         <style>{STYLE}</style></head>\n<body><h1>The gate is {word}</h1>\n"
    );
    let lock =
        under.lock.as_deref().map_or_else(String::new, |lock| format!(", by <code>{}</code>", escaped(lock, 300)));
    let _ = writeln!(
        html,
        "<p>Asked for <code>{}</code> by the policy <code>{}</code>, for a use at {}, at size {} of the log \
         <code>{}</code>, root <code>{}</code>{lock}.</p>",
        escaped(&under.category, 60),
        escaped(&under.policy, 300),
        escaped(&under.used_at, 40),
        under.log_size,
        escaped(&under.origin, 200),
        escaped(&under.root, 100),
    );
    papers(&mut html, report);
    if let Some(debt) = report.debt {
        let (known, new, paid) = (debt.known, report.errors(), debt.paid);
        let _ = writeln!(html, "<p>Baseline: {known} known, {new} new, {paid} paid off.</p>");
    }
    let verdicts: Vec<(&str, u64)> = report.sum.verdicts.iter().map(|(verdict, count)| (*verdict, *count)).collect();
    chart(&mut html, "Verdicts", &verdicts);
    let codes: Vec<(&str, u64)> = report
        .codes
        .iter()
        .map(|(code, counted)| (*code, counted.errors + counted.warnings + counted.notes + counted.known))
        .collect();
    chart(&mut html, "Findings by code", &codes);
    for (told, excerpt) in report.told.iter().zip(excerpts).take(LISTED) {
        finding(&mut html, told, excerpt.as_ref());
    }
    let all = report.left_off() + report.told.len() as u64;
    if all > LISTED as u64 {
        let _ = writeln!(html, "<p>{} findings more are counted and not listed.</p>", all - LISTED as u64);
    }
    html.push_str("</body></html>\n");
    html
}

fn papers(html: &mut String, report: &Report) {
    html.push_str(
        "<table><tr><th>paper</th><th>rows</th><th>keep</th><th>review</th><th>drop</th><th>damaged</th></tr>\n",
    );
    for (paper, sum) in &report.papers {
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(paper, 300),
            sum.rows,
            sum.keep,
            sum.review,
            sum.drop,
            sum.damaged
        );
    }
    html.push_str("</table>\n");
}

/// The colour of a verdict; of a code one for all.
fn colour(name: &str) -> &'static str {
    match name {
        "cleared" => "#2e7d32",
        "conditional" => "#1565c0",
        "unknown" => "#757575",
        "disputed" => "#6a1b9a",
        _ => "#b71c1c",
    }
}

/// Bars, the longest of which is as wide as the chart; the numbers stand beside them.
fn chart(html: &mut String, title: &str, bars: &[(&str, u64)]) {
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or_default();
    if most == 0 {
        return;
    }
    let height = bars.len() * 28;
    let _ = write!(
        html,
        "<h2>{title}</h2>\n<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {} {height}\" width=\"{}\" height=\"{height}\">",
        WIDTH + 340,
        WIDTH + 340
    );
    for (rank, (name, count)) in bars.iter().enumerate() {
        let top = rank * 28;
        // At least a hair: what is there is seen.
        let width = (u128::from(*count) * u128::from(WIDTH) / u128::from(most)).max(2);
        let name = escaped(name, 60);
        let _ = write!(
            html,
            "<text x=\"0\" y=\"{}\">{name}</text><rect x=\"220\" y=\"{}\" width=\"{width}\" height=\"20\" fill=\"{}\">\
             <title>{name}: {count}</title></rect><text x=\"{}\" y=\"{}\">{count}</text>",
            top + 18,
            top + 4,
            colour(&name),
            width + 228,
            top + 18,
        );
    }
    html.push_str("</svg>\n");
}

fn finding(html: &mut String, told: &Told, excerpt: Option<&Excerpt>) {
    let found = &told.finding;
    let word = match found.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let named = match page_address(found.code) {
        Some(address) => {
            let title = escaped(&page(found.code).map(summary).unwrap_or_default(), 500);
            format!("<a rel=\"noreferrer\" href=\"{}\" title=\"{title}\">{}</a>", escaped(&address, 500), found.code)
        }
        None => found.code.to_owned(),
    };
    let about =
        found.about.as_deref().map_or_else(String::new, |about| format!(": <code>{}</code>", escaped(about, 500)));
    let _ = writeln!(
        html,
        "<article><h3 class=\"{word}\">{word}: {named}</h3><p>{}{about}</p><p><code>{}</code></p>",
        escaped(&found.message, 500),
        escaped(&found.place.to_string(), 400)
    );
    if let Some(excerpt) = excerpt {
        let _ = writeln!(html, "<pre>{} | {}</pre>", excerpt.line, marked(excerpt));
    }
    if !told.notes.is_empty() {
        let notes: Vec<String> = told.notes.iter().map(|note| escaped(note, 500)).collect();
        let _ = writeln!(html, "<pre>{}</pre>", notes.join("\n"));
    }
    if let Some(hint) = &found.hint {
        let _ = writeln!(html, "<p>{}</p>", escaped(hint, 500));
    }
    html.push_str("</article>\n");
}

fn marked(excerpt: &Excerpt) -> String {
    let Some((at, length)) = excerpt.mark else { return escaped(&excerpt.text, usize::MAX - 1) };
    let part = |from: usize, count: usize| -> String {
        let text: String = excerpt.text.chars().skip(from).take(count).collect();
        escaped(&text, usize::MAX - 1)
    };
    format!("{}<mark>{}</mark>{}", part(0, at), part(at, length), part(at + length, usize::MAX - at - length))
}
