//! Companions held back until their document is decided: request and metadata records share its fate, before it or after.
//!
//! Crawlers link either way: some write `WARC-Concurrent-To` into the request, GNU Wget into the response that follows it.
//! A companion whose document is not found within the bounds is an orphan, and left out.

use cleartitle_schema::policy::Disposition;
use std::collections::{HashMap, VecDeque};

/// Most records held back at once.
pub const HELD_RECORDS: usize = 512;
/// Most bytes held back at once, but for one record alone.
pub const HELD_BYTES: usize = 64 * 1024 * 1024;
/// How many decided records back a companion finds its document.
const REMEMBERED: usize = 65_536;

/// A record's id in one spelling, shortened: 16 bytes of BLAKE3, so that nobody can make two ids meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u8; 16]);

impl Name {
    /// The name behind `<urn:uuid:...>`, with or without its angle brackets.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let bare = id.trim();
        let bare = bare.strip_prefix('<').and_then(|bare| bare.strip_suffix('>')).unwrap_or(bare);
        let mut name = [0; 16];
        name.copy_from_slice(&blake3::hash(bare.as_bytes()).as_bytes()[..16]);
        Self(name)
    }
}

/// The fates of records lately decided; of two under one name the stricter stands.
#[derive(Debug, Default)]
struct Fates {
    known: HashMap<Name, Disposition>,
    order: VecDeque<Name>,
}

impl Fates {
    fn note(&mut self, name: Name, fate: Disposition) {
        if let Some(known) = self.known.get_mut(&name) {
            *known = fate.min(*known);
            return;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(name);
        self.known.insert(name, fate);
    }
}

/// A record's own id and those that it names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Its own.
    pub own: Option<Name>,
    /// `WARC-Concurrent-To` and `WARC-Refers-To`.
    pub links: Vec<Name>,
}

/// A record that comes out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Released<T> {
    /// With its own fate, or its document's.
    Fated(T, Disposition),
    /// No document was found for it.
    Orphan(T),
}

#[derive(Debug)]
struct Held<T> {
    item: T,
    bytes: usize,
    names: Names,
    fate: Option<Disposition>,
}

/// Records in file order, of which the first may wait.
#[derive(Debug)]
pub struct Queue<T> {
    held: VecDeque<Held<T>>,
    waiting: usize,
    bytes: usize,
    own: Fates,
    named: Fates,
    ended: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            held: VecDeque::new(),
            waiting: 0,
            bytes: 0,
            own: Fates::default(),
            named: Fates::default(),
            ended: false,
        }
    }
}

impl<T> Queue<T> {
    /// Notes what became of a record without holding it: an excluded document, a damaged one, one that is no document.
    pub fn note(&mut self, names: &Names, fate: Disposition) {
        if let Some(own) = names.own {
            self.own.note(own, fate);
        }
        for link in &names.links {
            self.named.note(*link, fate);
        }
        self.settle();
    }

    /// A document that is written, in its turn.
    pub fn document(&mut self, item: T, bytes: usize, names: &Names, fate: Disposition) {
        self.note(names, fate);
        self.push(item, bytes, Names::default(), Some(fate));
    }

    /// A record that is written whatever becomes of others.
    pub fn always(&mut self, item: T, bytes: usize) {
        self.push(item, bytes, Names::default(), Some(Disposition::Keep));
    }

    /// A companion, which waits for its document.
    pub fn companion(&mut self, item: T, bytes: usize, names: Names) {
        self.waiting += 1;
        self.push(item, bytes, names, None);
        self.settle();
    }

    fn push(&mut self, item: T, bytes: usize, names: Names, fate: Option<Disposition>) {
        self.bytes += bytes;
        self.held.push_back(Held { item, bytes, names, fate });
    }

    /// Gives waiting companions their fate where it is known by now.
    fn settle(&mut self) {
        if self.waiting == 0 {
            return;
        }
        for held in self.held.iter_mut().filter(|held| held.fate.is_none()) {
            let Names { own, links } = &held.names;
            let told = links.iter().filter(|link| self.own.known.contains_key(link)).count();
            let named = own.is_some_and(|own| self.named.known.contains_key(&own));
            let complete = if links.is_empty() { named } else { told == links.len() };
            if complete {
                held.fate = known(&held.names, &self.own, &self.named);
                self.waiting -= 1;
                if let (Some(own), Some(fate)) = (*own, held.fate) {
                    self.own.note(own, fate);
                }
            }
        }
    }

    /// The input has ended: nothing waits any longer.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next record in file order, when its fate is known or it can't be waited for.
    pub fn release(&mut self) -> Option<Released<T>> {
        let over = self.ended || self.held.len() > HELD_RECORDS || (self.bytes > HELD_BYTES && self.held.len() > 1);
        if self.held.front()?.fate.is_none() && !over {
            return None;
        }
        let held = self.held.pop_front()?;
        self.bytes -= held.bytes;
        let Some(fate) = held.fate else {
            self.waiting -= 1;
            // What is known of it must do; a document that it names too, and that never came, can't speak.
            return Some(match known(&held.names, &self.own, &self.named) {
                Some(fate) => Released::Fated(held.item, fate),
                None => Released::Orphan(held.item),
            });
        };
        Some(Released::Fated(held.item, fate))
    }
}

/// The strictest fate of the documents that a companion belongs to, of those known.
fn known(names: &Names, own: &Fates, named: &Fates) -> Option<Disposition> {
    let linked = names.links.iter().filter_map(|link| own.known.get(link));
    let naming = names.own.iter().filter_map(|own| named.known.get(own));
    linked.chain(naming).min().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Disposition::{Drop, Keep};

    fn names(own: &str, links: &[&str]) -> Names {
        Names { own: Some(Name::of(own)), links: links.iter().map(|link| Name::of(link)).collect() }
    }

    fn released(queue: &mut Queue<&'static str>) -> Vec<(&'static str, Option<Disposition>)> {
        std::iter::from_fn(|| queue.release())
            .map(|it| match it {
                Released::Fated(item, fate) => (item, Some(fate)),
                Released::Orphan(item) => (item, None),
            })
            .collect()
    }

    #[test]
    fn a_companion_is_found_on_either_side_and_by_either_link() {
        let mut queue = Queue::default();
        queue.companion("request by response", 1, names("<a>", &[]));
        queue.companion("request by itself", 1, names("b", &["doc"]));
        assert!(released(&mut queue).is_empty());
        queue.document("document", 1, &names("doc", &["a"]), Keep);
        queue.companion("metadata", 1, names("c", &["<doc>"]));
        let all: Vec<_> = released(&mut queue);
        assert_eq!(
            all.iter().map(|it| it.0).collect::<Vec<_>>(),
            ["request by response", "request by itself", "document", "metadata"]
        );
        assert!(all.iter().all(|it| it.1 == Some(Keep)));
    }

    #[test]
    fn the_strictest_of_its_documents_decides() {
        let mut queue = Queue::default();
        queue.companion("both", 1, names("m", &["x", "y"]));
        queue.document("x", 1, &names("x", &[]), Keep);
        assert!(released(&mut queue).is_empty());
        queue.note(&names("y", &[]), Drop);
        assert_eq!(released(&mut queue), [("both", Some(Drop)), ("x", Some(Keep))]);
    }

    #[test]
    fn a_companion_of_a_companion_follows_it() {
        let mut queue = Queue::default();
        queue.document("doc", 1, &names("doc", &[]), Keep);
        queue.companion("request", 1, names("r", &["doc"]));
        queue.companion("metadata", 1, names("m", &["r"]));
        assert_eq!(released(&mut queue).last(), Some(&("metadata", Some(Keep))));
    }

    #[test]
    fn an_orphan_waits_no_longer_than_the_bounds() {
        let mut queue = Queue::default();
        queue.companion("orphan", 1, names("o", &["nowhere"]));
        for _ in 0..HELD_RECORDS {
            queue.document("d", 1, &Names::default(), Keep);
        }
        assert_eq!(released(&mut queue)[0], ("orphan", None));
        queue.companion("big", HELD_BYTES + 1, names("p", &["nowhere"]));
        assert!(released(&mut queue).is_empty(), "one record alone may wait, whatever its size");
        queue.document("d", 1, &Names::default(), Keep);
        assert_eq!(released(&mut queue)[0], ("big", None));
        queue.companion("last", 1, names("q", &[]));
        assert!(released(&mut queue).is_empty());
        queue.end();
        assert_eq!(released(&mut queue), [("last", None)]);
    }
}
