//! Lookup: many questions at once, each candidate set found for all of them together, each ruling made once.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::memo::{self, Group, Key, Plain};
use cleartitle_schema::snapshot::{Damage, SetKey};
use cleartitle_schema::time::Timestamp;

use super::ClearanceError;
use super::ruled::{Asked, Asking, Known, Ruled, Told};
use super::view::{Part, State};

/// What was found for some questions, in their order.
pub struct Found {
    /// For each part of the view.
    by_part: Vec<Vec<SetKey>>,
    /// The places among the newest.
    newest: Vec<Vec<usize>>,
}

/// What a thread writes keys into, one question after another.
#[derive(Default)]
struct Room {
    sets: Vec<u8>,
    key: Key,
    /// The same for many.
    many: Vec<u8>,
    keys: Vec<Key>,
}

impl Asked {
    /// Writes the key of this question.
    fn write(&self, sets: &[u8], group: Option<&Group>, key: &mut Key) {
        let Self { keys, copy, used_at, known } = self;
        let beside = known.number.to_le_bytes();
        let reading = &known.reading;
        let question = memo::Asked { sets, keys, copy: *copy, used_at: *used_at, reading, beside: &beside };
        key.write(&question, group);
    }
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl From<Damage> for ClearanceError {
    fn from(damage: Damage) -> Self {
        Self::Compile(damage.to_string())
    }
}

impl Found {
    fn is_empty(&self, place: usize) -> bool {
        self.newest.get(place).is_none_or(Vec::is_empty)
            && self.by_part.iter().all(|sets| sets.get(place).is_none_or(SetKey::is_empty))
    }

    fn write(&self, place: usize, out: &mut Vec<u8>) {
        // One after the other, each with its length: the parts of a view are always the same.
        self.by_part.iter().filter_map(|sets| sets.get(place)).for_each(|sets| sets.write(out));
        out.extend(self.newest.get(place).into_iter().flatten().flat_map(|place| place.to_le_bytes()));
    }
}

/// The candidates of one question.
struct Candidates<'s> {
    state: &'s State,
    found: &'s Found,
    place: usize,
}

impl memo::Source for Candidates<'_> {
    type Failure = ClearanceError;

    fn candidates(&self) -> Result<Vec<Arc<Registered>>, ClearanceError> {
        let view = &self.state.view;
        let mut candidates = Vec::new();
        for (part, sets) in view.parts.iter().zip(&self.found.by_part) {
            let Some(sets) = sets.get(self.place) else { continue };
            for place in part.places(sets)? {
                candidates.push(part.statement(place)?);
            }
        }
        let newest = self.found.newest.get(self.place).into_iter().flatten();
        candidates.extend(newest.filter_map(|place| view.newest.statements().get(*place)).cloned());
        Ok(candidates)
    }

    fn naming(&self, id: &StatementId) -> Result<Vec<Arc<Registered>>, ClearanceError> {
        use cleartitle_schema::evidence::Lookup as _;
        let view = &self.state.view;
        let mut naming = view.newest.naming(id);
        for part in &view.parts {
            naming.extend(part.try_naming(id)?);
        }
        Ok(naming)
    }
}

impl State {
    /// Whether rulings of this state are remembered: those of the whole view. A state of the past is answered question by
    /// question, since a memory of its own for each would cost more than anybody may take.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.size == self.view.size
    }

    /// How many statements no part holds compiled yet.
    #[must_use]
    pub fn uncompiled(&self) -> usize {
        self.view.newest.statements().len()
    }

    /// A way of asking, as this state's rulings know it; `None` for one that is too long to be remembered.
    #[must_use]
    pub fn known(&self, asking: &Asking) -> Option<Arc<Known>> {
        self.view.rulings.known(asking)
    }

    /// A request as a question that can be looked up; `None` where its copy has more to it than the memo looks at, or the
    /// way in which it asks is too long.
    #[must_use]
    pub fn plain(&self, request: &DecisionRequest, now: Timestamp) -> Option<Asked> {
        let (copy, url) = match (&request.url, &request.acquisition) {
            (Some(url), None) => (Plain::default(), Some(url.as_str())),
            (None, Some(copy)) => (Plain::of(copy)?, copy.fetched_url()),
            _ => return None,
        };
        let content = request.acquisition.as_ref().map(|copy| copy.content.clone()).unwrap_or_default();
        let keys = Keys::of_fetched(url, content).ok()?;
        let used_at = request.used_at.unwrap_or(now);
        Some(Asked { keys, copy, used_at, known: self.view.rulings.known_of(request)? })
    }

    /// A question about a copy that was fetched from this URL; `None` where it can't be read.
    #[must_use]
    pub fn fetched(&self, url: &str, known: &Arc<Known>, used_at: Timestamp) -> Option<Asked> {
        let keys = Keys::of_fetched(Some(url), Vec::new()).ok()?;
        Some(Asked { keys, copy: Plain::default(), used_at, known: Arc::clone(known) })
    }

    /// Looks up what may speak for these copies.
    ///
    /// # Errors
    /// [`ClearanceError::Compile`]: then nothing is known of any of them.
    pub fn find(&self, asked: &[Asked]) -> Result<Found, ClearanceError> {
        let keys: Vec<&Keys> = asked.iter().map(|asked| &asked.keys).collect();
        let sets = |part: &Arc<Part>| part.sets_for_each(&keys);
        let by_part = self.view.parts.iter().map(sets).collect::<Result<_, Damage>>()?;
        let newest = if self.view.newest.statements().is_empty() {
            Vec::new()
        } else {
            keys.iter().map(|keys| self.view.newest.named(keys)).collect()
        };
        Ok(Found { by_part, newest })
    }

    /// The ruling for one of them: from memory, or made of the whole request.
    ///
    /// # Errors
    /// [`ClearanceError`], and what `request` gives.
    pub fn ruled<E: From<ClearanceError>>(
        &self,
        asked: &Asked,
        found: &Found,
        place: usize,
        request: impl FnOnce() -> Result<DecisionRequest, E>,
    ) -> Result<Arc<Ruled>, E> {
        if !self.remembers() {
            return Ok(Arc::new(Ruled::new(self.answer(request()?, asked.used_at)?)));
        }
        ROOM.with_borrow_mut(|Room { sets, key, .. }| {
            let memo = &self.view.rulings.memo;
            sets.clear();
            found.write(place, sets);
            let group = match found.is_empty(place) {
                true => None,
                false => Some(memo.group(sets, &Candidates { state: self, found, place })?),
            };
            asked.write(sets, group.as_deref(), key);
            if let Some(ruled) = memo.recall(key) {
                return Ok(ruled);
            }
            let ruled = Arc::new(Ruled::new(self.answer(request()?, asked.used_at)?));
            memo.keep(key, &ruled, ruled.weight());
            Ok(ruled)
        })
    }

    /// The rulings for all of them, in order, as long as `give` wants more. Where all were made before, nothing is locked or counted
    /// for each: then answers are bound by how fast memory brings them.
    pub fn ruled_each<E: From<ClearanceError>>(
        &self,
        asked: &[Asked],
        found: &Found,
        told: Told,
        request: impl Fn(usize) -> Result<DecisionRequest, E>,
        mut give: impl FnMut(Result<&Ruled, E>) -> bool,
    ) {
        let before: Vec<Option<Arc<Ruled>>> = if self.remembers() {
            let memo = self.view.rulings.memo.remembered();
            let rulings = Self::remembered(&memo, asked, found, told);
            if rulings.iter().all(Option::is_some) {
                let _more = rulings.into_iter().flatten().all(|ruled| give(Ok(ruled)));
                return;
            }
            rulings.into_iter().map(Option::<&Arc<Ruled>>::cloned).collect()
        } else {
            vec![None; asked.len()]
        };
        for (place, (asked, before)) in asked.iter().zip(before).enumerate() {
            let ruled = before.map_or_else(|| self.ruled(asked, found, place, || request(place)), Ok);
            let more = match ruled {
                Ok(ruled) => give(Ok(&ruled)),
                Err(error) => give(Err(error)),
            };
            if !more {
                return;
            }
        }
    }

    /// What is remembered of each, step by step for all of them.
    fn remembered<'m>(
        memo: &'m memo::Remembered<'_, Ruled>,
        asked: &[Asked],
        found: &Found,
        told: Told,
    ) -> Vec<Option<&'m Arc<Ruled>>> {
        ROOM.with_borrow_mut(|room| {
            let mut ends = Vec::with_capacity(asked.len());
            room.many.clear();
            for place in 0..asked.len() {
                found.write(place, &mut room.many);
                ends.push(room.many.len());
            }
            let begins = std::iter::once(0).chain(ends.iter().copied());
            let sets: Vec<&[u8]> =
                begins.zip(&ends).map(|(begin, end)| room.many.get(begin..*end).unwrap_or_default()).collect();
            // Where nothing speaks for a copy there is no group to be known.
            let spoken: Vec<usize> = (0..asked.len()).filter(|place| !found.is_empty(*place)).collect();
            let mut copies: Vec<_> = asked.iter().map(|asked| (None, &asked.keys)).collect();
            let mut known = vec![true; asked.len()];
            for (group, place) in memo.groups(spoken.iter().map(|place| sets[*place])).into_iter().zip(&spoken) {
                (copies[*place].0, known[*place]) = (group, group.is_some());
            }
            memo.touch(&copies);
            room.keys.resize_with(asked.len().max(room.keys.len()), Key::default);
            for (place, key) in room.keys.iter_mut().enumerate().take(asked.len()).filter(|(place, _)| known[*place]) {
                asked[place].write(sets[place], copies[place].0.map(|group| &**group), key);
            }
            let rulings = memo.rulings(&room.keys[..asked.len()]).into_iter().zip(known);
            let rulings: Vec<_> = rulings.map(|(ruling, known)| ruling.filter(|_| known)).collect();
            let touched = |step| rulings.iter().flatten().fold(0, |all, ruled| all ^ ruled.touch(told, step));
            black_box([0, 1].map(touched));
            rulings
        })
    }

    /// The ruling for one request, from memory where it can be; `now` stands in for a time of use that it leaves out.
    ///
    /// # Errors
    /// [`ClearanceError`].
    pub fn rule(&self, request: DecisionRequest, now: Timestamp) -> Result<Arc<Ruled>, ClearanceError> {
        let Some(asked) = self.remembers().then(|| self.plain(&request, now)).flatten() else {
            return Ok(Arc::new(Ruled::new(self.answer(request, now)?)));
        };
        let found = self.find(std::slice::from_ref(&asked))?;
        self.ruled(&asked, &found, 0, || Ok(request))
    }
}
