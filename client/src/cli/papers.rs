//! What `bill`, `quote`, `trace`, `usage`, `disclose` and `export` have in common: a snapshot, a policy, and a data set's papers judged entry by entry.

use super::talk::{Exit, Hint as _, Talk, shown};
use crate::dataset::{Columns, Entry, Format, Item, Papers};
use crate::gate::{Judge, Judged};
use crate::lineage::{Index, resolve};
use crate::{clock, counts_file, policy_file};
use anyhow::Context as _;
use cleartitle_schema::pricing::{CountedFor, Counts};
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How much damage is told line by line.
const TOLD: u64 = 20;

/// By what is judged.
#[derive(Debug, clap::Args)]
pub struct By {
    /// The snapshot to judge by.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// A folder of sealed deals of yours, which only you can read: their terms join the snapshot's, here and nowhere else.
    #[arg(long, value_name = "DIR")]
    sealed: Option<PathBuf>,
    /// The policy to judge by.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The log's key. Left out: the policy's, or the one that the snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that), as `filter` had it.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
}

impl By {
    /// Opens everything; `used_at`: left out, now.
    ///
    /// # Errors
    /// Whatever stands in the way of judging at all.
    pub fn judge(&self, used_at: Option<Timestamp>) -> anyhow::Result<Judge> {
        let now = clock::now();
        let mut policy = policy_file::load(&self.policy)?;
        super::know_agents(&mut policy, self.agents.as_deref())?;
        let (deals, key) = (self.sealed.as_deref(), self.log_key.as_deref());
        let snapshot = super::open_with_deals(&self.snapshot, deals, key, Some(&policy), now)?.snapshot;
        Ok(Judge { snapshot, policy, used_at: used_at.unwrap_or(now) })
    }
}

/// Reads the counts of a file.
///
/// # Errors
/// It can't be read, or is none.
pub fn counts(path: Option<&Path>) -> anyhow::Result<BTreeMap<CountedFor, Counts>> {
    let Some(path) = path else { return Ok(BTreeMap::new()) };
    let text = crate::files::read_text(path, counts_file::MAX_COUNTS)?;
    let told = || format!("`{}` is no counts file", path.display());
    counts_file::parse(&text).with_context(told).hint("`cleartitle bill --help` shows one")
}

/// How papers are read.
#[derive(Debug, clap::Args)]
pub struct ReadAs {
    /// The form of the papers. Left out: each by its name and first bytes.
    #[arg(long, value_enum, value_name = "FORM")]
    paper_format: Option<Format>,
    /// What a sheet's columns are: `name=HEADER,license=HEADER,url=HEADER,...`, or a TOML file of such members.
    #[arg(long, value_name = "MAP|FILE", value_parser = Columns::parse)]
    columns: Option<Columns>,
}

impl ReadAs {
    /// Papers, to be read so.
    #[must_use]
    pub fn papers<'p>(&'p self, paths: &'p [PathBuf]) -> Papers<'p> {
        let usual = Papers::usual(paths);
        Papers { format: self.paper_format, columns: self.columns.as_ref().unwrap_or(usual.columns), ..usual }
    }
}

/// How many entries were read, and how many could not be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Read {
    /// Entries and what could not be read as one.
    pub rows: u64,
    /// What could not be read.
    pub damaged: u64,
    /// Papers that hold nothing. Nothing is known of what they should list.
    pub empty: u64,
}

impl Read {
    /// How a job over these entries ends.
    #[must_use]
    pub const fn exit(self, refused: u64) -> Exit {
        Exit::over(if self.empty > 0 { 0 } else { self.rows }, self.damaged, refused)
    }
}

/// Indexes what entries are made from.
///
/// # Errors
/// A paper can't be read.
pub fn index(papers: Papers<'_>, talk: Talk) -> anyhow::Result<Index> {
    Ok(told(Index::of(papers)?, talk))
}

/// The index, of which is said where it had no more room.
pub fn told(index: Index, talk: Talk) -> Index {
    if index.full() {
        talk.warn("the papers name more origins than are held: all of them are unresolved, which is unknown");
    }
    index
}

/// Takes every entry with what it was made from. Damage is told with its place, and the run goes on.
///
/// # Errors
/// A paper that can't be read, and what `take` gives.
pub fn each(
    papers: Papers<'_>,
    index: &Index,
    talk: Talk,
    mut take: impl FnMut(Entry) -> anyhow::Result<()>,
) -> anyhow::Result<Read> {
    let mut read = Read::default();
    for paper in papers.paths {
        let before = read.rows;
        for item in papers.open(paper)? {
            read.rows += 1;
            match item.with_context(|| format!("cannot read `{}` to its end", paper.display()))? {
                Item::Entry(entry) => take(resolve(*entry, index))?,
                Item::NotChecked { .. } => {}
                Item::Damage { place, what } => {
                    read.damaged += 1;
                    if read.damaged <= TOLD {
                        talk.warn(format_args!("{}: damaged: {}", shown(&place.to_string()), shown(&what)));
                    }
                }
            }
        }
        if read.rows == before {
            read.empty += 1;
            talk.warn(format_args!(
                "`{}` holds no rows, so that nothing is known of it",
                shown(&paper.display().to_string())
            ));
        }
    }
    if read.damaged > TOLD {
        talk.warn(format_args!("and {} more damaged", read.damaged - TOLD));
    }
    Ok(read)
}

/// Judges every entry.
///
/// # Errors
/// As [`each`]; damage of the snapshot.
pub fn judged(
    judge: &Judge,
    papers: Papers<'_>,
    talk: Talk,
    mut take: impl FnMut(Judged) -> anyhow::Result<()>,
) -> anyhow::Result<Read> {
    let index = index(papers, talk)?;
    each(papers, &index, talk, |entry| take(judge.judge(entry).context("pull the snapshot again")?))
}

/// In which form data that has columns goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For spreadsheets (RFC 4180).
    Csv,
}

impl By {
    /// The policy file.
    #[must_use]
    pub fn policy(&self) -> &Path {
        &self.policy
    }

    /// The folder of sealed deals.
    #[must_use]
    pub fn sealed(&self) -> Option<&Path> {
        self.sealed.as_deref()
    }
}

/// One row of a CSV file. A text that a spreadsheet would run as a formula stays a text.
#[must_use]
pub fn csv_row<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let cell = |text: &str| {
        let text =
            if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
        let quoted = text.contains(['"', ',', '\n', '\r']);
        if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    cells.into_iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_two_nor_a_formula() {
        assert_eq!(csv_row(["a", "b,c", "d\"e", "=1+1", ""]), "a,\"b,c\",\"d\"\"e\",'=1+1,\r\n");
    }
}
