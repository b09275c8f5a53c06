//! One walk over a page: where in it the reader stands, and what was found so far.

use super::tags::{Found, Tag, Tags, raw_text};
use super::{MOST_FOUND, json_ld, link, meta, needles};
use crate::signals::{Complaint, Lint, Mark, Parsed, license_uri, rsl};
use crate::vocab::agents::AgentTable;
use crate::vocab::{AppliesTo, AuthorityKind};

/// Elements that may stand in a head; any other begins the body, as browsers read it.
const OF_HEAD: [&[u8]; 11] =
    [b"html", b"head", b"meta", b"link", b"script", b"style", b"title", b"base", b"noscript", b"template", b"basefont"];

/// Elements that hold something other than the page's own text, with what a license inside them is about.
const REGIONS: [(&[u8], Region); 8] = [
    (b"footer", Region::Frame),
    (b"nav", Region::Frame),
    (b"aside", Region::Frame),
    (b"figure", Region::Part),
    (b"figcaption", Region::Part),
    (b"blockquote", Region::Part),
    (b"picture", Region::Part),
    (b"video", Region::Part),
];

/// Where in the page the walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// In the head.
    Head,
    /// In the body, in nothing of note.
    Body,
    /// In the site's frame around the page: footer, navigation, sidebar.
    Frame,
    /// In a picture, its caption or a quotation.
    Part,
}

/// A page while it is read.
pub(super) struct Page<'a> {
    pub bytes: &'a [u8],
    pub agents: &'a AgentTable,
    pub said: Parsed,
    pub region: Region,
    pub tdm_reservation: Vec<String>,
    pub tdm_policy: Vec<String>,
    pub content_usage: Vec<String>,
    pub documents: json_ld::Documents,
    open: [u32; REGIONS.len()],
    in_body: bool,
    full: bool,
}

impl<'a> Page<'a> {
    pub fn new(bytes: &'a [u8], agents: &'a AgentTable) -> Self {
        Self {
            bytes,
            agents,
            said: Parsed::default(),
            region: Region::Head,
            tdm_reservation: Vec::new(),
            tdm_policy: Vec::new(),
            content_usage: Vec::new(),
            documents: json_ld::Documents::default(),
            open: [0; REGIONS.len()],
            in_body: false,
            full: false,
        }
    }

    /// Reads every tag up to the last place at which a mark may stand.
    pub fn walk(&mut self, last: usize) {
        let mut tags = Tags::new(self.bytes);
        while tags.place() <= last {
            match tags.next() {
                None => break,
                Some(Found::TooLong) => {
                    self.said.complaints.push(Complaint::at(0, Lint::TooMuch, "a tag longer than is read"));
                }
                Some(Found::End(name)) => self.leave(&self.bytes[name]),
                Some(Found::Start(tag)) if tag.start > last => break,
                Some(Found::Start(tag)) => self.enter(&tag),
            }
            if self.full {
                break;
            }
        }
    }

    fn enter(&mut self, tag: &Tag) {
        let bytes = self.bytes;
        let name = &bytes[tag.name.clone()];
        if !self.in_body && !OF_HEAD.iter().any(|one| name.eq_ignore_ascii_case(one)) {
            self.in_body = true;
        }
        self.count(name, true);
        if tag.is(bytes, b"meta") {
            meta::read(self, tag);
        } else if tag.is(bytes, b"link") {
            link::read(self, tag);
        } else if tag.is(bytes, b"script") {
            self.script(tag);
        } else if !tag.attributes.is_empty() && link::names_a_license(bytes, tag) {
            link::read_mark(self, tag);
        }
    }

    fn leave(&mut self, name: &[u8]) {
        self.in_body |= name.eq_ignore_ascii_case(b"head");
        self.count(name, false);
    }

    fn count(&mut self, name: &[u8], opens: bool) {
        if let Some(at) = REGIONS.iter().position(|(known, _)| name.eq_ignore_ascii_case(known)) {
            self.open[at] = if opens { self.open[at].saturating_add(1) } else { self.open[at].saturating_sub(1) };
        }
        let inside = |region: Region| REGIONS.iter().zip(self.open).any(|((_, of), open)| *of == region && open > 0);
        self.region = match () {
            () if inside(Region::Part) => Region::Part,
            () if inside(Region::Frame) => Region::Frame,
            () if self.in_body => Region::Body,
            () => Region::Head,
        };
    }

    fn script(&mut self, tag: &Tag) {
        let Some(kind) = tag.value_at(self.bytes, b"type") else { return };
        let content = raw_text(self.bytes, tag.end, b"script");
        let lower = self.bytes[kind.clone()].trim_ascii().to_ascii_lowercase();
        if lower.starts_with(b"application/rsl+xml") {
            let mut inline = rsl::parse(&self.bytes[content], "", AuthorityKind::Page);
            inline.signals.iter_mut().for_each(|signal| {
                // The document is this page: there is no other address to send anybody to.
                signal.policy = signal.policy.take().filter(|policy| !policy.is_empty());
            });
            self.said.join(inline);
        } else if lower.starts_with(b"application/ld+json") {
            let plus = self.bytes[kind.clone()].iter().position(|byte| *byte == b'+').map(|at| kind.start + at);
            if plus.is_some_and(|at| needles::json_speaks(self.bytes, at)) {
                self.documents.add(&self.bytes[content], &mut self.said.complaints);
            }
        }
    }

    /// Takes in a license mark.
    pub fn mark(&mut self, written: &str, applies_to: AppliesTo) {
        let Some(license) = license_uri::mark_text(written) else { return };
        if self.said.marks.len() < MOST_FOUND {
            self.said.marks.push(Mark { license, applies_to });
        } else {
            self.too_much();
        }
    }

    /// Says once that more was there than is read.
    pub fn too_much(&mut self) {
        let said = self.said.complaints.iter().any(|complaint| complaint.lint == Lint::TooMuch);
        if !said {
            self.said.complaints.push(Complaint::at(0, Lint::TooMuch, "more marks than are read"));
        }
        // Hostile repetition ends here; marks of the rest could only have named more licenses.
        self.full = self.said.marks.len() >= MOST_FOUND && self.said.signals.len() >= MOST_FOUND;
    }
}
