//! `cleartitle completions` and `cleartitle man`: what shells and manual readers want, made from the flags themselves.

use super::Cli;
use super::talk::{Exit, Talk, data};
use anyhow::Context as _;
use clap::CommandFactory as _;
use std::path::PathBuf;

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Flags of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write a page for every verb into this folder, instead of printing the main page.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints completions.
///
/// # Errors
/// What writing gives.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cleartitle", &mut script);
    data(String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}

/// Prints the manual page, or writes all of them.
///
/// # Errors
/// What writing gives.
pub fn man(args: &ManArgs, talk: Talk) -> anyhow::Result<Exit> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        data(String::from_utf8_lossy(&page))?;
        return Ok(Exit::Clean);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write to `{}`", folder.display()))?;
    talk.say(format_args!("manual pages are in {}", folder.display()));
    Ok(Exit::Clean)
}
