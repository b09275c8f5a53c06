//! `cleartitle agents`: shows the table of AI crawler tokens: who runs them, what for, since when that is known.

use super::talk::{Exit, Format, data, shown};
use std::path::PathBuf;

/// Flags of `agents`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A robots.txt rule for a training or archive agent reserves training; what a token stands for is this table's word. It goes out
of date quickly: keep a copy, add to it, and name it with --agents to `filter` and `check`. Tokens that your table calls
training agents count as such even in observations that were made before it.

Examples:
  cleartitle agents
  cleartitle agents --format json > agents.json
  cleartitle agents --agents agents.json GPTBot CCBot")]
pub struct Args {
    /// Show these tokens alone.
    #[arg(value_name = "TOKEN")]
    tokens: Vec<String>,
    /// Another table than the built-in one.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// In which form; `json` of the whole built-in table is the form that --agents reads.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
///
/// # Errors
/// When the file is no table. A token that the table doesn't know is told and gives exit 1.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let table = super::agent_table(args.agents.as_deref())?;
    let wanted = |token: &str| args.tokens.is_empty() || args.tokens.iter().any(|it| it.eq_ignore_ascii_case(token));
    match args.format {
        Format::Json if args.agents.is_none() && args.tokens.is_empty() => {
            data(cleartitle_schema::vocab::agents::AgentTable::builtin_json())?;
        }
        Format::Json => {
            let rows: Vec<_> = table.rows().iter().filter(|row| wanted(&row.token)).collect();
            super::talk::json(&rows)?;
        }
        Format::Human => {
            data(format_args!("agents {} of {}\n", shown(table.version()), shown(table.date())))?;
            for row in table.rows().iter().filter(|row| wanted(&row.token)) {
                let purposes: Vec<&str> = row.purposes.iter().map(|purpose| purpose.word()).collect();
                let steers = if row.control_only { ", steers only" } else { "" };
                data(format_args!(
                    "{:<32} {:<18} {} ({}{steers})\n",
                    shown(&row.token),
                    purposes.join(", "),
                    shown(&row.operator),
                    shown(&row.verified_on)
                ))?;
            }
        }
    }
    let unknown: Vec<&String> = args.tokens.iter().filter(|token| table.find(token).is_none()).collect();
    for token in &unknown {
        data(format_args!("{}: not in the table; its rules count for whoever calls itself so\n", shown(token)))?;
    }
    Ok(if unknown.is_empty() { Exit::Clean } else { Exit::Refused })
}
