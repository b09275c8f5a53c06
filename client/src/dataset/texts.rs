//! Members that hold texts: addresses, digests, licenses. What is no text is told with its place: it may be what says no.

use super::entry::{Item, Stated};
use super::tree::Node;
use std::sync::Arc;

/// What is told of a value that should be a text.
pub(super) fn no_text(node: &Node, member: &str, file: &Arc<str>) -> Item {
    Item::Damage { place: node.place(file).member(member), what: format!("`{member}` is no text") }
}

/// The texts of a value that is one or a list of them; what is none is told.
pub(super) fn texts<'n>(
    node: Option<&'n Node>,
    member: &str,
    file: &Arc<str>,
    told: &mut Vec<Item>,
) -> Vec<(&'n str, &'n Node)> {
    let mut found = Vec::new();
    for item in node.map(Node::items).unwrap_or_default() {
        match item.string() {
            Some(text) => found.push((text, item)),
            None => told.push(no_text(item, member, file)),
        }
    }
    found
}

/// What is told of a part of an inventory that says that it does not hold all of it: what it leaves out may be what says no.
pub(super) fn not_carried(what: &str, node: &Node, file: &Arc<str>) -> Item {
    let what = format!("the inventory does not carry this, so judge the paper that it was made of: {what}");
    Item::Damage { place: node.place(file), what }
}

/// A text as it is stated in a member.
pub(super) fn stated(text: &str, node: &Node, member: &str, file: &Arc<str>) -> Stated {
    Stated { text: text.to_owned(), place: node.place(file).member(member) }
}
