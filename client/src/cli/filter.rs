//! `cleartitle filter`: a crawl goes in, what the policy keeps comes out, with decisions, a manifest, a bill and a report.

use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json};
use crate::crawl::store::{self, Location, Store};
use crate::crawl::{DatasetLayout, FieldChoice, Limits, Options};
use crate::files;
use crate::filter::index::{IndexRun, Root};
use crate::filter::{
    Asking, Check, Checks, DamageRow, DecisionsForm, FilterError, Identity, Job, OutputCoding, Plan, Shard, Watch,
    pipeline,
};
use crate::{clock, policy_file, report};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashMap;
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
  receipt.dsse.json               with --sign-key: a signed in-toto statement of what was read, decided by and written;
                                  outputs.sha256 and inputs.sha256 beside it are for `sha256sum --check`
  state/                          what --resume goes by

Inputs are files, quoted globs, `-` for standard input, and s3://bucket/key, s3://bucket/prefix/ or s3://bucket/pre*fix.gz, with
the credentials that the environment names: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and
AWS_ALLOW_HTTP=true for a store of one's own, AWS_SKIP_SIGNATURE=true for a public bucket. Below a prefix, names that begin with
`_` or `.` are passed over. Where two inputs have one name, outputs go by their paths below the folder they have in common.
Objects are read by ranges; standard input is written to DIR/state first.

JSONL and Parquet keep the text, the URL, the id and the date under names that --layout knows; left out, each file shows its own,
and one without a text or a URL is refused. Name others as --url-field metadata.source.url. Without a URL nothing is cleared by its
address, without a date nothing is cleared at all (--captured gives one).

With --index the inputs are indexes of a crawl: CDXJ (plain, gzip, zstd) or Parquet with the columns url, content_digest,
fetch_time, warc_filename, warc_record_offset and warc_record_length. A row is excluded where nothing inside its record could
change that; any other is a candidate, which clears nothing. Its SHA-1 may reserve it, never clear it. The folder then holds:
  candidates/NAME                     the rows of candidates, as they stood
  not-checked/NAME.decisions.jsonl    why each is one: no better than unknown, `record_signals` is `not-checked`
  excluded/NAME.decisions.jsonl       the others, with the place of row and record
With --fetch ROOT candidates' records are read by byte range from the files below a folder or s3://bucket/prefix/, near ones
together; each is held against its row, decided by all that it says itself, and kept as it is stored in kept/NAME.warc.gz (or
.warc, .warc.zst). What is kept is what the filter keeps of the crawl itself; requests and metadata are in no index, and stay
behind. A record that is not what its row says is damage, and never kept.

With --only urls a crawl of WARC or JSONL is passed at some four fifths of the speed of inflation: no payload is decoded, hashed or read for marks, and
each record's own header is taken as an index row is above. What such a row excludes is excluded; every other record goes to
candidates/NAME as it is stored, with its requests and metadata, and to not-checked/NAME.decisions.jsonl. `--only urls,content`
looks up documents' digests as well, `--only urls,signals` reads marks. Run the filter over candidates/: it keeps what it would
have kept of the crawl.

Signals inside the records (headers, meta elements, links, JSON-LD, license marks, embedded metadata) are read and join the
decision; what somebody extracted (WET, WAT, JSONL, Parquet) has none left, and the report counts it as not-checked.
Several machines share a list with --shard 1/8 to --shard 8/8, each into a folder of its own: an input's outputs have the same names
and bytes in whatever shard it is. In flight are at most 128 MiB of plain records, or one record larger than that.

Exit: 0 everything was read and nothing waits, 1 damage or documents for review, 2 the job was not done.

Examples:
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --resume CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --list warc.paths
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out-3 --list warc.paths --shard 3/8
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --sign-key lab.key CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out 's3://bucket/fineweb/*/*.parquet'
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out first --only urls CC-MAIN-*.warc.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --index cdx-*.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --index --fetch s3://commoncrawl/ cdx-*.gz
  cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --output-coding plain 'dolma-*.jsonl.zst'
  zstdcat dolma.zst | cleartitle filter --snapshot terms.snapshot --policy cleartitle.toml --out out --kept - - | wc -l")]
pub struct Args {
    /// The snapshot that `cleartitle pull` brought.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// A folder of sealed deals of yours, which only you can read: their terms join the snapshot's, here and nowhere else.
    #[arg(long, value_name = "DIR")]
    sealed: Option<PathBuf>,
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
    /// Only every N-th input from the I-th on, counted from 1 over the whole list.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Look at every input and say what would be done; decide, write and sign nothing.
    #[arg(long, conflicts_with = "kept")]
    dry_run: bool,
    /// Sign for the run with this private key once it is finished. Every input is read once more for its digest.
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
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
    /// In which form decisions on what was not kept are written: NAME.decisions.jsonl or NAME.decisions.parquet.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    decisions: DecisionsForm,
    /// How kept lines of JSONL are compressed: `same` as their input, `plain` for whoever pipes them onwards, or `zstd:LEVEL`. The
    /// lines stay as they are, byte for byte; names end accordingly. Records and tables are kept as they are stored.
    #[arg(long, value_name = "CODING", default_value_t, conflicts_with_all = ["index", "only"])]
    output_coding: OutputCoding,
    /// The largest record, line and decoded payload that is read, in MiB; what is larger is damage, never kept. Memory grows with it.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    max_record: u16,
    /// A table of crawler tokens newer than the built-in one (`cleartitle agents` prints that).
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// The inputs are indexes of a crawl: CDXJ, or Parquet with Common Crawl's columns. Without --fetch the outcome is filtered
    /// indexes, whose rows are candidates: nothing is cleared before its record is read.
    #[arg(long, conflicts_with_all = ["kept", "layout", "text_field", "url_field", "id_field", "date_field", "without_url"])]
    index: bool,
    /// Read the records of candidates by byte range from the WARC files below this folder or s3://bucket/prefix/, decide again
    /// on each by all that it says, and keep what the policy keeps.
    #[arg(long, value_name = "ROOT", requires = "index")]
    fetch: Option<String>,
    /// A first pass: look at URLs alone, or at `urls,content` or `urls,signals`. What no record could change is excluded;
    /// everything else is a candidate, which clears nothing. Left out: all is looked at.
    #[arg(long, value_name = "CHECKS", value_enum, value_delimiter = ',', conflicts_with_all = ["index", "kept"])]
    only: Vec<Check>,
    /// Compare declared payload digests; differences are counted.
    #[arg(long, conflicts_with = "only")]
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
    let asked = super::open_with_deals(
        &args.snapshot,
        args.sealed.as_deref(),
        args.log_key.as_deref(),
        Some(&policy),
        used_at,
    )?;
    let snapshot = asked.snapshot;
    let sha256 = Asking::needs_sha256(&snapshot, &policy)?;
    let asking = asking(args, sha256);
    let store = Store::new();
    let inputs = inputs(args, &store)?;
    if args.kept.is_some() && inputs.len() != 1 {
        return Err(advised(
            format_args!("--kept - takes one input, not {}", inputs.len()),
            "the outputs of several can't be joined into one file; read them from the folder's `kept`",
        ));
    }
    let fields = fields(args);
    let largest = usize::from(args.max_record) << 20;
    let index = index(args)?;
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        policy: format!("blake3:{}", blake3::hash(text.as_bytes())),
        snapshot: format!("blake3:{}", blake3::Hash::from_bytes(asked.public).to_hex()),
        sealed: asked.sealed.map(|(deals, digest)| report::SealedLine { deals, digest }),
        agents: agents.version().to_owned(),
        used_at,
        asking: asking.clone(),
        fields: fields.clone(),
        largest_record: largest as u64,
        decisions: args.decisions,
        output_coding: args.output_coding,
        index,
    };
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let plan = Plan::new(&snapshot, &policy, used_at).with_agents(&agents);
    let job = Job {
        plan: &plan,
        asking,
        identity,
        inputs: inputs.clone(),
        shard: args.shard,
        store: &store,
        fields,
        out: args.out.clone(),
        options: Options { limits: Limits::of_records(largest), ..Options::default() },
        bounds: pipeline::Bounds::of(threads),
        resume: args.resume,
        sign_key: args.sign_key.as_deref().map(|path| super::private_key::read(path, talk)).transpose()?,
    };
    if args.dry_run {
        return planned(&job, args.format);
    }
    let mut shown = Shown::new(talk, &inputs, args.shard);
    let ran = job.run(&mut shown);
    shown.finish();
    let report = match ran {
        Ok(report) => report,
        Err(error) => return refused(error),
    };
    if args.kept.is_some() {
        pass_on(&args.out, &args.output_coding.name_of(&report.inputs[0].name))?;
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

/// What is asked of every record.
fn asking(args: &Args, sha256: bool) -> Asking {
    Asking {
        acquired_at: args.acquired,
        captured_at: args.captured,
        channel: args.channel,
        access: args.access,
        check_digests: args.check_digests,
        sha256,
        checks: Checks::only(&args.only),
    }
}

fn refused(error: FilterError) -> anyhow::Result<Exit> {
    match error.hint() {
        Some(hint) => Err(error).hint(hint),
        None => Err(error.into()),
    }
}

/// Says what a run would do.
fn planned<D: AsRef<[u8]> + Sync>(job: &Job<'_, D>, format: Format) -> anyhow::Result<Exit> {
    let inputs = match job.dry_run() {
        Ok(inputs) => inputs,
        Err(error) => return refused(error),
    };
    let bytes: u64 = inputs.iter().map(|input| input.bytes).sum();
    match format {
        Format::Json => json(&serde_json::json!({ "inputs": inputs, "bytes": bytes }))?,
        Format::Human => {
            for input in &inputs {
                let done = if input.done { ", finished before" } else { "" };
                let location = super::talk::shown(&input.location);
                data(format_args!("{location}: {}, {}{done}\n", input.what, report::size(input.bytes)))?;
            }
            data(format_args!("filter: {} inputs, {}; nothing was written\n", inputs.len(), report::size(bytes)))?;
        }
    }
    Ok(Exit::Clean)
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

/// Whether the inputs are indexes, and where their records lie.
fn index(args: &Args) -> anyhow::Result<Option<IndexRun>> {
    let root = args.fetch.as_deref().map(Root::of).transpose().map_err(|error| {
        let hint = error.hint();
        advised(error, hint)
    })?;
    Ok(args.index.then_some(IndexRun { fetch: root }))
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
    /// The input that is spoken of, and how far each one has come: stored bytes and documents.
    place: usize,
    come: HashMap<usize, (u64, u64)>,
    /// Stored bytes of all inputs that have begun; of these, passed; and documents.
    begun: u64,
    passed: u64,
    documents: u64,
    told: u64,
    began: Instant,
}

impl Shown {
    fn new(talk: Talk, inputs: &[Location], shard: Option<Shard>) -> Self {
        // The length of an object is learned when its turn comes; the bar grows then.
        let length = |input: &Location| match input {
            Location::File(path) => path.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        };
        let mine = |place: usize| shard.is_none_or(|shard| shard.takes(place));
        let mine = inputs.iter().enumerate().filter(|(place, _)| mine(*place));
        let bar = talk.progress(mine.map(|(_, input)| length(input)).sum(), "");
        let style = "{wide_msg} {bytes}/{total_bytes} {bar:20} {bytes_per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let (come, began) = (HashMap::new(), Instant::now());
        Self { talk, bar, place: 0, come, begun: 0, passed: 0, documents: 0, told: 0, began }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
        let more = self.told.saturating_sub(DAMAGE_TOLD);
        if more > 0 {
            self.talk.warn(format_args!("damage: {more} more, all in damage.jsonl"));
        }
    }

    fn message(&self) -> String {
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        format!("{} documents, {}/s", self.documents, self.documents.saturating_mul(1000) / milliseconds)
    }
}

impl Watch for Shown {
    fn turn(&mut self, place: usize) {
        self.place = place;
    }

    fn begin(&mut self, name: &str, bytes: u64, skipped: bool) {
        self.begun += bytes;
        let known = self.bar.length().unwrap_or_default().max(self.begun);
        self.bar.set_length(known);
        if skipped {
            self.passed += bytes;
            self.bar.set_position(self.passed);
            let name = Path::new(name).display();
            self.bar.suspend(|| self.talk.say(format_args!("{name}: finished before")));
        }
    }

    fn advance(&mut self, offset: u64, documents: u64) {
        let come = self.come.entry(self.place).or_default();
        let more = documents.saturating_sub(come.1);
        self.passed += offset.saturating_sub(come.0);
        self.documents += more;
        *come = (offset, documents);
        // Drawing is cheap beside a document, making the message is not.
        if more > 0 && documents.is_multiple_of(64) && !self.bar.is_hidden() {
            self.bar.set_message(self.message());
        }
        self.bar.set_position(self.passed);
    }

    fn sum(&mut self, name: &str) {
        self.bar.set_message(format!("digest of {}", super::talk::shown(name)));
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
