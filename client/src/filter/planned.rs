//! A dry run: what a job would do, found out without doing it.

use super::error::FilterError;
use super::files::Paths;
use super::index;
use super::inputs::Named;
use super::job::Job;
use crate::crawl::Opened;
use crate::crawl::store::Location;

/// An input as a dry run finds it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Planned {
    /// Where it lies.
    pub location: String,
    /// The name of its outputs.
    pub name: String,
    /// Its stored bytes.
    pub bytes: u64,
    /// What its first bytes say it is.
    pub what: &'static str,
    /// Whether a run that was stopped has finished it.
    pub done: bool,
}

impl<D: AsRef<[u8]> + Sync> Job<'_, D> {
    /// What would be done, without doing it: every input of this part opened, its first bytes looked at.
    ///
    /// # Errors
    /// The first [`FilterError`] that the run would begin with.
    pub fn dry_run(&self) -> Result<Vec<Planned>, FilterError> {
        let plan = |named: &Named| {
            let (location, name) = (named.location.to_string(), named.name.clone());
            if named.location == Location::Stdin {
                return Ok(Planned { location, name, bytes: 0, what: "not looked at", done: false });
            }
            let what = match self.identity.index {
                Some(_) => index::check(self.store, &named.location).map(|_| "index")?,
                None => match self.open(named)? {
                    Opened::Records(reader) => reader.container().word(),
                    Opened::Table(_) => "parquet",
                },
            };
            let input = self.look(named)?;
            let done = self.resume && self.done(&Paths::of(&self.out, &name), &input).is_some();
            Ok(Planned { location, name, bytes: input.bytes, what, done })
        };
        self.named()?.iter().map(plan).collect()
    }
}
