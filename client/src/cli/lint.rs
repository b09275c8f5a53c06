//! `cleartitle lint`: what each channel of a site says, where they contradict each other, what a lab would conclude.

use super::network::Network;
use super::talk::{Exit, Format, Talk, advised, data, json, shown};
use crate::clock;
use crate::files;
use crate::lint::{self, Channel, ChannelReport, Conclusion, Found, Report};
use crate::observe::site::Site;
use anyhow::Context as _;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::vocab::Use;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 32 << 20;

/// Who is named to a site as the one who looks: its own publisher has asked for it.
const LINTS_FOR: &str = "https://cleartitle.example/lint";

/// Between two requests to one host.
const PAUSE: Duration = Duration::from_millis(200);

/// The time that one site may take.
const SITE_TIME: Duration = Duration::from_secs(60);

/// Labels that one row tells; `--format json` has them all.
const LABELS_TOLD: usize = 3;

/// Most files of one folder.
const MAX_FILES: usize = 500;

/// Flags of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Several files, or a folder, are one site. robots.txt, RSL documents, tdmrep.json, TDM policies, ai.txt, trust.txt, saved
response headers, pages, images and PDFs are told by name and content. The conclusion is what `decide` answers a lab under
the default policy, were these files all that speaks. Exit: 0 nothing to mend, 1 complaints or contradictions, 2 the files
could not be read.

Examples:
  cleartitle lint https://press.example/story
  cleartitle lint robots.txt
  cleartitle lint --site press.example public/
  cleartitle lint --format json robots.txt license.xml .well-known/tdmrep.json
  curl -sD headers.txt -o index.html https://press.example/ && cleartitle lint headers.txt index.html")]
pub struct Args {
    /// The host that serves the files; it stands in addresses alone. Left out: site.example.
    #[arg(long, value_name = "HOST")]
    site: Option<Domain>,
    /// How URLs are fetched.
    #[command(flatten)]
    network: Network,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// A URL, files, or folders.
    #[arg(required = true, value_name = "URL-or-file")]
    about: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Whatever keeps the files from being read.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let Given { files: found, host } = given(args, talk)?;
    let site = args.site.clone().or(host).map_or_else(|| "site.example".parse(), Ok)?;
    let mut channels = Vec::new();
    let mut exit = Exit::Clean;
    for (file, named) in &found {
        match Channel::read(file) {
            Some(channel) => channels.push(channel),
            None if *named => {
                talk.warn(format_args!("`{}` is none of the files through which a site speaks", shown(&file.name)));
                exit = Exit::Failed;
            }
            None => {}
        }
    }
    if channels.is_empty() {
        return Err(advised(
            "nothing here speaks of uses",
            "name robots.txt, license.xml, tdmrep.json, ai.txt, trust.txt, saved headers, pages or images",
        ));
    }
    let report = Report::of(&site, &channels, clock::now());
    match args.format {
        Format::Human => data(in_words(&report))?,
        Format::Json => json(&report)?,
    }
    Ok(match exit {
        Exit::Clean if report.has_something_to_mend() => Exit::Refused,
        other => other,
    })
}

/// What was named on the command line.
#[derive(Default)]
struct Given {
    /// Every file, and whether it was named itself.
    files: Vec<(Found, bool)>,
    /// The host, where a URL says it.
    host: Option<Domain>,
}

fn given(args: &Args, talk: Talk) -> anyhow::Result<Given> {
    let mut given = Given::default();
    for about in &args.about {
        if about.starts_with("https://") || about.starts_with("http://") {
            let page = url::Url::parse(about).with_context(|| format!("`{}` is no URL", shown(about)))?;
            let site = Site::of(&page)?;
            let fetched = lint::fetch_site(&args.network.fetcher(LINTS_FOR, PAUSE, None)?, &site, &page, SITE_TIME);
            for (place, why) in &fetched.failures {
                talk.warn(format_args!("{}: {}", shown(place), shown(why)));
            }
            given.files.extend(fetched.found.into_iter().map(|file| (file, false)));
            given.host.get_or_insert(site.host);
            continue;
        }
        let path = Path::new(about);
        if !path.is_dir() {
            let bytes = files::read(path, MAX_FILE)?;
            given.files.push((Found { name: about.clone(), address: None, bytes }, true));
            continue;
        }
        for file in below(path)? {
            let inside = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            let bytes = files::read(&file, MAX_FILE)?;
            // As `publish` writes them: they stand at no address, but go into every answer and page.
            let everywhere = matches!(inside.as_str(), "headers.txt" | "head.html");
            let address = Some(if everywhere { "/".to_owned() } else { format!("/{inside}") });
            given.files.push((Found { name: inside, address, bytes }, false));
        }
    }
    Ok(given)
}

/// The files of a folder, sorted. Links are not followed: a folder that holds itself would have no end.
fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let told = || format!("cannot list `{}`", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(told)? {
            let entry = entry.with_context(told)?;
            let kind = entry.file_type().with_context(told)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
        if found.len() > MAX_FILES {
            return Err(advised(format_args!("more than {MAX_FILES} files"), "name the files that speak"));
        }
    }
    found.sort();
    Ok(found)
}

/// The first labels, and how many more there are: a robots.txt may say the same to a hundred agents.
fn few(labels: &[String]) -> String {
    let told = shown(&labels.iter().take(LABELS_TOLD).map(String::as_str).collect::<Vec<_>>().join("; "));
    match labels.len().saturating_sub(LABELS_TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    for channel in &report.channels {
        channel_in_words(channel, &mut text);
    }
    if !report.contradictions.is_empty() {
        text.push_str("contradictions\n");
    }
    for found in &report.contradictions {
        let (strict, loose) = (&found.stricter, &found.looser);
        let _ = writeln!(
            text,
            "  {} at {}: {}{} says {}, {}{} says {}; labs follow {}\n    hint: {}",
            found.category,
            shown(&found.address),
            shown(&loose.channel),
            line(loose.line),
            loose.verdict,
            shown(&strict.channel),
            line(strict.line),
            strict.verdict,
            shown(&strict.channel),
            shown(&found.hint)
        );
    }
    if !report.contradictions.is_empty() {
        text.push('\n');
    }
    let mut address = None;
    for concluded in &report.conclusions {
        if address != Some(&concluded.address) {
            let differs = if address.is_some() { ", where it differs" } else { "" };
            let _ = writeln!(text, "a lab concludes for https://{}{}{differs}", report.site, shown(&concluded.address));
            address = Some(&concluded.address);
        }
        let _ = writeln!(text, "  {}", concluded_in_words(concluded));
    }
    text
}

fn channel_in_words(channel: &ChannelReport, text: &mut String) {
    let _ = writeln!(text, "{} ({})", shown(&channel.name), channel.kind.in_words());
    for said in &channel.says {
        let at = if said.address == "/" { String::new() } else { format!(" at {}", shown(&said.address)) };
        let labels = few(&said.labels);
        let row = format!("  {:<14} {:<12}{}  {labels}{at}", said.category, said.verdict, column(said.line));
        let _ = writeln!(text, "{}", row.trim_end());
    }
    let spoken = |atom: &Use| channel.says.iter().any(|said| said.category == *atom);
    let silent: Vec<&str> = Use::ALL.iter().filter(|atom| !spoken(atom)).map(|atom| atom.word()).collect();
    if silent.len() == Use::ALL.len() {
        text.push_str("  says nothing of any use\n");
    } else if !silent.is_empty() {
        let _ = writeln!(text, "  silent on      {}", silent.join(", "));
    }
    for complaint in &channel.complaints {
        let _ = writeln!(
            text,
            "  complaint{}  {}: {}\n    hint: {}",
            line(complaint.line as usize),
            complaint.lint,
            shown(&complaint.detail),
            complaint.hint
        );
    }
    for url in &channel.unread {
        let _ = writeln!(text, "  names {}, which is not among these files", shown(url));
    }
    text.push('\n');
}

fn concluded_in_words(concluded: &Conclusion) -> String {
    let why = concluded.reason.map_or("", |reason| reason.word());
    let labels = few(&concluded.labels);
    let owed = if concluded.owed.is_empty() { String::new() } else { format!("; owed: {}", concluded.owed.join(", ")) };
    let row = format!("{:<14} {:<12} {why}  {labels}", concluded.category, concluded.verdict);
    format!("{}{owed}", row.trim_end())
}

fn line(number: usize) -> String {
    if number == 0 { String::new() } else { format!(" line {number}") }
}

fn column(number: usize) -> String {
    if number == 0 { " ".repeat(10) } else { format!(" line {number:<4}") }
}
