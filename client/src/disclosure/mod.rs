//! Disclosure: reports on a data set as laws and codes ask for them, out of its papers, the one verdict, and what people answer.
//!
//! A report is gathered ([`facts`]) in one pass, asks what data can't know ([`questions`], [`answers`]), becomes one tree
//! ([`document`]) and is shown as Markdown, HTML or JSON. Equal inputs give equal bytes: no clock is read.
//!
//! Not here: the verdict (`decide`, by [`crate::gate::Judge`]), what is owed ([`crate::bill`]), machine-readable inventories
//! ([`crate::export`]). No report says that a law is kept: it states what is known, and what is missing.

pub mod answers;
mod attribution;
mod california;
mod copyright;
mod desk;
pub mod document;
mod eu;
pub mod facts;
pub mod gather;
pub mod html;
pub mod markdown;
pub mod modality;
pub mod questions;
pub mod runs;
pub mod sizes;

use answers::Answers;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::time::Timestamp;
use desk::Desk;
use document::Document;
use facts::Facts;
use std::io;

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Template {
    /// EU AI Act, article 53(1)(d): the public summary of training content.
    Eu,
    /// The same for small and medium-sized providers: fewer domain names.
    EuSme,
    /// California, AB 2013 (Civil Code section 3111): the twelve items.
    California,
    /// GPAI Code of Practice, copyright chapter: evidence for measures 1.1 to 1.5.
    GpaiCopyright,
    /// Who is to be named, and how.
    Attribution,
}

impl Template {
    /// The word on the command line and in answers' comments.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::EuSme => "eu-sme",
            Self::California => "california",
            Self::GpaiCopyright => "gpai-copyright",
            Self::Attribution => "attribution",
        }
    }
}

/// What a report is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// What was counted.
    pub facts: &'a mut Facts,
    /// What people answered.
    pub answers: &'a Answers,
    /// By what was judged.
    pub policy: &'a Policy,
    /// BLAKE3 of the policy file.
    pub policy_digest: String,
    /// The snapshot's log and size, in words.
    pub snapshot: String,
    /// The moment that the report is true of.
    pub as_of: Timestamp,
    /// What that moment is taken from.
    pub as_of_from: &'static str,
}

/// Makes a report.
///
/// # Errors
/// What reading temporary files gives.
pub fn report(template: Template, inputs: Inputs<'_>) -> io::Result<Document> {
    let mut desk = Desk::new(template, inputs);
    let sections = match template {
        Template::Eu | Template::EuSme => eu::sections(&mut desk)?,
        Template::California => california::sections(&mut desk)?,
        Template::GpaiCopyright => copyright::sections(&mut desk),
        Template::Attribution => attribution::sections(&mut desk),
    };
    Ok(desk.finish(sections))
}
