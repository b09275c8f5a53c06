//! `cleartitle update`: brings the newest snapshot, shows what changed for a data set, statement by statement, and moves the lock.

use super::locked::{self, Aside, From};
use super::open_with_deals;
use super::papers::{self, ReadAs};
use super::talk::{Exit, Format, Talk, advised, data, json, shown};
use crate::files;
use crate::gate::drift::{self, Drift};
use crate::gate::lock::Lock;
use crate::impact::{Comparison, Earlier, Moved};
use crate::snapshot::{Mapped, folder_of};
use crate::{clock, policy_file};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::time::Timestamp;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How many statements are shown to people.
const SHOWN: usize = 50;

/// Flags of `update`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The lock pins the log's state and the time that `check` judges by. It lies beside the policy (cleartitle.lock) and belongs under
version control with it; only the very snapshot that it names is taken. With --registry the newest one is pulled over the one
that lies here, and its log must contain the locked state; without, the snapshot that lies here is locked.

Exit: 0 the lock is written (or would be), 2 it could not be, or some rows could not be read.

Examples:
  cleartitle update --registry https://registry.example manifest.jsonl
  cleartitle update --registry https://registry.example --dry-run manifest.jsonl
  cleartitle update --registry s3://bucket/log manifest.jsonl                       # no server: `pull --help`
  cleartitle update --snapshot terms.snapshot --at 2027-01-01 manifest.jsonl        # no network: the time alone moves")]
pub struct Args {
    /// The registry's address, or where its log lies: https://, s3://bucket/prefix, file:///folder. Left out: nothing is
    /// pulled.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: Option<String>,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key. Left out: the policy's, or the one of the last pull.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// The policy to judge by.
    #[arg(long, value_name = "FILE", default_value = "cleartitle.toml")]
    policy: PathBuf,
    /// The lock. Left out: cleartitle.lock beside the policy.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Where the snapshot lies. Left out: where the lock says, or terms.snapshot beside it.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// A folder of sealed deals of yours, as `check` takes it.
    #[arg(long, value_name = "DIR")]
    sealed: Option<PathBuf>,
    /// For a use at this time. Left out: now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    at: Option<Timestamp>,
    /// Show what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    read_as: ReadAs,
    /// The data set's manifests. Left out: what changes is not shown.
    #[arg(value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way. The lock is as it was then.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let now = clock::now();
    let policy = policy_file::load(&args.policy)?;
    let path = locked::place(args.lock.as_deref(), &args.policy);
    let before = if locked::stands(&path) { Some(locked::read(&path)?) } else { None };
    let named = args.snapshot.clone().or_else(|| before.as_ref().map(|lock| locked::snapshot_of(lock, &path)));
    let place = named.unwrap_or_else(|| folder_of(&path).join("terms.snapshot"));
    let aside = if args.dry_run && args.registry.is_some() { Some(Aside::of(&place)?) } else { None };
    let pulled_to = aside.as_ref().map_or_else(|| place.clone(), Aside::path);
    if let Some(registry) = &args.registry {
        let log_key = args.log_key.as_deref();
        let from = From { registry, allow_http: args.allow_http, log_key, policy: &policy };
        locked::pull(&from, &pulled_to, before.as_ref(), talk)?;
    }
    let deals = args.sealed.as_deref();
    let asked = open_with_deals(&pulled_to, deals, args.log_key.as_deref(), Some(&policy), now)?;
    let at = args.at.unwrap_or(now);
    let file = relative(&place, folder_of(&path));
    let after = Lock::of(asked.snapshot.header(), asked.public, file, at);
    before.as_ref().map_or(Ok(()), |before| moves_forward(before, &after))?;
    let mut drift = Drift::default();
    let mut newest = asked.snapshot;
    if let Some(before) = &before {
        let earlier = Earlier::Size(before.size);
        let comparison = Comparison { newer: newest, earlier, then: before.used_at, now: at, policy };
        let papers = args.read_as.papers(&args.manifests);
        let index = papers::index(papers, talk)?;
        drift = Drift::over(&comparison, papers, &index, |heard| {
            if let Err((place, what)) = heard {
                talk.warn(format_args!("{place}: damaged: {}", shown(what)));
            }
        })?;
        newest = comparison.newer;
    }
    if !args.dry_run {
        files::replace(&path, after.to_text().as_bytes())?;
    }
    let told = Told { drift: &drift, newest: &newest, before: before.as_ref(), after: &after, path: &path };
    match args.format {
        Format::Human => data(told.in_words(args.dry_run))?,
        Format::Json => json(&told.in_json(args.dry_run))?,
    }
    Ok(if drift.damaged > 0 { Exit::Failed } else { Exit::Clean })
}

/// Refuses a snapshot that is behind the lock, of another log, or of another past of the same.
fn moves_forward(before: &Lock, after: &Lock) -> anyhow::Result<()> {
    let forked = before.size == after.size && before.root != after.root;
    if before.origin == after.origin && before.size <= after.size && !forked {
        return Ok(());
    }
    let state = |lock: &Lock| format!("size {} of {}, root {}", lock.size, shown(&lock.origin), shown(&lock.root));
    Err(advised(
        format_args!("the snapshot is of {}; the lock is of {}", state(after), state(before)),
        "a lock moves forward alone: pull a newer snapshot of the same log",
    ))
}

/// A path as it is found from a folder, where it lies below it.
fn relative(path: &Path, folder: &Path) -> String {
    let inside = path.strip_prefix(folder).ok().filter(|inside| !inside.as_os_str().is_empty());
    match inside {
        Some(inside) => inside.display().to_string(),
        None if folder == Path::new(".") => path.display().to_string(),
        None => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string(),
    }
}

struct Told<'t> {
    drift: &'t Drift,
    newest: &'t Mapped,
    before: Option<&'t Lock>,
    after: &'t Lock,
    path: &'t Path,
}

impl Told<'_> {
    /// The statements that moved anything, those that move most first.
    fn ranked(&self) -> Vec<(Option<StatementId>, Moved)> {
        let tally = &self.drift.tally;
        let mut ranked: Vec<_> = tally.by_statement.iter().map(|(id, moved)| (Some(*id), *moved)).collect();
        ranked.sort_by_key(|(_, moved)| std::cmp::Reverse((moved.remove, moved.admit, moved.other)));
        if self.drift.examples.contains_key(&None) {
            ranked.push((None, Moved::default()));
        }
        ranked
    }

    fn in_words(&self, dry_run: bool) -> String {
        let mut text = String::new();
        let ranked = self.ranked();
        for (id, moved) in ranked.iter().take(SHOWN) {
            match id {
                Some(id) => {
                    let Moved { remove, admit, other } = moved;
                    let said = shown(&drift::statement(self.newest, id));
                    let _ = writeln!(text, "{id}\n  {said}\n  {remove} remove, {admit} admit, {other} other");
                }
                None => text.push_str("by time or policy alone\n"),
            }
            for example in self.drift.examples.get(id).into_iter().flatten() {
                let about = example.about.as_deref().map(shown).unwrap_or_default();
                let _ = writeln!(text, "    {}: {}: {about}", example.place, drift::in_words(&example.changed));
            }
        }
        if ranked.len() > SHOWN {
            let _ = writeln!(text, "and {} statements more", ranked.len() - SHOWN);
        }
        if self.before.is_none() {
            text.push_str("update: no lock was there, so that nothing is compared\n");
        } else {
            let all = self.drift.tally.all;
            let _ = writeln!(
                text,
                "update: {} rows: {} to remove, {} to admit, {} for other reasons, {} damaged",
                self.drift.rows, all.remove, all.admit, all.other, self.drift.damaged
            );
        }
        let since = self.before.map_or_else(String::new, |lock| format!("{} -> ", lock.size));
        let time = self.before.map_or_else(String::new, |lock| format!("{} -> ", lock.used_at));
        let _ = writeln!(
            text,
            "{}: log size {since}{}, for a use at {time}{}{}",
            self.path.display(),
            self.after.size,
            self.after.used_at,
            if dry_run { " (not written)" } else { "" }
        );
        text
    }

    fn in_json(&self, dry_run: bool) -> serde_json::Value {
        let statement = |(id, moved): &(Option<StatementId>, Moved)| {
            let examples = self.drift.examples.get(id).into_iter().flatten();
            let examples: Vec<serde_json::Value> = examples
                .map(|it| serde_json::json!({ "place": it.place, "about": it.about, "changed": it.changed }))
                .collect();
            serde_json::json!({
                "statement": id,
                "said": id.as_ref().map(|id| drift::statement(self.newest, id)),
                "moved": moved,
                "examples": examples,
            })
        };
        let lock = |lock: &Lock| serde_json::json!({ "log_size": lock.size, "root": lock.root, "snapshot": lock.snapshot, "used_at": lock.used_at });
        serde_json::json!({
            "lock": self.path.display().to_string(),
            "written": !dry_run,
            "before": self.before.map(lock),
            "after": lock(self.after),
            "rows": self.drift.rows,
            "damaged": self.drift.damaged,
            "moved": self.drift.tally.all,
            "statements": self.ranked().iter().map(statement).collect::<Vec<_>>(),
        })
    }
}
