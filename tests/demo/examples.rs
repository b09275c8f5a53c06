//! The example statements as their files say them: who issues and signs, what they are modelled on, when they end.

use anyhow::Context as _;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A domain and the name of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// The domain that the key is bound to.
    pub domain: String,
    /// The key's name; its file is `NAME.key`.
    pub key: String,
}

/// Where the shape of a statement was reported.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct ModelledOn {
    /// What was reported.
    pub what: String,
    /// By whom.
    pub reported_by: String,
    /// When, as a date.
    pub as_of: String,
    /// Where.
    pub url: Option<String>,
}

/// One terms file.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// `02`: the number that its file begins with.
    pub number: String,
    /// The file.
    #[serde(skip)]
    pub path: PathBuf,
    /// Observation, agreement, offer ...
    pub kind: String,
    /// Who issues it.
    pub issuer: Signer,
    /// Who signs besides.
    pub co_signer: Option<Signer>,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// What it is modelled on; public licenses are modelled on nothing.
    pub modelled_on: Option<ModelledOn>,
}

#[derive(Deserialize)]
struct File {
    modelled_on: Option<ModelledOn>,
    #[serde(default)]
    effective: Effective,
    body: Body,
}

#[derive(Default, Deserialize)]
struct Effective {
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Body {
    kind: String,
}

/// The word behind a label in the first comment.
fn word<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let rest = line.split_once(label)?.1;
    rest.split([' ', ')']).find(|word| !word.is_empty())
}

fn signer(line: &str, domain: &str, key: &str) -> Option<Signer> {
    Some(Signer { domain: word(line, domain)?.to_owned(), key: word(line, key)?.to_owned() })
}

fn example(path: &Path) -> anyhow::Result<Example> {
    let text = std::fs::read_to_string(path)?;
    let file: File = toml::from_str(&text)?;
    let line = text.lines().next().unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Example {
        number: name.chars().take_while(char::is_ascii_digit).collect(),
        path: path.to_owned(),
        kind: file.body.kind,
        issuer: signer(line, "Issuer: ", "Key: ").context("the first comment names no issuer with its key")?,
        co_signer: signer(line, "Co-signer: ", "(key: "),
        until: file.effective.until,
        modelled_on: file.modelled_on,
    })
}

/// All terms files of a folder, by name.
///
/// # Errors
/// When one can't be read.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Example>> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("`{}`", folder.display()))?;
    let mut paths = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().map(|path| example(path).with_context(|| format!("`{}`", path.display()))).collect()
}

/// Everybody who signs anything, by the name of the key.
#[must_use]
pub fn signers(examples: &[Example]) -> BTreeMap<String, Signer> {
    let all = examples.iter().flat_map(|example| [Some(&example.issuer), example.co_signer.as_ref()]);
    all.flatten().map(|signer| (signer.key.clone(), signer.clone())).collect()
}
