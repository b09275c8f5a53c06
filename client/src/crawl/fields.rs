//! Where rows and lines keep their parts: what the well-known data sets call them, what a user says, what a file has.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::JsonlFields;

/// A data set's way of naming the parts of its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub enum DatasetLayout {
    /// Whatever of the known names the file has.
    #[default]
    Auto,
    /// `text`, `url`, `id`, `date`: FineWeb and its kin.
    Fineweb,
    /// `text`, `metadata.url`, `id`, `created`: Dolma.
    Dolma,
    /// `text`, `url`, `timestamp`: C4, mC4, CulturaX.
    C4,
    /// `text`, `meta.url`, `meta.timestamp`: RedPajama 1.
    Redpajama,
    /// `raw_content`, `url`, `doc_id`, `date_download`: RedPajama 2.
    RedpajamaV2,
    /// `content`, `url`, `timestamp`: RefinedWeb.
    Refinedweb,
    /// `text`, `url` and the WARC header under `metadata`: DCLM.
    Dclm,
    /// `content` and the WARC header under `warc_headers`: OSCAR.
    Oscar,
}

/// The parts of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The text that is the document.
    Text,
    /// Where it came from.
    Url,
    /// The row's own id.
    Id,
    /// When it was captured.
    Date,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Text => "text",
            Self::Url => "URL",
            Self::Id => "id",
            Self::Date => "date",
        })
    }
}

impl DatasetLayout {
    /// The names of a part, the likeliest first. A date of making stands last: it is no later than the capture, and the
    /// earliest capture is the strictest reading.
    const fn names(self, part: Part) -> &'static [&'static str] {
        match (self, part) {
            (Self::Auto, Part::Text) => &["text", "content", "raw_content"],
            (Self::Auto, Part::Url) => &[
                "url",
                "metadata.url",
                "meta.url",
                "metadata.WARC-Target-URI",
                "warc_headers.warc-target-uri",
                "metadata.warc_headers.warc-target-uri",
                "source_url",
                "metadata.source_url",
                "uri",
            ],
            (Self::Auto, Part::Id) => {
                &["id", "doc_id", "metadata.WARC-Record-ID", "warc_headers.warc-record-id", "meta.id", "metadata.id"]
            }
            (Self::Auto, Part::Date) => &[
                "date",
                "timestamp",
                "date_download",
                "meta.timestamp",
                "metadata.timestamp",
                "metadata.date",
                "metadata.date_download",
                "metadata.WARC-Date",
                "warc_headers.warc-date",
                "created",
            ],
            (Self::Refinedweb | Self::Oscar, Part::Text) => &["content"],
            (Self::RedpajamaV2, Part::Text) => &["raw_content"],
            (_, Part::Text) => &["text"],
            (Self::Dolma, Part::Url) => &["metadata.url"],
            (Self::Redpajama, Part::Url) => &["meta.url"],
            (Self::Oscar, Part::Url) => &["warc_headers.warc-target-uri"],
            (_, Part::Url) => &["url"],
            (Self::RedpajamaV2, Part::Id) => &["doc_id"],
            (Self::Dclm, Part::Id) => &["metadata.WARC-Record-ID"],
            (Self::Oscar, Part::Id) => &["warc_headers.warc-record-id"],
            (_, Part::Id) => &["id"],
            (Self::Dolma, Part::Date) => &["created"],
            (Self::C4 | Self::Refinedweb, Part::Date) => &["timestamp"],
            (Self::Redpajama, Part::Date) => &["meta.timestamp"],
            (Self::RedpajamaV2, Part::Date) => &["date_download"],
            (Self::Dclm, Part::Date) => &["metadata.WARC-Date"],
            (Self::Oscar, Part::Date) => &["warc_headers.warc-date"],
            (_, Part::Date) => &["date"],
        }
    }
}

/// What a user says about where rows keep their parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChoice {
    /// The layout, for parts that are not named.
    pub layout: DatasetLayout,
    /// The text's path.
    pub text: Option<String>,
    /// The URL's path.
    pub url: Option<String>,
    /// The id's path.
    pub id: Option<String>,
    /// The date's path.
    pub date: Option<String>,
    /// Files without any URL are read all the same; nothing of them is cleared by its address.
    pub without_url: bool,
}

/// A part that no row or column of a file has, so that a verdict about it would be made in the dark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` has no {part}: looked for {looked_for}, found {found}")]
pub struct MissingField {
    /// The file.
    pub name: String,
    /// The part.
    pub part: Part,
    /// The names that were looked for.
    pub looked_for: String,
    /// The names that are there.
    pub found: String,
}

impl MissingField {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.part {
            Part::Url => {
                "name it with --url-field, or give --without-url if these documents have none (then no address clears them)"
            }
            Part::Text => "name it with --text-field, or name the data set with --layout",
            Part::Id => "name it with --id-field",
            Part::Date => "name it with --date-field, or leave that out and give --captured",
        }
    }
}

/// Most names that an error lists.
const NAMES_TOLD: usize = 20;

impl FieldChoice {
    /// The fields of one file: what was named, else the first of the layout's names that the file has.
    ///
    /// # Errors
    /// When the text or the URL is nowhere in the file, or a part that was named isn't.
    pub fn resolve(
        &self,
        name: &str,
        has: impl Fn(&str) -> bool,
        present: impl Fn() -> Vec<String>,
    ) -> Result<JsonlFields, MissingField> {
        let one = |part: Part, named: &Option<String>, needed: bool| {
            let names: Vec<&str> = match named {
                Some(named) => vec![named],
                None => self.layout.names(part).to_vec(),
            };
            if let Some(found) = names.iter().find(|name| has(name)) {
                return Ok((*found).to_owned());
            }
            if !needed && named.is_none() {
                // What the file doesn't have is looked for in each row by its likeliest name.
                return Ok(names.first().copied().unwrap_or_default().to_owned());
            }
            let looked_for = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let mut found: Vec<String> = present();
            let more = found.len().saturating_sub(NAMES_TOLD);
            found.truncate(NAMES_TOLD);
            let mut found = found.iter().map(|name| format!("`{}`", short(name))).collect::<Vec<_>>().join(", ");
            if more > 0 {
                found.push_str(&format!(" and {more} more"));
            }
            if found.is_empty() {
                found.push_str("none");
            }
            Err(MissingField { name: name.to_owned(), part, looked_for, found })
        };
        Ok(JsonlFields {
            text: one(Part::Text, &self.text, true)?,
            url: one(Part::Url, &self.url, !self.without_url)?,
            id: one(Part::Id, &self.id, false)?,
            date: one(Part::Date, &self.date, false)?,
        })
    }
}

fn short(name: &str) -> String {
    name.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(choice: &FieldChoice, has: &[&str]) -> Result<[String; 4], MissingField> {
        let present = || has.iter().map(|&name| name.to_owned()).collect();
        let JsonlFields { text, url, id, date } = choice.resolve("f", |name| has.contains(&name), present)?;
        Ok([text, url, id, date])
    }

    #[test]
    fn the_known_data_sets_are_told_by_what_they_have() {
        let auto = FieldChoice::default();
        for (layout, has) in [
            (DatasetLayout::Fineweb, ["text", "url", "id", "date"]),
            (DatasetLayout::Dolma, ["text", "metadata.url", "id", "created"]),
            (DatasetLayout::C4, ["text", "url", "id", "timestamp"]),
            (DatasetLayout::Redpajama, ["text", "meta.url", "id", "meta.timestamp"]),
            (DatasetLayout::RedpajamaV2, ["raw_content", "url", "doc_id", "date_download"]),
            (DatasetLayout::Refinedweb, ["content", "url", "id", "timestamp"]),
            (DatasetLayout::Dclm, ["text", "url", "metadata.WARC-Record-ID", "metadata.WARC-Date"]),
            (
                DatasetLayout::Oscar,
                ["content", "warc_headers.warc-target-uri", "warc_headers.warc-record-id", "warc_headers.warc-date"],
            ),
        ] {
            assert_eq!(fields(&auto, &has).unwrap(), has, "{layout:?}");
            assert_eq!(fields(&FieldChoice { layout, ..auto.clone() }, &has).unwrap(), has, "{layout:?}");
        }
    }

    #[test]
    fn what_is_nowhere_is_told_and_never_guessed() {
        let auto = FieldChoice::default();
        let missing = fields(&auto, &["text", "link"]).unwrap_err();
        assert_eq!(missing.part, Part::Url);
        assert!(missing.to_string().ends_with("found `text`, `link`"), "{missing}");
        assert!(fields(&FieldChoice { without_url: true, ..auto.clone() }, &["text"]).is_ok());
        assert_eq!(fields(&auto, &["url"]).unwrap_err().part, Part::Text);
        let named = FieldChoice { url: Some("link".into()), ..auto.clone() };
        assert_eq!(fields(&named, &["text", "url", "link"]).unwrap()[1], "link");
        // A name that was given and is not there is never replaced by another.
        assert_eq!(fields(&named, &["text", "url"]).unwrap_err().part, Part::Url);
        assert_eq!(
            fields(&FieldChoice { date: Some("when".into()), ..auto }, &["text", "url"]).unwrap_err().part,
            Part::Date
        );
    }
}
