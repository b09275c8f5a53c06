//! Changes: the log as a feed, read from the store by the leaf's index, and the news that it has grown.
//!
//! A cursor is a leaf's index and nothing else, so that it holds whatever is restarted, rebuilt or restored between two
//! questions. Nothing is told that `/v1/statements` would not tell: a sealed leaf has an index and a time.

use cleartitle_schema::changes::{Change, ChangeFilter, ChangeList, NamedStatement, Withheld};
use cleartitle_schema::leaf::{Leaf, LeafKind};
use cleartitle_schema::statement::Body;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

use crate::store::{Page, Relation, Store, StoreError, Stored};

/// How many of the statements that one names are looked up for the hosts that they touch. A withdrawal names one; a statement
/// that supersedes hundreds tells its own hosts besides.
const LOOKED_UP: usize = 16;

/// Which changes to read.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Of which kind.
    pub filter: ChangeFilter,
    /// Only at a greater index.
    pub after: Option<u64>,
    /// Only at a smaller index.
    pub before: Option<u64>,
    /// The newest come first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
}

/// One page of changes.
///
/// # Errors
/// [`StoreError`].
pub fn page(store: &dyn Store, log: &str, asked: &Asked) -> Result<ChangeList, StoreError> {
    let size = store.head()?.map_or(0, |head| head.size);
    let from = asked.after.map_or(0, |after| after.saturating_add(1));
    let below = asked.before.unwrap_or(size).min(size);
    let mut changes = if asked.filter.is_open() {
        every(store, asked, from, below)?
    } else {
        let ChangeFilter { issuer, kind } = asked.filter.clone();
        let (limit, newest_first) = (asked.limit + 1, asked.newest_first);
        let found = store.statements(&Page { issuer, kind, from, below: Some(below), limit, newest_first })?;
        found.iter().map(|stored| change(store, stored)).collect::<Result<Vec<_>, _>>()?
    };
    let more = changes.len() > asked.limit;
    changes.truncate(asked.limit);
    // Behind the last entry where there are more; otherwise behind all leaves that were looked at.
    let looked_at = below.checked_sub(1).filter(|last| *last >= from);
    let next = match changes.last() {
        Some(last) if more => Some(last.index),
        _ => looked_at.or(asked.after),
    };
    Ok(ChangeList { log: log.to_owned(), changes, next, more })
}

/// One entry a leaf, one more than asked for where there are more.
fn every(store: &dyn Store, asked: &Asked, from: u64, below: u64) -> Result<Vec<Change>, StoreError> {
    let wanted = asked.limit as u64 + 1;
    let range = if asked.newest_first {
        from.max(below.saturating_sub(wanted))..below
    } else {
        from..below.min(from.saturating_add(wanted))
    };
    let leaves = store.leaves(range.clone())?;
    let page = Page { from: range.start, below: Some(range.end), limit: leaves.len(), ..Page::default() };
    let mut statements = store.statements(&page)?.into_iter().peekable();
    let mut changes = Vec::with_capacity(leaves.len());
    for (leaf, index) in leaves.iter().zip(range.start..) {
        let leaf = Leaf::parse(leaf).map_err(|error| StoreError::Damaged(format!("leaf {index}: {error}")))?;
        if let Some(stored) = statements.next_if(|stored| stored.registered.index == index) {
            changes.push(change(store, &stored)?);
            continue;
        }
        let withheld = if leaf.kind == LeafKind::Sealed { Withheld::Sealed } else { Withheld::Erased };
        changes.push(Change { withheld: Some(withheld), ..Change::of(index, leaf.registered_at) });
    }
    if asked.newest_first {
        changes.reverse();
    }
    Ok(changes)
}

/// What a statement changed.
fn change(store: &dyn Store, stored: &Stored) -> Result<Change, StoreError> {
    let registered = &stored.registered;
    let statement = &registered.statement;
    let mut change = Change {
        statement: Some(registered.id),
        kind: Some(statement.kind()),
        issuer: Some(statement.issuer.domain.clone()),
        ..Change::of(registered.index, registered.registered_at)
    };
    let names = Relation::all_of(registered);
    let mut named = Vec::new();
    for (id, _) in names.iter().take(LOOKED_UP) {
        named.extend(store.statement(id)?);
    }
    let own = statement.scope().into_iter().chain(statement.taken_up());
    change.touch(own.chain(named.iter().filter_map(|stored| stored.registered.statement.scope())));
    if let Body::KeyBinding { domain, .. } = &statement.body {
        change.hosts.push(cleartitle_schema::changes::TouchedHost { host: domain.clone(), subdomains: false });
    }
    let told =
        |(statement, relation): (_, Relation)| NamedStatement { statement, relation: relation.word().to_owned() };
    change.names = names.into_iter().map(told).collect();
    Ok(change)
}

/// How old news may be for somebody to rely on there being no newer ones.
const FRESH: Duration = Duration::from_secs(1);

/// The news that the log has grown, and that the registry stops: whoever waits is woken by either.
pub struct News {
    size: watch::Sender<Told>,
    began: Instant,
    /// When the look at the store began that was answered last, in milliseconds after `began`; 0 where none was.
    looked: AtomicU64,
    /// When it was answered, by the wall clock: the other one stands still while a machine is suspended.
    wall: AtomicU64,
}

fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What was told last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// How many leaves the log has.
    pub size: u64,
    /// Nobody waits any longer.
    pub over: bool,
}

impl Default for News {
    fn default() -> Self {
        Self {
            size: watch::Sender::new(Told::default()),
            began: Instant::now(),
            looked: AtomicU64::new(0),
            wall: AtomicU64::new(0),
        }
    }
}

impl News {
    /// Tells how many leaves there are. Only a change wakes anybody.
    pub fn tell(&self, size: u64) {
        self.size.send_if_modified(|told| {
            let grown = size > told.size;
            told.size = told.size.max(size);
            grown
        });
    }

    /// Tells how many leaves the store showed in a look that began then.
    pub fn looked(&self, begun: Instant, size: u64) {
        self.tell(size);
        self.wall.store(wall(), Ordering::Release);
        let since = u64::try_from(begun.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        self.looked.fetch_max(since.max(1), Ordering::AcqRel);
    }

    /// Whether the store was looked at so lately that its log can have no leaf that was acknowledged more than a second ago and is
    /// not told of here.
    #[must_use]
    pub fn are_fresh(&self) -> bool {
        self.are_fresh_at(self.began.elapsed(), wall())
    }

    fn are_fresh_at(&self, elapsed: Duration, wall: u64) -> bool {
        let looked = self.looked.load(Ordering::Acquire);
        let apart = Duration::from_millis(wall.abs_diff(self.wall.load(Ordering::Acquire)));
        // A wall clock that is set makes them stale until the next look, which does no harm.
        looked > 0 && elapsed.saturating_sub(Duration::from_millis(looked)) < FRESH && apart < 2 * FRESH
    }

    /// How many leaves were told of.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.borrow().size
    }

    /// Wakes all who wait, for good.
    pub fn end(&self) {
        self.size.send_modify(|told| told.over = true);
    }

    /// To be woken.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Told> {
        self.size.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_fresh_for_a_second_after_a_look_began() {
        let news = News::default();
        let (later, now) = (|millis| news.began.elapsed() + Duration::from_millis(millis), wall());
        news.tell(7);
        assert!(!news.are_fresh(), "a commit of ours tells nothing of what others did before it");
        news.looked(Instant::now(), 9);
        assert!(news.are_fresh() && news.size() == 9);
        assert!(news.are_fresh_at(later(900), now) && !news.are_fresh_at(later(1100), now));
        assert!(!news.are_fresh_at(later(0), now + 60_000), "the machine was suspended for a minute");
        // A look that took long, or was answered behind a later one, makes nothing fresher.
        news.looked(news.began, 8);
        assert!(news.are_fresh_at(later(900), now) && !news.are_fresh_at(later(1100), now) && news.size() == 9);
        let slow = News::default();
        std::thread::sleep(Duration::from_millis(5));
        slow.looked(slow.began, 1);
        assert!(!slow.are_fresh_at(Duration::from_millis(1002), wall()), "it is as old as its begin");
    }
}
