//! One entry of a data set's paper: which documents, from where, under which words, and where all that is written.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Where something is written. Lines and columns count from 1, rows from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The paper, as it was named.
    #[serde(serialize_with = "in_words")]
    pub file: Arc<str>,
    /// The line, where the paper has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The row of a table without lines (Parquet), over the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The member (JSON pointer, RFC 6901) or the column of a table by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

fn in_words<S: serde::Serializer>(file: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(file)
}

impl Place {
    /// A line of a paper.
    #[must_use]
    pub fn line(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line: Some(line), ..Self::default() }
    }

    /// The same place, and there this member.
    #[must_use]
    pub fn member(&self, member: &str) -> Self {
        Self { member: Some(member.to_owned()), ..self.clone() }
    }
}

impl fmt::Display for Place {
    /// `file:line:column`, as compilers write it; a row as `file#row`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(row) = self.row {
            write!(f, "#{row}")?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column.filter(|_| self.line.is_some()) {
            write!(f, ":{column}")?;
        }
        Ok(())
    }
}

/// Words as they stand in a paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stated {
    /// The words.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// A file that a paper says to hold certain bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileClaim {
    /// As it is written: relative to the paper, or a URL.
    pub path: String,
    /// The digests that it claims.
    pub digests: Vec<ContentName>,
    /// The length that it claims, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The archive, repository or set of files that it lies in, which is not opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Where.
    pub place: Place,
}

/// What an entry was made from, by a name that another entry may bear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// How.
    pub link: Link,
    /// The other's name, id, URL or content name.
    pub of: String,
    /// Where.
    pub place: Place,
}

/// A name of an origin that leads nowhere, and where in the lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nowhere {
    /// Which link of the entry's lineage, then which of that parent's, and so on.
    pub at: Vec<usize>,
    /// The name.
    pub name: String,
}

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it is written.
    pub place: Place,
    /// What the paper calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the question is about: names of bytes, URLs, works, collections, times, lineage.
    pub copy: Acquisition,
    /// The licenses that the paper states, as written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<Stated>,
    /// The files that it claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileClaim>,
    /// What it was made from, where that is said by name alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<Origin>,
    /// Which names of origins, its own and those of what it was made from, lead nowhere: to be told, and no evidence of anything.
    #[serde(skip)]
    pub nowhere: Vec<Nowhere>,
    /// The names by which its own paper refers to it: `@id`, `spdxId`, `bom-ref`, `data/train.csv`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Names that its paper refers to and that nothing in it bears.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<Stated>,
    /// Everything else that the paper says of it, by the paper's own member name: `Modality`, `PII removal`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, Stated)>,
}

/// What a reader comes to next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An entry.
    Entry(Box<Entry>),
    /// Something that is no entry by rule and was not looked at: a license's text, a set of files of which none is listed.
    NotChecked {
        /// Where.
        place: Place,
        /// What, and why, in words.
        what: String,
    },
    /// Something that can't be read, which is never a yes.
    Damage {
        /// Where.
        place: Place,
        /// What is wrong with it, in words.
        what: String,
    },
}
