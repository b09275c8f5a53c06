//! How text is laid out: 100 columns, wrapped at words, digits in groups, the same with and without colour.

use std::fmt::Write as _;

/// Columns of the page.
pub const WIDTH: usize = 100;

/// A decimal number with commas between groups of three before the point: `250,000,000`, `0.03`.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (whole, rest) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// Writes a text behind a lead, wrapped at words; further lines are indented.
pub fn wrapped(text: &mut String, lead: &str, indent: usize, words: &str) {
    let (mut line, mut empty) = (lead.to_owned(), true);
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// A title, apart from the text before it.
pub fn title(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n{title}");
}
