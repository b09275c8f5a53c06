//! How the command line speaks: data to stdout, talk to stderr, advice apart, colour that carries no meaning.

pub use crate::shown::shown;

use crate::dataset::again::ReadOnce;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended. What could not be done is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything is as it should be.
    Clean,
    /// 1: the job was done, and the answer is no.
    Refused,
    /// 2: the job was done in part; what could not be done was told.
    Failed,
}

impl Exit {
    /// The end of a job over rows. Nothing read is no yes, and neither is what could not be read.
    pub(crate) const fn over(rows: u64, damaged: u64, refused: u64) -> Self {
        match (damaged, rows, refused) {
            (1.., ..) | (_, 0, _) => Self::Failed,
            (_, _, 1..) => Self::Refused,
            _ => Self::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Refused => 1,
            Exit::Failed => 2,
        })
    }
}

/// In which form data goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// The speaking half of the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Talk {
    /// Say nothing but errors.
    pub quiet: bool,
}

impl Talk {
    /// Says a line to stderr, unless told to be quiet.
    pub fn say(&self, line: impl fmt::Display) {
        if !self.quiet {
            anstream::eprintln!("{line}");
        }
    }

    /// Warns on stderr, quiet or not.
    pub fn warn(&self, line: impl fmt::Display) {
        anstream::eprintln!("\u{1b}[1;33mwarning\u{1b}[0m: {line}");
    }

    /// A progress bar over so many bytes; unseen unless stderr is a terminal.
    #[must_use]
    pub fn progress(&self, bytes: u64, what: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}");
        let bar = ProgressBar::new(bytes).with_message(what.to_owned());
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// An error with advice, which is printed apart from it.
#[derive(Debug)]
struct Advised {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.chain().nth(1)
    }
}

/// Adds advice to an error.
pub trait Hint<T> {
    /// With a line of advice, printed as `hint:` below the error.
    ///
    /// # Errors
    /// The same error, with the advice.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| Advised { error: error.into(), hint: hint.into() }.into())
    }
}

/// An error that says this, with advice.
#[must_use]
pub fn advised(message: impl fmt::Display, hint: impl Into<String>) -> anyhow::Error {
    Advised { error: anyhow::anyhow!("{message}"), hint: hint.into() }.into()
}

/// An error with the stable code of what was found behind its words; its causes and advice stay.
#[must_use]
pub fn coded(error: anyhow::Error, code: impl fmt::Display) -> anyhow::Error {
    let hints = {
        let mut hints = Vec::new();
        collect_hints(&error, &mut hints);
        hints
    };
    let told = anyhow::anyhow!("{error} ({code})");
    hints.into_iter().fold(told, |error, hint| Advised { error, hint }.into())
}

/// Tells an error on stderr: what happened, why, and after a blank line what to do.
///
/// Nothing is said where stdout was closed: whoever reads has read enough.
pub fn tell(error: &anyhow::Error) {
    if is_closed_pipe(error) {
        return;
    }
    anstream::eprint!("{}", told(error));
}

fn told(error: &anyhow::Error) -> String {
    let mut text = format!("\u{1b}[1;31merror\u{1b}[0m: {error}\n");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // A transparent variant repeats its source.
        if cause != last && !last.ends_with(&cause) {
            text.push_str(&format!("  cause: {cause}\n"));
        }
        last = cause;
    }
    let mut hints = Vec::new();
    collect_hints(error, &mut hints);
    if !hints.is_empty() {
        text.push('\n');
    }
    for hint in hints {
        text.push_str(&format!("\u{1b}[1;36mhint\u{1b}[0m: {hint}\n"));
    }
    text
}

fn collect_hints(error: &anyhow::Error, hints: &mut Vec<String>) {
    for cause in error.chain() {
        if let Some(advised) = cause.downcast_ref::<Advised>() {
            hints.push(advised.hint.clone());
            return collect_hints(&advised.error, hints);
        }
        if let Some(hint) = cause.downcast_ref::<crate::toml_file::FileError>().and_then(|error| error.hint.clone()) {
            hints.push(hint);
        }
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<ReadOnce>()) {
            hints.push(ReadOnce::HINT.to_owned());
        }
        if let Some(hint) = cause.downcast_ref::<crate::registry::RegistryError>().and_then(|error| error.hint()) {
            hints.push(hint);
        }
    }
}

/// Whether stdout was closed by its reader.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let advised = cause.downcast_ref::<Advised>().is_some_and(|advised| is_closed_pipe(&advised.error));
        advised || cause.downcast_ref::<io::Error>().is_some_and(closed)
    })
}

/// Writes data to stdout.
///
/// # Errors
/// What writing gives; a closed pipe among it, which `tell` passes over in silence.
pub fn data(text: impl fmt::Display) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Writes a value to stdout as one line of JSON.
///
/// # Errors
/// As [`data`].
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(format_args!("{}\n", serde_json::to_string(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn errors_are_told_with_causes_and_advice_apart() {
        let inner: anyhow::Result<()> = Err(io::Error::other("disk on fire")).hint("call somebody");
        let error = inner.context("cannot write `x`").expect_err("an error");
        let plain = anstream::adapter::strip_str(&told(&error)).to_string();
        assert_eq!(plain, "error: cannot write `x`\n  cause: disk on fire\n\nhint: call somebody\n");
        assert!(!is_closed_pipe(&error));
    }

    #[test]
    fn a_closed_pipe_is_known_below_any_context() {
        let closed: io::Result<()> = Err(io::ErrorKind::BrokenPipe.into());
        assert!(is_closed_pipe(&closed.hint("x").context("y").expect_err("an error")));
    }
}
