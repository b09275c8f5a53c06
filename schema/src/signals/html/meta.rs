//! Meta elements: robots, crawlers by name, TDMRep, `Content-Usage` by `http-equiv`, names of licenses, and invented ones.

use super::needles::names_license;
use super::page::Page;
use super::tags::Tag;
use crate::signals::shown;
use crate::signals::{Complaint, Lint, Signal, license_uri, x_robots};
use crate::vocab::labels::{find, x_robots::TABLE};
use crate::vocab::{AgentPurpose, AppliesTo, AuthorityKind, Preference};

/// Longest content that is read as directives for a crawler with a name of its own.
const LONGEST_DIRECTIVES: usize = 300;

/// Names whose content is prose or for other machines: however it looks, it is no directive.
const OTHERS: [&str; 22] = [
    "og:",
    "article:",
    "twitter:",
    "fb:",
    "al:",
    "apple-",
    "msapplication",
    "msvalidate",
    "viewport",
    "description",
    "keywords",
    "author",
    "generator",
    "theme-color",
    "google-site",
    "google-adsense",
    "referrer",
    "format-detection",
    "title",
    "date",
    "news_keywords",
    "image",
];

/// Names of rights in Dublin Core.
const RIGHTS: [&str; 5] = ["dc.rights", "dcterms.rights", "dc:rights", "dcterms:rights", "rights"];

/// What a meta element is about.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Robots,
    /// A crawler's name, if it is one.
    Named(String),
    TdmReservation,
    TdmPolicy,
    ContentUsage,
    License,
    Rights,
    /// A name with AI in it that no standard has.
    Invented(String),
    Other,
}

fn kind(bytes: &[u8], tag: &Tag) -> Kind {
    for attribute in [&b"property"[..], b"itemprop", b"name"] {
        if tag.raw(bytes, attribute).is_some_and(names_license) {
            return Kind::License;
        }
    }
    let short = |attribute: &[u8]| tag.raw(bytes, attribute).filter(|raw| raw.len() <= 100);
    if let Some(equivalent) = short(b"http-equiv") {
        return match () {
            () if equivalent.eq_ignore_ascii_case(b"content-usage") => Kind::ContentUsage,
            () if equivalent.eq_ignore_ascii_case(b"x-robots-tag") => Kind::Robots,
            () => Kind::Other,
        };
    }
    let name = short(b"name").or_else(|| short(b"property")).unwrap_or_default();
    let starts = |other: &str| name.get(..other.len()).is_some_and(|it| it.eq_ignore_ascii_case(other.as_bytes()));
    // Nearly every element of nearly every page: kept free of copies, since the pre-check asks it too.
    if name.is_empty() || OTHERS.iter().any(|other| starts(other)) {
        return Kind::Other;
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    match name.as_str() {
        "robots" => Kind::Robots,
        "tdm-reservation" | "tdm:reservation" => Kind::TdmReservation,
        "tdm-policy" | "tdm:policy" => Kind::TdmPolicy,
        "content-usage" => Kind::ContentUsage,
        name if RIGHTS.contains(&name) => Kind::Rights,
        name if is_about_ai(name) => Kind::Invented(name.to_owned()),
        name => Kind::Named(name.to_owned()),
    }
}

fn is_about_ai(name: &str) -> bool {
    name.split(['-', '_', ':', '.']).any(|word| matches!(word, "ai" | "noai" | "noimageai" | "tdm" | "llm" | "genai"))
        || name.replace('-', "").contains("aitraining")
}

/// What evidently means "no" in an invented element.
fn denies(name: &str, content: &str) -> bool {
    let content = content.trim().to_ascii_lowercase();
    let word = content.split([',', ';', ' ']).next().unwrap_or_default();
    let no = ["no", "none", "false", "0", "off", "deny", "denied", "disallow", "disallowed", "forbidden", "prohibited"]
        .contains(&word)
        || content.split([',', ';']).any(x_robots::denies_ai)
        || content.starts_with("reserved")
        || content.starts_with("not allowed")
        || content.starts_with("opt-out");
    let named = x_robots::denies_ai(name);
    no || (named && matches!(word, "" | "yes" | "true" | "1" | "on"))
}

/// Whether reading this element could say something.
pub(super) fn speaks(bytes: &[u8], tag: &Tag) -> bool {
    let content = || tag.text(bytes, b"content").unwrap_or_default();
    match kind(bytes, tag) {
        Kind::Robots => x_robots::may_restrict(&content()),
        Kind::Named(_) => addressed(&content()).is_some(),
        Kind::TdmReservation | Kind::TdmPolicy | Kind::ContentUsage | Kind::License | Kind::Rights => true,
        Kind::Invented(name) => denies(&name, &content()),
        Kind::Other => false,
    }
}

/// The content, if it has the form of directives and restricts.
fn addressed(content: &str) -> Option<&str> {
    let form = |byte: u8| byte.is_ascii_alphanumeric() || b"-_,;: ".contains(&byte);
    (content.len() <= LONGEST_DIRECTIVES && content.bytes().all(form) && x_robots::may_restrict(content))
        .then_some(content)
}

/// Reads one element.
pub(super) fn read(page: &mut Page<'_>, tag: &Tag) {
    let content = tag.text(page.bytes, b"content").unwrap_or_default();
    match kind(page.bytes, tag) {
        Kind::Robots => page.said.join(x_robots::parse_meta("robots", &content, page.agents)),
        Kind::Named(name) => {
            let written = tag.text(page.bytes, b"name").unwrap_or(name);
            if let Some(content) = addressed(&content).filter(|_| is_crawler(page, &written)) {
                page.said.join(x_robots::parse_meta(&written, content, page.agents));
            }
        }
        Kind::TdmReservation => page.tdm_reservation.push(content),
        Kind::TdmPolicy => page.tdm_policy.push(content),
        Kind::ContentUsage => page.content_usage.push(content),
        Kind::License => page.mark(&content, AppliesTo::Unclear),
        // Prose about rights is no license; an address or the usual formula is a mark as it stands.
        Kind::Rights => {
            let reserved = content.to_ascii_lowercase().starts_with("all rights reserved");
            if reserved || license_uri::is_known_host(&content) {
                page.mark(&content, AppliesTo::Unclear);
            }
        }
        Kind::Invented(name) if denies(&name, &content) => {
            let written = format!("{name}: {content}");
            page.said.complaints.push(Complaint::at(0, Lint::NoStandard, format!("{written}: kept as a prohibition")));
            page.said.signals.push(invented(&written));
        }
        Kind::Invented(name) => {
            page.said.complaints.push(Complaint::at(0, Lint::NoStandard, format!("{name}: {content}")));
        }
        Kind::Other => {}
    }
}

fn is_crawler(page: &Page<'_>, name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    page.agents.purpose(name) != AgentPurpose::Unknown
        || ["bot", "crawler", "spider", "slurp"].iter().any(|word| lower.contains(word))
}

fn invented(written: &str) -> Signal {
    let uses = find(TABLE, "noai").map(|label| label.uses(Preference::Disallowed)).unwrap_or_default();
    let signal = Signal::of("other", "html", shown(written), AuthorityKind::Page, Preference::Disallowed, uses);
    Signal { malformed: true, ..signal }
}
