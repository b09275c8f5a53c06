//! Counts file: what somebody counted of a use, and for whom: titles, images, tokens, hours, revenue. TOML or JSON, read strictly.
//!
//! ```toml
//! [[counts]]
//! for = "press.example"                      # a payee, a statement's id, or "*": the same for every line
//! titles = 12
//! tokens = { o200k = 1500000 }               # of one epoch
//! epochs = 2
//!
//! [[counts]]
//! for = "statement:..."
//! hours = "12.5"
//! revenue = { USD = "1000000" }
//! ```

use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::pricing::{CountedFor, Counts};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The longest counts file.
pub const MAX_COUNTS: u64 = 8 << 20;

/// Why a counts file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountsError {
    /// Not of its form.
    #[error("{0}")]
    Form(String),
    /// Nobody is named so.
    #[error("`{0}` is neither a statement's id, nor a payee's domain, nor `*`")]
    For(String),
    /// Counted twice.
    #[error("`{0}` is counted twice")]
    Twice(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    counts: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "for")]
    whom: String,
    #[serde(flatten)]
    counts: BTreeMap<String, serde_json::Value>,
}

fn whom(text: &str) -> Result<CountedFor, CountsError> {
    if text == "*" {
        return Ok(CountedFor::All);
    }
    if let Ok(id) = text.parse::<StatementId>() {
        return Ok(CountedFor::Statement(id));
    }
    let domain: Result<Domain, _> = text.parse();
    domain.map(|domain| CountedFor::Payee(domain.to_string())).map_err(|_| CountsError::For(cut(text)))
}

fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(300).collect()
}

/// Reads a counts file: JSON where it begins as JSON does, else TOML.
///
/// # Errors
/// [`CountsError`].
pub fn parse(text: &str) -> Result<BTreeMap<CountedFor, Counts>, CountsError> {
    let file: File = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| CountsError::Form(cut(&error.to_string())))?
    } else {
        toml::from_str(text).map_err(|error| CountsError::Form(cut(error.message())))?
    };
    let mut found = BTreeMap::new();
    for Entry { whom: named, counts } in file.counts {
        let members = serde_json::Value::Object(counts.into_iter().collect());
        let told = |error: serde_json::Error| CountsError::Form(cut(&format!("counts for `{named}`: {error}")));
        let counts: Counts = serde_json::from_value(members).map_err(told)?;
        if found.insert(whom(&named)?, counts).is_some() {
            return Err(CountsError::Twice(cut(&named)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "[[counts]]\nfor = \"press.example\"\ntitles = 12\nepochs = 2\nhours = \"12.5\"\n\
                    tokens = { o200k = 1500000 }\nrevenue = { USD = \"1000\" }\n[[counts]]\nfor = \"*\"\nimages = 3\n";
        let json = r#"{"counts": [{"for": "press.example", "titles": 12, "epochs": 2, "hours": "12.5",
            "tokens": {"o200k": 1500000}, "revenue": {"USD": "1000"}}, {"for": "*", "images": 3}]}"#;
        let found = parse(toml).unwrap();
        assert_eq!(parse(json).unwrap(), found);
        assert_eq!(found.len(), 2);
        assert_eq!(found[&CountedFor::Payee("press.example".to_owned())].titles, Some(12));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, why) in [
            ("", "counts"),
            ("[[counts]]\ntitles = 1", "for"),
            ("[[counts]]\nfor = \"*\"\ntitel = 1", "titel"),
            ("[[counts]]\nfor = \"*\"\ntitles = -1", "-1"),
            ("[[counts]]\nfor = \"*\"\nhours = 1.5", "hours"),
            ("[[counts]]\nfor = \"*\"\nhours = \"1e3\"", "decimal"),
            ("[[counts]]\nfor = \"Somebody\"\ntitles = 1", "neither"),
            ("[[counts]]\nfor = \"*\"\ntitles = 1\n[[counts]]\nfor = \"*\"\nimages = 1", "twice"),
            ("other = 1\ncounts = []", "other"),
            ("{\"counts\": 1}", "sequence"),
        ] {
            let told = parse(text).unwrap_err().to_string();
            // A float where a decimal text is due is told by its type.
            assert!(told.contains(why) || told.contains("expected a string"), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }
    }
}
