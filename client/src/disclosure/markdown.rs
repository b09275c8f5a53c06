//! A report as Markdown (CommonMark, with GitHub's tables), every foreign word as words alone.

use super::document::{Answer, Document, Part, Section, Source, plain};
use std::fmt::Write as _;

/// The whole report.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut out = String::new();
    // Writing to a text never fails.
    let _ = write(&mut out, document);
    out
}

fn write(out: &mut String, document: &Document) -> std::fmt::Result {
    writeln!(out, "# {}\n", escaped(&document.title))?;
    writeln!(out, "As of {} ({}). Template: {}.", document.as_of, document.as_of_from, escaped(&document.template))?;
    for section in &document.sections {
        write_section(out, section)?;
    }
    if !document.missing.is_empty() {
        writeln!(out, "\n## Missing\n")?;
        for missing in &document.missing {
            writeln!(out, "* `{}`: {}", missing.question, escaped(missing.text))?;
        }
    }
    write_list(out, "Contradictions", document.contradictions.iter().map(String::as_str))?;
    write_list(out, "Incomplete", document.incomplete.iter().map(String::as_str))?;
    write_list(out, "Not verified against the template's own text", document.unverified.iter().copied())?;
    write_list(out, "What this report can't know", document.limits.iter().copied())
}

fn write_list<'a>(out: &mut String, title: &str, items: impl Iterator<Item = &'a str>) -> std::fmt::Result {
    for (rank, item) in items.enumerate() {
        if rank == 0 {
            writeln!(out, "\n## {title}\n")?;
        }
        writeln!(out, "* {}", escaped(item))?;
    }
    Ok(())
}

fn write_section(out: &mut String, section: &Section) -> std::fmt::Result {
    let depth = section.number.matches('.').count().min(3) + 2;
    writeln!(out, "\n{} {} {}", "#".repeat(depth), escaped(&section.number), escaped(&section.title))?;
    for part in &section.parts {
        match part {
            Part::Note { text } => writeln!(out, "\n{}", escaped(text))?,
            Part::Table { caption, columns, rows } => {
                let line = |cells: &[String]| cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | ");
                writeln!(out, "\n{}\n", escaped(caption))?;
                writeln!(out, "| {} |\n|{}", line(columns), " --- |".repeat(columns.len()))?;
                for row in rows {
                    writeln!(out, "| {} |", line(row))?;
                }
            }
            Part::Field { label, answer } => write_field(out, label, answer)?,
        }
    }
    Ok(())
}

fn write_field(out: &mut String, label: &str, answer: &Answer) -> std::fmt::Result {
    write!(out, "\n**{}**", escaped(label))?;
    match answer {
        Answer::Text { text, from } => writeln!(out, " {}{}", escaped(text), origin(*from)),
        Answer::NotApplicable { because } => writeln!(out, " N/A ({})", escaped(because)),
        Answer::Missing { question } => writeln!(out, " MISSING (`{question}`)"),
        Answer::Choice { options, from } => {
            for option in options {
                write!(out, " {} {}", if option.chosen { '☒' } else { '☐' }, escaped(&option.text))?;
            }
            writeln!(out, "{}", origin(*from))
        }
        Answer::List { items, from } => {
            writeln!(out, "{}\n", origin(*from))?;
            items.iter().try_for_each(|item| writeln!(out, "* {}", escaped(item)))
        }
    }
}

const fn origin(from: Source) -> &'static str {
    match from {
        Source::Data => " *(counted)*",
        Source::Policy => " *(policy)*",
        Source::Given => "",
    }
}

/// A text that Markdown shows letter by letter: no markup, no HTML, no link that is made of a bare address.
#[must_use]
pub fn escaped(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    let mut out = String::with_capacity(text.len());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    for (at, letter) in text.char_indices() {
        let rest = &text[at + letter.len_utf8()..];
        let active = match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '!' | '@' => true,
            ':' => rest.starts_with("//"),
            '.' => (at == digits && digits > 0) || out.to_ascii_lowercase().ends_with("www"),
            ')' => at == digits && digits > 0,
            '#' | '+' | '-' | '=' => at == 0,
            _ => false,
        };
        if active {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_active_is_left_and_nothing_is_lost(text in "[ -~\\n\u{202e}]{0,60}") {
            let written = escaped(&text);
            let lines_or_turns = ['\n', '\u{202e}'];
            prop_assert!(!written.contains(lines_or_turns));
            let mut shown = String::new();
            let mut letters = written.chars();
            while let Some(letter) = letters.next() {
                if letter == '\\' {
                    shown.extend(letters.next());
                } else {
                    let active = "`*_{}[]<>|~&$!@";
                    prop_assert!(!active.contains(letter), "{}", written);
                    shown.push(letter);
                }
            }
            let wanted = plain(&text).trim().to_owned();
            prop_assert_eq!(shown, wanted);
        }
    }

    #[test]
    fn a_hostile_name_is_a_name() {
        assert_eq!(escaped("<script>alert(1)</script>.example"), "\\<script\\>alert(1)\\</script\\>.example");
        assert_eq!(escaped("[x](https://evil.example)"), "\\[x\\](https\\://evil.example)");
        assert_eq!(escaped("1. # a\n- b | c"), "1\\. # a - b \\| c");
        assert_eq!(escaped("# a"), "\\# a");
        assert_eq!(escaped("WWW.evil.example"), "WWW\\.evil.example");
    }
}
