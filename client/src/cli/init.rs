//! `cleartitle init`: writes a commented policy, a commented terms file, or the questions of reports, to begin from.

use super::talk::{Exit, Talk, advised, data};
use crate::disclosure::answers;
use crate::files;
use std::path::PathBuf;

/// The policy as it is written.
pub const POLICY: &str = include_str!("templates/policy.toml");

/// The terms file as it is written.
pub const TERMS: &str = include_str!("templates/terms.toml");

/// Flags of `init`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cleartitle init                        writes cleartitle.toml, the policy of whoever uses documents
  cleartitle init --terms                writes terms.toml, the terms of whoever publishes them
  cleartitle init --disclosure           writes disclosure.toml, what reports ask and data can't know
  cleartitle init --out -                prints the policy")]
pub struct Args {
    /// Write a terms file instead of a policy.
    #[arg(long)]
    terms: bool,
    /// Write the questions of all reports, for `disclose --answers`.
    #[arg(long, conflicts_with = "terms")]
    disclosure: bool,
    /// Where to; `-` prints it. Left out: cleartitle.toml, terms.toml, or disclosure.toml.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// Runs the verb.
///
/// # Errors
/// A file that is there already, and what writing gives.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let questions = answers::template();
    let (text, usual) = match (args.terms, args.disclosure) {
        (true, _) => (TERMS, "terms.toml"),
        (_, true) => (questions.as_str(), "disclosure.toml"),
        _ => (POLICY, "cleartitle.toml"),
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(usual));
    if out.as_os_str() == "-" {
        data(text)?;
        return Ok(Exit::Clean);
    }
    if args.force {
        files::replace(&out, text.as_bytes())?;
    } else if out.symlink_metadata().is_ok() {
        return Err(advised(format_args!("`{}` is there already", out.display()), "--force replaces it"));
    } else {
        files::write_new(&out, text.as_bytes(), false)?;
    }
    talk.say(format_args!("wrote {}", out.display()));
    Ok(Exit::Clean)
}

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;
