//! AI user agents: which crawler token stands for which purpose, as a dated table that can be replaced without a release.
//!
//! What a token means changes by the month and is the operators' word alone, so every row names its source and the day it
//! was looked at. Deliberately absent: user-agent header strings, address ranges, and whether an operator obeys.

use super::AgentPurpose;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Most rows that a table may have.
pub const MAX_AGENTS: usize = 10_000;

/// Longest token, in bytes.
const MAX_TOKEN: usize = 100;

/// Why a table can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentTableError {
    /// Not JSON of this shape.
    #[error("the agents table can't be read: {0}")]
    Shape(String),
    /// More rows than [`MAX_AGENTS`].
    #[error("the agents table has {0} rows, more than {MAX_AGENTS}")]
    TooMany(usize),
    /// A version or date that says nothing.
    #[error("the agents table has no usable `{0}`")]
    Header(&'static str),
    /// A token that no robots.txt could name: empty, too long, `*`, or with letters that end a value.
    #[error("`{0}` is no user-agent token")]
    Token(String),
    /// The same token, in whatever case, twice.
    #[error("the token `{0}` stands in the agents table twice")]
    Twice(String),
    /// A row without a purpose.
    #[error("the token `{0}` has no purpose; `unknown` is one")]
    NoPurpose(String),
    /// A row with a day that is none.
    #[error("the token `{token}` was verified on `{day}`, which is no day of the form YYYY-MM-DD")]
    Day {
        /// The token.
        token: String,
        /// What stands there.
        day: String,
    },
    /// A row that names a source which the table does not list.
    #[error("the token `{token}` names the source `{source_name}`, which the table does not explain")]
    Source {
        /// The token.
        token: String,
        /// What stands there.
        source_name: String,
    },
}

/// One user agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRow {
    /// The token as its operator writes it.
    pub token: String,
    /// Who runs it.
    pub operator: String,
    /// What it collects for; at least one.
    pub purposes: Vec<AgentPurpose>,
    /// Finer words that decide nothing: `ads`, `link-preview`, `data-provider`, `legacy` ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The token only steers what is done with pages that another token fetches; it never fetches by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control_only: bool,
    /// The day it was looked at, YYYY-MM-DD.
    pub verified_on: String,
    /// Where that was learned, by a name that the table explains.
    pub source: String,
}

/// A table as its file holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    date: String,
    sources: BTreeMap<String, String>,
    agents: Vec<AgentRow>,
}

/// User agents by token.
#[derive(Debug, Clone)]
pub struct AgentTable {
    version: String,
    date: String,
    rows: Vec<AgentRow>,
    places: HashMap<String, usize>,
}

/// Compiled in, so that no answer depends on what lies on a disk.
const BUILTIN: &str = include_str!("../../data/agents.json");

impl AgentTable {
    /// The table of this release. A unit test reads the same bytes, so that a release without a readable table can't be.
    ///
    /// # Panics
    /// Never in a release.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static TABLE: LazyLock<AgentTable> =
            LazyLock::new(|| AgentTable::parse(BUILTIN).expect("the agents table of this release is readable"));
        &TABLE
    }

    /// Reads a table, strictly: it is our own format, and a row that was misread would turn a prohibition aside.
    ///
    /// # Errors
    /// [`AgentTableError`], one variant a fact.
    pub fn parse(json: &str) -> Result<Self, AgentTableError> {
        let file: File = serde_json::from_str(json).map_err(|error| AgentTableError::Shape(error.to_string()))?;
        if file.agents.len() > MAX_AGENTS {
            return Err(AgentTableError::TooMany(file.agents.len()));
        }
        if file.version.trim().is_empty() {
            return Err(AgentTableError::Header("version"));
        }
        if !is_day(&file.date) {
            return Err(AgentTableError::Header("date"));
        }
        let mut places = HashMap::with_capacity(file.agents.len());
        for (place, row) in file.agents.iter().enumerate() {
            check(row, &file.sources)?;
            if places.insert(row.token.to_ascii_lowercase(), place).is_some() {
                return Err(AgentTableError::Twice(row.token.clone()));
            }
        }
        Ok(Self { version: file.version, date: file.date, rows: file.agents, places })
    }

    /// What a token stands for: the whole token, whatever its case. Where it stands for several things, collecting for
    /// training counts first and for an archive second, since a rule against it then reserves the most.
    #[must_use]
    pub fn purpose(&self, token: &str) -> AgentPurpose {
        self.find(token).map_or(AgentPurpose::Unknown, AgentRow::purpose)
    }

    /// The row of a token: the whole token, whatever its case.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<&AgentRow> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let mut lowered = [0_u8; MAX_TOKEN];
        let lowered = &mut lowered[..token.len()];
        lowered.copy_from_slice(token.as_bytes());
        lowered.make_ascii_lowercase();
        let lowered = std::str::from_utf8(lowered).ok()?;
        self.places.get(lowered).map(|place| &self.rows[*place])
    }

    /// The table's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The day the table was put together, YYYY-MM-DD.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Every row, as the file orders them.
    #[must_use]
    pub fn rows(&self) -> &[AgentRow] {
        &self.rows
    }
}

impl AgentRow {
    /// The one purpose that counts; see [`AgentTable::purpose`].
    #[must_use]
    pub fn purpose(&self) -> AgentPurpose {
        // The words stand in order of what a rule against them reserves.
        self.purposes.iter().copied().min().unwrap_or(AgentPurpose::Unknown)
    }
}

fn check(row: &AgentRow, sources: &BTreeMap<String, String>) -> Result<(), AgentTableError> {
    let token = || row.token.clone();
    let ends_a_value = |letter: char| letter.is_control() || letter == '#' || letter == ':';
    let trimmed = row.token.trim() == row.token && !row.token.is_empty();
    if !trimmed || row.token.len() > MAX_TOKEN || row.token == "*" || row.token.contains(ends_a_value) {
        return Err(AgentTableError::Token(row.token.chars().take(MAX_TOKEN).collect()));
    }
    if row.purposes.is_empty() {
        return Err(AgentTableError::NoPurpose(token()));
    }
    if !is_day(&row.verified_on) {
        return Err(AgentTableError::Day { token: token(), day: row.verified_on.chars().take(40).collect() });
    }
    if !sources.contains_key(&row.source) {
        return Err(AgentTableError::Source { token: token(), source_name: row.source.chars().take(60).collect() });
    }
    Ok(())
}

/// Whether a text is a day of the calendar, as far as a table of dates needs to know.
fn is_day(text: &str) -> bool {
    format!("{text}T00:00:00Z").parse::<crate::time::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Result<AgentTable, AgentTableError> {
        AgentTable::parse(&format!(
            r#"{{"version": "1", "date": "2026-11-23", "sources": {{"s": "own"}}, "agents": [{rows}]}}"#
        ))
    }

    fn row(token: &str, purposes: &str) -> String {
        format!(
            r#"{{"token": "{token}", "operator": "o", "purposes": [{purposes}], "verified_on": "2026-11-23", "source": "s"}}"#
        )
    }

    #[test]
    fn the_table_of_this_release_is_readable() {
        let table = AgentTable::parse(BUILTIN).unwrap();
        assert_eq!((table.version(), table.date()), ("2026-11-23.1", "2026-11-23"));
        assert!(table.rows().len() > 160);
        for (token, purpose) in [
            ("GPTBot", AgentPurpose::Training),
            ("gptbot", AgentPurpose::Training),
            ("CCBot", AgentPurpose::Archive),
            ("Diffbot", AgentPurpose::Archive),
            ("Amazonbot", AgentPurpose::Training),
            ("OAI-SearchBot", AgentPurpose::Search),
            ("ChatGPT-User", AgentPurpose::User),
            ("chatgpt agent", AgentPurpose::User),
            ("OAI-AdsBot", AgentPurpose::Unknown),
            ("GPTBot-News", AgentPurpose::Unknown),
            ("GPT", AgentPurpose::Unknown),
            ("*", AgentPurpose::Unknown),
            ("", AgentPurpose::Unknown),
        ] {
            assert_eq!(table.purpose(token), purpose, "{token}");
        }
        let control: Vec<&str> =
            table.rows().iter().filter(|row| row.control_only).map(|row| row.token.as_str()).collect();
        assert_eq!(control, ["Applebot-Extended", "Google-Extended", "Webzio-Extended"]);
    }

    #[test]
    fn the_strictest_of_several_purposes_counts() {
        let table = table(&row("a", r#""search", "training""#)).unwrap();
        assert_eq!(table.purpose("A"), AgentPurpose::Training);
        let table = self::table(&row("a", r#""user", "archive""#)).unwrap();
        assert_eq!(table.purpose("a"), AgentPurpose::Archive);
    }

    #[test]
    fn a_table_with_a_doubtful_row_is_refused() {
        let one = row("a", r#""search""#);
        let error = |rows: &str| table(rows).unwrap_err();
        assert_eq!(error(&format!("{one}, {}", row("A", r#""user""#))), AgentTableError::Twice("A".into()));
        assert_eq!(error(&row("a", "")), AgentTableError::NoPurpose("a".into()));
        for token in ["*", "", " a", "a#b", "a:b", &"x".repeat(101)] {
            assert!(matches!(error(&row(token, r#""user""#)), AgentTableError::Token(_)), "{token}");
        }
        assert!(matches!(error(&one.replace("2026-11-23", "2026-13-01")), AgentTableError::Day { .. }));
        assert!(matches!(error(&one.replace(r#""s""#, r#""t""#)), AgentTableError::Source { .. }));
        assert!(matches!(error(&row("a", r#""scraping""#)), AgentTableError::Shape(_)));
        assert!(matches!(error(&one.replace("operator", "owner")), AgentTableError::Shape(_)));
        let header = |json: &str| AgentTable::parse(json).unwrap_err();
        let good = r#"{"version": "1", "date": "2026-11-23", "sources": {}, "agents": []}"#;
        assert!(AgentTable::parse(good).is_ok());
        assert_eq!(header(&good.replace(r#""1""#, r#"" ""#)), AgentTableError::Header("version"));
        assert_eq!(header(&good.replace("-11-", "-31-")), AgentTableError::Header("date"));
    }
}
