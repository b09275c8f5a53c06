//! Runs: which content of a place was seen from when to when, so that the same bytes seen again make no new observation.
//!
//! Digests, times and places in files are held, no content. Crawl files are in no order of time, so a capture may turn up
//! inside a stretch that looked unbroken; then the capture after it, which was left out before, has to be told after all,
//! or what was seen in between would seem to have lasted.

use cleartitle_schema::time::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Most stretches of one place that are remembered; beyond them every capture is told.
const MOST: usize = 512;

/// Most captures of one stretch that are remembered; the next is told, and begins another.
const CAPTURES: usize = 64;

/// The beginning of a conclusion's mark.
pub type Mark = [u8; 16];

/// Where a capture lies, so that it can be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The crawl file.
    pub file: Arc<Path>,
    /// First stored byte.
    pub offset: u64,
    /// How many stored bytes.
    pub length: u64,
    /// The date of the record.
    pub date: Timestamp,
}

#[derive(Debug, Clone)]
struct Run {
    mark: Mark,
    /// In order of time, never empty. The first was told.
    captures: Vec<(Timestamp, Option<Location>)>,
}

impl Run {
    fn first(&self) -> Timestamp {
        self.captures.first().map_or(Timestamp::MAX, |capture| capture.0)
    }
}

/// What a capture is to what was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Novelty {
    /// The same as seen around it.
    Same,
    /// To be told.
    New,
    /// To be told, and after it the next capture of the stretch it fell into, which lies there.
    Splits(Timestamp, Option<Location>),
}

/// A capture that said nothing new: its place, time and content, and where it lies.
pub type Untold = (String, Timestamp, Mark, Option<Location>);

/// The runs of all places.
#[derive(Debug, Default)]
pub struct Runs {
    places: HashMap<String, Vec<Run>>,
    /// Captures that were not told, since they were last asked for.
    untold: Vec<Untold>,
}

impl Runs {
    /// Takes a capture of a place.
    pub fn take(&mut self, place: &str, at: Timestamp, mark: Mark, location: Option<Location>) -> Novelty {
        let runs = self.places.entry(place.to_owned()).or_default();
        let new = Run { mark, captures: vec![(at, location.clone())] };
        let Some(before) = runs.iter().rposition(|run| run.first() <= at) else {
            runs.insert(0, new);
            return Novelty::New;
        };
        let run = &mut runs[before];
        let later = run.captures.partition_point(|capture| capture.0 <= at);
        if run.mark == mark {
            if run.captures[later - 1].0 == at {
                return Novelty::Same;
            }
            if run.captures.len() < CAPTURES {
                run.captures.insert(later, (at, location.clone()));
                self.untold.push((place.to_owned(), at, mark, location));
                return Novelty::Same;
            }
        }
        let mut tail = run.captures.split_off(later);
        // Beyond the bound everything is told, and nothing remembered.
        let room = runs.len() < MOST;
        if runs.get(before).is_some_and(|run| run.mark == mark) {
            tail.insert(0, (at, location));
            runs.insert(before + 1, Run { mark, captures: tail });
            return Novelty::New;
        }
        if room {
            // Never joined with an equal run that follows: whatever began a run was told, and stands between.
            runs.insert(before + 1, new);
        }
        let Some((next, lies)) = tail.first().cloned() else { return Novelty::New };
        let mark = runs[before].mark;
        runs.insert(before + 1 + usize::from(room), Run { mark, captures: tail });
        Novelty::Splits(next, lies)
    }

    /// Where the capture of a place lies that is nearest to a moment, not further from it than `within` seconds.
    #[must_use]
    pub fn near(&self, place: &str, at: Timestamp, within: i64) -> Option<(Timestamp, Option<Location>)> {
        let runs = self.places.get(place)?;
        let distance = |time: Timestamp| time.0.saturating_sub(at.0).saturating_abs();
        let captures = runs.iter().flat_map(|run| run.captures.iter().cloned());
        captures.filter(|(time, _)| distance(*time) <= within).min_by_key(|(time, _)| distance(*time))
    }

    /// Whether anything of a place is known.
    #[must_use]
    pub fn knows(&self, place: &str) -> bool {
        self.places.contains_key(place)
    }

    /// How many sites are known: the first word of each place.
    #[must_use]
    pub fn sites(&self) -> usize {
        let site = |place: &String| place.split(' ').next().unwrap_or_default().to_owned();
        self.places.keys().map(site).collect::<std::collections::HashSet<_>>().len()
    }

    /// The captures that were not told since the last call: what a later run has to know.
    pub fn drain_untold(&mut self) -> Vec<Untold> {
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_bytes_again_are_told_once_and_a_change_is_told() {
        let mut runs = Runs::default();
        let mut take = |at: i64, mark: u8| runs.take("a.example robots.txt", Timestamp(at), [mark; 16], None);
        assert_eq!((take(10, 1), take(20, 1), take(30, 1)), (Novelty::New, Novelty::Same, Novelty::Same));
        assert_eq!((take(40, 2), take(50, 1)), (Novelty::New, Novelty::New));
        assert_eq!(take(15, 3), Novelty::Splits(Timestamp(20), None));
        assert_eq!((take(15, 3), take(30, 1), take(5, 1)), (Novelty::Same, Novelty::Same, Novelty::New));
    }

    #[test]
    fn a_long_stretch_is_told_now_and_then() {
        let mut runs = Runs::default();
        let told = (0..1000).filter(|at| runs.take("x", Timestamp(*at), [1; 16], None) != Novelty::Same).count();
        assert_eq!(told, 1000_usize.div_ceil(CAPTURES));
    }

    proptest! {
        /// Whatever the order of captures: what was told last before each one is its own content.
        #[test]
        fn no_order_of_captures_hides_one(captures in prop::collection::vec((0_i64..30, 0_u8..3), 1..40)) {
            let (mut runs, mut told) = (Runs::default(), Vec::new());
            let mut contents: std::collections::BTreeMap<i64, u8> = std::collections::BTreeMap::new();
            for (at, mark) in captures {
                // One place has one content at one moment.
                let mark = *contents.entry(at).or_insert(mark);
                match runs.take("x", Timestamp(at), [mark; 16], None) {
                    Novelty::Same => {}
                    Novelty::New => told.push((at, mark)),
                    Novelty::Splits(end, _) => told.extend([(at, mark), (end.0, contents[&end.0])]),
                }
            }
            for (at, mark) in &contents {
                let before = told.iter().filter(|(time, _)| time <= at).max().map(|(_, mark)| mark);
                prop_assert_eq!(before, Some(mark), "{} {}: {:?}", at, mark, told);
            }
        }
    }
}
