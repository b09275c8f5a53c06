//! A report as one HTML file: everything foreign escaped, a content security policy, no request to anywhere.

use super::document::{Answer, Document, Part, Section, Source, plain};
use crate::markup;
use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// All the style there is; the policy in the head names its digest and lets nothing else in.
const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #888;padding:.2rem .5rem;text-align:left}\
dt{font-weight:bold;margin-top:.7rem}.missing{font-weight:bold;border:2px solid;padding:0 .3rem}.from{font-style:italic}";

/// The whole report.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut out = String::new();
    // Writing to a text never fails.
    let _ = write(&mut out, document);
    out
}

fn write(out: &mut String, document: &Document) -> std::fmt::Result {
    let digest = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
    let title = escaped(&document.title);
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">"
    )?;
    writeln!(out, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>")?;
    let template = escaped(&document.template);
    writeln!(out, "<p>As of {} ({}). Template: {template}.</p>", document.as_of, escaped(document.as_of_from))?;
    for section in &document.sections {
        write_section(out, section)?;
    }
    let missing = document.missing.iter().map(|it| format!("{}: {}", it.question, it.text));
    write_list(out, "Missing", missing)?;
    write_list(out, "Contradictions", document.contradictions.iter().cloned())?;
    write_list(out, "Incomplete", document.incomplete.iter().cloned())?;
    let unverified = document.unverified.iter().map(|it| (*it).to_owned());
    write_list(out, "Not verified against the template's own text", unverified)?;
    write_list(out, "What this report can't know", document.limits.iter().map(|it| (*it).to_owned()))?;
    writeln!(out, "</body>\n</html>")
}

fn write_list(out: &mut String, title: &str, items: impl Iterator<Item = String>) -> std::fmt::Result {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>{}</h2>\n<ul>", escaped(title))?;
    items.iter().try_for_each(|item| writeln!(out, "<li>{}</li>", escaped(item)))?;
    writeln!(out, "</ul>")
}

fn write_section(out: &mut String, section: &Section) -> std::fmt::Result {
    let depth = section.number.matches('.').count().min(3) + 2;
    writeln!(out, "<h{depth}>{} {}</h{depth}>", escaped(&section.number), escaped(&section.title))?;
    for part in &section.parts {
        match part {
            Part::Note { text } => writeln!(out, "<p>{}</p>", escaped(text))?,
            Part::Field { label, answer } => write_field(out, label, answer)?,
            Part::Table { caption, columns, rows } => {
                writeln!(out, "<table>\n<caption>{}</caption>", escaped(caption))?;
                let line = |cells: &[String], tag: &str| -> String {
                    cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
                };
                writeln!(out, "<tr>{}</tr>", line(columns, "th"))?;
                rows.iter().try_for_each(|row| writeln!(out, "<tr>{}</tr>", line(row, "td")))?;
                writeln!(out, "</table>")?;
            }
        }
    }
    Ok(())
}

fn write_field(out: &mut String, label: &str, answer: &Answer) -> std::fmt::Result {
    write!(out, "<dl><dt>{}</dt><dd>", escaped(label))?;
    match answer {
        Answer::Text { text, from } => write!(out, "{}{}", escaped(text), origin(*from))?,
        Answer::NotApplicable { because } => write!(out, "N/A ({})", escaped(because))?,
        Answer::Missing { question } => {
            write!(out, "<span class=\"missing\">MISSING</span> <code>{}</code>", escaped(question))?;
        }
        Answer::Choice { options, from } => {
            for option in options {
                write!(out, "{} {} ", if option.chosen { '☒' } else { '☐' }, escaped(&option.text))?;
            }
            write!(out, "{}", origin(*from))?;
        }
        Answer::List { items, from } => {
            write!(out, "<ul>")?;
            items.iter().try_for_each(|item| write!(out, "<li>{}</li>", escaped(item)))?;
            write!(out, "</ul>{}", origin(*from))?;
        }
    }
    writeln!(out, "</dd></dl>")
}

const fn origin(from: Source) -> &'static str {
    match from {
        Source::Data => " <span class=\"from\">(counted)</span>",
        Source::Policy => " <span class=\"from\">(policy)</span>",
        Source::Given => "",
    }
}

/// A text between tags or in a quoted attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    markup::escaped(&plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_tag_and_no_entity_comes_from_outside(text in "[ -~\\n\u{202e}\u{0}]{0,60}") {
            let written = escaped(&text);
            let active = ['<', '>', '"', '\'', '\n', '\u{202e}', '\u{0}'];
            prop_assert!(!written.contains(active));
            let back = written.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), plain(&text));
        }
    }
}
