//! Licenses that a paper states, held against the policy's lists. They are anybody's words: they close the gate, never open it.

use super::finding::{Finding, Level};
use super::rules::LicenseRules;
use crate::dataset::{Entry, Stated};
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::license;
use cleartitle_schema::license_words::read;

/// What the lists say of an entry's licenses: one finding for each that does not pass.
#[must_use]
pub fn look(rules: &LicenseRules, entry: &Entry, about: Option<&str>) -> Vec<Finding> {
    if entry.licenses.is_empty() {
        let Some(level) = rules.unstated else { return Vec::new() };
        return vec![Finding {
            code: GateCode::LicenseUnstated.word(),
            level,
            place: entry.place.clone(),
            about: about.map(str::to_owned),
            message: "no license is stated, and the policy lists licenses".to_owned(),
            hint: Some("state it in the paper, or set `unstated` under [licenses]".to_owned()),
        }];
    }
    entry.licenses.iter().filter_map(|stated| one(rules, stated, about)).collect()
}

fn one(rules: &LicenseRules, stated: &Stated, about: Option<&str>) -> Option<Finding> {
    let words: String = stated.text.trim().chars().take(200).collect();
    let finding = |code: GateCode, level, message: String, hint: &str| Finding {
        code: code.word(),
        level,
        place: stated.place.clone(),
        about: about.map(str::to_owned),
        message,
        hint: Some(hint.to_owned()),
    };
    let Some(alternatives) = alternatives(&stated.text) else {
        let level = rules.unknown.unwrap_or(Level::Error);
        return Some(finding(
            GateCode::LicenseUnreadable,
            level,
            format!("`{words}` names no license that can be told"),
            "find out which it is, and write its SPDX expression",
        ));
    };
    let undenied: Vec<&Vec<String>> =
        alternatives.iter().filter(|needed| !needed.iter().any(|name| denied(rules, name))).collect();
    if undenied.is_empty() {
        let message = format!("`{words}` is a license that the policy refuses");
        return Some(finding(
            GateCode::LicenseDenied,
            Level::Error,
            message,
            "leave it out, or change [licenses] deny",
        ));
    }
    let allow = rules.allow.as_ref()?;
    let passes = undenied.iter().any(|needed| needed.iter().all(|name| allow.contains(name)));
    (!passes).then(|| {
        let message = format!("`{words}` is not among the licenses that the policy allows");
        finding(
            GateCode::LicenseNotAllowed,
            Level::Error,
            message,
            "add it to [licenses] allow once somebody has read it",
        )
    })
}

/// Whether a list of refused licenses means this one too: with an exception, in later versions, or in this one alone.
fn denied(rules: &LicenseRules, name: &str) -> bool {
    let plain = |name: &str| {
        let name = name.split(" WITH ").next().unwrap_or(name).trim_end_matches('+');
        name.trim_end_matches("-only").trim_end_matches("-or-later").to_owned()
    };
    rules.deny.iter().any(|refused| refused == name || plain(refused) == plain(name))
}

/// The alternatives that the words leave, each the licenses that it needs together; `None` where they name none.
fn alternatives(words: &str) -> Option<Vec<Vec<String>>> {
    license::alternatives(read(words).expression()?).ok().filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Place;

    fn rules(allow: Option<&[&str]>, deny: &[&str]) -> LicenseRules {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        LicenseRules {
            allow: allow.map(owned),
            deny: owned(deny),
            unknown: Some(Level::Error),
            unstated: Some(Level::Warning),
        }
    }

    fn codes(rules: &LicenseRules, words: &str) -> Vec<&'static str> {
        let licenses = vec![Stated { text: words.to_owned(), place: Place::default() }];
        look(rules, &Entry { licenses, ..Entry::default() }, None).iter().map(|found| found.code).collect()
    }

    /// Words, and what the list of CC-BY-4.0, MIT and one exception makes of them; denied is CC-BY-NC-4.0.
    const TABLE: &[(&str, &[&str])] = &[
        ("MIT", &[]),
        ("The MIT License", &[]),
        ("cc-by-4.0", &[]),
        ("https://creativecommons.org/licenses/by/4.0/", &[]),
        ("CC-BY", &["license-unreadable"]),
        ("MIT, CC-BY-4.0", &["license-unreadable"]),
        ("CC-BY-4.0 AND MIT", &[]),
        ("GPL-3.0-only OR MIT", &[]),
        ("Apache-2.0 WITH LLVM-exception", &[]),
        ("Apache-2.0", &["license-not-allowed"]),
        ("MIT AND GPL-3.0-only", &["license-not-allowed"]),
        ("CC-BY-NC-4.0", &["license-denied"]),
        ("MIT AND CC-BY-NC-4.0", &["license-denied"]),
        ("MIT OR CC-BY-NC-4.0", &[]),
        ("GPL-3.0-only OR CC-BY-NC-4.0", &["license-not-allowed"]),
        ("", &["license-unreadable"]),
        ("see website", &["license-unreadable"]),
    ];

    #[test]
    fn what_is_not_on_the_list_closes_the_gate() {
        let lists = rules(Some(&["CC-BY-4.0", "MIT", "Apache-2.0 WITH LLVM-exception"]), &["CC-BY-NC-4.0"]);
        for (words, wanted) in TABLE {
            assert_eq!(codes(&lists, words), *wanted, "{words}");
        }
        assert_eq!(codes(&rules(None, &["MIT"]), "GPL-3.0-only"), [""; 0]);
        assert_eq!(look(&lists, &Entry::default(), None)[0].level, Level::Warning);
    }
}
