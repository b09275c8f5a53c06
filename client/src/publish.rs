//! Publish: a terms file read for what a site can say of it, before any registry knows it.

use crate::terms_file::{self, Context};
use crate::toml_file::FileError;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::publish::Notice;
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::AgentPurpose;
use cleartitle_schema::vocab::agents::{AgentRow, AgentTable};

/// Tokens of the agents that robots.txt bars where training is reserved, each one that RFC 9309 can name.
#[must_use]
pub fn training_agents() -> Vec<&'static str> {
    let trains = |row: &&AgentRow| matches!(row.purpose(), AgentPurpose::Training | AgentPurpose::Archive);
    let rows = AgentTable::builtin().rows().iter().filter(trains);
    rows.map(|row| row.token.as_str()).filter(|token| is_token(token)).collect()
}

/// Whether a text is a product token of RFC 9309 (2022-09): letters, `-` and `_`; digits pass too, since real ones have them.
/// Any other could write lines of its own.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(letter)
}

/// Reads a terms file as `register` would. Log and issuer are taken as the file names them; where it names none, the
/// issuer is `issuer`, or the host that the terms are for.
///
/// # Errors
/// [`FileError`] with line, column and member of the first thing that is wrong.
pub fn statement(file: &str, text: &str, issuer: Option<&Domain>, now: Timestamp) -> Result<Statement, FileError> {
    let top: toml::Table = text.parse().unwrap_or_default();
    let named = |value: &toml::Value| -> Option<Domain> {
        let domain = value.get("domain").unwrap_or(value);
        domain.as_str()?.parse().ok()
    };
    let told = issuer.cloned().or_else(|| top.get("issuer").and_then(named));
    let log = top.get("log").and_then(toml::Value::as_str).unwrap_or("none.example/log").to_owned();
    let unnamed = || "issuer.example".parse().expect("a host");
    let context = Context { log, issuer: told.clone().unwrap_or_else(unnamed), issued_at: now };
    let mut statement = terms_file::parse(file, text, &context)?;
    if told.is_none()
        && let Some(host) = statement.scope().and_then(|scope| Notice::hosts(scope).into_iter().next())
    {
        statement.issuer.domain = host;
    }
    Ok(statement)
}
