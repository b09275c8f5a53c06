//! Desk: conclusions come in; what is new is told, signed, written and counted.

use super::ObserveError;
use super::conclusion::Conclusion;
use super::output::{Folder, Written, short_mark};
use super::runs::{Location, Novelty, Runs};
use super::site::Site;
use super::tally::Tally;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::signals::Sighting;
use cleartitle_schema::time::Timestamp;
use serde::Serialize;

/// A new observation, as it is told.
pub struct News<'a> {
    /// The site.
    pub site: &'a Site,
    /// The place's key in the state.
    pub place: &'a str,
    /// What was concluded.
    pub conclusion: &'a Conclusion,
    /// The sighting, before it is made to fit.
    pub sighting: &'a Sighting,
    /// The statement, unless nothing is signed.
    pub statement: Option<StatementId>,
}

/// Where conclusions are handed in.
pub struct Desk<'a> {
    folder: Option<Folder>,
    runs: Runs,
    /// The counts.
    pub tally: Tally,
    tell: Box<dyn FnMut(&News<'_>) -> bool + Send + 'a>,
    /// Whoever listened has heard enough.
    pub closed: bool,
}

impl<'a> Desk<'a> {
    /// A desk over a folder; without one nothing is signed or written. `tell` gives false when it wants no more.
    pub fn new(folder: Option<Folder>, tell: impl FnMut(&News<'_>) -> bool + Send + 'a) -> Self {
        Self { folder, runs: Runs::default(), tally: Tally::default(), tell: Box::new(tell), closed: false }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// What was seen so far.
    pub fn runs(&mut self) -> &mut Runs {
        self.folder.as_mut().map_or(&mut self.runs, |folder| &mut folder.runs)
    }

    /// Takes a conclusion; says whether it is new, and what else has to be told then.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub fn take(&mut self, sent: Sent<'_>, location: Option<Location>) -> Result<Novelty, ObserveError> {
        let mark = short_mark(sent.conclusion);
        let novelty = self.runs().take(sent.place, sent.at, mark, location);
        if novelty == Novelty::Same {
            self.tally.unchanged += 1;
        } else {
            self.emit(sent)?;
        }
        Ok(novelty)
    }

    /// Tells an observation, whatever was seen before.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub fn emit(&mut self, sent: Sent<'_>) -> Result<(), ObserveError> {
        let Sent { site, place, conclusion, at, fetched_as, again } = sent;
        let sighting = conclusion.sighting(at, fetched_as.map(str::to_owned));
        self.tally.count(conclusion);
        let written = Written { site, place, conclusion, sighting: &sighting, again };
        let statement = self.folder.as_mut().map(|folder| folder.write(&written)).transpose()?;
        let more = (self.tell)(&News { site, place, conclusion, sighting: &sighting, statement });
        self.closed |= !more;
        Ok(())
    }

    /// Notes that something is finished, once what it gave is on the disk.
    ///
    /// # Errors
    /// [`ObserveError::Write`].
    pub fn finished(&mut self, name: &str, row: &impl Serialize) -> Result<(), ObserveError> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        folder.sync()?;
        folder.note(name, row)
    }

    /// Writes down what has to be known next time.
    ///
    /// # Errors
    /// [`ObserveError::Write`].
    pub fn settle(&mut self) -> Result<(), ObserveError> {
        self.tally.sites = self.runs().sites() as u64;
        match &mut self.folder {
            Some(folder) => folder.settle(),
            None => {
                self.runs.drain_untold();
                Ok(())
            }
        }
    }
}

/// A conclusion as it is handed in.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// The site.
    pub site: &'a Site,
    /// The place's key in the state.
    pub place: &'a str,
    /// What was concluded.
    pub conclusion: &'a Conclusion,
    /// When it was seen.
    pub at: Timestamp,
    /// As whom.
    pub fetched_as: Option<&'a str>,
    /// It is a re-parse.
    pub again: bool,
}
