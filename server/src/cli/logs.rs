//! What the program tells of itself on stderr: how much, and in which form.
//!
//! Who would attack: whoever sends a request whose parts would be read as other lines. Both forms escape what they write; no line holds
//! a query, an address, a key or an envelope. Each line inside a request carries its id, which the answer has as `x-request-id`.

use std::io::IsTerminal as _;

use cleartitle_schema::tlog::note::NoteVerifier;
use tracing_subscriber::EnvFilter;

/// As much as an operator wants who has not asked for more.
const DEFAULT: &str = "info";

/// Flags of `serve` about what it tells.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// How much is told on stderr: error, warn, info, debug or trace, for all or by module, such as `info,cleartitle_server=debug`.
    #[arg(long, value_name = "FILTER", default_value = DEFAULT)]
    log: String,
    /// In which form it is told: lines for people, or one JSON object a line.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: Form,
}

/// The form of what is told.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Form {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// Begins telling.
    ///
    /// # Errors
    /// A filter that can't be read: who mistyped it would wait for lines that never come.
    pub fn begin(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| {
            anyhow::anyhow!("--log `{}`: {error}\nhint: a level, or levels by module, such as `{DEFAULT}`", self.log)
        })?;
        // Whatever is asked for: it tells every question with its values, and what is sealed is among those.
        let filter = match "tokio_postgres=warn".parse() {
            Ok(silence) => filter.add_directive(silence),
            Err(_) => filter,
        };
        let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // A full disk under stderr must not end the server: what can't be told is not told.
        let plain = std::env::var_os("NO_COLOR").filter(|asked| !asked.is_empty());
        // Colours are for people alone: in a journal their codes would stand between the words.
        let told = told.log_internal_errors(false).with_ansi(std::io::stderr().is_terminal() && plain.is_none());
        match self.log_format {
            Form::Text => told.init(),
            Form::Json => told.json().flatten_event(true).with_span_list(false).init(),
        }
        Ok(())
    }

    /// Tells the log's key, which clients pin, in the form that was asked for.
    pub fn tell_key(&self, key: &NoteVerifier) {
        match self.log_format {
            Form::Text => eprintln!("log key: {key}"),
            Form::Json => tracing::info!(log.key = %key, "log key"),
        }
    }
}

/// Begins telling in lines for people, as much as `CLEARTITLE_LOG` asks for.
///
/// # Errors
/// As [`Flags::begin`].
pub fn begin() -> anyhow::Result<()> {
    let log = std::env::var("CLEARTITLE_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    Flags { log, log_format: Form::Text }.begin()
}
