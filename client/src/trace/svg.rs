//! A tree as SVG: boxes and lines, every text escaped, nothing that is fetched from elsewhere or run.

use super::text::line;
use super::{Node, own};
use crate::explain::duty;
use crate::markup;
use cleartitle_schema::decide::Verdict;
use std::fmt::Write as _;

/// The width of a box, and how far the next depth is moved.
const WIDTH: usize = 560;
const STEP: usize = 48;
/// The height of a line of text, and the room between boxes.
const LINE: usize = 18;
const GAP: usize = 12;
/// The most letters of a line.
const LETTERS: usize = 74;
/// The most duties that a box shows.
const DUTIES: usize = 6;

/// Text as it may stand in the drawing: controls, and what turns the direction of text so that a verdict could be read backwards,
/// replaced.
fn escaped(text: &str) -> String {
    let seen = |letter: char| match letter {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    markup::escaped(&text.chars().map(seen).collect::<String>())
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LETTERS {
        return text.to_owned();
    }
    text.chars().take(LETTERS - 3).chain("...".chars()).collect()
}

/// A colour beside the word, never instead of it.
const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reserved => "#b3261e",
        Verdict::Disputed => "#a4508b",
        Verdict::Unknown => "#6b6b6b",
        Verdict::Conditional => "#a86400",
        Verdict::Cleared => "#2e7d32",
    }
}

struct Drawing {
    body: String,
    bottom: usize,
    right: usize,
}

impl Drawing {
    /// Draws a box with what is below it, and gives the height of its middle.
    fn node(&mut self, node: &Node, depth: usize) -> usize {
        let duties: Vec<String> = own(node).map(duty).collect();
        let mut lines = vec![line(node)];
        lines.extend(duties.iter().take(DUTIES).cloned());
        if duties.len() > DUTIES {
            lines.push(format!("and {} duties more", duties.len() - DUTIES));
        }
        let (x, y) = (GAP + depth * STEP, self.bottom);
        let height = lines.len() * LINE + GAP;
        let colour = colour(node.verdict);
        let _ = writeln!(
            self.body,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"4\" fill=\"#ffffff\" \
             stroke=\"{colour}\" stroke-width=\"2\"/>",
            escaped(&line(node))
        );
        for (place, text) in lines.iter().enumerate() {
            let (at, down) = (x + 10, y + (place + 1) * LINE);
            let fill = if place == 0 { colour } else { "#222222" };
            let _ = writeln!(self.body, "<text x=\"{at}\" y=\"{down}\" fill=\"{fill}\">{}</text>", escaped(&cut(text)));
        }
        self.body.push_str("</g>\n");
        self.bottom = y + height + GAP;
        self.right = self.right.max(x + WIDTH + GAP);
        let middle = y + height / 2;
        let stem = x + STEP / 2;
        for below in &node.made_from {
            let down = self.node(below, depth + 1);
            let (from, to) = (y + height, x + STEP);
            let path = format!("M{stem} {from} V{down} H{to}");
            let _ = writeln!(self.body, "<path d=\"{path}\" fill=\"none\" stroke=\"#888888\"/>");
        }
        middle
    }
}

/// The tree as one SVG file.
#[must_use]
pub fn svg(root: &Node) -> String {
    let mut drawing = Drawing { body: String::new(), bottom: GAP, right: 0 };
    let _ = drawing.node(root, 0);
    let Drawing { body, bottom, right } = drawing;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right}\" height=\"{bottom}\" viewBox=\"0 0 {right} {bottom}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fafafa\"/>\n{body}</svg>\n",
        escaped(&line(root))
    )
}
