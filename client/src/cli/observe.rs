//! `cleartitle observe`: what sites say in files and headers becomes signed observations, from crawls and from the network.

use super::network::Network;
use super::observe_talk::{Lines, Shown};
use super::talk::{Exit, Format, Hint as _, Talk, data, json};
use crate::files;
use crate::observe::again::again;
use crate::observe::cache::Cache;
use crate::observe::crawl::Import;
use crate::observe::desk::{Desk, Sent};
use crate::observe::output::{self, Folder, Signing, place_key};
use crate::observe::site::{Site, parse_list};
use crate::observe::sites::observe_all;
use crate::observe::submit::submit;
use crate::observe::{ObserveError, tally::Tally};
use crate::registry::Registry;
use crate::trust::PinnedLog;
use crate::{clock, registry};
use anyhow::Context as _;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest list of sites, in bytes.
const MAX_LIST: u64 = 256 << 20;

/// Flags of `observe`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
From crawl files, robots.txt, /.well-known/tdmrep.json, ai.txt and trust.txt are read as they were captured: one signed
observation for each site and change, dated by the capture. From the network, those of each site of a list are fetched,
with the documents of terms that they name and the home page's response.

What is told: `read` what was found, `silent` an absent file (4xx), `failed` whatever could not be read (5xx, 429, no
answer, cut, an HTML page in a file's place). Failed is never permission. A stopped run goes on when it is started again.

Politeness: one request at a time to one host, a pause between two, Retry-After kept, answers cached for up to a day.
The files of policy are fetched whatever robots.txt says, since they are addressed to crawlers and whoever does not read
them would have to guess; the home page only where robots.txt lets CleartitleBot. Only public addresses are connected to,
checked at each connection and redirect; environment proxies are not used.

The folder then holds:
  observations.jsonl   signed envelopes, one a line
  blobs/HEX            the HTTP responses behind them, as received
  state/               what a later run goes by

Exit: 0 all was looked at and handed over, 1 damage, bad lines or refusals, 2 the job was not done.

Examples:
  cleartitle observe --dry-run CC-MAIN-*-robotstxt.warc.gz
  cleartitle observe --registry https://registry.example --key watch.key --issuer watch.example --out seen *.warc.gz
  cleartitle observe --sites list.txt --about https://watch.example/bot --key watch.key --issuer watch.example \\
      --log-key \"$(cat log.pub)\" --out seen --cache cache
  cleartitle observe --again seen --registry https://registry.example --key watch.key --issuer watch.example")]
pub struct Args {
    /// Crawl files: WARC, plain, gzip or zstd.
    #[arg(value_name = "CRAWL", required_unless_present_any = ["sites", "again"], conflicts_with_all = ["sites", "again"])]
    crawls: Vec<PathBuf>,
    /// Look at the sites of this list over the network: a host or URL a line, `#` begins a comment.
    #[arg(long, value_name = "FILE", conflicts_with = "again")]
    sites: Option<PathBuf>,
    /// Read the evidence in this folder again with today's parsers, and write what it says otherwise now.
    #[arg(long, value_name = "DIR")]
    again: Option<PathBuf>,
    /// With --again: write every observation, changed or not.
    #[arg(long, requires = "again")]
    all: bool,
    /// The folder for observations, evidence and state. With --again, that folder.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "again"], conflicts_with = "again")]
    out: Option<PathBuf>,
    /// Print what is concluded; sign and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// The private key to sign with.
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    key: Option<PathBuf>,
    /// Who observes: the domain that the key is bound to.
    #[arg(long, value_name = "DOMAIN", required_unless_present = "dry_run")]
    issuer: Option<Domain>,
    /// Register the observations here and upload their evidence.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_REGISTRY")]
    registry: Option<String>,
    /// Allow plain http to a registry on another machine.
    #[arg(long)]
    allow_http: bool,
    /// The log's key, `origin+hash+base64`. Left out: the registry's own word is taken for it.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// With --sites: a page or mail address about whoever runs this, which goes into the User-Agent.
    #[arg(long, value_name = "URL", default_value = "https://cleartitle.example/bot")]
    about: String,
    /// With --sites: how many sites at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// With --sites: milliseconds between two requests to one host.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pause: u64,
    /// With --sites: the longest time for one site, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    site_time: u64,
    /// With --sites: keep answers here, and don't ask again for a day, or for as long as the server says.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// With --sites: look again at sites that were looked at within a day without a failure.
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    network: Network,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever keeps the job from being done; what was written before stays, and the next run goes on from there.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let registry = match args.registry.as_ref().filter(|_| !args.dry_run) {
        Some(address) => Some(super::registry_at(address, args.allow_http)?),
        None => None,
    };
    let unnamed = ("which log are the observations for?", "--registry URL, or --log-key KEY, or --dry-run");
    let log = || super::signing_log(args.log_key.as_deref(), registry.as_ref(), unnamed, talk);
    let log = if args.dry_run { None } else { Some(log()?) };
    let folder = folder(args, log.as_ref(), talk)?;
    let lines = Lines::new(args.format, args.dry_run);
    let mut desk = Desk::new(folder, |news| lines.tell(news));
    match (&args.sites, &args.again) {
        (Some(list), _) => from_sites(args, list, &mut desk, talk)?,
        (None, Some(folder)) => again(&mut desk, folder, args.all, &mut |line| talk.warn(super::talk::shown(&line)))?,
        (None, None) => {
            let mut shown = Shown::over_files(talk, &args.crawls);
            let ran = Import::new(&mut desk, &mut shown).run(&args.crawls);
            shown.finish();
            ran?;
        }
    }
    let mut tally = std::mem::take(&mut desk.tally);
    drop(desk);
    lines.ended()?;
    let path = args.out.as_ref().or(args.again.as_ref());
    if let (Some(registry), Some(log), Some(path)) = (&registry, &log, path) {
        hand_over(path, registry, log, &mut tally, talk)?;
    }
    report(args, &tally, talk)
}

fn hand_over(path: &Path, registry: &Registry, log: &PinnedLog, tally: &mut Tally, talk: Talk) -> anyhow::Result<()> {
    let mut told = 0_u32;
    let submitted = submit(path, registry, log, tally, &mut |line| {
        told += 1;
        if told <= 20 {
            talk.warn(super::talk::shown(&line));
        }
    });
    let hint = match &submitted {
        Err(ObserveError::Registry(registry::RegistryError::Refused { .. })) => {
            "is the key bound to the issuer? what is acknowledged stays so; run again to go on"
        }
        _ => "what is acknowledged stays so; run again to go on",
    };
    submitted.hint(hint)
}

fn folder(args: &Args, log: Option<&PinnedLog>, talk: Talk) -> anyhow::Result<Option<Folder>> {
    let path = args.out.as_ref().or(args.again.as_ref());
    let (Some(path), Some(log), Some(key), Some(issuer)) = (path, log, &args.key, &args.issuer) else {
        return Ok(None);
    };
    let key = super::private_key::read(key, talk)?;
    let signing = Signing { log: log.origin().to_owned(), issuer: issuer.clone(), key };
    Ok(Some(Folder::open(path, signing)?))
}

/// A row of `state/checked.jsonl`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    site: String,
    at: Timestamp,
    failed: bool,
}

const CHECKED: &str = "checked.jsonl";

fn from_sites(args: &Args, list: &Path, desk: &mut Desk<'_>, talk: Talk) -> anyhow::Result<()> {
    let text = files::read_text(list, MAX_LIST)?;
    let (mut sites, bad) = parse_list(&text);
    for line in &bad {
        let why = super::talk::shown(&line.why.to_string());
        talk.warn(format_args!("{}:{}: {why}", list.display(), line.line));
    }
    desk.tally.bad_lines += bad.len() as u64;
    if args.network.allow_private {
        talk.warn("private addresses are connected to as well: whoever wrote the list can reach into this network");
    }
    if let Some(folder) = args.out.as_ref().filter(|_| !args.dry_run && !args.refresh) {
        let now = clock::now();
        let checked = output::notes::<Checked>(folder, CHECKED)?;
        let last: HashMap<String, (Timestamp, bool)> =
            checked.into_iter().map(|row| (row.site, (row.at, row.failed))).collect();
        let fresh = |site: &Site| {
            last.get(&site.name())
                .is_some_and(|(at, failed)| !failed && *at <= now && now < at.plus_seconds(Timestamp::DAY))
        };
        let all = sites.len();
        sites.retain(|site| !fresh(site));
        desk.tally.skipped += (all - sites.len()) as u64;
    }
    let cache = args.cache.clone().map(|folder| {
        let told = format!("cannot make the cache `{}`", folder.display());
        Cache::open(folder).with_context(|| told)
    });
    let pause = Duration::from_millis(args.pause);
    let fetcher = args.network.fetcher(&args.about, pause, cache.transpose()?)?;
    let bar = Shown::over_sites(talk, sites.len() as u64);
    let mut failure: Option<ObserveError> = None;
    let time = Duration::from_secs(args.site_time);
    observe_all(&fetcher, &sites, usize::from(args.parallel), time, |site, conclusion| {
        bar.inc(1);
        desk.tally.looked += 1;
        let at = conclusion.at.unwrap_or_else(clock::now);
        let place = place_key(site, "site");
        let fetched_as = Some(crate::observe::fetch::TOKEN);
        let sent = Sent { site, place: &place, conclusion: &conclusion, at, fetched_as, again: false };
        let taken = bar.suspend(|| desk.take(sent, None)).and_then(|_| {
            desk.finished(CHECKED, &Checked { site: site.name(), at, failed: conclusion.has_failures() })
        });
        failure = taken.err();
        failure.is_none() && !desk.closed
    });
    bar.finish_and_clear();
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(desk.settle()?),
    }
}

fn report(args: &Args, tally: &Tally, talk: Talk) -> anyhow::Result<Exit> {
    match args.format {
        Format::Human if args.dry_run => talk.say(tally.to_string().trim_end()),
        Format::Human => data(tally)?,
        Format::Json => json(tally)?,
    }
    Ok(if tally.clean() { Exit::Clean } else { Exit::Refused })
}
