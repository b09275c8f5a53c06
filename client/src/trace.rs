//! Trace: the tree of what an entry was made from, with the verdict, the duties and the prices of each node.
//!
//! Every verdict is `decide`'s, the root's with all ancestors heard: the tree only shows it. Who would attack: whoever puts markup or
//! control characters into a name (nothing is drawn unescaped, and a drawing asks no other host), or a tree without end (depth and
//! breadth are bounded where it is made, and again where it is drawn).

mod svg;
mod text;

pub use svg::svg;
pub use text::{Lines, text};

use crate::dataset::Entry;
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
    /// What it is, in a word: its name, its URL, its content, its work. None where the chain leads nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is decided of it, its ancestors heard.
    pub verdict: Verdict,
    /// The reason that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What is owed for it, and for what it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Owed>,
    /// What it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_from: Vec<Node>,
}

impl Node {
    /// Where a chain leads nowhere: nobody knows whose terms count.
    const fn unresolved(link: Link) -> Self {
        Self {
            link: Some(link),
            about: None,
            verdict: Verdict::Unknown,
            reason: Some(Reason::LineageUnresolved),
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
    let mut left = MAX_ANCESTORS;
    let mut root = node(judge, &entry.copy, None, 0, &mut left)?;
    root.about = entry.name.clone().or(root.about);
    Ok(root)
}

fn node(judge: &Judge, copy: &Acquisition, link: Option<Link>, depth: usize, left: &mut usize) -> Result<Node, Damage> {
    let judged = judge.judge(Entry { copy: copy.clone(), ..Entry::default() })?;
    let mut made_from = Vec::with_capacity(copy.lineage.len());
    for below in &copy.lineage {
        let parent = below.parent.as_deref().filter(|_| depth < MAX_DEPTH && *left > 0);
        let Some(parent) = parent else {
            made_from.push(Node::unresolved(below.link));
            continue;
        };
        *left -= 1;
        made_from.push(node(judge, parent, Some(below.link), depth + 1, left)?);
    }
    Ok(Node {
        link,
        about: about(copy),
        verdict: judged.decision.verdict,
        reason: judged.decision.deciding(),
        duties: judged.decision.duties,
        made_from,
    })
}

/// What of a node's duties is its own: not that of what it was made from, which stands there.
fn own(node: &Node) -> impl Iterator<Item = &Owed> {
    node.duties.iter().filter(|owed| !node.made_from.iter().any(|below| below.duties.contains(owed)))
}

#[cfg(test)]
#[path = "trace/tests.rs"]
mod tests;
