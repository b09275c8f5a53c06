//! `cleartitle domain`: what a domain publishes about its keys, and what a registry makes of it.

use super::domain_bind;
use super::network::Network;
use super::talk::{Exit, Format, Talk, data, json};
use crate::domain_look;
use crate::files;
use anyhow::Context as _;
use clap::Subcommand;
use cleartitle_schema::api::IssuerView;
use cleartitle_schema::domain_proof::{self, dns_txt, key_directory, well_known};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{key_id, parse_private_key, parse_public_key, print_public_key};
use cleartitle_schema::statement::Proof;
use ed25519_dalek::VerifyingKey;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `domain`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A key speaks for a domain once the domain publishes it and the key itself has asked. There are three places:
  dns-txt        a TXT record at _cleartitle.DOMAIN
  well-known     the file https://DOMAIN/.well-known/cleartitle.json
  key-directory  https://DOMAIN/.well-known/http-message-signatures-directory (Web Bot Auth); such a key signs
                 requests for sealed deals, never statements
The registry looks itself, keeps what it saw, and looks again: a key that the domain no longer publishes lapses.

A new key that an older one vouches for (--vouched-by) goes on where that left off. Without, it opens a new tenure: nothing
that was stated before is loosened by it, since the domain may have been sold.

Examples:
  cleartitle domain record --key press.key press.example
  cleartitle domain look press.example
  cleartitle domain verify --registry https://registry.example --key press.key press.example
  cleartitle domain verify --registry https://registry.example --key new.key --vouched-by press.key press.example
  cleartitle domain show --registry https://registry.example press.example
  cleartitle domain revoke --registry https://registry.example --key new.key --issuer press.example \\
      --cause compromised key:0123...")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print what to publish, in each of the three places.
    Record {
        /// The key file, private or public; again for further keys.
        #[arg(long, value_name = "FILE", required = true)]
        key: Vec<PathBuf>,
        /// Only for the log of this origin. Left out: for any.
        #[arg(long, value_name = "ORIGIN")]
        log: Option<String>,
        /// The domain.
        domain: Domain,
    },
    /// Look at what a domain publishes, from here, without any registry.
    Look(LookArgs),
    /// Ask a registry to look at what a domain publishes, and to bind a key.
    Verify(domain_bind::VerifyArgs),
    /// Show the keys that speak, or spoke, for a domain in a registry.
    Show {
        #[command(flatten)]
        at: domain_bind::At,
        /// The domain.
        domain: Domain,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// End a key: retired, or compromised.
    Revoke(domain_bind::RevokeArgs),
}

/// Flags of `domain look`.
#[derive(Debug, clap::Args)]
struct LookArgs {
    /// Only this place.
    #[arg(long, value_name = "PLACE", value_parser = parse_proof)]
    proof: Option<Proof>,
    /// For the log of this origin. Left out: keys for one log alone are not counted.
    #[arg(long, value_name = "ORIGIN", default_value = "")]
    log: String,
    /// Ask this DNS server instead of the system's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    resolver: Option<SocketAddr>,
    #[command(flatten)]
    network: Network,
    /// The domain.
    domain: Domain,
    /// In which form.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Reads a way of proof that can be asked for.
pub(super) fn parse_proof(text: &str) -> Result<Proof, String> {
    let proof: Proof = text.parse().map_err(|_| "dns-txt, well-known or key-directory".to_owned())?;
    if proof == Proof::Operator { Err("the operator's word is not asked for here".to_owned()) } else { Ok(proof) }
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::Record { key, log, domain } => record(key, log.as_deref(), domain),
        Verb::Look(args) => look(args, talk),
        Verb::Verify(args) => domain_bind::verify(args, talk),
        Verb::Show { at, domain, format } => show(&at.registry()?.issuer(domain)?, *format),
        Verb::Revoke(args) => domain_bind::revoke(args, talk),
    }
}

/// The public half of a key file of either kind.
pub(super) fn public_key(path: &Path) -> anyhow::Result<VerifyingKey> {
    let text = files::read_text(path, 16 * 1024)?;
    let private = parse_private_key(&text).map(|key| key.verifying_key());
    private.or_else(|_| parse_public_key(&text)).with_context(|| format!("`{}` is no key file", path.display()))
}

fn record(paths: &[PathBuf], log: Option<&str>, domain: &Domain) -> anyhow::Result<Exit> {
    let keys: Vec<VerifyingKey> = paths.iter().map(|path| public_key(path)).collect::<anyhow::Result<_>>()?;
    let place = |proof| domain_proof::place(domain, proof).unwrap_or_default();
    data(format_args!("Publish one of these (the first two for statements, the third for requests alone):\n\n"))?;
    data(format_args!("A TXT record{}:\n\n", if keys.len() > 1 { " a key" } else { "" }))?;
    for key in &keys {
        data(format_args!("{}.  IN  TXT  \"{}\"\n", place(Proof::DnsTxt), dns_txt::record(key, log)))?;
    }
    data(format_args!("\nThe file {}:\n\n{}", place(Proof::WellKnown), well_known::file(&keys, log)))?;
    data(format_args!(
        "\nThe file {},\nserved as {}:\n\n{}",
        place(Proof::KeyDirectory),
        key_directory::MEDIA_TYPE,
        key_directory::directory(&keys)
    ))?;
    Ok(Exit::Clean)
}

fn look(args: &LookArgs, talk: Talk) -> anyhow::Result<Exit> {
    let fetcher = args.network.fetcher("https://cleartitle.example/domain", Duration::ZERO, None)?;
    let places = match args.proof {
        Some(proof) => vec![proof],
        None => vec![Proof::DnsTxt, Proof::WellKnown, Proof::KeyDirectory],
    };
    let (mut found, mut rows) = (false, Vec::new());
    for proof in places {
        let place = domain_proof::place(&args.domain, proof).unwrap_or_default();
        match domain_look::look(&args.domain, proof, &args.log, &fetcher, args.resolver) {
            Ok(published) => {
                found |= !published.keys.is_empty();
                let ids: Vec<String> = published.keys.iter().map(|key| key_id(key).to_string()).collect();
                let keys: Vec<String> =
                    published.keys.iter().map(|key| print_public_key(key).trim_end().to_owned()).collect();
                if args.format == Format::Human {
                    let shown = if ids.is_empty() { "no key".to_owned() } else { ids.join(", ") };
                    data(format_args!("{:<13} {place}: {shown}\n", proof.word()))?;
                    published.complaints.iter().for_each(|complaint| talk.warn(format_args!("{place}: {complaint}")));
                }
                rows.push(json!({"proof": proof, "place": place, "keys": keys, "key_ids": ids, "complaints": published.complaints}));
            }
            Err(error) => {
                let told = format!("{:#}", anyhow::Error::from(error));
                if args.format == Format::Human {
                    data(format_args!("{:<13} {place}: not seen: {told}\n", proof.word()))?;
                }
                rows.push(json!({"proof": proof, "place": place, "error": told}));
            }
        }
    }
    if args.format == Format::Json {
        json(&json!({"domain": args.domain, "places": rows}))?;
    }
    Ok(if found { Exit::Clean } else { Exit::Refused })
}

fn show(issuer: &IssuerView, format: Format) -> anyhow::Result<Exit> {
    if format == Format::Json {
        json(issuer)?;
        return Ok(Exit::Clean);
    }
    data(format_args!("{} (authority {}), tenure from {}\n", issuer.domain, issuer.authority, issuer.tenure_from))?;
    for key in &issuer.keys {
        let ended = key.ended.as_ref().map(|end| format!(", {} {}", end.cause.word(), end.at)).unwrap_or_default();
        let tenure = if key.new_tenure { ", opened a tenure" } else { "" };
        data(format_args!(
            "{}  {} {}{tenure}{ended}\n  bound by {}\n",
            key.key_id,
            key.proof.word(),
            key.bound_at,
            key.binding
        ))?;
    }
    Ok(Exit::Clean)
}
