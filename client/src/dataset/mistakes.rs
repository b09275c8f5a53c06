//! Mistakes that people copy from one paper into the next: one pass over all entries of all papers, what stands alone first,
//! then what contradicts something else.
//!
//! Entries without name, license, file and fact are rows of documents: nobody copied those by hand, and they are passed over,
//! whatever their number. Of all others at most [`MOST`] are held; beyond that a note says that they were not compared.

use super::columns::Role;
use super::entry::{Entry, Place, Stated};
use super::naming;
use crate::gate::{Finding, Level};
use cleartitle_schema::license_words::{self, LicenseWords};
use cleartitle_schema::paper_code::PaperCode;
use std::collections::{BTreeMap, BTreeSet};

/// Most entries that are compared with each other: some 400 bytes each.
pub const MOST: usize = 200_000;

/// Hosts whose first so many parts of a path are one repository.
const REPOSITORIES: &[(&str, usize)] = &[
    ("huggingface.co/datasets", 2),
    ("github.com", 2),
    ("gitlab.com", 2),
    ("codeberg.org", 2),
    ("bitbucket.org", 2),
    ("zenodo.org", 2),
    ("kaggle.com/datasets", 2),
    ("huggingface.co", 2),
];

/// Hosts of code: what lies there in a repository of a tool is the tool.
const CODE_HOSTS: &[&str] = &["github.com", "gitlab.com", "codeberg.org", "bitbucket.org"];

/// What a repository is called that is a program: parts of its name.
const TOOLS: &[&str] = &[
    "crawler",
    "scraper",
    "crawl",
    "scrape",
    "downloader",
    "spider",
    "extractor",
    "pipeline",
    "fetcher",
    "toolkit",
    "tools",
];

/// Licenses made for programs, by the beginning of their identifiers.
const FOR_PROGRAMS: &[&str] = &["MIT", "Apache-", "BSD-", "GPL-", "LGPL-", "AGPL-", "MPL-", "ISC"];

/// Collects what must be compared.
#[derive(Debug, Default)]
pub struct Mistakes {
    held: usize,
    beyond: u64,
    rows: BTreeMap<[u8; 32], Place>,
    /// Digests and commits: the root, the name and the place of the first that bears one, and the roots told.
    hashes: BTreeMap<String, Vec<(String, String)>>,
    /// Licenses of one data set by its collection or URL, and who states them.
    licenses: BTreeMap<String, (BTreeSet<String>, Place)>,
    last: Place,
}

fn told(code: PaperCode, level: Level, place: &Place, about: Option<&str>, message: String, hint: &str) -> Finding {
    Finding {
        code: code.word(),
        level,
        place: place.clone(),
        about: about.map(str::to_owned),
        message,
        hint: Some(hint.to_owned()),
    }
}

/// What an entry is called in a finding.
fn about(entry: &Entry) -> Option<&str> {
    entry.name.as_deref().or_else(|| entry.copy.urls.first().map(|url| url.url.as_str()))
}

fn facts(entry: &Entry, role: Role) -> impl Iterator<Item = &Stated> {
    entry.facts.iter().filter(move |(name, _)| Role::of_header(name) == Some(role)).map(|(_, stated)| stated)
}

impl Mistakes {
    /// Looks at an entry and tells what is found by now.
    pub fn look(&mut self, entry: &Entry) -> Vec<Finding> {
        let mut found = alone(entry);
        if entry.name.is_none() && entry.licenses.is_empty() && entry.files.is_empty() && entry.facts.is_empty() {
            return found;
        }
        self.last.clone_from(&entry.place);
        if self.held == MOST {
            self.beyond += 1;
            return found;
        }
        self.held += 1;
        found.extend(self.twice(entry));
        found.extend(self.shared(entry));
        found.extend(self.contradicted(entry));
        found
    }

    /// What can be told only when all entries were seen.
    #[must_use]
    pub fn end(&self) -> Vec<Finding> {
        let message = format!("{} entries were not compared with the others: {MOST} are held at most", self.beyond);
        let note =
            || told(PaperCode::NotChecked, Level::Note, &self.last, None, message, "check fewer papers in one run");
        (self.beyond > 0).then(note).into_iter().collect()
    }

    /// The same entry in the same paper.
    fn twice(&mut self, entry: &Entry) -> Option<Finding> {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        add(&entry.place.file);
        add(entry.name.as_deref().unwrap_or_default());
        entry.copy.urls.iter().for_each(|url| add(&url.url));
        entry.copy.content.iter().for_each(|name| add(&name.to_string()));
        entry.licenses.iter().for_each(|license| add(&license.text));
        entry.files.iter().for_each(|claim| add(&claim.path));
        entry.facts.iter().for_each(|(name, stated)| {
            add(name);
            add(&stated.text);
        });
        let first = self.rows.insert(*hasher.finalize().as_bytes(), entry.place.clone())?;
        let message = format!("the same entry stands at {first}");
        Some(told(PaperCode::DuplicateRow, Level::Warning, &entry.place, about(entry), message, "take one of them out"))
    }

    /// One digest or commit under two roots. Subsets of one repository share its commit rightly.
    fn shared(&mut self, entry: &Entry) -> Vec<Finding> {
        let Some(name) = about(entry) else { return Vec::new() };
        let root = match entry.copy.urls.first() {
            Some(url) => root(&url.url),
            // Without an address there is the claim of a file, or a folder's own bytes, which may be alike.
            None if entry.files.iter().any(|claim| !claim.digests.is_empty()) => name.to_owned(),
            None => return Vec::new(),
        };
        let commits = facts(entry, Role::Version).chain(facts(entry, Role::Commit));
        let commits = commits.filter(|stated| is_commit(&stated.text));
        let commits = commits.map(|stated| (stated.text.to_ascii_lowercase(), &stated.place));
        let empty = blake3::hash(b"").to_hex().to_string();
        let digests = entry.copy.content.iter().map(|name| (name.to_string(), &entry.place)).filter(|(name, _)| {
            !name.ends_with(&empty)
                && !name.ends_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        });
        let mut found = Vec::new();
        for (hash, place) in commits.chain(digests) {
            let known = self.hashes.entry(hash.clone()).or_default();
            if known.iter().any(|(known, _)| *known == root) {
                continue;
            }
            if let Some((other, other_name)) = known.first() {
                let message = format!("`{hash}` also stands for `{other_name}` ({other}): one of the two was copied");
                found.push(told(
                    PaperCode::HashUnderTwoNames,
                    Level::Error,
                    place,
                    Some(name),
                    message,
                    "look both up at their sources",
                ));
            }
            known.push((root.clone(), name.to_owned()));
        }
        found
    }

    /// Licenses that two papers state for one data set. Rows of one paper may be parts under licenses of their own.
    fn contradicted(&mut self, entry: &Entry) -> Option<Finding> {
        let read: BTreeSet<String> = entry
            .licenses
            .iter()
            .filter_map(|license| license_words::read(&license.text).expression().map(str::to_owned))
            .collect();
        if read.is_empty() {
            return None;
        }
        let keys = entry.copy.collections.iter().cloned().chain(entry.copy.urls.iter().map(|url| url.url.clone()));
        let mut finding = None;
        for key in keys {
            match self.licenses.get(&key) {
                None => {
                    self.licenses.insert(key, (read.clone(), entry.place.clone()));
                }
                Some((others, place)) if place.file != entry.place.file && *others != read && finding.is_none() => {
                    let (ours, theirs) = (
                        read.iter().cloned().collect::<Vec<_>>().join(", "),
                        others.iter().cloned().collect::<Vec<_>>().join(", "),
                    );
                    let message = format!("`{ours}` here, `{theirs}` at {place}");
                    let at = entry.licenses.first().map_or(&entry.place, |license| &license.place);
                    finding = Some(told(
                        PaperCode::LicenseDiffers,
                        Level::Error,
                        at,
                        about(entry),
                        message,
                        "ask whoever publishes the data which one holds, and correct the other",
                    ));
                }
                Some(_) => {}
            }
        }
        finding
    }
}

/// What an entry is told of without any other.
fn alone(entry: &Entry) -> Vec<Finding> {
    let mut found: Vec<Finding> = entry.licenses.iter().filter_map(|license| license_of(entry, license)).collect();
    let name = about(entry);
    for dead in &entry.dead {
        let message = format!("`{}` stands nowhere in this paper", shortened(&dead.text));
        found.push(told(
            PaperCode::DeadReference,
            Level::Error,
            &dead.place,
            name,
            message,
            "correct the reference, or bring what it names",
        ));
    }
    for origin in entry.derived_from.iter().filter(|origin| origin.of.starts_with('#')) {
        if !entry.ids.contains(&origin.of) {
            let message = format!("`{}` stands nowhere in this paper", shortened(&origin.of));
            found.push(told(
                PaperCode::DeadReference,
                Level::Error,
                &origin.place,
                name,
                message,
                "correct the reference, or bring what it names",
            ));
        }
    }
    for stated in facts(entry, Role::Url)
        .filter(|stated| !naming::is_other_address(&stated.text) && naming::hugging_face(&stated.text).is_none())
    {
        if !matches!(license_words::read(&stated.text), LicenseWords::Unknown) {
            let message = format!("`{}` is no URL", shortened(&stated.text));
            found.push(told(
                PaperCode::WordsInUrl,
                Level::Error,
                &stated.place,
                name,
                message,
                "put the address here, and the words where they belong",
            ));
        }
    }
    // A column of commits holds nothing else: a branch moves, and a tag may.
    let meant = facts(entry, Role::Version).filter(|stated| looks_like_commit(&stated.text));
    let meant = meant.chain(facts(entry, Role::Commit).filter(|stated| !stated.text.trim().is_empty()));
    for stated in meant.filter(|stated| !is_commit(&stated.text)) {
        let message = format!("`{}` is no commit id: those have 40 or 64 hex digits", shortened(&stated.text));
        found.push(told(
            PaperCode::CommitMalformed,
            Level::Error,
            &stated.place,
            name,
            message,
            "write the whole id; an abbreviated one may come to name another commit",
        ));
    }
    for stated in facts(entry, Role::Robots)
        .filter(|stated| matches!(stated.text.to_ascii_lowercase().as_str(), "no" | "false" | "none" | "not filtered"))
    {
        let message = "the paper says that robots.txt was not heeded".to_owned();
        found.push(told(
            PaperCode::RobotsNotFiltered,
            Level::Warning,
            &stated.place,
            name,
            message,
            "filter the crawl again by what sites said, or record why that is not needed",
        ));
    }
    found
}

/// What is wrong with a stated license.
fn license_of(entry: &Entry, license: &Stated) -> Option<Finding> {
    let text = shortened(&license.text);
    let of = |code, message, hint| Some(told(code, Level::Warning, &license.place, about(entry), message, hint));
    match license_words::read(&license.text) {
        LicenseWords::Unknown => of(
            PaperCode::LicenseUnknown,
            "no license is stated".to_owned(),
            "unknown is never a yes: ask whoever publishes the data",
        ),
        LicenseWords::ElsewhereOnly => of(
            PaperCode::LicenseUnknown,
            format!("`{text}` says only that the license stands elsewhere"),
            "read it there and write which one it is",
        ),
        LicenseWords::Unversioned(family) => of(
            PaperCode::LicenseUnversioned,
            format!("`{text}` leaves open which version of {family}"),
            "write the version that the source states",
        ),
        LicenseWords::Sentence => of(
            PaperCode::LicenseIsSentence,
            format!("`{text}` names no license as a whole"),
            "write an SPDX expression, or `LicenseRef-` and a name of its own",
        ),
        LicenseWords::SeveralUnclear(_) => of(
            PaperCode::LicenseIsSentence,
            format!("`{text}` does not say whether one may choose or must keep all"),
            "join them by `OR` or `AND`",
        ),
        LicenseWords::Expression(expression) => {
            let program = FOR_PROGRAMS.iter().any(|begin| expression.starts_with(begin));
            let tool = entry.copy.urls.iter().find(|url| is_tool(&url.url))?;
            let of_text = facts(entry, Role::Modality).any(|stated| is_text(&stated.text));
            if !program || !of_text {
                return None;
            }
            let message = format!(
                "`{expression}` is the license of the program at {}, and is stated for the data",
                shortened(&tool.url)
            );
            let hint = "a crawler's license says nothing of the pages that it fetched";
            Some(told(PaperCode::LicenseOfCode, Level::Error, &license.place, about(entry), message, hint))
        }
    }
}

fn is_text(modality: &str) -> bool {
    let lower = modality.to_ascii_lowercase();
    ["text", "web", "crawl", "news"].iter().any(|word| lower.contains(word))
}

/// Whether a URL is a repository of a program that fetches: on a host of code, called a crawler or the like.
fn is_tool(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let mut parts = rest.trim_start_matches("www.").split('/');
    let (host, _, name) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
    let name = name.to_ascii_lowercase();
    CODE_HOSTS.contains(&host) && name.split(['-', '_', '.']).any(|word| TOOLS.contains(&word))
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text is meant as a commit: hex digits alone, with a letter among them so that `2023` and `20240101` are none, and
/// at least as many as git abbreviates to.
fn looks_like_commit(text: &str) -> bool {
    let hex = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let one_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mixed = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    one_word && mixed && ((text.len() >= 7 && hex == text.len()) || (text.len() >= 32 && hex * 10 >= text.len() * 9))
}

/// The part of a URL that is one repository: two parts of the path on hosts of repositories, the host elsewhere.
fn root(url: &str) -> String {
    let lower = url.split_once("://").map_or(url, |(_, rest)| rest).trim_start_matches("www.").to_ascii_lowercase();
    let plain = lower.split(['?', '#']).next().unwrap_or_default();
    for (host, parts) in REPOSITORIES {
        if let Some(rest) = plain.strip_prefix(host).and_then(|rest| rest.strip_prefix('/')) {
            let kept: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).take(*parts).collect();
            return format!("{host}/{}", kept.join("/").trim_end_matches(".git"));
        }
    }
    plain.split('/').next().unwrap_or_default().to_owned()
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(100).collect();
    if short.chars().count() < text.chars().count() { format!("{short}...") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Columns, Format, Item, open};
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn commits_are_told_from_versions() {
        for version in ["v1.2", "1.0", "2023", "20240101", "main", "release", "2023-06-20"] {
            assert!(!looks_like_commit(version), "{version}");
        }
        assert!(looks_like_commit("a1b2c3d") && looks_like_commit(&format!("0{}", "a1".repeat(19))));
        assert!(is_commit(&"a1".repeat(20)));
    }

    #[test]
    fn a_column_of_commits_holds_nothing_else() {
        let id = "a1".repeat(20);
        let text = format!(
            "name,url,commit\none,https://a.example/,main\ntwo,https://b.example/,{id}\nthree,https://c.example/,\n"
        );
        let file: Arc<str> = Arc::from("s.csv");
        let items = open::read(&text, Path::new("s.csv"), Format::Sheet, &Columns::default(), &file);
        let mut mistakes = Mistakes::default();
        let found: Vec<_> = items
            .iter()
            .filter_map(|item| if let Item::Entry(entry) = item { Some(entry) } else { None })
            .flat_map(|entry| mistakes.look(entry))
            .filter(|finding| finding.code == PaperCode::CommitMalformed.word())
            .map(|finding| (finding.place.line, finding.place.column))
            .collect();
        assert_eq!(found, [(Some(2), Some(24))]);
    }

    #[test]
    fn subsets_of_one_repository_have_one_root() {
        let one = root("https://huggingface.co/datasets/owner/name/tree/main/a");
        assert_eq!(one, root("https://huggingface.co/datasets/owner/name?b"));
        assert_ne!(one, root("https://huggingface.co/datasets/other/name"));
    }

    #[test]
    fn only_programs_that_fetch_are_tools() {
        assert!(is_tool("https://github.com/someone/news-crawler"));
        assert!(!is_tool("https://github.com/someone/corpus") && !is_tool("https://huggingface.co/datasets/x/crawler"));
    }
}
