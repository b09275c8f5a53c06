//! Section 1 of the summary: who, which model, how much of which modality.

use crate::disclosure::desk::{Desk, extent, month};
use crate::disclosure::document::{Answer, Section, Source, Tick};
use crate::disclosure::modality::Modality;
use crate::disclosure::sizes::Extent;

/// The size bands of the template, by modality: the bounds between them, and their words.
const TOKENS: Bands = Bands {
    bounds: [1_000_000_000, 10_000_000_000_000],
    words: ["Less than 1 billion tokens", "1 billion to 10 trillion tokens", "More than 10 trillion tokens"],
};
const IMAGES: Bands = Bands {
    bounds: [1_000_000, 1_000_000_000],
    words: ["Less than 1 million images", "1 million to 1 billion images", "More than 1 billion images"],
};
const HOURS: Bands = Bands {
    bounds: [10_000, 1_000_000],
    words: ["Less than 10,000 hours", "10,000 to 1 million hours", "More than 1 million hours"],
};

/// Three ranges.
struct Bands {
    bounds: [u64; 2],
    words: [&'static str; 3],
}

impl Bands {
    fn of(&self, count: u64) -> usize {
        match count {
            count if count < self.bounds[0] => 0,
            count if count <= self.bounds[1] => 1,
            _ => 2,
        }
    }

    fn answer(&self, count: u64, from: Source) -> Answer {
        let chosen = self.of(count);
        let tick = |(rank, text): (usize, &&str)| Tick { chosen: rank == chosen, text: (*text).to_owned() };
        Answer::Choice { options: self.words.iter().enumerate().map(tick).collect(), from }
    }
}

/// All of section 1.
pub fn sections(desk: &mut Desk<'_>) -> Vec<Section> {
    let provider = Section::new("1.1", "Provider identification")
        .field("Provider name", desk.required("provider-name"))
        .field("Provider contact details", desk.required("provider-contact"))
        .field("Authorised representative: name and contact details", desk.required("authorised-representative"));
    let model = Section::new("1.2", "Model identification")
        .field("Versioned model name(s)", desk.required("model-names"))
        .field("Model dependencies", desk.given_or("model-dependencies", None))
        .field("Date of placement of the model on the Union market", desk.required("market-date"));
    vec![Section::new("1", "General information"), provider, model, sizes(desk)]
}

fn sizes(desk: &mut Desk<'_>) -> Section {
    let mut section = Section::new("1.3", "Modalities, overall training data size and other characteristics");
    let present = desk.inputs.facts.modalities.clone();
    let rows: [(Modality, &'static str, &'static str); 5] = [
        (Modality::Text, "Text", "content-types-text"),
        (Modality::Image, "Image", "content-types-image"),
        (Modality::Audio, "Audio", "content-types-audio"),
        (Modality::Video, "Video", "content-types-video"),
        (Modality::Other, "Other", "content-types-other"),
    ];
    for (kind, label, types) in rows {
        let Some(sum) = present.get(&kind).copied() else {
            let none = || Answer::not_applicable(format!("the papers list no {kind}"));
            section = section.field(&format!("{label}: training data size"), none());
            section = section.field(&format!("{label}: types of content"), none());
            continue;
        };
        section = section.field(&format!("{label}: training data size"), band(desk, kind, sum));
        section = section.field(&format!("{label}: approximate size in another unit"), Answer::counted(extent(sum)));
        section = section.field(&format!("{label}: types of content"), desk.required(types));
        if kind != Modality::Image && sum.unsized_documents > 0 {
            desk.incomplete(format!(
                "{} documents of {kind} don't say how many bytes they have",
                sum.unsized_documents
            ));
        }
    }
    if let Some(unknown) = present.get(&Modality::Unknown) {
        section = section.field("Of unknown modality", Answer::counted(extent(*unknown)));
        desk.incomplete(format!(
            "of {} documents neither the paper nor the media type nor the URL tells the modality",
            unknown.documents
        ));
    }
    let captured = desk.inputs.facts.captured;
    let latest = desk.given_or("latest-acquisition", captured.last.map(|last| Answer::counted(month(last))));
    let (continuous, _) = desk.yes_no("continuous-collection", 0);
    let languages = desk.inputs.facts.languages.told();
    let languages = (!languages.is_empty()).then_some(Answer::List { items: languages, from: Source::Data });
    let linguistic = if present.contains_key(&Modality::Text) || languages.is_some() {
        desk.given_or("linguistic-characteristics", languages)
    } else {
        Answer::not_applicable("the papers list no text")
    };
    section
        .field("Latest date of data acquisition/collection for model training", latest)
        .field("The model is continuously trained on new data after that date", continuous)
        .field("Description of the linguistic characteristics of the overall training data", linguistic)
        .field("Other relevant characteristics of the overall training data", desk.optional("other-characteristics"))
        .field("Additional comments (optional)", desk.optional("general-comments"))
}

fn band(desk: &Desk<'_>, kind: Modality, sum: Extent) -> Answer {
    let given = |id: &'static str, bands: &Bands| {
        let other = || Answer::not_applicable(format!("`{id}` was not given; the size in bytes stands below"));
        desk.number(id).map_or_else(other, |count| bands.answer(count, Source::Given))
    };
    match kind {
        Modality::Text => given("text-tokens", &TOKENS),
        // Each document of the modality is one image.
        Modality::Image => IMAGES.answer(sum.documents, Source::Data),
        Modality::Audio => given("audio-hours", &HOURS),
        Modality::Video => given("video-hours", &HOURS),
        Modality::Other | Modality::Unknown => Answer::not_applicable("the template has no ranges for it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_meet_at_their_bounds() {
        for bands in [&TOKENS, &IMAGES, &HOURS] {
            let [low, high] = bands.bounds;
            assert_eq!([0, low - 1, low, high, high + 1].map(|count| bands.of(count)), [0, 0, 1, 1, 2]);
        }
    }
}
