//! A foreign paper as a tree whose every value knows its line and column: JSON and YAML give the same one.
//!
//! Who writes such a paper to harm us nests it without end, repeats one anchor in the next, or names a member twice so that two
//! readers see two papers. Depth, count and length are bounded; a member that stands twice is told, and the first one counts.

mod json;
mod yaml;

use super::again;
use super::entry::{Item, Place};
use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

/// The longest paper that is read as a tree, in bytes: it is held in memory.
pub const MAX_PAPER: u64 = 512 << 20;

/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;

/// Most values of one paper: some 50 bytes each, and their texts.
pub const MAX_NODES: usize = 12_000_000;

/// A line and a column in characters, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The line; a paper that may be read has fewer than fit here.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where.
    pub at: At,
    /// What.
    pub value: Value,
}

/// The names of members that were met, each held once: a paper of a million files says `contentUrl` a million times.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn one(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no, or a number, as written.
    Bare(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Members, in their order.
    Members(Vec<(Arc<str>, Node)>),
}

/// What can't be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub at: At,
    /// What is wrong, in words.
    pub what: String,
}

/// A paper read.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Its root.
    pub root: Node,
    /// Members that stand twice.
    pub complaints: Vec<Complaint>,
}

pub use json::read as json;
pub use yaml::read as yaml;

const NOTHING: &[Node] = &[];

impl Node {
    /// The first member of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|(known, _)| &**known == name)
            .map(|(_, node)| node)
            .filter(|node| node.value != Value::Null)
    }

    /// The first member of one of these names, the first name first.
    #[must_use]
    pub fn first_of(&self, names: &[&str]) -> Option<&Self> {
        names.iter().find_map(|name| self.member(name))
    }

    /// Its members; none where it is something else.
    #[must_use]
    pub fn members(&self) -> &[(Arc<str>, Self)] {
        match &self.value {
            Value::Members(members) => members,
            _ => &[],
        }
    }

    /// Its members, to be taken; none where it is something else.
    pub fn members_mut(&mut self) -> &mut [(Arc<str>, Self)] {
        match &mut self.value {
            Value::Members(members) => members,
            _ => &mut [],
        }
    }

    /// The value of this rank in the member of this rank, where both are; else itself.
    pub fn below(&mut self, member: usize, item: usize) -> &mut Self {
        let there = self.members().get(member).is_some_and(|(_, value)| value.items().len() > item);
        if !there {
            return self;
        }
        let value = &mut self.members_mut()[member].1;
        match value.value {
            Value::List(ref mut items) => &mut items[item],
            _ => value,
        }
    }

    /// Takes its items out of it.
    pub fn take_items(&mut self) -> Vec<Self> {
        let at = self.at;
        match std::mem::replace(&mut self.value, Value::Null) {
            Value::Null => Vec::new(),
            Value::List(items) => items,
            value => vec![Self { at, value }],
        }
    }

    /// Its items; itself where it is one thing and no list, as JSON-LD has it.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null => NOTHING,
            _ => std::slice::from_ref(self),
        }
    }

    /// Its text; a number or a yes as it is written.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Bare(text) => Some(text),
            _ => None,
        }
    }

    /// Its text, where it is one and nothing that only looks like it: a number is no URL, no digest and no license.
    #[must_use]
    pub fn string(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a member.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.member(name).and_then(Self::text)
    }

    /// Where it stands in a paper.
    #[must_use]
    pub fn place(&self, file: &Arc<str>) -> Place {
        Place { column: Some(self.at.column), ..Place::line(file, self.at.line.into()) }
    }
}

/// A paper's text; or what keeps it from being one.
///
/// # Errors
/// It can't be read at all.
pub fn text(path: &Path, file: &Arc<str>) -> io::Result<Result<String, Item>> {
    let mut bytes = Vec::new();
    again::open(path)?.take(MAX_PAPER + 1).read_to_end(&mut bytes)?;
    let damage = |line: u64, what: String| Err(Item::Damage { place: Place::line(file, line), what });
    if bytes.len() as u64 > MAX_PAPER {
        return Ok(damage(1, format!("the paper is longer than {MAX_PAPER} bytes, and is held in memory to be read")));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..good]).count() as u64 + 1;
            damage(line, "the paper is not UTF-8".to_owned())
        }
    })
}

/// What is told of a complaint.
#[must_use]
pub fn damage(file: &Arc<str>, complaint: Complaint) -> Item {
    let Complaint { at, what } = complaint;
    Item::Damage { place: Place { column: Some(at.column), ..Place::line(file, at.line.into()) }, what }
}

/// Tells members that stand twice.
fn twice(members: &[(Arc<str>, Node)], complaints: &mut Vec<Complaint>) {
    let mut seen = std::collections::BTreeSet::new();
    for (name, node) in members {
        if !seen.insert(&**name) {
            let name: String = name.chars().take(60).collect();
            complaints.push(Complaint {
                at: node.at,
                what: format!("`{name}` stands twice, and readers differ in which one counts"),
            });
        }
    }
}
