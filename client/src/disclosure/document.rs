//! Document: a report as a tree of numbered sections, made once and shown as Markdown, HTML or JSON.
//!
//! Every field says where its answer is from, so that nobody takes a lab's own word for something that was counted. What the
//! law asks for and nobody gave stands there as missing; it is never left out, and never guessed.

use cleartitle_schema::time::Timestamp;
use serde::Serialize;

/// Where an answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Counted over the papers, judged by the snapshot.
    Data,
    /// The policy's reading or actions.
    Policy,
    /// Given under `[disclosure]`.
    Given,
}

/// The answer to one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Whose.
        from: Source,
    },
    /// Several of a kind.
    List {
        /// Each.
        items: Vec<String>,
        /// Whose.
        from: Source,
    },
    /// Boxes, of which some are ticked.
    Choice {
        /// The boxes in the template's order.
        options: Vec<Tick>,
        /// Who ticked them.
        from: Source,
    },
    /// The field does not apply, and why.
    NotApplicable {
        /// Why.
        because: String,
    },
    /// Nobody gave it.
    Missing {
        /// The question's id under `[disclosure]`.
        question: &'static str,
    },
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// Whether it is ticked.
    pub chosen: bool,
    /// What it says.
    pub text: String,
}

impl Answer {
    /// Words.
    pub fn text(from: Source, text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), from }
    }

    /// Counted words.
    pub fn counted(text: impl Into<String>) -> Self {
        Self::text(Source::Data, text)
    }

    /// A list, or that there is nothing to list.
    pub fn list(from: Source, items: Vec<String>, nothing: &str) -> Self {
        if items.is_empty() { Self::not_applicable(nothing) } else { Self::List { items, from } }
    }

    /// That the field does not apply.
    pub fn not_applicable(because: impl Into<String>) -> Self {
        Self::NotApplicable { because: because.into() }
    }

    /// Yes or no.
    #[must_use]
    pub fn yes_no(from: Source, yes: bool) -> Self {
        let tick = |chosen, text: &str| Tick { chosen, text: text.to_owned() };
        Self::Choice { options: vec![tick(yes, "Yes"), tick(!yes, "No")], from }
    }
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub enum Part {
    /// A field of the template.
    Field {
        /// What it asks.
        label: String,
        /// The answer.
        answer: Answer,
    },
    /// Words that stand by themselves.
    Note {
        /// The words.
        text: String,
    },
    /// A table.
    Table {
        /// What it shows.
        caption: String,
        /// The heads of its columns.
        columns: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<String>>,
    },
}

/// A numbered section; the dots of its number say how deep it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its number: `2.2.1`.
    pub number: String,
    /// Its title.
    pub title: String,
    /// What it holds.
    pub parts: Vec<Part>,
}

impl Section {
    /// A section without parts yet.
    #[must_use]
    pub fn new(number: &str, title: &str) -> Self {
        Self { number: number.to_owned(), title: title.to_owned(), parts: Vec::new() }
    }

    /// With a field.
    #[must_use]
    pub fn field(mut self, label: &str, answer: Answer) -> Self {
        self.parts.push(Part::Field { label: label.to_owned(), answer });
        self
    }

    /// With words.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Note { text: text.into() });
        self
    }

    /// With a table; without rows there is none.
    #[must_use]
    pub fn table(mut self, caption: impl Into<String>, columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        if !rows.is_empty() {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            self.parts.push(Part::Table { caption: caption.into(), columns, rows });
        }
        self
    }
}

/// A question that nobody answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its id under `[disclosure]`.
    pub question: &'static str,
    /// What it asks.
    pub text: &'static str,
}

/// A whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Which template it fills in, and in which version of ours.
    pub template: String,
    /// Its title.
    pub title: String,
    /// The moment that it is true of.
    pub as_of: Timestamp,
    /// What that moment is taken from.
    pub as_of_from: &'static str,
    /// Its sections in the template's order.
    pub sections: Vec<Section>,
    /// What the law asks for and nobody gave.
    pub missing: Vec<Missing>,
    /// Answers that say otherwise than what was counted.
    pub contradictions: Vec<String>,
    /// What could not be counted, so that a figure or a list is a lower bound.
    pub incomplete: Vec<String>,
    /// What of the template itself could not be checked against its text.
    pub unverified: Vec<&'static str>,
    /// What a report of this kind can't know.
    pub limits: Vec<&'static str>,
}

impl Document {
    /// What keeps the report from being finished.
    #[must_use]
    pub fn open(&self) -> u64 {
        (self.missing.len() + self.contradictions.len() + self.incomplete.len()) as u64
    }
}

/// A text from outside on one line: control characters, line ends and marks that turn the direction of writing are shown, not
/// sent. Whoever names a host may otherwise write what a reader takes for the report's own words.
#[must_use]
pub fn plain(text: &str) -> String {
    let visible = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            '\u{fffd}'
        }
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(visible).collect()
}
