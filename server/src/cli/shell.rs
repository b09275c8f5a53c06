//! What shells and manual readers want, made from the flags themselves.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

/// Print a script of completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  cleartitle-server completions bash > /usr/share/bash-completion/completions/cleartitle-server")]
pub struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Print the manual page, or write one for every command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleartitle-server man | man -l -
  cleartitle-server man --out /usr/local/share/man/man1")]
pub struct Man {
    /// Write a page for every command into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    /// Prints the script; the exit code.
    ///
    /// # Errors
    /// What writing gives.
    pub fn run(&self, mut command: clap::Command) -> anyhow::Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "cleartitle-server", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(0)
    }
}

impl Man {
    /// Prints the page, or writes all of them; the exit code.
    ///
    /// # Errors
    /// What writing gives.
    pub fn run(&self, command: clap::Command) -> anyhow::Result<u8> {
        let Some(folder) = &self.out else {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            std::io::stdout().write_all(&page)?;
            return Ok(0);
        };
        let place = folder.display();
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{place}`"))?;
        clap_mangen::generate_to(command, folder).with_context(|| format!("cannot write to `{place}`"))?;
        eprintln!("manual pages are in {place}");
        Ok(0)
    }
}
