//! `cleartitle trace`: what an entry was made from, across all papers given, with the verdict and the price of each.

use super::papers::{self, By, ReadAs};
use super::talk::{Exit, Format, Talk, advised, data, json};
use crate::clock;
use crate::dataset::Entry;
use crate::files;
use crate::lineage::names_of;
use crate::trace::{Lines, Node, svg, text, tree};
use anyhow::Context as _;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::time::Timestamp;
use serde_json::json as value;
use std::path::PathBuf;

/// The most entries of one name that are drawn.
const DRAWN: usize = 20;

/// Flags of `trace`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
An entry is named by its name in a paper, its URL, a content id, or its place (manifest.jsonl:12). What it was made from is looked
for in all manifests given: in its `lineage`, and in `derived_from` by the other entry's name, URL or content id:
  {\"name\": \"rewrite-7\", \"channel\": \"synthetic\", \"derived_from\": [{\"link\": \"generated\", \"of\": \"note-7\"}]}

Each verdict is decided with all ancestors heard: the worst stands, and a chain that leads nowhere, back to itself or deeper than
eight is unknown, and the name that leads nowhere is shown. Of one that is an address the snapshot is asked by itself; that is told
and changes nothing, since what lay there may have origins of its own. A node shows the duties that are its own; those of its
ancestors stand with them.

Exit: 0 the entry is cleared, 1 it is not, 2 it is not there, or some rows could not be read.

Examples:
  cleartitle trace rewrite-7 --snapshot terms.snapshot --policy cleartitle.toml --manifest crawl.jsonl --manifest notes.jsonl
  cleartitle trace https://press.example/a --snapshot terms.snapshot --policy cleartitle.toml --manifest m.jsonl --ascii
  cleartitle trace rewrite-7 --snapshot terms.snapshot --policy cleartitle.toml --manifest m.jsonl --svg tree.svg")]
pub struct Args {
    #[command(flatten)]
    by: By,
    /// The data set's papers; give each.
    #[arg(long = "manifest", value_name = "MANIFEST", required = true)]
    papers: Vec<PathBuf>,
    #[command(flatten)]
    read_as: ReadAs,
    /// Draw in plain ASCII.
    #[arg(long)]
    ascii: bool,
    /// Draw the tree into a file, too; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// When the use takes place. Left out: now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The entry.
    #[arg(value_name = "ID")]
    id: String,
}

fn is_meant(entry: &Entry, id: &str) -> bool {
    names_of(entry.name.as_deref(), &entry.copy).iter().any(|name| name == id) || entry.place.to_string() == id
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of drawing at all.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let judge = args.by.judge(args.used_at)?;
    let papers = args.read_as.papers(&args.papers);
    let index = papers::index(papers, talk)?;
    let (mut trees, mut more): (Vec<(String, Node)>, u64) = (Vec::new(), 0);
    let read = papers::each(papers, &index, talk, |entry| {
        if !is_meant(&entry, &args.id) {
            return Ok(());
        }
        if trees.len() < DRAWN {
            trees.push((entry.place.to_string(), tree(&judge, &entry).context("pull the snapshot again")?));
        } else {
            more += 1;
        }
        Ok(())
    })?;
    if trees.is_empty() {
        let hint = "an entry is named by its name, URL, content id or place, as in manifest.jsonl:12";
        return Err(advised(format_args!("no entry is `{}`", super::talk::shown(&args.id)), hint));
    }
    if more > 0 {
        talk.warn(format_args!("{more} entries more are so named, and not drawn"));
    }
    if let Some(path) = &args.svg {
        let [(_, only)] = trees.as_slice() else {
            return Err(advised("several entries are so named, and a drawing is of one", "name one by its place"));
        };
        files::write_new(path, svg(only).as_bytes(), false)?;
        talk.say(format_args!("drawn into {}", path.display()));
    }
    match args.format {
        Format::Json => {
            let trees: Vec<_> = trees.iter().map(|(place, tree)| value!({"place": place, "tree": tree})).collect();
            json(&value!({"log_size": judge.snapshot.header().size, "used_at": judge.used_at, "trees": trees}))?;
        }
        Format::Human => {
            let lines = if args.ascii { Lines::Ascii } else { Lines::Unicode };
            for (_, tree) in &trees {
                data(text(tree, lines))?;
            }
        }
    }
    let open = more > 0 || trees.iter().any(|(_, tree)| tree.verdict != Verdict::Cleared);
    Ok(read.exit(u64::from(open)))
}
