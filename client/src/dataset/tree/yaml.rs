//! YAML 1.2 with the place of every value, from the parser's own marks. Plain words are `null`, or stay as written: what looks
//! like a number may be a version or a digest. Merge keys (`<<`) are followed, as the tools that write these papers do: what
//! they bring in may be the license or the origin of an entry.

use super::{At, Complaint, MAX_DEPTH, Names, Node, Tree, Value, twice};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Reads the one document of a text whose first line is this one of its paper.
///
/// # Errors
/// [`Complaint`] for what is no YAML, holds more than one document, is nested too deep or holds too much.
pub fn read(text: &str, first_line: u32) -> Result<Tree, Complaint> {
    let mut reader = Reader {
        first_line,
        open: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        nodes: 0,
        names: Names::default(),
        complaints: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| Complaint { at: reader.at(error.marker()), what: format!("no YAML: {}", error.info()) })?;
        let at = reader.at(&span.start);
        reader.take(event, at)?;
    }
    let root = reader.root.unwrap_or(Node { at: At { line: first_line, column: 1 }, value: Value::Null });
    Ok(Tree { root, complaints: reader.complaints })
}

/// Most values of one paper, those that an alias repeats included: an alias costs five bytes, and may stand for a thousand values.
const MAX_NODES: usize = 2_000_000;

/// How many bytes of a text that an alias repeats count as one value more.
const TEXT: usize = 64;

/// A list or mapping that is not whole yet.
struct Open {
    at: At,
    anchor: usize,
    filled: Filled,
}

enum Filled {
    List(Vec<Node>),
    Members { members: Vec<(Arc<str>, Node)>, name: Option<Arc<str>> },
}

struct Reader {
    first_line: u32,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    names: Names,
    complaints: Vec<Complaint>,
}

impl Reader {
    fn at(&self, mark: &Marker) -> At {
        let line = u32::try_from(mark.line()).unwrap_or(u32::MAX).saturating_sub(1);
        At { line: line.saturating_add(self.first_line), column: u32::try_from(mark.col() + 1).unwrap_or(u32::MAX) }
    }

    fn take(&mut self, event: Event<'_>, at: At) -> Result<(), Complaint> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = match text.as_ref() {
                    "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
                    "true" | "false" if plain => Value::Bare(text.into_owned()),
                    other => Value::Text(other.to_owned()),
                };
                self.whole(Node { at, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(at, anchor, Filled::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(at, anchor, Filled::Members { members: Vec::new(), name: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, filled }) = self.open.pop() else { return Ok(()) };
                let value = match filled {
                    Filled::List(items) => Value::List(items),
                    Filled::Members { members, .. } => {
                        twice(&members, &mut self.complaints);
                        Value::Members(merged(members, &mut self.complaints))
                    }
                };
                self.whole(Node { at, value }, anchor, 1)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| Complaint { at, what: "an alias of what is not whole yet".to_owned() })?;
                let count = count(&node);
                self.whole(Node { at, ..node }, 0, count)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Complaint { at, what: "more than one document in one paper".to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: At, anchor: usize, filled: Filled) -> Result<(), Complaint> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Complaint { at, what: format!("nested deeper than {MAX_DEPTH}") });
        }
        self.open.push(Open { at, anchor, filled });
        Ok(())
    }

    /// Puts a whole value where it belongs.
    fn whole(&mut self, node: Node, anchor: usize, count: usize) -> Result<(), Complaint> {
        self.nodes = self.nodes.saturating_add(count);
        if self.nodes > MAX_NODES {
            return Err(Complaint { at: node.at, what: format!("more than {MAX_NODES} values") });
        }
        if anchor > 0 {
            self.nodes = self.nodes.saturating_add(self::count(&node));
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.filled) {
            None => self.root = Some(node),
            Some(Filled::List(items)) => items.push(node),
            Some(Filled::Members { members, name }) => match name.take() {
                Some(name) => members.push((name, node)),
                None => {
                    if node.text().is_none() && node.value != Value::Null {
                        self.complaints
                            .push(Complaint { at: node.at, what: "a member whose name is no text".to_owned() });
                    }
                    *name = Some(self.names.one(node.text().unwrap_or_default()));
                }
            },
        }
        Ok(())
    }
}

/// Members with those that `<<` brings in behind them: a member's own word counts before what is merged, and what is named
/// first before what comes later.
fn merged(members: Vec<(Arc<str>, Node)>, complaints: &mut Vec<Complaint>) -> Vec<(Arc<str>, Node)> {
    if !members.iter().any(|(name, _)| &**name == "<<") {
        return members;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| &**name == "<<");
    let mut known: HashSet<Arc<str>> = own.iter().map(|(name, _)| Arc::clone(name)).collect();
    for (_, merge) in merges {
        let parts = match merge.value {
            Value::List(parts) => parts,
            _ => vec![merge],
        };
        for Node { at, value } in parts {
            let Value::Members(more) = value else {
                let what = "`<<` merges something that has no members".to_owned();
                complaints.push(Complaint { at, what });
                continue;
            };
            own.extend(more.into_iter().filter(|(name, _)| known.insert(Arc::clone(name))));
        }
    }
    own
}

/// How much a value weighs: one for each within it, and one for each stretch of text, which an alias copies too.
fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Text(text) | Value::Bare(text) => text.len() / TEXT,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Members(members) => members.iter().map(|(_, node)| count(node)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn aliases_of_a_long_text_are_bounded() {
        let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), "*a,".repeat(1_000));
        assert!(read(&text, 1).is_err_and(|complaint| complaint.what.contains("more than")));
    }

    #[test]
    fn every_value_knows_its_place() {
        let tree = read("license: mit\ntags:\n  - a\n  - \"1.10\"\nversion: 1.10\nempty:\n", 2).unwrap();
        let license = tree.root.member("license").unwrap();
        assert_eq!((license.at.line, license.at.column), (2, 10));
        let tags = tree.root.member("tags").unwrap();
        assert_eq!((tags.items()[1].at.line, tags.items()[1].at.column), (5, 5));
        assert_eq!(tree.root.text_of("version"), Some("1.10"));
        assert_eq!(tree.root.member("empty"), None);
    }

    #[test]
    fn merge_keys_bring_in_what_is_not_said_already() {
        let text = "base: &b\n  license: cc-by-nc-4.0\n  source: x\nset:\n  source: y\n  <<: *b\nsets:\n  <<: [{a: 1}, {a: 2, b: 3}]\n<<: 7\n";
        let tree = read(text, 1).unwrap();
        let set = tree.root.member("set").unwrap();
        assert_eq!((set.text_of("license"), set.text_of("source")), (Some("cc-by-nc-4.0"), Some("y")));
        let sets = tree.root.member("sets").unwrap();
        assert_eq!((sets.text_of("a"), sets.text_of("b"), sets.members().len()), (Some("1"), Some("3"), 2));
        assert_eq!(tree.complaints.len(), 1);
        assert_eq!(tree.complaints[0].at.line, 9);
    }

    #[test]
    fn aliases_are_counted_and_members_that_stand_twice_are_told() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let parts = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{parts}]\n"));
        }
        assert!(read(&bomb, 1).unwrap_err().what.contains("values"));
        assert_eq!(read("a: 1\na: 2\n", 1).unwrap().complaints[0].at.line, 2);
        assert!(read("a: &x [*x]\n", 1).is_err());
        assert!(read("a: 1\n---\nb: 2\n", 1).is_err());
        assert!(read(&"[".repeat(1000), 1).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,80}", yaml in "[-:a \n\\[\\]{}&*!|>\"'#?,0]{0,60}") {
            let _ = read(&text, 1);
            let _ = read(&yaml, 1);
        }
    }
}
