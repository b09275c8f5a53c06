//! A tree in a terminal: one line for a document, one for each of its duties.

use super::{Node, own};
use crate::explain::duty;
use crate::shown::brief;
use std::fmt::Write as _;

/// With which characters branches are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Box drawing.
    Unicode,
    /// What every terminal has.
    Ascii,
}

impl Lines {
    /// Of a branch with others below it, of the last one, of what lies beside others, of nothing.
    const fn signs(self) -> [&'static str; 4] {
        match self {
            Self::Unicode => ["\u{251c}\u{2500} ", "\u{2514}\u{2500} ", "\u{2502}  ", "   "],
            Self::Ascii => ["|- ", "`- ", "|  ", "   "],
        }
    }
}

/// The tree as text. In plain ASCII, what is not ASCII in names is a question mark.
#[must_use]
pub fn text(root: &Node, lines: Lines) -> String {
    let mut text = String::new();
    draw(&mut text, root, "", "", lines);
    if lines == Lines::Ascii {
        text = text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect();
    }
    text
}

/// What a document is, in one line.
pub(super) fn line(node: &Node) -> String {
    let link = node.link.map_or_else(String::new, |link| format!("{link} of "));
    let about = node.about.as_deref().map_or_else(|| "nobody knows what".to_owned(), brief);
    let reason = node.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let address = node.address.map_or_else(String::new, |said| {
        let reason = said.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("; of this address alone the snapshot says {}{reason}", said.verdict)
    });
    format!("{link}{about}: {}{reason}{address}", node.verdict)
}

fn draw(text: &mut String, node: &Node, first: &str, rest: &str, lines: Lines) {
    let [branch, last, beside, nothing] = lines.signs();
    let _ = writeln!(text, "{first}{}", line(node));
    let stem = if node.made_from.is_empty() { nothing } else { beside };
    for owed in own(node) {
        let _ = writeln!(text, "{rest}{stem}{}", duty(owed));
    }
    for (place, below) in node.made_from.iter().enumerate() {
        let ends = place + 1 == node.made_from.len();
        let (head, tail) = if ends { (last, nothing) } else { (branch, beside) };
        draw(text, below, &format!("{rest}{head}"), &format!("{rest}{tail}"), lines);
    }
}
