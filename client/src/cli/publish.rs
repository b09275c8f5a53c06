//! `cleartitle publish`: writes the files and lines that say a terms file's terms on the site itself, and what they lose.

use super::talk::{Exit, Format, Talk, advised, data, json, shown};
use crate::files;
use crate::{clock, publish};
use anyhow::Context as _;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::publish::{self as formats, Loss, Notice, Places, Stance, Written};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::vocab::Use;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const ROBOTS: &str = "robots.txt";

/// The longest robots.txt that is merged with, in bytes.
const MAX_ROBOTS: u64 = 4 << 20;

/// Flags of `publish`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Reservations, grants and offers can be published; agreements are between their parties. What a format can't say is denied
where the terms attach conditions, and left out elsewhere; every loss is listed. No file says more than the terms do.

Written below DIR: robots.txt (lines for the site's own file), license.xml (RSL), .well-known/tdmrep.json, tdm-policy.json,
headers.txt (for the server's configuration), head.html (for the head of pages), trust.txt (a line for the site's own file).

Examples:
  cleartitle publish terms.toml --out public
  cleartitle publish terms.toml --out public --merge           keeps the lines of public/robots.txt
  cleartitle publish terms.toml --out public --site news.press.example --terms-url https://press.example/licensing
  cleartitle lint --site press.example public                  reads back what the files say")]
pub struct Args {
    /// The terms file, as `register` takes it.
    #[arg(value_name = "TERMS.toml")]
    terms: PathBuf,
    /// The folder to write into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The host that will serve the files. Left out: the one host that the terms name.
    #[arg(long, value_name = "HOST")]
    site: Option<Domain>,
    /// Who speaks. Left out: as the terms file says, else the site.
    #[arg(long, value_name = "DOMAIN")]
    issuer: Option<Domain>,
    /// Where license.xml will stand. Left out: https://HOST/license.xml.
    #[arg(long, value_name = "URL")]
    rsl_url: Option<String>,
    /// Where tdm-policy.json will stand. Left out: https://HOST/tdm-policy.json.
    #[arg(long, value_name = "URL")]
    policy_url: Option<String>,
    /// A page where a license can be asked for. Without one, conditions that a format can't state become denials.
    #[arg(long, value_name = "URL")]
    terms_url: Option<String>,
    /// A mail address for the same.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// A training agent to name in robots.txt; again for more. Left out: all that are known.
    #[arg(long, value_name = "TOKEN")]
    agent: Vec<String>,
    /// Keep the lines of a robots.txt that is there, and put or replace a block at its end.
    #[arg(long)]
    merge: bool,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Terms that can't be published, files that are there, and what writing gives.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let text = files::read_text(&args.terms, crate::toml_file::MAX_FILE as u64)?;
    let statement = publish::statement(&args.terms.display().to_string(), &text, args.issuer.as_ref(), clock::now())?;
    let site = site(args, &statement)?;
    let (notice, losses) = Notice::of(&statement, &site, places(args, &site)?).map_err(|error| {
        let hint = match &error {
            formats::Unpublishable::Kind(_) => "reservations, grants and offers speak to everybody",
            formats::Unpublishable::Elsewhere(_) => "name a host that the scope includes with --site",
        };
        advised(error, hint)
    })?;
    let agents = agents(args)?;
    let mut written = formats::all(&notice, &agents);
    let mut robots = written[0].text.clone().into_bytes();
    let own = args.out.join(ROBOTS);
    if args.merge && own.is_file() {
        let (merged, losses) = formats::merge(&files::read(&own, MAX_ROBOTS)?, &notice, &agents)
            .map_err(|error| advised(error, "take the block out by hand, both comments and what is between"))?;
        // What is shown is the block, the rest of the file is the site's own.
        let text = String::from_utf8_lossy(&merged);
        written[0].text = text.find(formats::BEGIN).map_or_else(String::new, |at| text[at..].to_owned());
        robots = merged;
        written[0].losses = losses;
    }
    check_free(args, &written)?;
    for file in &written {
        let path = args.out.join(file.file);
        let bytes = if file.file == ROBOTS { robots.as_slice() } else { file.text.as_bytes() };
        if bytes.is_empty() {
            if path.is_file() {
                talk.warn(format_args!("`{}` is of an earlier time; these terms say nothing there", path.display()));
            }
            continue;
        }
        let folder = path.parent().unwrap_or(&args.out);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        files::replace(&path, bytes)?;
    }
    match args.format {
        Format::Human => data(in_words(&args.out, &notice, &written, &losses))?,
        Format::Json => json(&in_json(&args.out, &notice, &written, &losses))?,
    }
    talk.say("nothing is served yet: put the files in place, then `cleartitle lint` reads them as labs do");
    Ok(Exit::Clean)
}

fn site(args: &Args, statement: &Statement) -> anyhow::Result<Domain> {
    if let Some(site) = &args.site {
        return Ok(site.clone());
    }
    let hosts = statement.scope().map(Notice::hosts).unwrap_or_default();
    match hosts.as_slice() {
        [host] => Ok(host.clone()),
        [] => Err(advised("the terms name no host", "files stand on a site: say which with --site")),
        [first, ..] => Err(advised(
            format_args!("the terms name {} hosts, and each has files of its own", hosts.len()),
            format!("choose one, such as --site {first}"),
        )),
    }
}

fn places(args: &Args, site: &Domain) -> anyhow::Result<Places> {
    let usual = Places::on(site);
    for url in [&args.rsl_url, &args.policy_url, &args.terms_url].into_iter().flatten() {
        let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
        if !plain || cleartitle_schema::surt::UrlKey::parse(url).is_err() {
            return Err(advised(
                format_args!("`{}` is not a URL", shown(url)),
                "such as https://press.example/licensing",
            ));
        }
    }
    if let Some(contact) =
        args.contact.as_ref().filter(|it| !it.contains('@') || !it.bytes().all(|b| b.is_ascii_graphic()))
    {
        return Err(advised(
            format_args!("`{}` is not a mail address", shown(contact)),
            "such as rights@press.example",
        ));
    }
    Ok(Places {
        rsl: args.rsl_url.clone().unwrap_or(usual.rsl),
        policy: args.policy_url.clone().unwrap_or(usual.policy),
        terms: args.terms_url.clone(),
        contact: args.contact.clone(),
    })
}

fn agents(args: &Args) -> anyhow::Result<Vec<&str>> {
    if args.agent.is_empty() {
        return Ok(publish::training_agents());
    }
    match args.agent.iter().find(|token| !publish::is_token(token)) {
        Some(token) => {
            Err(advised(format_args!("`{}` is not an agent's token", shown(token)), "such as --agent GPTBot"))
        }
        None => Ok(args.agent.iter().map(String::as_str).collect()),
    }
}

/// Nothing is written where one of the files may not be.
fn check_free(args: &Args, written: &[Written]) -> anyhow::Result<()> {
    if args.force {
        return Ok(());
    }
    for file in written.iter().filter(|file| !file.text.is_empty()) {
        let path = args.out.join(file.file);
        let merged = args.merge && file.file == ROBOTS;
        if !merged && path.symlink_metadata().is_ok() {
            let hint = match file.file {
                ROBOTS => "--merge keeps the lines that are in it, --force replaces the file",
                _ => "--force replaces the files; robots.txt is kept by --merge",
            };
            return Err(advised(format_args!("`{}` is there already", path.display()), hint));
        }
    }
    Ok(())
}

const fn word(stance: &Stance) -> &'static str {
    match stance {
        Stance::Reserved => "reserved",
        Stance::Conditional(_) => "conditional",
        Stance::Allowed => "allowed",
    }
}

fn in_words(out: &Path, notice: &Notice, written: &[Written], losses: &[Loss]) -> String {
    let mut text = format!("{}, {}\n", notice.site, shown(&notice.area.in_words()));
    for (atom, stance) in &notice.stances {
        let _ = writeln!(text, "  {:<14} {}", atom, word(stance));
    }
    let unsaid: Vec<&str> =
        Use::ALL.iter().filter(|atom| !notice.stances.contains_key(atom)).map(|atom| atom.word()).collect();
    if !unsaid.is_empty() {
        let _ = writeln!(text, "  not said       {}", unsaid.join(", "));
    }
    for loss in losses {
        let _ = writeln!(text, "  lost everywhere  {}: {}", loss.what, shown(&loss.detail));
    }
    for file in written {
        if file.text.is_empty() {
            let _ = writeln!(text, "\n{}: nothing to say", file.file);
        } else {
            let _ = writeln!(text, "\n{}", out.join(file.file).display());
            lines_in_words(&file.text, &mut text);
        }
        for loss in &file.losses {
            let _ = writeln!(text, "  lost  {} {}: {}", loss.standard, loss.what, shown(&loss.detail));
        }
    }
    text
}

/// A file's lines, of a long run of agents the first and how many follow.
fn lines_in_words(file: &str, text: &mut String) {
    let is_agent = |line: &&str| line.starts_with("User-agent:");
    let mut lines = file.lines().filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let mut more = 0;
        while is_agent(&line) && lines.next_if(is_agent).is_some() {
            more += 1;
        }
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        let _ = writeln!(text, "  | {}{more}", shown(line));
    }
}

fn in_json(out: &Path, notice: &Notice, written: &[Written], losses: &[Loss]) -> serde_json::Value {
    let says: std::collections::BTreeMap<&str, &str> =
        notice.stances.iter().map(|(atom, stance)| (atom.word(), word(stance))).collect();
    let files: Vec<serde_json::Value> = written
        .iter()
        .map(|file| {
            let path = (!file.text.is_empty()).then(|| out.join(file.file).display().to_string());
            serde_json::json!({ "file": file.file, "path": path, "text": file.text, "losses": file.losses })
        })
        .collect();
    serde_json::json!({
        "site": notice.site,
        "paths": notice.area.paths,
        "excluded": notice.area.holes,
        "says": says,
        "losses": losses,
        "files": files,
    })
}
