//! `cleartitle filter`: a crawl goes in, what the policy keeps comes out, with decisions, a manifest, a bill and a report.

use super::files;
use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json};
use crate::crawl::store::{self, Location, Store};
use crate::crawl::{DatasetLayout, FieldChoice, Options};
use crate::filter::{Asking, DamageRow, Identity, Job, Plan, Watch, pipeline};
use crate::{clock, policy_file};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::io::{self, BufReader};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Damage that is told line by line; the rest is counted, and stands in `damage.jsonl`.
const DAMAGE_TOLD: u64 = 20;

/// Flags of `filter`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Reads WARC, WET, WAT and JSONL, plain, gzip and zstd, and Parquet; what a file is, its bytes say. The folder then holds:
  kept/NAME                       kept records byte for byte, requests and metadata with their document; of Parquet, kept row
                                  groups as stored and kept rows of others, with all columns, the schema and the metadata
  review/NAME                     what the policy wants a person to see
  excluded/NAME.decisions.jsonl   every document that was not kept, with reasons and statements
  manifest.jsonl                  every kept document, why it may be used and what is owed for it
  damage.jsonl                    what could not be read; it is never kept
  report.json                     the counts and the bill
  state/                          what --resume goes by

Inputs are files, quoted globs, `-` for standard input, and s3://bucket/key, s3://bucket/prefix/ or s3://bucket/pre*fix.gz, with
the credentials that the environment names: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and
AWS_ALLOW_HTTP=true for a store of one's own, AWS_SKIP_SIGNATURE=true for a public bucket. Below a prefix, names that begin with
`_` or `.` are passed over. Where two inputs have one name, outputs go by their paths below the folder they have in common.
Objects are read by ranges; standard input is written to DIR/state first.

JSONL and Parquet keep the text, the URL, the id and the date under names that --layout knows; left out, each file shows its own,
and one without a text or a URL is refused. Name others as --url-field metadata.source.url. Without a URL nothing is cleared by its
address, without a date nothing is cleared at all (--captured gives one).

Signals inside the records (headers, meta elements, links, JSON-LD, license marks, embedded metadata) are read and join the
decision; what somebody extracted (WET, WAT, JSONL, Parquet) has none left, and the report counts it as not-checked.
Exit: 0 everything was read and nothing waits, 1 damage or documents for review, 2 the job was not done.

Examples:
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --resume CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --list warc.paths
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out 's3://bucket/fineweb/*/*.parquet'
  zstdcat dolma.zst | cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --kept - - | wc -l")]
pub struct Args {
    /// The snapshot that `cleartitle pull` brought.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// The policy: who asks, for what, whose evidence counts, what is done with a verdict.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The folder for all outputs; new or empty, unless with --resume.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Crawl files, in the order of the manifest: paths, globs, `s3://bucket/key` or prefix, `-` for standard input.
    #[arg(value_name = "INPUT", required_unless_present = "list")]
    inputs: Vec<OsString>,
    /// A file with one input a line, plain or gzip; `-` reads it from standard input. They come after those named here.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// `-`: the kept records of the one input go to stdout as well, once it was read whole; the report then goes to stderr.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    kept: Option<String>,
    /// Which data set's names JSONL and Parquet use. Left out: whichever of them each file has.
    #[arg(long, value_name = "DATASET", value_enum, default_value_t)]
    layout: DatasetLayout,
    /// The text's name, dotted where it is nested.
    #[arg(long, value_name = "PATH")]
    text_field: Option<String>,
    /// The URL's name.
    #[arg(long, value_name = "PATH")]
    url_field: Option<String>,
    /// The id's name.
    #[arg(long, value_name = "PATH")]
    id_field: Option<String>,
    /// The name of the date of capture.
    #[arg(long, value_name = "PATH")]
    date_field: Option<String>,
    /// Read files whose documents have no URL; nothing clears them by address.
    #[arg(long, conflicts_with = "url_field")]
    without_url: bool,
    /// The log's key. Left out: the policy's, or the one that the snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// When the use takes place. Left out: now; with --resume, as the stopped run had it.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// When your own copies were made. Left out: at the use.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    acquired: Option<Timestamp>,
    /// When records that carry no date were fetched from their source. Left out: not known, so nothing of them is cleared.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    captured: Option<Timestamp>,
    /// How the copies were got.
    #[arg(long, default_value_t = Channel::Crawl)]
    channel: Channel,
    /// By what access.
    #[arg(long, default_value_t = Access::Open)]
    access: Access,
    /// How many threads parse and decide. Left out: one a core. The outputs are the same whatever their number.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that).
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// Compare declared payload digests; differences are counted.
    #[arg(long)]
    check_digests: bool,
    /// Go on with a run that was stopped: finished inputs are skipped.
    #[arg(long)]
    resume: bool,
    /// In which form the report goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever keeps the job from being done; nothing that was not finished has its name then.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let text = files::read_text(&args.policy, crate::toml_file::MAX_FILE as u64)?;
    let mut policy: Policy = policy_file::parse(&args.policy.display().to_string(), &text)?;
    let agents = super::know_agents(&mut policy, args.agents.as_deref())?;
    let used_at = used_at(args)?;
    let snapshot = super::open_snapshot(&args.snapshot, args.log_key.as_deref(), Some(&policy), used_at)?;
    let sha256 = Asking::needs_sha256(&snapshot, &policy)?;
    let asking = Asking {
        acquired_at: args.acquired,
        captured_at: args.captured,
        channel: args.channel,
        access: args.access,
        check_digests: args.check_digests,
        sha256,
    };
    let store = Store::new();
    let inputs = inputs(args, &store)?;
    if args.kept.is_some() && inputs.len() != 1 {
        return Err(advised(
            format_args!("--kept - takes one input, not {}", inputs.len()),
            "the outputs of several can't be joined into one file; read them from the folder's `kept`",
        ));
    }
    let fields = fields(args);
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        policy: format!("blake3:{}", blake3::hash(text.as_bytes())),
        snapshot: format!("blake3:{}", blake3::Hash::from_bytes(snapshot.verified_hash()).to_hex()),
        agents: agents.version().to_owned(),
        used_at,
        asking: asking.clone(),
        fields: fields.clone(),
    };
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let plan = Plan::new(&snapshot, &policy, used_at).with_agents(&agents);
    let job = Job {
        plan: &plan,
        asking,
        identity,
        inputs: inputs.clone(),
        store: &store,
        fields,
        out: args.out.clone(),
        options: Options::default(),
        bounds: pipeline::Bounds::of(threads),
        resume: args.resume,
    };
    let mut shown = Shown::new(talk, &inputs);
    let ran = job.run(&mut shown);
    shown.finish();
    let report = match ran {
        Ok(report) => report,
        Err(error) => {
            let hint = error.hint();
            return match hint {
                Some(hint) => Err(error).hint(hint),
                None => Err(error.into()),
            };
        }
    };
    if args.kept.is_some() {
        pass_on(&args.out, &report.inputs[0].name)?;
    }
    match args.format {
        _ if args.kept.is_some() => talk.say(&report),
        Format::Human => data(&report)?,
        Format::Json => {
            json(&report)?;
            talk.say(report.verdict_line());
        }
    }
    Ok(if report.clean() { Exit::Clean } else { Exit::Refused })
}

/// The inputs named on the line, then those of the list.
fn inputs(args: &Args, store: &Store) -> anyhow::Result<Vec<Location>> {
    let mut written = args.inputs.clone();
    if let Some(list) = &args.list {
        let name = list.display().to_string();
        written.extend(if list == Path::new("-") {
            store::read_list(io::stdin().lock(), "standard input")?
        } else {
            let file = std::fs::File::open(list)
                .map_err(|error| anyhow::Error::new(error).context(format!("cannot read `{name}`")))?;
            store::read_list(BufReader::new(file), &name)?
        });
    }
    let inputs = store::expand(&written, store).map_err(|error| match error.hint() {
        Some(hint) => advised(error, hint),
        None => error.into(),
    })?;
    let from_stdin = inputs.iter().filter(|input| **input == Location::Stdin).count();
    let listed_there = args.list.as_deref() == Some(Path::new("-"));
    if from_stdin > 1 || (from_stdin == 1 && listed_there) {
        return Err(advised("standard input can be read once", "name `-` once, as an input or as the list"));
    }
    if inputs.is_empty() {
        return Err(advised("no inputs", "the list is empty"));
    }
    Ok(inputs)
}

fn fields(args: &Args) -> FieldChoice {
    FieldChoice {
        layout: args.layout,
        text: args.text_field.clone(),
        url: args.url_field.clone(),
        id: args.id_field.clone(),
        date: args.date_field.clone(),
        without_url: args.without_url,
    }
}

/// Writes the kept records of a finished input to stdout: only what was read to its end goes out.
fn pass_on(out: &Path, name: &str) -> anyhow::Result<()> {
    let path = out.join("kept").join(name);
    let read = |error| anyhow::Error::new(error).context(format!("cannot read `{}`", path.display()));
    let mut file = std::fs::File::open(&path).map_err(read)?;
    match io::copy(&mut file, &mut io::stdout().lock()) {
        // Whoever reads has had enough; that is no error, here as with any command in a pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        copied => Ok(copied.map(drop)?),
    }
}

/// The moment of use: as named, as the stopped run had it, or now.
fn used_at(args: &Args) -> anyhow::Result<Timestamp> {
    if let Some(named) = args.used_at {
        return Ok(named);
    }
    let run = args.out.join("state").join("run.json");
    if !args.resume || !run.exists() {
        return Ok(clock::now());
    }
    let stopped: Option<Identity> = serde_json::from_slice(&files::read(&run, 64 * 1024)?).ok();
    let stopped = stopped.ok_or_else(|| {
        advised(format_args!("`{}` can't be read", run.display()), "name the moment of use with --used-at")
    })?;
    Ok(stopped.used_at)
}

/// What people see while it runs: a bar on a terminal, and damage as it is met.
struct Shown {
    talk: Talk,
    bar: ProgressBar,
    /// Stored bytes of the inputs before this one, and of this one.
    before: u64,
    current: u64,
    documents: u64,
    documents_before: u64,
    told: u64,
    began: Instant,
}

impl Shown {
    fn new(talk: Talk, inputs: &[Location]) -> Self {
        // The length of an object is learned when its turn comes; the bar grows then.
        let length = |input: &Location| match input {
            Location::File(path) => path.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        };
        let bar = talk.progress(inputs.iter().map(length).sum(), "");
        let style = "{wide_msg} {bytes}/{total_bytes} {bar:20} {bytes_per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { talk, bar, before: 0, current: 0, documents: 0, documents_before: 0, told: 0, began: Instant::now() }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
        let more = self.told.saturating_sub(DAMAGE_TOLD);
        if more > 0 {
            self.talk.warn(format_args!("damage: {more} more, all in damage.jsonl"));
        }
    }

    fn message(&self) -> String {
        let documents = self.documents_before + self.documents;
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        format!("{documents} documents, {}/s", documents.saturating_mul(1000) / milliseconds)
    }
}

impl Watch for Shown {
    fn begin(&mut self, name: &str, bytes: u64, skipped: bool) {
        self.before += self.current;
        self.current = bytes;
        self.documents_before += self.documents;
        self.documents = 0;
        let known = self.bar.length().unwrap_or_default().max(self.before + bytes);
        self.bar.set_length(known);
        self.bar.set_position(self.before);
        if skipped {
            let name = Path::new(name).display();
            self.bar.suspend(|| self.talk.say(format_args!("{name}: finished before")));
        }
    }

    fn advance(&mut self, offset: u64, documents: u64) {
        // Drawing is cheap beside a document, making the message is not.
        if documents != self.documents && documents.is_multiple_of(64) && !self.bar.is_hidden() {
            self.bar.set_message(self.message());
        }
        self.documents = documents;
        self.bar.set_position(self.before + offset);
    }

    fn damage(&mut self, row: &DamageRow) {
        self.told += 1;
        if self.told <= DAMAGE_TOLD {
            let line = super::talk::shown(&row.to_string());
            self.bar.suspend(|| self.talk.warn(format_args!("damage: {line}")));
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
