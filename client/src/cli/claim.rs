//! `cleartitle claim`: has a registry see that claimed documents are served under the claimant's domain.

use super::domain_bind::{At, checked};
use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json};
use crate::files;
use crate::registry::{Registered, RegistryError};
use anyhow::Context as _;
use clap::Subcommand;
use cleartitle_schema::id::{ContentId, ContentName, StatementId};
use cleartitle_schema::served::MAX_BODY;
use cleartitle_schema::statement::Body;
use std::path::PathBuf;

/// The most documents of one list.
const MAX_LISTED: usize = 10_000;

/// Flags of `claim`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A reservation, grant, offer or agreement that lists documents by their bytes (`blake3:...`) is a claim. Until it is proven it
permits nothing and disputes at most, for thirty days. It is proven where the registry sees the bytes served under the
domain of whoever made it; anybody may ask for that. The document is the payload alone, without a coding.

Challenges and answers are statements: `kind = \"challenge\"` and `kind = \"answer\"` in a terms file.

Examples:
  cleartitle claim prove --registry https://registry.example --statement statement:0123... \\
      --url https://press.example/story story.html
  cleartitle claim prove --registry https://registry.example --statement statement:0123... \\
      --url https://press.example/story blake3:0123...
  cleartitle claim prove --registry https://registry.example --statement statement:0123... --list served.txt")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Have the registry look whether a URL serves a claimed document, and log that it does.
    Prove(ProveArgs),
}

/// Flags of `claim prove`.
#[derive(Debug, clap::Args)]
struct ProveArgs {
    #[command(flatten)]
    at: At,
    /// The claim, as `register` printed it.
    #[arg(long, value_name = "ID")]
    statement: StatementId,
    /// Where the document is served: https, under the claimant's registrable domain.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    url: Option<String>,
    /// The document: its file, or its content id.
    #[arg(value_name = "FILE|CONTENT_ID", required_unless_present = "list")]
    document: Option<String>,
    /// Several: a file with a URL, a space and a content id in each line; `#` begins a comment.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "document"])]
    list: Option<PathBuf>,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of asking at all; that a document is not served where it should be is an answer.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Prove(args) => prove(args, talk),
    }
}

fn prove(args: &ProveArgs, talk: Talk) -> anyhow::Result<Exit> {
    let asked = match (&args.list, &args.url, &args.document) {
        (Some(path), ..) => listed(path)?,
        (None, Some(url), Some(document)) => vec![(url.clone(), name_of(document)?)],
        _ => anyhow::bail!("a URL and a document are needed"),
    };
    let registry = args.at.registry()?;
    let log = args.at.log(&registry, talk)?;
    let (mut rows, mut exit) = (Vec::new(), Exit::Clean);
    for (url, name) in &asked {
        match registry.prove_claim(&args.statement, url, *name) {
            Ok(registered) => {
                let (receipt, statement) = checked(&registry, &log, &registered)?;
                match &statement.body {
                    Body::ClaimProof { claim, content, .. } if *claim == args.statement && content.contains(name) => {}
                    _ => anyhow::bail!("`{}` does not prove what was asked for", receipt.statement),
                }
                rows.push(told(url, *name, &registered));
                if args.format == Format::Human {
                    data(format_args!("proven    {name} at {url}\nproof     {}\n", receipt.statement))?;
                }
            }
            // Of several, one that is not served must not keep the others from being proven.
            Err(error) if is_answer(&error) && args.list.is_some() => {
                exit = Exit::Refused;
                talk.warn(format_args!("{url}: {error}"));
                rows.push(serde_json::json!({"url": url, "content": name, "error": error.to_string()}));
            }
            Err(error) => return Err(advise(error)),
        }
    }
    match args.format {
        Format::Json => json(&rows)?,
        Format::Human => talk.say(format_args!("{} documents asked for; every receipt holds", asked.len())),
    }
    Ok(exit)
}

fn told(url: &str, name: ContentName, registered: &Registered) -> serde_json::Value {
    serde_json::json!({
        "url": url, "content": name, "proof": registered.registration.statement, "new": registered.new,
        "index": registered.registration.index,
    })
}

/// The registry looked, and says what it saw; asking for the next document makes sense.
fn is_answer(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Refused { status: 403 | 409 | 422 | 502, .. })
}

fn name_of(document: &str) -> anyhow::Result<ContentName> {
    if ["blake3:", "sha256:"].iter().any(|prefix| document.starts_with(prefix)) {
        return document.parse().with_context(|| format!("`{document}` is no content id"));
    }
    let bytes = files::read(std::path::Path::new(document), MAX_BODY)?;
    Ok(ContentName::Blake3(ContentId::of(&bytes)))
}

fn listed(path: &std::path::Path) -> anyhow::Result<Vec<(String, ContentName)>> {
    let text = files::read_text(path, 16 << 20)?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let mut asked = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let told = || format!("{}, line {number}", path.display());
        let pair = line.split_once(char::is_whitespace).map(|(url, name)| (url, name.trim()));
        let (url, name) = pair
            .ok_or_else(|| advised("it is not a URL and a content id", "https://press.example/story blake3:0123..."))
            .with_context(told)?;
        asked.push((url.to_owned(), name.parse().with_context(told)?));
    }
    if asked.is_empty() || asked.len() > MAX_LISTED {
        return Err(advised(
            format_args!("`{}` lists {} documents", path.display(), asked.len()),
            format!("1 to {MAX_LISTED}"),
        ));
    }
    Ok(asked)
}

fn advise(error: RegistryError) -> anyhow::Error {
    let RegistryError::Refused { code, .. } = &error else { return error.into() };
    let hint = match code.as_str() {
        "not-served" => {
            "`curl -s URL | b3sum` prints the id of what is served; a page that changes with each request can't prove a claim"
        }
        "not-claimed" => "the claim's scope lists the document by its bytes: include = [\"blake3:...\"]",
        "outside-authority" => {
            "only the claimant's own site proves its claim; let the site that serves the document sign: countersigned_by"
        }
        "tenure-ended" => "register the claim anew, with a key of the present holder",
        _ => return error.into(),
    };
    Err::<(), _>(error).hint(hint).expect_err("an error")
}
