//! JSON-LD with schema.org's terms (as of 2026-11): licenses, usage information, paywalls, and who else is named.
//!
//! Only what is said of the page's own work is taken as said of the page; pictures, comments, listed items and sources are
//! parts. Deliberately absent: contexts other than schema.org's names, and JSON-LD in other files.

use super::MOST_FOUND;
use super::page::Page;
use crate::signals::price::obtain;
use crate::signals::shown;
use crate::signals::{Complaint, Credit, Lint, Signal};
use crate::vocab::{AppliesTo, AuthorityKind, CreditKind, Preference, Use};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of one script that are read; a longer one is not JSON that anybody writes.
pub(super) const LARGEST: usize = 512 * 1024;

/// Most scripts of one page.
const MOST_SCRIPTS: usize = 50;

/// Deepest nesting that is walked. `serde_json` refuses deeper JSON than 128 by itself.
const DEEPEST: usize = 24;

/// Most objects of one page.
const MOST_OBJECTS: usize = 20_000;

/// Names without which a script says nothing that is read. `icense` is in `license`, `sdLicense` and `dct:license`.
pub(super) const PROPERTIES: [&str; 7] =
    ["icense", "usageInfo", "isAccessibleForFree", "copyrightHolder", "creditText", "isBasedOn", "copyrightNotice"];

/// What an object is, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A text that a page is about.
    Work,
    /// The page itself.
    Page,
    /// A site or collection.
    Whole,
    /// A picture, film or sound.
    Media,
    Code,
    Other,
}

const WORKS: [&str; 20] = [
    "Article",
    "NewsArticle",
    "BlogPosting",
    "SocialMediaPosting",
    "TechArticle",
    "ScholarlyArticle",
    "Report",
    "OpinionNewsArticle",
    "AnalysisNewsArticle",
    "ReviewNewsArticle",
    "ReportageNewsArticle",
    "BackgroundNewsArticle",
    "LiveBlogPosting",
    "CreativeWork",
    "Book",
    "Chapter",
    "Recipe",
    "LearningResource",
    "Course",
    "HowTo",
];
const PAGES: [&str; 6] = ["WebPage", "ItemPage", "AboutPage", "FAQPage", "QAPage", "MedicalWebPage"];
const WHOLES: [&str; 7] = ["WebSite", "Dataset", "DataCatalog", "Collection", "CollectionPage", "Periodical", "Blog"];
const MEDIA: [&str; 6] = ["ImageObject", "VideoObject", "AudioObject", "Photograph", "MediaObject", "ImageGallery"];
const CODE: [&str; 3] = ["SoftwareSourceCode", "SoftwareApplication", "WebApplication"];

fn sort(object: &Map<String, Value>) -> Sort {
    let names = texts(object.get("@type"));
    let is = |known: &[&str]| {
        names.iter().any(|name| known.contains(&name.rsplit(['/', ':', '#']).next().unwrap_or_default()))
    };
    match () {
        () if is(&MEDIA) => Sort::Media,
        () if is(&CODE) => Sort::Code,
        () if is(&WHOLES) => Sort::Whole,
        () if is(&WORKS) => Sort::Work,
        () if is(&PAGES) => Sort::Page,
        () => Sort::Other,
    }
}

/// The scripts of a page, which may refer to each other.
#[derive(Debug, Default)]
pub(super) struct Documents {
    roots: Vec<Value>,
    seen: usize,
}

impl Documents {
    /// Takes in one script.
    pub fn add(&mut self, content: &[u8], complaints: &mut Vec<Complaint>) {
        self.seen += 1;
        if content.len() > LARGEST || self.seen > MOST_SCRIPTS {
            complaints.push(Complaint::at(0, Lint::TooMuch, "JSON-LD longer or more numerous than is read"));
            return;
        }
        let text = String::from_utf8_lossy(content);
        let text = text.trim().trim_start_matches("<!--").trim_end_matches("-->");
        let text = text.trim().trim_start_matches("//<![CDATA[").trim_start_matches("<![CDATA[");
        let text = text.trim_end_matches("]]>").trim_end_matches("//").trim();
        match serde_json::from_str(text) {
            Ok(root) => self.roots.push(root),
            // Raw line ends inside strings are the one common slip.
            Err(_) => match serde_json::from_str(&text.replace(['\n', '\r', '\t'], " ")) {
                Ok(root) => self.roots.push(root),
                Err(error) => complaints.push(Complaint::at(0, Lint::Malformed, format!("JSON-LD: {error}"))),
            },
        }
    }

    /// Says what all of them say.
    pub fn tell(self, page: &mut Page<'_>) {
        if self.roots.is_empty() {
            return;
        }
        let mut telling = Telling { page, names: BTreeMap::new(), publishers: BTreeSet::new(), objects: 0 };
        for root in &self.roots {
            telling.learn(root, 0);
        }
        telling.objects = 0;
        for root in &self.roots {
            telling.root(root);
        }
    }
}

struct Telling<'p, 'a> {
    page: &'p mut Page<'a>,
    /// Names of things by their `@id`.
    names: BTreeMap<String, String>,
    /// Names and identifiers of whoever publishes the page, lower-cased.
    publishers: BTreeSet<String>,
    objects: usize,
}

impl Telling<'_, '_> {
    /// Learns what things are called and who publishes.
    fn learn(&mut self, value: &Value, depth: usize) {
        if depth > DEEPEST || self.objects > MOST_OBJECTS {
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.learn(item, depth + 1)),
            Value::Object(object) => {
                self.objects += 1;
                if let (Some(id), Some(name)) = (text(object.get("@id")), text(object.get("name"))) {
                    self.names.entry(id).or_insert(name);
                }
                if matches!(sort(object), Sort::Work | Sort::Page | Sort::Whole) && depth <= 3 {
                    for name in ["publisher", "author", "sourceOrganization"] {
                        for party in parties(object.get(name)) {
                            self.publishers.insert(party.to_lowercase());
                        }
                    }
                }
                object.values().for_each(|member| self.learn(member, depth + 1));
            }
            _ => {}
        }
    }

    /// A script's top: one object, a list of them, or `@graph`.
    fn root(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.root(item)),
            Value::Object(object) => {
                match object.get("@graph") {
                    Some(Value::Array(items)) => items.iter().for_each(|item| self.object(item, true, 0)),
                    Some(one) => self.object(one, true, 0),
                    None => {}
                }
                self.object(value, true, 0);
            }
            _ => {}
        }
    }

    /// One object; `top` while it is the page's own work rather than something that the work mentions.
    fn object(&mut self, value: &Value, top: bool, depth: usize) {
        self.objects += 1;
        if depth > DEEPEST || self.objects > MOST_OBJECTS {
            return self.page.too_much();
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.object(item, top, depth + 1)),
            Value::Object(object) => {
                self.terms(object, top);
                for (name, member) in object.iter().filter(|(name, _)| *name != "@graph") {
                    // A page's main entity is what the page is about; all else is mentioned by it.
                    let own = top && matches!(name.as_str(), "mainEntity" | "mainEntityOfPage");
                    self.object(member, own, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn terms(&mut self, object: &Map<String, Value>, top: bool) {
        let sort = sort(object);
        let applies_to = match sort {
            Sort::Work | Sort::Page if top => AppliesTo::Item,
            Sort::Whole => AppliesTo::Compilation,
            Sort::Code => AppliesTo::Code,
            Sort::Media => AppliesTo::Part,
            Sort::Other if top => AppliesTo::Unclear,
            _ => AppliesTo::Part,
        };
        for (name, value) in object {
            // Names may carry a prefix or the vocabulary's whole address.
            match name.rsplit([':', '/', '#']).next().unwrap_or_default() {
                "license" => self.licenses(value, applies_to),
                "sdLicense" => self.licenses(value, AppliesTo::Metadata),
                "usageInfo" if top && sort != Sort::Media => self.usage_info(value),
                "isAccessibleForFree" if is_false(value) => self.paywall(),
                "copyrightHolder" => self.credit(value, CreditKind::Byline),
                "creditText" => self.credit(value, CreditKind::Credit),
                "isBasedOn" => self.credit(value, CreditKind::Byline),
                "copyrightNotice" => self.notice(value, applies_to),
                _ => {}
            }
        }
    }

    fn licenses(&mut self, value: &Value, applies_to: AppliesTo) {
        for written in addresses(value) {
            self.page.mark(&written, applies_to);
        }
    }

    /// A notice is prose; the usual formula is kept as it stands, since it says that no license is given.
    fn notice(&mut self, value: &Value, applies_to: AppliesTo) {
        for written in texts(Some(value)) {
            if written.to_lowercase().contains("all rights reserved") {
                self.page.mark(&written, applies_to);
            }
        }
    }

    /// Terms that stand on another page: what they permit can't be known from here.
    fn usage_info(&mut self, value: &Value) {
        let uses = vec![Use::TrainAi, Use::AiUse, Use::TrainNongen, Use::AiIndex, Use::TdmOther, Use::Redistribute];
        for url in addresses(value).into_iter().take(10) {
            let detail = format!("usageInfo: {url}");
            self.page.said.complaints.push(Complaint::at(0, Lint::TermsElsewhere, &detail));
            let signal = Signal { policy: Some(url), malformed: true, uses: uses.clone(), ..said(&detail) };
            self.page.said.signals.push(signal);
        }
    }

    /// No opt-out: reading it takes a subscription, and what that allows stands elsewhere.
    fn paywall(&mut self) {
        let signal =
            Signal { uses: vec![Use::Crawl], duties: vec![obtain(None)], ..said("isAccessibleForFree: false") };
        if !self.page.said.signals.contains(&signal) {
            self.page.said.signals.push(signal);
        }
    }

    /// Somebody other than the page's publisher.
    fn credit(&mut self, value: &Value, kind: CreditKind) {
        for named in parties(Some(value)) {
            let name = self.names.get(&named).unwrap_or(&named).clone();
            let own = [&named, &name].iter().any(|one| self.publishers.contains(&one.to_lowercase()))
                || self.publishers.iter().any(|id| self.names.get(id).is_some_and(|known| *known == name));
            if own || name.trim().is_empty() {
                continue;
            }
            if self.page.said.credits.len() >= MOST_FOUND {
                return self.page.too_much();
            }
            self.page.said.credits.push(Credit { kind, name: shown(name.trim()) });
        }
    }
}

/// A permission for nothing yet: whoever calls fills in what it is.
fn said(written: &str) -> Signal {
    Signal::of("other", "schema.org", shown(written), AuthorityKind::Page, Preference::Allowed, Vec::new())
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Array(items) => items.iter().any(is_false),
        Value::String(word) => {
            let word = word.trim().to_ascii_lowercase();
            matches!(word.rsplit('/').next(), Some("false" | "no" | "0"))
        }
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => text(object.get("@value")),
        Value::Array(items) => text(items.first().filter(|first| !first.is_array())),
        _ => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().take(100).filter_map(|item| text(Some(item))).collect(),
        one => text(one).into_iter().collect(),
    }
}

/// Addresses or names of works: text, or an object that has one.
fn addresses(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => ["url", "@id", "@value", "name"].iter().find_map(|name| text(object.get(*name))),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().take(100).filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

/// Names of parties: text, or an object with a name or an identifier.
fn parties(value: Option<&Value>) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => ["name", "@id", "url", "@value"].iter().find_map(|name| text(object.get(*name))),
        _ => None,
    };
    match value {
        Some(Value::Array(items)) => items.iter().take(100).filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}
