//! What a policy says to the gate alone: which stated licenses pass, and how long before its end an exception is told.
//!
//! Not part of [`Policy`](cleartitle_schema::policy::Policy): none of it is heard by `decide`, nor by the filter.

use super::finding::Level;
use crate::toml_file::{Complaint, Members, Value, value};
use cleartitle_schema::license;

/// How many days before its end an exception is told, unless the policy says otherwise.
const EXPIRING_DAYS: u32 = 30;

/// The gate's half of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How many days before its end an exception is told.
    pub expiring_days: u32,
    /// Whether warnings close the gate.
    pub warnings_fail: bool,
    /// Which stated licenses pass; `None`: none is looked at.
    pub licenses: Option<LicenseRules>,
    /// Where each exception stands in the file: line and column from 1, in their order.
    pub exceptions_at: Vec<(u64, u32)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { expiring_days: EXPIRING_DAYS, warnings_fail: false, licenses: None, exceptions_at: Vec::new() }
    }
}

/// What is done with licenses that papers state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseRules {
    /// Those that pass, as SPDX names them; `None`: any that is not denied.
    pub allow: Option<Vec<String>>,
    /// Those that don't.
    pub deny: Vec<String>,
    /// What becomes of words that name none.
    pub unknown: Option<Level>,
    /// What becomes of an entry that states none.
    pub unstated: Option<Level>,
}

/// Reads `[gate]` and `[licenses]`, and the spans of the exceptions, out of a policy's members.
///
/// # Errors
/// [`Complaint`] about a member that is unknown or of another shape.
pub(crate) fn read(gate: Option<Value<'_>>, licenses: Option<Value<'_>>) -> Result<Rules, Complaint> {
    let mut rules = Rules::default();
    if let Some(written) = gate {
        let mut members = Members::of(written)?;
        rules.expiring_days = members.optional("exceptions_expiring_days")?.unwrap_or(EXPIRING_DAYS);
        let level = members.take("warnings").map(|written| one_of(written, &["warn", "fail"])).transpose()?;
        rules.warnings_fail = level == Some("fail");
        members.finish()?;
    }
    rules.licenses = licenses.map(license_rules).transpose()?;
    Ok(rules)
}

fn license_rules(written: Value<'_>) -> Result<LicenseRules, Complaint> {
    let mut members = Members::of(written)?;
    let allow = members.take("allow").map(|written| crate::toml_file::list(written, license_name)).transpose()?;
    let deny = members.list("deny", license_name)?;
    let span = members.span();
    let level = |written: Option<Value<'_>>, usual| match written {
        None => Ok(usual),
        Some(written) => Ok(match one_of(written, &["fail", "warn", "pass"])? {
            "fail" => Some(Level::Error),
            "warn" => Some(Level::Warning),
            _ => None,
        }),
    };
    let unknown = level(members.take("unknown"), Some(Level::Error))?;
    if unknown.is_none() {
        return Err(Complaint::new(span, "`unknown` can't pass: what can't be read is never a yes")
            .hint("unknown = \"fail\", or \"warn\" while you find out"));
    }
    let unstated = level(members.take("unstated"), unknown)?;
    members.finish()?;
    Ok(LicenseRules { allow, deny, unknown, unstated })
}

/// One license of a list: a name, or a name `WITH` an exception, as SPDX spells it.
fn license_name(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    match license::choose(&text, &[]) {
        license::Chosen::All(names) if names.len() == 1 => Ok(names.into_iter().next().unwrap_or_default()),
        license::Chosen::Unreadable(error) => Err(Complaint::new(span, error.to_string())
            .hint("write one license of the SPDX list in each place: \"CC-BY-4.0\"")),
        _ => Err(Complaint::new(span, format!("`{shown}` is more than one license"))
            .hint("each stands alone here: allow = [\"MIT\", \"Apache-2.0\"]")),
    }
}

fn one_of(written: Value<'_>, words: &[&'static str]) -> Result<&'static str, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    let found = words.iter().find(|word| **word == text).copied();
    found.ok_or_else(|| Complaint::new(span, format!("`{shown}` is none of: {}", words.join(", "))))
}
