//! What the columns of a sheet are: by headers that people use, or by a map of the user's.

use crate::toml_file;
use cleartitle_schema::vocab::UnknownWord;
use std::path::Path;
use std::str::FromStr;

/// What a column of a sheet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// What the entry is called.
    Name,
    /// Its license, as written.
    License,
    /// Where its bytes were fetched from.
    Url,
    /// A content id, `blake3:` or `sha256:`.
    Content,
    /// A SHA-256 in hex.
    Sha256,
    /// A SHA-1 in hex.
    Sha1,
    /// A file beside the sheet.
    Path,
    /// That file's length in bytes.
    Bytes,
    /// When the bytes were captured.
    CapturedAt,
    /// What it was made from.
    DerivedFrom,
    /// A compilation that it came in.
    Collection,
    /// A version, which may be the commit that it stands at.
    Version,
    /// The commit that it stands at, and nothing else.
    Commit,
    /// Of what kind the data is.
    Modality,
    /// Whether robots.txt was heeded.
    Robots,
}

/// Every role, its word, and headers that people use for it, lower case with nothing but letters and digits.
const ROLES: &[(Role, &str, &[&str])] = &[
    (Role::Name, "name", &["name", "dataset", "datasetname", "title", "datasettitle"]),
    (
        Role::License,
        "license",
        &["license", "licence", "licenses", "licences", "datalicense", "datasetlicense", "spdxlicense"],
    ),
    (
        Role::Url,
        "url",
        &[
            "url",
            "uri",
            "link",
            "source",
            "sourceurl",
            "datasetlink",
            "datasheeturl",
            "dataseturl",
            "downloadurl",
            "homepage",
        ],
    ),
    (Role::Content, "content", &["content", "contentid", "blake3"]),
    (Role::Sha256, "sha256", &["sha256", "sha256sum", "sha256digest"]),
    (Role::Sha1, "sha1", &["sha1", "sha1sum", "sha1digest"]),
    (Role::Path, "path", &["path", "file", "filename", "filepath", "rawdir"]),
    (Role::Bytes, "bytes", &["bytes", "size", "sizebytes", "filesize", "length"]),
    (Role::CapturedAt, "captured_at", &["capturedat", "capturetime", "fetchtime"]),
    (Role::DerivedFrom, "derived_from", &["derivedfrom", "sourcedataset", "sourcedatasets", "basedon"]),
    (Role::Collection, "collection", &["collection", "corpus"]),
    (Role::Version, "version", &["version", "revision", "hash", "versioncommit"]),
    (Role::Commit, "commit", &["commit", "commithash", "commitid", "commitsha", "gitcommit"]),
    (Role::Modality, "modality", &["modality", "modalities", "mediatype", "datatype"]),
    (Role::Robots, "robots", &["robots", "robotsfiltering", "robotsfiltered", "robotstxt", "robotstxtfiltering"]),
];

impl Role {
    /// The role of a header that people use; none for any other.
    #[must_use]
    pub fn of_header(header: &str) -> Option<Self> {
        let folded: String =
            header.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
        ROLES.iter().find(|(_, _, headers)| headers.contains(&folded.as_str())).map(|(role, ..)| *role)
    }

    /// Its word in a map.
    #[must_use]
    pub fn word(self) -> &'static str {
        ROLES.iter().find(|(role, ..)| *role == self).map_or("", |(_, word, _)| word)
    }
}

impl FromStr for Role {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = || ROLES.iter().map(|(_, word, _)| *word).collect::<Vec<_>>().join(", ");
        let found = ROLES.iter().find(|(_, word, _)| *word == text).map(|(role, ..)| *role);
        found.ok_or_else(|| UnknownWord { word: text.chars().take(60).collect(), known: known() })
    }
}

/// Which headers hold what, by the user's word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<(Role, String)>);

impl Columns {
    /// Reads `name=Dataset Name,license=License`, or a TOML file of such members.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.contains('=') {
            let read =
                std::fs::read_to_string(Path::new(text)).map_err(|error| format!("cannot read `{text}`: {error}"))?;
            return Self::from_toml(text, &read);
        }
        let one = |pair: &str| {
            let (role, header) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not `role=header`"))?;
            let role: Role = role.trim().parse().map_err(|error: UnknownWord| error.to_string())?;
            Ok((role, header.trim().to_owned()))
        };
        text.split(',').map(one).collect::<Result<_, String>>().map(Self)
    }

    fn from_toml(file: &str, text: &str) -> Result<Self, String> {
        let read = toml_file::read(file, text, |mut members| {
            let mut found = Vec::new();
            for (role, word, _) in ROLES {
                if let Some(header) = members.optional::<String>(word)? {
                    found.push((*role, header));
                }
            }
            members.finish()?;
            Ok(Self(found))
        });
        read.map_err(|error| match &error.hint {
            Some(hint) => format!("{error}\n  hint: {hint}"),
            None => error.to_string(),
        })
    }

    /// The roles of headers, in their order. The user's word counts before what a header is called, and a role that the user
    /// has given away is not taken by another header.
    ///
    /// # Errors
    /// A header of the map that the sheet lacks.
    pub fn roles(&self, headers: &[String]) -> Result<Vec<Option<Role>>, String> {
        for (_, header) in &self.0 {
            if !headers.iter().any(|known| known == header) {
                return Err(format!("the sheet has no column `{header}`, which --columns names"));
            }
        }
        let role = |header: &String| match self.0.iter().find(|(_, mapped)| mapped == header) {
            Some((role, _)) => Some(*role),
            None => Role::of_header(header).filter(|role| !self.0.iter().any(|(given, _)| given == role)),
        };
        Ok(headers.iter().map(role).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_as_people_write_them() {
        for (header, role) in [
            ("Dataset Name", Role::Name),
            ("Robots filtering", Role::Robots),
            ("robots_filtering", Role::Robots),
            ("Commit hash", Role::Commit),
            ("SHA-256", Role::Sha256),
            ("Licence", Role::License),
        ] {
            assert_eq!(Role::of_header(header), Some(role), "{header}");
        }
        assert_eq!(Role::of_header("PII removal"), None);
        for (role, word, _) in ROLES {
            assert_eq!(word.parse(), Ok(*role));
        }
    }

    #[test]
    fn a_map_counts_before_what_a_header_is_called() {
        let headers: Vec<String> = ["Set", "Terms", "License"].map(str::to_owned).to_vec();
        let columns = Columns::parse("name=Set,license=Terms").unwrap();
        assert_eq!(columns.roles(&headers), Ok(vec![Some(Role::Name), Some(Role::License), None]));
        assert!(Columns::parse("name=Gone").unwrap().roles(&headers).is_err());
        assert!(Columns::parse("title=Set").is_err());
        assert_eq!(Columns::from_toml("c.toml", "name = \"Set\"\n").unwrap().0.len(), 1);
        assert!(Columns::from_toml("c.toml", "nme = \"Set\"\n").unwrap_err().contains("did you mean"));
    }
}
