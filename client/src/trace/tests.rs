//! Trees as they are drawn: every name a stranger's, every byte of the drawing ours.

use super::*;
use proptest::prelude::*;

fn leaf(about: &str) -> Node {
    Node { about: Some(about.to_owned()), link: Some(Link::Adaptation), ..Node::unresolved(Link::Adaptation) }
}

fn root(below: Vec<Node>) -> Node {
    Node { link: None, made_from: below, ..leaf("root") }
}

#[test]
fn branches_are_drawn_in_both_alphabets() {
    let inner = Node { made_from: vec![leaf("deep")], ..leaf("b\u{fc}cher") };
    let tree = root(vec![inner, Node::unresolved(Link::Generated)]);
    let unicode = text(&tree, Lines::Unicode);
    assert_eq!(
        unicode,
        "root: unknown (lineage-unresolved)\n\
         \u{251c}\u{2500} adaptation of b\u{fc}cher: unknown (lineage-unresolved)\n\
         \u{2502}  \u{2514}\u{2500} adaptation of deep: unknown (lineage-unresolved)\n\
         \u{2514}\u{2500} generated of nobody knows what: unknown (lineage-unresolved)\n"
    );
    let ascii = text(&tree, Lines::Ascii);
    assert!(ascii.is_ascii() && ascii.contains("|  `- adaptation of deep") && ascii.contains("b?cher"), "{ascii}");
    assert_eq!(tree.len(), 4);
}

/// The tags of a drawing, each with its attributes' names; fails on anything that is not well-formed enough to be told.
fn tags(svg: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>') && !text.replace("&amp;", "").contains("& "), "{text}");
        found.push(tag.split(' ').next().unwrap_or_default().trim_matches('/').to_owned());
    }
    found
}

proptest! {
    /// Whatever an entry is called, the drawing has our tags, no other, and asks no host.
    #[test]
    fn a_drawing_holds_no_foreign_markup(names in prop::collection::vec(any::<String>(), 1..6)) {
        let hostile = ["<script>alert(1)</script>", "\"/><image href='http://evil.example/'/>", "]]>&nbsp;\u{0}\u{202e}"];
        let below = names.iter().map(String::as_str).chain(hostile).map(leaf).collect();
        let drawn = svg(&root(below));
        for tag in tags(&drawn) {
            prop_assert!(["svg", "title", "rect", "g", "text", "path"].contains(&tag.as_str()), "{}", tag);
        }
        // The one address that is not a name's is the namespace's, and no attribute is a name's.
        for tag in drawn.split('<').filter_map(|piece| piece.split_once('>')).map(|(tag, _)| tag) {
            prop_assert!(!tag.contains("http") || tag.starts_with("svg xmlns=\"http://www.w3.org/2000/svg\""), "{}", tag);
        }
        let turned = drawn.contains(['\0', '\u{202e}']);
        prop_assert!(!turned);
    }
}
