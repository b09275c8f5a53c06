//! Trace: the tree of what an entry was made from, with the verdict, the duties and the prices of each node.
//!
//! Every verdict is `decide`'s, the root's with all ancestors heard: the tree only shows it. Who would attack: whoever puts markup or
//! control characters into a name (nothing is drawn unescaped, and a drawing asks no other host), or a tree without end (depth and
//! breadth are bounded where it is made, and again where it is drawn).

mod svg;
mod text;

pub use svg::svg;
pub use text::{Lines, text};

use crate::dataset::{Entry, Nowhere};
use crate::gate::{Judge, about};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::{Owed, Reason, Verdict};
use cleartitle_schema::lineage::{Link, MAX_ANCESTORS, MAX_DEPTH};
use cleartitle_schema::snapshot::Damage;
use serde::Serialize;

/// One document of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// How the one above it came from it; none for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// What it is, in a word: its name, its URL, its content, its work; where the chain leads nowhere, the name that does. None
    /// where nothing is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is decided of it, its ancestors heard.
    pub verdict: Verdict,
    /// The reason that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the snapshot says of the address that leads nowhere, taken for a document of which no more is known. It is told and
    /// decides nothing: what lay there may have origins of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Said>,
    /// What is owed for it, and for what it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Owed>,
    /// What it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_from: Vec<Node>,
}

/// What is decided of an address by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Node {
    /// Where a chain leads nowhere: nobody knows whose terms count.
    const fn unresolved(link: Link) -> Self {
        Self {
            link: Some(link),
            about: None,
            verdict: Verdict::Unknown,
            reason: Some(Reason::LineageUnresolved),
            address: None,
            duties: Vec::new(),
            made_from: Vec::new(),
        }
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        1 + self.made_from.iter().map(Self::len).sum::<usize>()
    }

    /// Always false: a tree has its root.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// Draws the tree of an entry whose lineage is resolved.
///
/// # Errors
/// [`Damage`] of the snapshot.
pub fn tree(judge: &Judge, entry: &Entry) -> Result<Node, Damage> {
    let mut drawn = Drawn { judge, nowhere: &entry.nowhere, at: Vec::new(), left: MAX_ANCESTORS };
    let mut root = drawn.node(&entry.copy, None)?;
    root.about = entry.name.clone().or(root.about);
    Ok(root)
}

/// A tree while it is made.
struct Drawn<'a> {
    judge: &'a Judge,
    nowhere: &'a [Nowhere],
    /// Which links lead from the root to here.
    at: Vec<usize>,
    left: usize,
}

impl Drawn<'_> {
    fn node(&mut self, copy: &Acquisition, link: Option<Link>) -> Result<Node, Damage> {
        let judged = self.judge.judge(Entry { copy: copy.clone(), ..Entry::default() })?;
        let mut made_from = Vec::with_capacity(copy.lineage.len());
        for (number, below) in copy.lineage.iter().enumerate() {
            let within = self.at.len() < MAX_DEPTH && self.left > 0;
            self.at.push(number);
            made_from.push(match below.parent.as_deref() {
                Some(parent) if within => {
                    self.left -= 1;
                    self.node(parent, Some(below.link))?
                }
                Some(parent) => Node { about: about(parent), ..Node::unresolved(below.link) },
                None => self.nowhere(below.link)?,
            });
            self.at.pop();
        }
        Ok(Node {
            link,
            about: about(copy),
            verdict: judged.decision.verdict,
            reason: judged.decision.deciding(),
            address: None,
            duties: judged.decision.duties,
            made_from,
        })
    }

    /// Where a chain leads nowhere: the name that does, and what is known of it if it is an address.
    fn nowhere(&self, link: Link) -> Result<Node, Damage> {
        let name = self.nowhere.iter().find(|nowhere| nowhere.at == self.at).map(|nowhere| nowhere.name.clone());
        let is_address = |name: &&String| name.starts_with("https://") || name.starts_with("http://");
        let address = match name.as_ref().filter(is_address) {
            None => None,
            Some(name) => {
                let copy = Acquisition::fetched(name);
                let decision = self.judge.judge(Entry { copy, ..Entry::default() })?.decision;
                Some(Said { verdict: decision.verdict, reason: decision.deciding() })
            }
        };
        Ok(Node { about: name, address, ..Node::unresolved(link) })
    }
}

/// What of a node's duties is its own: not that of what it was made from, which stands there.
fn own(node: &Node) -> impl Iterator<Item = &Owed> {
    node.duties.iter().filter(|owed| !node.made_from.iter().any(|below| below.duties.contains(owed)))
}

#[cfg(test)]
#[path = "trace/tests.rs"]
mod tests;
