//! Gathering: every entry of every paper read once, judged, and counted.

use super::facts::{Facts, Usual};
use super::runs::RunFact;
use crate::dataset::{Item, Papers, Place};
use crate::gate::{Judge, Judged};
use crate::lineage::{Index, resolve};
use crate::run_receipt;
use anyhow::Context as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Counts the papers. With `sealed` deals among the terms no statement is told by its id, since it is an unsalted hash of what a
/// deal says: whoever guesses the price could try. `each` sees every judged entry with the paper's rank among them.
///
/// # Errors
/// A paper that can't be opened or read to its end, damage in the snapshot, no room beside memory.
pub fn gather(
    judge: &Judge,
    runs: Vec<RunFact>,
    papers: Papers<'_>,
    sealed: bool,
    mut each: impl FnMut(usize, &Judged),
) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    // The terms of all ancestors count, wherever among the papers they stand.
    let index = Index::of(papers)?;
    for (rank, paper) in papers.paths.iter().enumerate() {
        let shown = paper.display();
        let mut empty = true;
        let usual = usual(&runs, paper)?;
        for item in papers.open(paper)? {
            empty = false;
            match item.with_context(|| format!("cannot read `{shown}`"))? {
                Item::NotChecked { .. } => {}
                Item::Damage { place, what } => facts.damage(place, what),
                Item::Entry(entry) => {
                    let mut judged = judge.judge(resolve(*entry, &index)).context("pull the snapshot again")?;
                    if sealed {
                        judged.decision.reasons.iter_mut().for_each(|finding| finding.statement = None);
                        judged.decision.duties.iter_mut().for_each(|owed| owed.statement = None);
                    }
                    facts.count(&judged, usual).context("cannot write temporary files")?;
                    each(rank, &judged);
                }
            }
        }
        if empty {
            let place = Place { file: Arc::from(shown.to_string()), ..Place::default() };
            facts.damage(place, "it holds no rows, so that nothing is known of it".to_owned());
        }
    }
    facts.runs = runs;
    Ok(facts)
}

/// What the run that wrote a manifest says of its entries: by the manifest's digest, not by its name.
fn usual(runs: &[RunFact], paper: &Path) -> anyhow::Result<Usual> {
    if runs.iter().all(|run| run.manifest.is_none()) {
        return Ok(Usual::default());
    }
    let digest = File::open(paper).and_then(run_receipt::digest);
    let digest = digest.with_context(|| format!("cannot read `{}`", paper.display()))?;
    let run = runs.iter().find(|run| run.manifest.as_ref() == Some(&digest));
    Ok(run.map_or_else(Usual::default, |run| {
        let asking = &run.run.identity.asking;
        Usual { channel: Some(asking.channel), access: Some(asking.access) }
    }))
}
