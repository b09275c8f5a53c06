//! Modality: text, image, audio or video, by what a paper says of an entry, its media type, or how its URL ends.
//!
//! Nothing is guessed beyond that: what none of the three tells is `unknown`, counted, and told.

use crate::dataset::Entry;
use serde::Serialize;
use std::fmt;

/// The kind of a document, as the templates count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    /// Words, code, tables.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Known, and none of these, or several at once.
    Other,
    /// Not known.
    Unknown,
}

impl Modality {
    /// All of them, in the templates' order.
    pub const ALL: [Self; 6] = [Self::Text, Self::Image, Self::Audio, Self::Video, Self::Other, Self::Unknown];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    /// Of an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        if let Some(said) = fact(entry, &["modality", "modalities"]) {
            return Self::said(said);
        }
        if let Some(kind) = fact(entry, &["media type", "encoding format", "content type", "mime type"]) {
            return Self::of_media_type(kind);
        }
        entry
            .copy
            .urls
            .iter()
            .map(|copy| Self::of_url(&copy.url))
            .find(|it| *it != Self::Unknown)
            .unwrap_or(Self::Unknown)
    }

    fn said(words: &str) -> Self {
        let lower = words.to_ascii_lowercase();
        let known = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter_map(|word| match word {
            "text" | "texts" | "code" | "tabular" => Some(Self::Text),
            "image" | "images" | "picture" | "pictures" => Some(Self::Image),
            "audio" | "speech" | "music" | "sound" => Some(Self::Audio),
            "video" | "videos" => Some(Self::Video),
            _ => None,
        });
        let mut found: Vec<Self> = known.collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] if lower.trim().is_empty() => Self::Unknown,
            [one] => *one,
            _ => Self::Other,
        }
    }

    fn of_media_type(kind: &str) -> Self {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.split_once('/') {
            Some(("text", _)) => Self::Text,
            Some(("image", _)) => Self::Image,
            Some(("audio", _)) => Self::Audio,
            Some(("video", _)) => Self::Video,
            Some(("application", "octet-stream")) | None => Self::Unknown,
            Some(("application", kind))
                if TEXTS.contains(&kind) || kind.ends_with("+xml") || kind.ends_with("+json") =>
            {
                Self::Text
            }
            Some(_) => Self::Other,
        }
    }

    fn of_url(url: &str) -> Self {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let Some((_, ending)) = last.rsplit_once('.') else { return Self::Unknown };
        let ending = ending.to_ascii_lowercase();
        ENDINGS.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map_or(Self::Unknown, |(kind, _)| *kind)
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Applications' own media types that hold text.
const TEXTS: &[&str] = &["json", "xml", "pdf", "rtf", "javascript", "x-javascript", "xhtml+xml", "epub+zip", "msword"];

/// How URLs end, where that says what they hold. A page's `.html` says it too; `.example` as a whole name does not.
const ENDINGS: &[(Modality, &[&str])] = &[
    (Modality::Text, &["html", "htm", "txt", "md", "pdf", "json", "xml", "csv", "tsv", "rst", "epub"]),
    (Modality::Image, &["jpg", "jpeg", "png", "gif", "webp", "avif", "tif", "tiff", "svg", "bmp", "heic"]),
    (Modality::Audio, &["mp3", "wav", "flac", "ogg", "oga", "opus", "m4a", "aac"]),
    (Modality::Video, &["mp4", "webm", "mkv", "mov", "avi", "m4v", "mpg", "mpeg"]),
];

/// What a paper says of an entry by one of these names, whatever their case and how their words are joined.
#[must_use]
pub fn fact<'e>(entry: &'e Entry, names: &[&str]) -> Option<&'e str> {
    let same = |written: &str, name: &str| {
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
        };
        letters(written) == letters(name)
    };
    let found = entry.facts.iter().find(|(written, _)| names.iter().any(|name| same(written, name)));
    found.map(|(_, stated)| stated.text.as_str())
}

/// How many bytes an entry has: as its row says, or the files that it claims together; `None` where any of them is silent.
#[must_use]
pub fn bytes(entry: &Entry) -> Option<u64> {
    if let Some(said) = fact(entry, &["bytes", "size in bytes"]) {
        return said.trim().parse().ok();
    }
    let claimed: Option<Vec<u64>> = entry.files.iter().map(|file| file.bytes).collect();
    claimed.filter(|sizes| !sizes.is_empty()).map(|sizes| sizes.into_iter().fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Place, Stated};
    use cleartitle_schema::acquisition::Acquisition;

    fn entry(url: &str, facts: &[(&str, &str)]) -> Entry {
        let fact = |(name, text): &(&str, &str)| {
            ((*name).to_owned(), Stated { text: (*text).to_owned(), place: Place::default() })
        };
        Entry { copy: Acquisition::fetched(url), facts: facts.iter().map(fact).collect(), ..Entry::default() }
    }

    #[test]
    fn the_paper_is_heard_before_the_media_type_and_that_before_the_url() {
        let of = |url: &str, facts: &[(&str, &str)]| Modality::of(&entry(url, facts));
        assert_eq!(
            of("https://a.example/x.mp3", &[("Modality", "Video"), ("media_type", "text/html")]),
            Modality::Video
        );
        assert_eq!(of("https://a.example/x.mp3", &[("media_type", "Text/HTML; charset=utf-8")]), Modality::Text);
        assert_eq!(of("https://a.example/x.MP3?y=z.png", &[]), Modality::Audio);
        assert_eq!(of("https://a.example/x", &[]), Modality::Unknown);
        assert_eq!(of("https://a.example/x", &[("modalities", "image, text")]), Modality::Other);
        assert_eq!(of("https://a.example/x", &[("contentType", "application/ld+json")]), Modality::Text);
        assert_eq!(of("https://a.example/x", &[("contentType", "application/octet-stream")]), Modality::Unknown);
    }
}
