//! The command line of the registry's operator.

mod backup;
mod configuration;
mod erase;
pub mod logs;
mod migrate;
mod place;
mod serve;
mod shell;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::parse_public_key;

use self::place::Place;
use crate::app::OpenError;
use crate::store::StoreError;
use crate::{audit, router, witness};

/// The Cleartitle registry: signed terms go in, a transparency log proves them, clearance comes out.
#[derive(Debug, Parser)]
#[command(
    name = "cleartitle-server",
    version,
    about,
    after_help = "\
Exit codes: 0 done, 1 a check found differences, 2 could not do the job.\n\n\
First steps:\n  \
cleartitle-server serve --data registry/\n  \
cleartitle-server bind-key --data registry/ --issuer press.example --key press.pub\n  \
cleartitle register --registry http://127.0.0.1:8787 --key press.pem --issuer press.example terms.toml"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum Verb {
    Serve(Box<serve::Serve>),
    /// Print the commented template of a file for `serve --config`: every setting with its default.
    #[command(after_help = "\
Example:
  cleartitle-server init > cleartitle-server.toml
  cleartitle-server serve --data registry --config cleartitle-server.toml")]
    Init,
    /// Witness other parties' logs: cosign each checkpoint that continues what was cosigned before, and no other.
    ///
    /// Prints its verifier key on stderr, for registries (`serve --witness`) and readers (`pull --witness`) to pin.
    Witness(witness::Flags),
    /// Bind a public key to an issuer's domain on the operator's word, as a logged statement.
    ///
    /// Works beside a running server. Make sure yourself that the key is the domain's: the log shows that you vouched. Domains
    /// need no operator: `cleartitle domain verify` binds what they publish.
    BindKey {
        #[command(flatten)]
        place: Place,
        /// The domain that the key will speak for.
        #[arg(long, value_name = "DOMAIN")]
        issuer: Domain,
        /// The public key file, as `cleartitle keys new` writes it beside the private one.
        #[arg(long, value_name = "PUBLIC_KEY_FILE")]
        key: PathBuf,
        /// The domain has changed hands: nothing that was stated or captured before is loosened by whoever holds it now.
        #[arg(long)]
        new_tenure: bool,
        /// The log's name, where this is the first start.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
    },
    /// Make tiles and every derived table again from leaves and blobs, and say what differed. No server may be running.
    Rebuild {
        #[command(flatten)]
        place: Place,
    },
    /// Check every leaf, tile, checkpoint, receipt and projection; exit code 0 when all is right, 1 when not.
    ///
    /// Works beside a running server, on the state at its start. With --objects, everything that the checkpoint there commits to is held
    /// against the store, and evidence that lies there is read; without it such evidence is told as not looked at, with exit code 2.
    Audit {
        #[command(flatten)]
        place: Place,
        /// How to report.
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    Erase(erase::Erase),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Migrate(migrate::Migrate),
    /// Write the canonical form of every derived table to stdout: equal text, equal projections. What is held sealed is among it.
    Dump {
        #[command(flatten)]
        place: Place,
    },
    Completions(shell::Completions),
    Man(shell::Man),
    /// Print the API's description (OpenAPI 3.1, YAML).
    #[command(hide = true)]
    Openapi,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Lines for people.
    Human,
    /// One JSON object.
    Json,
}

/// Runs the command line; the exit code is 0, 1 or 2.
#[must_use]
pub fn main() -> ExitCode {
    let read = configuration::matches(Arguments::command(), std::env::args_os().collect());
    let outcome = read.and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        run(arguments.verb)
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A closed pipe is a quiet end.
            if error.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == std::io::ErrorKind::BrokenPipe) {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {error:#}");
            if let Some(hint) = hint(&error) {
                eprintln!("\nhint: {hint}");
            }
            ExitCode::from(2)
        }
    }
}

/// What to do about a store that can't be used.
fn hint(error: &anyhow::Error) -> Option<&'static str> {
    let opened = error.downcast_ref::<OpenError>();
    let store = opened.map_or_else(|| error.downcast_ref::<StoreError>(), OpenError::store);
    store.and_then(StoreError::hint)
}

fn run(verb: Verb) -> anyhow::Result<u8> {
    match verb {
        Verb::Serve(verb) => verb.run(),
        Verb::Witness(flags) => {
            logs::begin()?;
            witness::run(flags)
        }
        Verb::BindKey { place, issuer, key, new_tenure, origin } => {
            let text = std::fs::read_to_string(&key).with_context(|| format!("`{}`", key.display()))?;
            let public = parse_public_key(&text).with_context(|| format!("`{}`", key.display()))?;
            let registry = place.registry(origin.as_deref())?;
            let index = registry.bind(&issuer, &public, new_tenure)?;
            println!("bound {} to {issuer} at index {index}", cleartitle_schema::signed::key_id(&public));
            Ok(0)
        }
        Verb::Rebuild { place } => rebuild(&place),
        Verb::Audit { place, format } => audit_all(&place, format),
        Verb::Dump { place } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            place.frozen()?.dump(&mut out)?;
            out.flush()?;
            Ok(0)
        }
        Verb::Erase(verb) => verb.run(),
        Verb::Backup(verb) => verb.run(),
        Verb::Restore(verb) => verb.run(),
        Verb::Migrate(verb) => verb.run(),
        Verb::Init => {
            std::io::stdout().write_all(configuration::template(&Arguments::command()).as_bytes())?;
            Ok(0)
        }
        Verb::Completions(verb) => verb.run(Arguments::command()),
        Verb::Man(verb) => verb.run(Arguments::command()),
        Verb::Openapi => {
            print!("{}", router::openapi_yaml().map_err(anyhow::Error::msg)?);
            Ok(0)
        }
    }
}

fn audit_all(place: &Place, format: Format) -> anyhow::Result<u8> {
    // Before the store, so that it is not behind what is found among the objects.
    let looked = place.objects()?.map(audit::objects::Looked::at).transpose()?;
    let (data, store) = (place.folder()?, place.frozen()?);
    let origin = store.present_setting("origin")?.context("the database names no log")?;
    let verifier = data.log_verifier(&origin)?;
    let mut report = audit::audit(&*store, &verifier)?;
    // What was found before is told even where the storage fails.
    let compared = looked.map_or(Ok(()), |looked| looked.check(&*store, &verifier, &mut report));
    match format {
        Format::Json => println!("{}", serde_json::to_string(&report)?),
        Format::Human => {
            report.findings.iter().for_each(|finding| println!("{finding}"));
            println!("{}", report.line());
        }
    }
    compared?;
    if report.elsewhere > 0 {
        eprintln!("hint: evidence lies among the objects: name them with --objects, or CLEARTITLE_OBJECTS");
    }
    // What was not looked at is not right.
    let unread = if report.elsewhere > 0 { 2 } else { 0 };
    Ok(if report.findings.is_empty() { unread } else { 1 })
}

fn rebuild(place: &Place) -> anyhow::Result<u8> {
    let _held = place.folder()?.lock()?;
    let registry = place.registry(None)?;
    let mut rebuilt = registry.store.rebuild()?;
    let (other, snapshots) = registry.snapshots()?.make_again()?;
    rebuilt.differing.extend(other.iter().map(|size| format!("snapshot {size}")));
    println!("rebuild: {snapshots} snapshots");
    if rebuilt.differing.is_empty() {
        println!("rebuild: {} leaves, every projection is as it was", rebuilt.leaves);
        return Ok(0);
    }
    println!("rebuild: {} leaves, made again and mended: {}", rebuilt.leaves, rebuilt.differing.join(", "));
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE=1 cargo test -p cleartitle-server template` writes it anew.
    #[test]
    fn the_packaged_template_has_every_flag_with_its_real_default() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/cleartitle-server.toml");
        let generated = configuration::template(&Arguments::command());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        assert!(std::fs::read_to_string(path).unwrap() == generated, "UPDATE=1 writes `{path}` again");
        let serve = Arguments::command().find_subcommand("serve").unwrap().clone();
        for flag in serve.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let name = flag.get_long().unwrap();
            assert!(
                name == "config"
                    || generated.contains(&format!("\n#{name} = "))
                    || generated.contains(&format!("\n# {name} = ")),
                "{name}"
            );
        }
    }
}
