//! A text from outside, as it is shown: control characters are replaced, not sent, and it is cut.

fn cut(text: &str, characters: usize) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(characters).map(visible).collect()
}

/// A text from outside, safe on a terminal: at most 500 characters.
#[must_use]
pub fn shown(text: &str) -> String {
    cut(text, 500)
}

/// The same where it is one of many in a table: at most 160 characters.
#[must_use]
pub fn brief(text: &str) -> String {
    cut(text, 160)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_sends_no_control_characters() {
        assert_eq!(shown("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        let long = "ä".repeat(1000);
        assert_eq!((shown(&long).chars().count(), brief(&long).chars().count()), (500, 160));
    }
}
