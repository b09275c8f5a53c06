//! Papers through the gate: a manifest of our own by blocks of lines on every core, whatever else is a paper entry by entry.

use super::finding::{Finding, Level};
use super::run::{Batch, Gate, Ran, RunError, named, nothing_listed};
use super::sites::Comes;
use super::usual::{self, Plain};
use crate::dataset::again;
use crate::dataset::lane;
use crate::dataset::mistakes::Mistakes;
use crate::dataset::{self, Entries, Entry, Format, Item, Papers, Place, rows};
use crate::filter::HostRuling;
use crate::question;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::paper_code::PaperCode;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::snapshot::Damage;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// How many entries are put down before what came of them is taken.
const AT_ONCE: usize = 512;

/// Holds the files that an entry claims against those beside its paper, which lies in a folder.
pub type Verify<'p> = &'p dyn Fn(&Entry, &Path) -> Vec<Finding>;

/// What is told of what is no entry by rule.
fn not_checked(place: Place, message: String) -> Finding {
    Finding { code: PaperCode::NotChecked.word(), level: Level::Note, place, about: None, message, hint: None }
}

impl Gate<'_> {
    /// Judges every entry of every paper; where rows were asked for, they go to `out`. `verify` left out, the files that papers
    /// claim are not read.
    ///
    /// # Errors
    /// [`RunError`]: then there is no report, since nothing is known of what was not reached.
    pub fn run(
        &self,
        papers: Papers<'_>,
        verify: Option<Verify<'_>>,
        lock: Option<String>,
        out: &mut dyn Write,
    ) -> Result<Ran, RunError> {
        let mut ran = self.begin(lock);
        let mut mistakes = Mistakes::default();
        for paper in papers.paths {
            let name = paper.display().to_string();
            ran.report.papers.push((name.clone(), super::report::Sum::default()));
            let read = |source| RunError::Read { paper: name.clone(), source };
            let format = papers.format.map_or_else(|| dataset::open::detect(paper), Ok).map_err(read)?;
            if format == Format::Rows {
                self.by_lines(paper, papers.workers, &mut ran, &mut mistakes, out)?;
            } else {
                self.by_entries(papers.open(paper)?, paper, verify, &mut ran, &mut mistakes, out)?;
            }
            if ran.report.papers.last().is_some_and(|(_, sum)| sum.rows == 0) {
                ran.tell(self, nothing_listed(&name))?;
            }
        }
        for finding in mistakes.end() {
            ran.tell(self, finding)?;
        }
        self.end(&mut ran);
        Ok(ran)
    }

    /// A manifest of our own.
    fn by_lines(
        &self,
        paper: &Path,
        workers: usize,
        ran: &mut Ran,
        mistakes: &mut Mistakes,
        out: &mut dyn Write,
    ) -> Result<(), RunError> {
        let read = |source| RunError::Read { paper: paper.display().to_string(), source };
        let file = again::open(paper).map_err(read)?;
        let name: Arc<str> = Arc::from(paper.display().to_string());
        let place = ran.report.papers.len() - 1;
        let mut failed = None;
        let ended = lane::run(
            file,
            workers,
            question::MAX_LINE,
            |first, lines| self.block(&name, first, lines),
            |batch| match self.taken(ran, batch, place, mistakes, out) {
                Ok(()) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            },
        );
        failed.map_or(Ok(()), Err)?;
        ended.map_err(read)
    }

    fn block(&self, file: &Arc<str>, first: u64, lines: &[u8]) -> Result<Batch, Damage> {
        let mut batch = Batch::default();
        let mut number = first;
        let mut rest = lines;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            rest = end.map_or(&[][..], |end| &rest[end + 1..]);
            self.line(file, number, line, &mut batch)?;
            number += 1;
        }
        Ok(batch)
    }

    fn line(&self, file: &Arc<str>, number: u64, line: &[u8], batch: &mut Batch) -> Result<(), Damage> {
        let (place, line) = (|| Place::line(file, number), again::unmarked(line, number));
        if line.len() > question::MAX_LINE {
            self.damaged(place(), &format!("the line is longer than {} bytes", question::MAX_LINE), batch);
            return Ok(());
        }
        let Some(row) = usual::read(line) else { return self.unusual(place(), line, batch) };
        let known = match row.plain() {
            Some(plain) if !self.is_listed(&plain)? => self.sites.find(&plain),
            _ => None,
        };
        if let Some(Comes::Kept(verdict)) = known {
            batch.sum.count(verdict.word(), Disposition::Keep);
            return Ok(());
        }
        let copy = row.copy();
        // None fits a row whose host is known; see `rule`.
        if known.is_none() && !self.exceptions.is_empty() && self.exceptions.fit(&copy.keys().0) {
            return self.unusual(place(), line, batch);
        }
        let comes = match known {
            Some(comes) => comes,
            None => self.rule(&copy)?,
        };
        let ruling = match comes {
            Comes::Ruled(ruling) => ruling,
            Comes::Kept(verdict) => {
                batch.sum.count(verdict.word(), Disposition::Keep);
                return Ok(());
            }
        };
        let entry = Entry { place: place(), copy, ..Entry::default() };
        let about = named(&entry);
        self.put(&entry, about, &ruling.decision, &ruling.outcome, batch);
        Ok(())
    }

    /// A row that is read and judged with everything that it has.
    fn unusual(&self, place: Place, line: &[u8], batch: &mut Batch) -> Result<(), Damage> {
        match question::manifest_entry(line) {
            Ok(said) => {
                let entry = rows::entry(place, said);
                if entry.name.is_some() || !entry.derived_from.is_empty() {
                    batch.looked_at.push(entry.clone());
                }
                self.judge(entry, batch)
            }
            Err(what) => {
                self.damaged(place, &what, batch);
                Ok(())
            }
        }
    }

    /// Whether any statement or exception lists the bytes of a row: then these count beside its host.
    fn is_listed(&self, row: &Plain<'_>) -> Result<bool, Damage> {
        let snapshot = self.plan.snapshot();
        let Some(name) = row.content else { return Ok(false) };
        Ok(self.exceptions.list(&name) || !snapshot.by_content(&name)?.is_empty())
    }

    /// What a row comes to that is not known by its host; from now on it may be.
    fn rule(&self, copy: &Acquisition) -> Result<Comes, Damage> {
        let HostRuling { ruling, alike, host } = self.plan.rule_host(copy)?;
        let alone = ruling.outcome.action == Disposition::Keep && !self.rows_too && self.rules.licenses.is_none();
        let comes = if alone { Comes::Kept(ruling.decision.verdict) } else { Comes::Ruled(ruling) };
        // An exception may be about one address of a host.
        if let (Some(alike), Some(url), Some(host)) = (alike, copy.fetched_url(), host)
            && !self.exceptions.concern(&host)
        {
            self.sites.note(url, alike, &comes);
        }
        Ok(comes)
    }

    /// Any other paper.
    fn by_entries(
        &self,
        entries: Entries,
        paper: &Path,
        verify: Option<Verify<'_>>,
        ran: &mut Ran,
        mistakes: &mut Mistakes,
        out: &mut dyn Write,
    ) -> Result<(), RunError> {
        let place = ran.report.papers.len() - 1;
        let folder = paper.parent().unwrap_or(Path::new(""));
        let mut batch = Batch::default();
        let mut waiting = 0;
        for item in entries {
            match item.map_err(|source| RunError::Read { paper: paper.display().to_string(), source })? {
                Item::Entry(entry) => {
                    let verify = verify.filter(|_| !entry.files.is_empty());
                    for finding in verify.map(|verify| verify(&entry, folder)).unwrap_or_default() {
                        self.found(finding, Vec::new, None, &mut batch);
                    }
                    batch.looked_at.push((*entry).clone());
                    self.judge(*entry, &mut batch)?;
                }
                Item::NotChecked { place, what } => self.found(not_checked(place, what), Vec::new, None, &mut batch),
                Item::Damage { place, what } => self.damaged(place, &what, &mut batch),
            }
            waiting += 1;
            if waiting == AT_ONCE {
                waiting = 0;
                self.taken(ran, Ok(std::mem::take(&mut batch)), place, mistakes, out)?;
            }
        }
        self.taken(ran, Ok(batch), place, mistakes, out)
    }

    /// Takes what came of some entries, and then looks for mistakes in those that may have some.
    fn taken(
        &self,
        ran: &mut Ran,
        batch: Result<Batch, Damage>,
        paper: usize,
        mistakes: &mut Mistakes,
        out: &mut dyn Write,
    ) -> Result<(), RunError> {
        let mut batch = batch?;
        let looked_at = std::mem::take(&mut batch.looked_at);
        let lines = ran.take(batch, Some(paper))?;
        if !lines.is_empty() {
            out.write_all(&lines).map_err(RunError::Write)?;
        }
        for finding in looked_at.iter().flat_map(|entry| mistakes.look(entry)) {
            ran.tell(self, finding)?;
        }
        Ok(())
    }
}
