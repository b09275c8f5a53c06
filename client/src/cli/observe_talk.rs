//! What `cleartitle observe` shows: bars on a terminal, damage as it is met, and conclusions in a dry run.

use super::talk::{Format, Talk, shown};
use crate::filter::{DamageRow, Watch};
use crate::observe::desk::News;
use cleartitle_schema::signals::{Signal, Source};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// Damage that is told line by line; the rest is counted.
const DAMAGE_TOLD: u64 = 20;

/// Progress and damage.
pub struct Shown {
    talk: Talk,
    bar: ProgressBar,
    before: u64,
    current: u64,
    told: u64,
}

impl Shown {
    /// A bar over crawl files, in bytes.
    #[must_use]
    pub fn over_files(talk: Talk, files: &[PathBuf]) -> Self {
        let bytes = files.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum();
        Self { talk, bar: talk.progress(bytes, "crawl"), before: 0, current: 0, told: 0 }
    }

    /// A bar over sites.
    #[must_use]
    pub fn over_sites(talk: Talk, sites: u64) -> ProgressBar {
        if talk.quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(sites);
        match ProgressStyle::with_template("sites {pos}/{len} {wide_bar} {per_sec} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Ends the bar, and tells how much damage was not told.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        let more = self.told.saturating_sub(DAMAGE_TOLD);
        if more > 0 {
            self.talk.warn(format_args!("damage: {more} more"));
        }
    }
}

impl Watch for Shown {
    fn begin(&mut self, name: &str, bytes: u64, skipped: bool) {
        self.before += self.current;
        self.current = bytes;
        self.bar.set_position(self.before);
        if skipped {
            self.bar.suspend(|| self.talk.say(format_args!("{}: finished before", shown(name))));
        }
    }

    fn advance(&mut self, offset: u64, _documents: u64) {
        self.bar.set_position(self.before + offset);
    }

    fn damage(&mut self, row: &DamageRow) {
        self.told += 1;
        if self.told <= DAMAGE_TOLD {
            let line = shown(&row.to_string());
            self.bar.suspend(|| self.talk.warn(format_args!("damage: {line}")));
        }
    }
}

/// A conclusion as `--dry-run --format json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    site: String,
    place: &'a str,
    observed_at: String,
    sources: &'a [Source],
    signals: &'a [Signal],
    complaints: Vec<String>,
    failures: Vec<String>,
}

/// Conclusions on stdout, in a dry run.
pub struct Lines {
    format: Format,
    wanted: bool,
    failed: Mutex<RefCell<Option<anyhow::Error>>>,
}

impl Lines {
    /// Lines in a form; none unless they are wanted.
    #[must_use]
    pub fn new(format: Format, wanted: bool) -> Self {
        Self { format, wanted, failed: Mutex::default() }
    }

    /// Tells one conclusion; false when stdout takes no more.
    pub fn tell(&self, news: &News<'_>) -> bool {
        if !self.wanted {
            return true;
        }
        let told = match self.format {
            Format::Human => super::talk::data(human(news)),
            Format::Json => super::talk::json(&row(news)),
        };
        match told {
            Ok(()) => true,
            Err(error) => {
                if let Ok(failed) = self.failed.lock() {
                    failed.replace(Some(error));
                }
                false
            }
        }
    }

    /// Whether all could be told.
    ///
    /// # Errors
    /// What stdout gave.
    pub fn ended(&self) -> anyhow::Result<()> {
        let failed = self.failed.lock().ok().and_then(|failed| failed.take());
        failed.map_or(Ok(()), Err)
    }
}

fn row<'a>(news: &'a News<'_>) -> Row<'a> {
    let complaints = news.conclusion.complaints.iter();
    let failures = news.conclusion.failures.iter();
    Row {
        site: news.site.name(),
        place: news.place,
        observed_at: news.sighting.observed_at.to_string(),
        sources: &news.sighting.sources,
        signals: &news.sighting.signals,
        complaints: complaints.map(|(at, it)| format!("{at}:{}: {}: {}", it.line, it.lint, it.detail)).collect(),
        failures: failures.map(|(at, why)| format!("{at}: {why}")).collect(),
    }
}

fn human(news: &News<'_>) -> String {
    let mut text = format!("{}  {}\n", news.place, news.sighting.observed_at);
    for source in &news.sighting.sources {
        let _ = writeln!(text, "  {:<14} {:<6} {}", source.standard, source.outcome, shown(&source.url));
    }
    for signal in &news.sighting.signals {
        let uses: Vec<&str> = signal.uses.iter().map(|it| it.word()).collect();
        let agent = signal.agent.as_ref().map_or_else(|| "everybody".to_owned(), |agent| shown(&agent.token));
        let path = shown(signal.path.as_deref().unwrap_or("whole site"));
        let doubt = if signal.malformed { ", malformed" } else { "" };
        let duties = if signal.duties.is_empty() { "" } else { ", under terms" };
        let (preference, uses) = (signal.preference, uses.join(" "));
        let _ = writeln!(text, "    {preference:<10} {agent:<20} {path:<24} {uses}{duties}{doubt}");
    }
    for (at, complaint) in &news.conclusion.complaints {
        let _ = writeln!(text, "    lint {}:{}: {}: {}", shown(at), complaint.line, complaint.lint, complaint.detail);
    }
    for (at, why) in &news.conclusion.failures {
        let _ = writeln!(text, "    failed {}: {}", shown(at), shown(why));
    }
    text
}
