//! License words: what people write where a license is asked for, read as an SPDX expression or as what else it is.
//!
//! A stated license never clears anything (`decide` hears marks and statements); it is compared, and an allow-list may refuse
//! it. So the reading is narrow: a version is never guessed, a sentence is never searched for names that it may deny
//! ("not under MIT"), and what stands in brackets counts only where it says the same again. The narrower identifier is taken
//! where words don't say "or later". Cases: `tests/vectors/license_words`.

use crate::license;
use crate::signals::license_uri;

/// Longest words that are looked at, in bytes.
const LONGEST: usize = 2048;

/// Most parts of a list that are looked at.
const MOST_PARTS: usize = 32;

/// What the words are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LicenseWords {
    /// An SPDX license expression. What is no license but certain (`public domain`, `proprietary`) is a `LicenseRef-`.
    Expression(String),
    /// A family of licenses of which the words leave the version out: `CC-BY`, `GPL`.
    Unversioned(String),
    /// That nobody knows or says: empty, `unknown`, `N/A`, `NOASSERTION`.
    Unknown,
    /// That it stands elsewhere: `see website`, `other`, the URL of a page that is no known license's.
    ElsewhereOnly,
    /// Words that name no license as a whole: a sentence, or a name that is on no list.
    Sentence,
    /// Several licenses, without a word on whether one may choose or must keep all: `MIT, Apache-2.0`.
    SeveralUnclear(Vec<String>),
}

impl LicenseWords {
    /// The SPDX expression, where the words are one.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::Expression(expression) => Some(expression),
            _ => None,
        }
    }

    /// Whether the words name a license, with or without its version.
    const fn names_one(&self) -> bool {
        matches!(self, Self::Expression(_) | Self::Unversioned(_))
    }

    fn into_text(self) -> String {
        match self {
            Self::Expression(text) | Self::Unversioned(text) => text,
            _ => String::new(),
        }
    }
}

/// Names as people write them, folded as [`fold`] does, and what they stand for: an SPDX identifier, a family, a reference.
const SPELLINGS: &[(&str, &str)] = &[
    ("agplv3", "AGPL-3.0-only"),
    ("apache2", "Apache-2.0"),
    ("apache-software-2.0", "Apache-2.0"),
    ("bsd-2-clause-simplified", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd-3-clause-new", "BSD-3-Clause"),
    ("3-clause-bsd", "BSD-3-Clause"),
    ("bsd-2", "BSD-2-Clause"),
    ("2-clause-bsd", "BSD-2-Clause"),
    ("bsl-1.0", "BSL-1.0"),
    // One version of each of these was ever published, so that leaving it out leaves nothing open.
    ("c-uda", "C-UDA-1.0"),
    ("cc0", "CC0-1.0"),
    ("cc-0", "CC0-1.0"),
    ("cc-zero", "CC0-1.0"),
    ("odbl", "ODbL-1.0"),
    ("odc-by", "ODC-By-1.0"),
    ("odc-odbl", "ODbL-1.0"),
    ("odc-pddl", "PDDL-1.0"),
    ("open-data-commons-attribution", "ODC-By-1.0"),
    ("open-data-commons-attribution-1.0", "ODC-By-1.0"),
    ("open-database", "ODbL-1.0"),
    ("open-database-1.0", "ODbL-1.0"),
    ("pddl", "PDDL-1.0"),
    ("expat", "MIT"),
    ("mit-expat", "MIT"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv2.1", "LGPL-2.1-only"),
    ("gnu-gpl-2.0", "GPL-2.0-only"),
    ("gnu-gpl-3.0", "GPL-3.0-only"),
    ("gnu-general-public-2.0", "GPL-2.0-only"),
    ("gnu-general-public-3.0", "GPL-3.0-only"),
    ("general-public-3.0", "GPL-3.0-only"),
    ("gnu-lesser-general-public-3.0", "LGPL-3.0-only"),
    ("gnu-affero-general-public-3.0", "AGPL-3.0-only"),
    ("mozilla-public-2.0", "MPL-2.0"),
    ("open-government-3.0", "OGL-UK-3.0"),
    ("ogl-3.0", "OGL-UK-3.0"),
    ("public-domain", "LicenseRef-public-domain"),
    ("publicdomain", "LicenseRef-public-domain"),
    ("pd", "LicenseRef-public-domain"),
    ("all-rights-reserved", "LicenseRef-all-rights-reserved"),
    ("proprietary", "LicenseRef-proprietary"),
    ("commercial", "LicenseRef-proprietary"),
];

/// Families that have several versions, folded, and how each is written.
const FAMILIES: &[(&str, &str)] = &[
    ("agpl", "AGPL"),
    ("apache", "Apache"),
    ("artistic", "Artistic"),
    ("bsd", "BSD"),
    ("cc", "CC"),
    ("cc-by", "CC-BY"),
    ("cc-by-nc", "CC-BY-NC"),
    ("cc-by-nc-nd", "CC-BY-NC-ND"),
    ("cc-by-nc-sa", "CC-BY-NC-SA"),
    ("cc-by-nd", "CC-BY-ND"),
    ("cc-by-sa", "CC-BY-SA"),
    ("cdla-permissive", "CDLA-Permissive"),
    ("cdla-sharing", "CDLA-Sharing"),
    ("creative-commons", "CC"),
    ("epl", "EPL"),
    ("eupl", "EUPL"),
    ("gfdl", "GFDL"),
    ("gnu-gpl", "GPL"),
    ("gpl", "GPL"),
    ("gnu-general-public", "GPL"),
    ("lgpl", "LGPL"),
    ("mpl", "MPL"),
    ("mozilla-public", "MPL"),
    ("odc", "ODC"),
    ("ogl", "OGL"),
    ("openrail", "OpenRAIL"),
];

/// Folded words that say that nobody knows.
const UNKNOWN: &[&str] = &[
    "",
    "?",
    "??",
    "???",
    "n.a",
    "n/a",
    "na",
    "nan",
    "nil",
    "no",
    "no-license",
    "no-license-found",
    "no-license-given",
    "no-license-specified",
    "noassertion",
    "none",
    "not-available",
    "not-applicable",
    "not-found",
    "not-given",
    "not-known",
    "not-provided",
    "not-specified",
    "not-stated",
    "null",
    "tba",
    "tbd",
    "unclear",
    "undefined",
    "unk",
    "unknown",
    "unlicensed",
    "unspecified",
    "unstated",
    "to-be-determined",
    "missing",
];

/// Folded words that send the reader elsewhere.
const ELSEWHERE: &[&str] = &[
    "other",
    "others",
    "custom",
    "custom-license",
    "website",
    "license-file",
    "own-license",
    "common-crawl-terms-of-use",
    "terms-of-use",
    "terms-of-service",
    "tos",
    "dataset-specific",
    "various-see-website",
];

/// How words begin that send the reader elsewhere, folded, where at most so many words stand.
const ELSEWHERE_BEGINS: &[&str] =
    &["see-", "refer-to-", "cf-", "check-", "please-see-", "as-per-", "other-see-", "custom-see-"];
const ELSEWHERE_WORDS: usize = 8;

/// Folded words that say that there are several and not which.
const SEVERAL: &[&str] =
    &["various", "varies", "mixed", "multiple", "multiple-licenses", "several", "mixed-licenses", "different-licenses"];

/// Phrases of long names and their short form, folded; longer ones first where one holds another.
const PHRASES: &[(&str, &str)] = &[
    ("creative-commons-zero", "cc0"),
    ("creative-commons-0", "cc0"),
    ("creative-commons-cc0", "cc0"),
    ("creative-commons-by", "cc-by"),
    ("creative-commons-attribution", "cc-by"),
    ("creative-commons-cc", "cc"),
    ("cc-attribution", "cc-by"),
    ("noncommercial", "nc"),
    ("non-commercial", "nc"),
    ("noderivatives", "nd"),
    ("no-derivatives", "nd"),
    ("noderivs", "nd"),
    ("sharealike", "sa"),
    ("share-alike", "sa"),
];

/// Reads words.
///
/// ```
/// use cleartitle_schema::license_words::{LicenseWords, read};
///
/// assert_eq!(read("cc by-sa 3.0").expression(), Some("CC-BY-SA-3.0"));
/// assert_eq!(read("CC-BY"), LicenseWords::Unversioned("CC-BY".to_owned()));
/// assert_eq!(read("see website"), LicenseWords::ElsewhereOnly);
/// ```
#[must_use]
pub fn read(words: &str) -> LicenseWords {
    if words.len() > LONGEST {
        return LicenseWords::Sentence;
    }
    let spaced =
        words.replace(['\u{a0}', '\u{feff}'], " ").replace(['\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'], "-");
    let words = spaced.trim().trim_matches(['"', '\'', '`', '\u{201c}', '\u{201d}']).trim();
    if is_address(words) {
        return address(words);
    }
    if let Some(found) = one(words) {
        return found;
    }
    if let Some((before, inside)) = bracketed(words) {
        return match (one(before), one(inside)) {
            (Some(outer), Some(inner)) if outer == inner => outer,
            (Some(LicenseWords::Unknown | LicenseWords::ElsewhereOnly), _) => LicenseWords::ElsewhereOnly,
            _ => expression(words).unwrap_or(LicenseWords::Sentence),
        };
    }
    expression(words).or_else(|| several(words)).unwrap_or(LicenseWords::Sentence)
}

fn is_address(words: &str) -> bool {
    let lower = words.get(..8).unwrap_or(words).to_ascii_lowercase();
    ["http://", "https://", "//", "www."].iter().any(|begin| lower.starts_with(begin))
        && !words.contains(char::is_whitespace)
}

fn address(words: &str) -> LicenseWords {
    let whole = if words.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("www.")) {
        format!("https://{words}")
    } else {
        words.to_owned()
    };
    if let Some(id) = license_uri::spdx(&whole) {
        return LicenseWords::Expression(id);
    }
    // Creative Commons' own address of a type, with the version left out.
    let lower = whole.to_ascii_lowercase();
    let path = lower
        .split_once("//creativecommons.org/licenses/")
        .or_else(|| lower.split_once("//www.creativecommons.org/licenses/"));
    let name = path.map(|(_, rest)| rest.trim_end_matches('/')).filter(|name| !name.contains(['/', '?', '#']));
    match name.and_then(|name| family(&format!("cc-{name}"))) {
        Some(family) => LicenseWords::Unversioned(family.to_owned()),
        None => LicenseWords::ElsewhereOnly,
    }
}

/// Words that are one thing as a whole: a license, a family, or a word for not knowing.
fn one(words: &str) -> Option<LicenseWords> {
    let folded = fold(words);
    let known = |list: &[&str]| list.contains(&folded.as_str());
    if known(UNKNOWN) {
        return Some(LicenseWords::Unknown);
    }
    let short = folded.split('-').count() <= ELSEWHERE_WORDS;
    if known(ELSEWHERE) || (short && ELSEWHERE_BEGINS.iter().any(|begin| folded.starts_with(begin))) {
        return Some(LicenseWords::ElsewhereOnly);
    }
    if known(SEVERAL) {
        return Some(LicenseWords::SeveralUnclear(Vec::new()));
    }
    if let Some(id) = identifier(words.trim()).or_else(|| identifier(&folded)) {
        return Some(LicenseWords::Expression(id));
    }
    if let Some((_, id)) = SPELLINGS.iter().find(|(spelling, _)| *spelling == folded) {
        return Some(LicenseWords::Expression((*id).to_owned()));
    }
    family(&folded).map(|family| LicenseWords::Unversioned(family.to_owned()))
}

fn family(folded: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|(name, _)| *name == folded).map(|(_, family)| *family)
}

/// Lower case, one dash for whatever stands between words, long names short, and nothing that says only "license".
fn fold(words: &str) -> String {
    let lower = words.to_lowercase().replace("licence", "license");
    let lower = lower.trim_matches(|letter: char| letter.is_whitespace() || ".,;:*".contains(letter));
    let mut parts: Vec<&str> = lower
        .split(|letter: char| letter.is_whitespace() || "-_,:".contains(letter))
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > 1 && parts.first() == Some(&"the") {
        parts.remove(0);
    }
    let says_nothing = |part: &str| {
        matches!(part, "license" | "licenses" | "licensed" | "international" | "unported" | "generic" | "public")
    };
    // `CC BY 4.0 International Public License`, and never the last word that is left.
    while parts.len() > 1 && parts.last().is_some_and(|part| says_nothing(part)) && !keeps(&parts) {
        parts.pop();
    }
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|part| !matches!(*part, "version" | "ver" | "ver." | "v" | "v."))
        .map(plain_version)
        .collect();
    let mut folded = parts.join("-");
    // `Apache License 2.0`: the word stands between the name and its version.
    if let Some((name, version)) =
        folded.split_once("-license-").filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        folded = format!("{name}-{version}");
    }
    for (long, short) in PHRASES {
        folded = folded.replace(long, short);
    }
    // `CC-BY-SA-NC`: the elements in the order that their licenses have them.
    folded.replace("by-sa-nc", "by-nc-sa").replace("by-nd-nc", "by-nc-nd")
}

/// Words whose last one is their sense: `no license`, `general public license`.
fn keeps(parts: &[&str]) -> bool {
    let says = parts.join("-");
    UNKNOWN.contains(&says.as_str())
        || ELSEWHERE.contains(&says.as_str())
        || SEVERAL.contains(&says.as_str())
        || says.ends_with("general-public")
        || says.ends_with("mozilla-public")
}

/// `v4.0` is `4.0`.
fn plain_version(part: &str) -> String {
    match part.strip_prefix('v') {
        Some(rest) if rest.starts_with(|letter: char| letter.is_ascii_digit()) => rest.to_owned(),
        _ => part.to_owned(),
    }
}

/// The SPDX identifier that words are, whatever the case; the retired GNU ones in their narrower sense. `CC-BY-4` is
/// `CC-BY-4.0`, since no other version begins so; `CC-BY-2` may be `2.5` and is none.
fn identifier(words: &str) -> Option<String> {
    if let Some(id) = license_uri::spdx(words) {
        return Some(current(id));
    }
    let (_, version) = words.rsplit_once('-')?;
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let id = license_uri::spdx(&format!("{words}.0"))?;
    let begin = format!("{}.", id.strip_suffix(".0")?);
    let others = spdx::identifiers::LICENSES.iter().filter(|license| license.name.starts_with(&begin));
    let other_version = |name: &str| name[begin.len()..].bytes().next() != Some(b'0');
    (!others.map(|license| license.name).any(other_version)).then(|| current(id))
}

/// `GPL-3.0` is retired for `GPL-3.0-only`, `GPL-3.0+` for `GPL-3.0-or-later`.
fn current(id: String) -> String {
    if !["GPL-", "LGPL-", "AGPL-", "GFDL-"].iter().any(|gnu| id.starts_with(gnu)) {
        return id;
    }
    let (stem, end) = match id.strip_suffix('+') {
        Some(stem) => (stem, "-or-later"),
        None => (id.as_str(), "-only"),
    };
    let successor = format!("{stem}{end}");
    if spdx::license_id(&successor).is_some() { successor } else { id }
}

/// Text before brackets at the end, and inside them.
fn bracketed(words: &str) -> Option<(&str, &str)> {
    let (before, inside) = words.strip_suffix(')')?.split_once('(')?;
    (!before.trim().is_empty() && !inside.contains(['(', ')'])).then_some((before.trim(), inside.trim()))
}

/// An expression of licenses by `AND`, `OR`, `WITH` and brackets, all capitals or all small as SPDX 3 has them; each license
/// may be written as people do.
fn expression(words: &str) -> Option<LicenseWords> {
    if license::check_expression(words).is_ok() {
        return Some(LicenseWords::Expression(words.to_owned()));
    }
    let spaced = words.replace('(', " ( ").replace(')', " ) ");
    let mut built: Vec<String> = Vec::new();
    let mut operand: Vec<&str> = Vec::new();
    let mut operators = 0;
    for token in spaced.split_whitespace().chain(["\0"]) {
        let operator = matches!(token, "AND" | "OR" | "WITH" | "and" | "or" | "with");
        if !operator && !matches!(token, "(" | ")" | "\0") {
            operand.push(token);
            continue;
        }
        if !operand.is_empty() {
            let written = operand.join(" ");
            operand.clear();
            // What stands behind `WITH` is an exception, which has names of its own.
            let excepts = built.last().is_some_and(|last| last == "WITH");
            built.push(if excepts { written } else { one(&written)?.expression()?.to_owned() });
        }
        if operator {
            operators += 1;
            built.push(token.to_ascii_uppercase());
        } else if token != "\0" {
            built.push(token.to_owned());
        }
    }
    let whole = built.join(" ").replace("( ", "(").replace(" )", ")");
    (operators > 0 && license::check_expression(&whole).is_ok()).then_some(LicenseWords::Expression(whole))
}

/// A list without a word on how its parts go together: at least two of them must name licenses, and none may be a sentence.
fn several(words: &str) -> Option<LicenseWords> {
    let lower_and = words.replace(" and ", ",").replace(" or ", ",").replace(" AND ", ",").replace(" OR ", ",");
    let parts: Vec<&str> =
        lower_and.split([',', ';', '/', '&', '|', '\n', '+']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() < 2 || parts.len() > MOST_PARTS {
        return None;
    }
    let read: Vec<LicenseWords> = parts.iter().map(|part| one(part)).collect::<Option<_>>()?;
    if read.iter().filter(|part| part.names_one()).count() < 2 {
        return None;
    }
    let mut names: Vec<String> =
        read.into_iter().filter(LicenseWords::names_one).map(LicenseWords::into_text).collect();
    names.sort();
    names.dedup();
    Some(LicenseWords::SeveralUnclear(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_stands_for_something_that_spdx_has() {
        for (spelling, id) in SPELLINGS {
            assert!(license::check_expression(id).is_ok(), "{spelling}: {id}");
            assert_eq!(fold(spelling), *spelling, "a spelling is written as it is folded");
        }
        for (name, _) in FAMILIES {
            assert_eq!(fold(name), *name);
            assert_eq!(identifier(name), None, "{name} is a license, not a family");
        }
    }

    #[test]
    fn what_is_denied_or_hedged_is_no_license() {
        for words in [
            "not MIT",
            "MIT (research only)",
            "MIT?",
            "maybe Apache 2.0",
            "Apache 2.0 except images",
            "CC BY 4.0 + extra terms",
        ] {
            assert!(!read(words).names_one(), "{words}: {:?}", read(words));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_words_never_panic_and_expressions_are_spdx(words in "\\PC{0,60}", parts in prop::collection::vec(
            prop::sample::select(vec!["MIT", "cc", "by", "-", " ", "4.0", "OR", "and", "(", ")", "gpl", "+", ",", "WITH", "/", "é"]), 0..9,
        )) {
            for text in [words, parts.concat(), parts.join(" ")] {
                if let LicenseWords::Expression(expression) = read(&text) {
                    prop_assert!(license::check_expression(&expression).is_ok(), "{text}: {expression}");
                    prop_assert_eq!(read(&expression), LicenseWords::Expression(expression));
                }
            }
        }
    }
}
