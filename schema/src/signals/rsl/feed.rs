//! RSL in a feed: `rsl:content` in an item of RSS or an entry of Atom, of the same origin as the feed.

use super::document::{Content, Rsl};
use super::place::Place;
use super::read::Reader;
use super::xml::{Element, Space};
use crate::signals::{Complaint, Lint};
use crate::surt::UrlKey;

/// Most items that are looked at.
const MOST_ITEMS: usize = 2_000;

/// One item's content, with the place that it applies to.
pub(super) struct Item {
    pub content: Content,
    pub place: Place,
}

/// The contents of a feed's items. Each item stands for itself, so that what is left out changes nothing of the others.
pub(super) fn items(root: &Element, document: Option<&UrlKey>, out: &mut Vec<Complaint>) -> (Rsl, Vec<Item>) {
    let mut reader = Reader { rsl: Rsl::default(), complaints: out };
    let mut places: Vec<(Option<String>, bool, usize)> = Vec::new();
    let mut waiting = vec![root];
    while let Some(element) = waiting.pop() {
        let is_item = matches!(element.name.as_str(), "item" | "entry");
        for child in element.children.iter().rev() {
            if child.space == Space::Rsl || child.space == Space::AlmostRsl {
                if child.name != "content" || places.len() >= MOST_ITEMS {
                    let detail = format!("`rsl:{}` is not read here", child.name);
                    reader.complaints.push(Complaint::at(child.line, Lint::Misplaced, detail));
                    continue;
                }
                reader.rsl.defective |= child.space == Space::AlmostRsl;
                let before = reader.rsl.contents.len();
                reader.content(child);
                if reader.rsl.contents.len() > before {
                    places.push((is_item.then(|| link(element)).flatten(), is_item, child.line));
                }
            } else {
                waiting.push(child);
            }
        }
    }
    let contents = std::mem::take(&mut reader.rsl.contents);
    let rsl = reader.rsl;
    let placed = contents.into_iter().zip(places).map(|(content, (link, in_item, line))| {
        let named = content.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let url = named.map(str::to_owned).or(link).unwrap_or_default();
        if !in_item {
            out.push(Complaint::at(line, Lint::Misplaced, "`rsl:content` outside an item: it may only restrict"));
        }
        let place = Place::of_item(&url, document.filter(|_| in_item), line, out);
        Item { content, place }
    });
    let items = placed.collect();
    (rsl, items)
}

/// The address of an item: RSS writes it as text, Atom as an attribute.
fn link(item: &Element) -> Option<String> {
    let links = item.children.iter().filter(|child| child.name == "link");
    let mut addresses = links.filter(|link| matches!(link.attribute("rel"), None | Some("alternate")));
    addresses.find_map(|link| {
        let address = link.attribute("href").unwrap_or(link.trimmed());
        (!address.is_empty()).then(|| address.to_owned())
    })
}
