//! The policy file: TOML that the asker writes, read into a policy.

use crate::gate::rules::{self, Rules};
use crate::shown::brief;
use crate::terms_file::{amount, target};
use crate::toml_file::{self, Complaint, FileError, Members, Value, value};
use cleartitle_schema::decide::{Reason, Verdict};
use cleartitle_schema::policy::{
    Actions, AskerHalf, ByReason, Ceiling, Exception, Policy, Reading, StatutoryException,
};
use cleartitle_schema::signals::is_territory;
use cleartitle_schema::terms::Action as DutyAction;
use cleartitle_schema::tlog::cosignature::{WitnessPolicy, WitnessVerifier};
use cleartitle_schema::tlog::note::NoteVerifier;

/// The version of the policy format.
pub const VERSION: u32 = 1;

/// Reads a policy file.
///
/// # Errors
/// [`FileError`] with line, column and member of the first thing that is wrong.
pub fn parse(file: &str, text: &str) -> Result<Policy, FileError> {
    parse_with_rules(file, text).map(|(policy, _)| policy)
}

/// Reads a policy file with the half that the gate alone hears.
///
/// # Errors
/// [`FileError`] with line, column and member of the first thing that is wrong.
pub fn parse_with_rules(file: &str, text: &str) -> Result<(Policy, Rules), FileError> {
    let mut starts = Vec::new();
    let (policy, mut rules) = toml_file::read(file, text, |top| policy(top, &mut starts))?;
    rules.exceptions_at = starts.into_iter().map(|start| toml_file::position(text, start)).collect();
    Ok((policy, rules))
}

fn policy(mut top: Members<'_>, exceptions_at: &mut Vec<usize>) -> Result<(Policy, Rules), Complaint> {
    let written = top.take("version").ok_or_else(|| top.missing("version").hint("write version = 1"))?;
    let span = written.span();
    let version: u32 = value(written)?;
    if version != VERSION {
        return Err(Complaint::new(span, format!("the policy has version {version}, this reader knows {VERSION}")));
    }
    let written = top.take("use").ok_or_else(|| top.missing("use").hint("write for what: use = \"train-ai\""))?;
    let category = toml_file::word(written)?;
    let asker = top.take("asker").map(asker).transpose()?.unwrap_or_default();
    let log_key = top.take("log_key").map(log_key).transpose()?;
    let witnesses: Vec<String> = top.list("witnesses", witness_key)?;
    let witness_quorum = top.take("witness_quorum").map(|written| quorum(written, &witnesses)).transpose()?;
    let max_snapshot_age_days = top.optional("max_snapshot_age_days")?;
    let reading: Reading = top.optional("reading")?.unwrap_or_default();
    let actions = top.take("actions").map(|written| actions(written, exceptions_at)).transpose()?.unwrap_or_default();
    // Answers for reports; they decide nothing, and are read where a report is made.
    top.take("disclosure").map(crate::disclosure::answers::table_of).transpose()?;
    let rules = rules::read(top.take("gate"), top.take("licenses"))?;
    top.finish()?;
    let policy = Policy {
        version,
        category,
        asker,
        log_key,
        witnesses,
        witness_quorum,
        max_snapshot_age_days,
        reading,
        actions,
    };
    Ok((policy, rules))
}

/// Who asks. What names no territory would lie outside of every territory that terms name, whatever was meant by it.
fn asker(written: Value<'_>) -> Result<AskerHalf, Complaint> {
    let span = written.span();
    let asker: AskerHalf = value(written)?;
    match asker.territory.as_deref().filter(|code| !is_territory(code)) {
        Some(code) => Err(Complaint::new(span, format!("`territory`: `{}` is no country's code", brief(code)))
            .hint("ISO 3166-1 alpha-2, two upper-case letters such as DE")),
        None => Ok(asker),
    }
}

fn log_key(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    NoteVerifier::parse(&text).map_err(|error| {
        Complaint::new(span, error.to_string()).hint("the operator prints it; see log.pub of the registry")
    })?;
    Ok(text)
}

fn witness_key(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    WitnessVerifier::parse(&text).map_err(|error| {
        Complaint::new(span, error.to_string()).hint("the witness's operator prints it; see witness.pub of the witness")
    })?;
    Ok(text)
}

fn quorum(written: Value<'_>, witnesses: &[String]) -> Result<usize, Complaint> {
    let span = written.span();
    let quorum = value(written)?;
    // Those that are no keys were refused before.
    let keys = witnesses.iter().filter_map(|key| WitnessVerifier::parse(key).ok()).collect();
    WitnessPolicy::new(keys, quorum).map_err(|error| Complaint::new(span, error.to_string()))?;
    Ok(quorum)
}

fn actions(written: Value<'_>, exceptions_at: &mut Vec<usize>) -> Result<Actions, Complaint> {
    let mut members = Members::of(written)?;
    let usual = Actions::default();
    let actions = Actions {
        cleared: members.word("cleared")?.unwrap_or(usual.cleared),
        conditional: members.word("conditional")?.unwrap_or(usual.conditional),
        unknown: members.word("unknown")?.unwrap_or(usual.unknown),
        disputed: members.word("disputed")?.unwrap_or(usual.disputed),
        reserved: members.word("reserved")?.unwrap_or(usual.reserved),
        accepted_duties: members.list("accepted_duties", duty_word)?,
        ceilings: members.list("ceilings", ceiling)?,
        accepted_licenses: members.optional("accepted_licenses")?,
        by_reason: members.list("by_reason", by_reason)?,
        statutory: members.list("statutory", statutory)?,
        exceptions: members.list("exceptions", |written| {
            exceptions_at.push(written.span().start);
            exception(written)
        })?,
    };
    members.finish()?;
    Ok(actions)
}

fn duty_word(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    if DutyAction::WORDS.contains(&text.as_str()) {
        return Ok(text);
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(Complaint::new(span, format!("`{shown}` is not a duty"))
        .hint(format!("one of {}", DutyAction::WORDS.join(", "))))
}

fn ceiling(written: Value<'_>) -> Result<Ceiling, Complaint> {
    let mut members = Members::of(written)?;
    let per = members.required("per")?;
    let at_most = members.take("at_most").ok_or_else(|| members.missing("at_most").hint("at_most = \"0.01 EUR\""))?;
    let ceiling = Ceiling { per, at_most: amount(at_most)? };
    members.finish()?;
    Ok(ceiling)
}

fn by_reason(written: Value<'_>) -> Result<ByReason, Complaint> {
    let mut members = Members::of(written)?;
    let reason = members.take("reason").ok_or_else(|| members.missing("reason"))?;
    let rule = ByReason {
        reason: reason_word(reason)?,
        action: members.word("action")?.ok_or_else(|| members.missing("action"))?,
        because: members.required("because")?,
    };
    members.finish()?;
    Ok(rule)
}

fn reason_word(written: Value<'_>) -> Result<Reason, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    text.parse().map_err(|_| {
        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        let complaint = Complaint::new(span, format!("`{shown}` is not a reason"));
        match toml_file::closest(&text, &known) {
            Some(near) => complaint.hint(format!("did you mean `{near}`?")),
            None => complaint.hint("decisions name their reasons; `cleartitle ask` shows them"),
        }
    })
}

fn statutory(written: Value<'_>) -> Result<StatutoryException, Complaint> {
    let mut members = Members::of(written)?;
    let verdicts: Vec<Verdict> = members.list("verdicts", toml_file::word)?;
    let exception = StatutoryException {
        exception: members.required("exception")?,
        verdicts,
        because: members.required("because")?,
    };
    members.finish()?;
    Ok(exception)
}

/// A text that says something: nobody answers for what a blank excuses.
fn said(members: &mut Members<'_>, name: &'static str) -> Result<String, Complaint> {
    let Some(written) = members.take(name) else { return Err(members.missing(name)) };
    let span = written.span();
    let text: String = value(written)?;
    if text.trim().is_empty() {
        return Err(Complaint::new(span, "it is blank").hint("name who answers for it, and why"));
    }
    Ok(text)
}

fn exception(written: Value<'_>) -> Result<Exception, Complaint> {
    let mut members = Members::of(written)?;
    let named = members.take("target").ok_or_else(|| members.missing("target"))?;
    let exception = Exception {
        target: target(named)?,
        action: members.word("action")?.ok_or_else(|| members.missing("action"))?,
        owner: said(&mut members, "owner")?,
        because: said(&mut members, "because")?,
        expires: members.required("expires")?,
    };
    members.finish()?;
    Ok(exception)
}

/// Reads the policy file at a path.
///
/// # Errors
/// A file that can't be read, and [`FileError`].
pub fn load(path: &std::path::Path) -> anyhow::Result<Policy> {
    load_with_rules(path).map(|(policy, _)| policy)
}

/// Reads the policy file at a path with the half that the gate alone hears.
///
/// # Errors
/// A file that can't be read, and [`FileError`].
pub fn load_with_rules(path: &std::path::Path) -> anyhow::Result<(Policy, Rules)> {
    let text = crate::files::read_text(path, toml_file::MAX_FILE as u64)?;
    Ok(parse_with_rules(&path.display().to_string(), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, the complaint about it, and the advice.
    const COMPLAINTS: &[(&str, &str, &str)] = &[
        (
            "version = 1\nuse = \"train-ai\"\n[asker]\nterritory = \"de\"\n",
            "p.toml:3:1: `asker`: `territory`: `de` is no country's code",
            "ISO 3166-1 alpha-2, two upper-case letters such as DE",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[[actions.exceptions]]\ntarget = \"a.example\"\naction = \"keep\"\nowner = \" \"\n",
            "p.toml:6:9: `actions.exceptions[0].owner`: it is blank",
            "name who answers for it, and why",
        ),
        ("use = \"train-ai\"\n", "p.toml:1:1: `version` is missing", "write version = 1"),
        (
            "version = 2\nuse = \"train-ai\"\n",
            "p.toml:1:11: `version`: the policy has version 2, this reader knows 1",
            "",
        ),
        ("version = 1\n", "p.toml:1:1: `use` is missing", "write for what: use = \"train-ai\""),
        (
            "version = 1\nuse = \"tdm\"\n",
            "p.toml:2:7: `use`: `tdm` is none of: train-ai, ai-use, search, train-nongen, ai-index, ai-user-fetch, \
             tdm-other, crawl, redistribute",
            "",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[actions]\nclaered = \"keep\"\n",
            "p.toml:4:1: `actions.claered`: `claered` is not known here",
            "did you mean `cleared`?",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[[actions.by_reason]]\nreason = \"no-statment\"\naction = \"keep\"\nbecause = \"x\"\n",
            "p.toml:4:10: `actions.by_reason[0].reason`: `no-statment` is not a reason",
            "did you mean `no-statement`?",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[actions]\nunknown = \"kept\"\n",
            "p.toml:4:11: `actions.unknown`: `kept` is none of: drop, review, keep",
            "did you mean `keep`?",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[licenses]\nallow = [\"MIT OR ISC\"]\n",
            "p.toml:4:10: `licenses.allow[0]`: `MIT OR ISC` is more than one license",
            "each stands alone here: allow = [\"MIT\", \"Apache-2.0\"]",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[licenses]\nunknown = \"pass\"\n",
            "p.toml:3:1: `licenses`: `unknown` can't pass: what can't be read is never a yes",
            "unknown = \"fail\", or \"warn\" while you find out",
        ),
        (
            "version = 1\nuse = \"train-ai\"\nlog_key = \"registry.example\"\n",
            "p.toml:3:11: `log_key`: a verifier key is `name+hash+base64`",
            "the operator prints it; see log.pub of the registry",
        ),
        (
            "version = 1\nuse = \"train-ai\"\n[[actions.exceptions]]\ntarget = \"press.example\"\naction = \"keep\"\nowner = \"x\"\nbecause = \"y\"\n",
            "p.toml:3:1: `actions.exceptions[0]`: `expires` is missing",
            "",
        ),
    ];

    #[test]
    fn complaints_name_line_column_member_and_advise() {
        let told = |(text, ..): &(&str, &str, &str)| {
            let error = parse("p.toml", text).expect_err(text);
            (error.to_string(), error.hint.unwrap_or_default())
        };
        let found: Vec<(String, String)> = COMPLAINTS.iter().map(told).collect();
        let wanted: Vec<(String, String)> =
            COMPLAINTS.iter().map(|(_, complaint, advice)| ((*complaint).to_owned(), (*advice).to_owned())).collect();
        assert_eq!(found, wanted);
    }
}
