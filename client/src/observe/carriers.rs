//! Carriers: every place that an observer looks at, with the standards it may speak and the parser that reads it.

use cleartitle_schema::signals::{Parsed, ai_txt, record, robots, rsl, tdmrep, trust_txt};
use cleartitle_schema::vocab::AuthorityKind;
use cleartitle_schema::vocab::agents::AgentTable;

/// The table of crawler tokens that signals are read with.
pub type Agents = AgentTable;

/// The agents table that comes with the program.
#[must_use]
pub fn agents() -> &'static Agents {
    AgentTable::builtin()
}

/// What a carrier's answer may look like, and what an unexpected one means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text file of the site; absent is silent, an HTML page in its place is none.
    Text,
    /// As `Text`, and broken when nothing of it could be understood.
    Structured,
    /// Any response, whatever its kind; the beginning of its body is enough.
    Page,
    /// A document that another carrier named: to be absent or unreadable is a failure.
    Announced,
}

/// A response, as a carrier's parser gets it.
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: &'a [(String, String)],
    /// The payload, decoded.
    pub payload: &'a [u8],
    /// Where it was asked for.
    pub url: &'a str,
    /// The table of crawler tokens.
    pub agents: &'a Agents,
}

/// One place that is looked at.
pub struct Carrier {
    /// Its name in reports and in the state.
    pub name: &'static str,
    /// Its path on the site; none for documents that others name.
    pub path: Option<&'static str>,
    /// The standards that it may speak. What it fails at is always told under the first; under the others only where no
    /// other carrier was read, so that a failure never hides a reservation.
    pub standards: &'static [&'static str],
    /// What its answer may look like.
    pub form: Form,
    /// Most bytes of a body that are read.
    pub limit: usize,
    /// Reads an answer.
    pub parse: fn(&Answer<'_>) -> Parsed,
}

const MIB: usize = 1024 * 1024;

/// robots.txt (RFC 9309, 2022-09), with the lines that AIPREF, Content-Signal and RSL put into it.
pub static ROBOTS: Carrier = Carrier {
    name: "robots.txt",
    path: Some("/robots.txt"),
    standards: &["robots", "aipref", "content-signal", "rsl"],
    form: Form::Text,
    limit: 512 * 1024,
    parse: |answer| robots::parse(answer.payload, answer.agents),
};

/// TDMRep's file (W3C community group, 2024-05).
pub static TDMREP: Carrier = Carrier {
    name: "tdmrep.json",
    path: Some("/.well-known/tdmrep.json"),
    standards: &["tdmrep"],
    form: Form::Structured,
    limit: MIB,
    parse: |answer| tdmrep::parse_file(answer.payload),
};

/// ai.txt (Spawning, 2023-05).
pub static AI_TXT: Carrier = Carrier {
    name: "ai.txt",
    path: Some("/ai.txt"),
    standards: &["ai-txt"],
    form: Form::Text,
    limit: MIB,
    parse: |answer| ai_txt::parse(answer.payload),
};

/// ai.txt in the folder for such files.
pub static WELL_KNOWN_AI_TXT: Carrier = Carrier {
    name: ".well-known/ai.txt",
    path: Some("/.well-known/ai.txt"),
    standards: &["ai-txt"],
    form: Form::Text,
    limit: MIB,
    parse: |answer| ai_txt::parse(answer.payload),
};

/// trust.txt (JournalList, 2024-04).
pub static TRUST_TXT: Carrier = Carrier {
    name: "trust.txt",
    path: Some("/trust.txt"),
    standards: &["trust-txt"],
    form: Form::Text,
    limit: MIB,
    parse: |answer| trust_txt::parse(answer.payload),
};

/// The home page: its response's header fields, and the beginning of its HTML.
pub static HOME: Carrier = Carrier {
    name: "home page",
    path: Some("/"),
    standards: &["x-robots-tag", "aipref", "content-signal", "tdmrep", "rsl", "http-402", "x402"],
    form: Form::Page,
    limit: 256 * 1024,
    parse: |answer| record::read(answer.status, answer.headers, answer.payload, answer.agents),
};

/// An RSL document (1.0) that robots.txt or the home page names.
pub static RSL: Carrier = Carrier {
    name: "RSL document",
    path: None,
    standards: &["rsl"],
    form: Form::Announced,
    limit: MIB,
    parse: |answer| rsl::parse(answer.payload, answer.url, AuthorityKind::SiteFile),
};

/// A TDM policy (ODRL, TDMRep 2024-05) that a reservation names.
pub static TDM_POLICY: Carrier = Carrier {
    name: "TDM policy",
    path: None,
    standards: &["tdmrep"],
    form: Form::Announced,
    limit: MIB,
    parse: |answer| tdmrep::parse_policy(answer.payload, answer.url),
};

/// What is looked at on a site, in order. robots.txt comes first, since it decides whether the home page is asked for.
pub static SITE: [&Carrier; 6] = [&ROBOTS, &TDMREP, &AI_TXT, &WELL_KNOWN_AI_TXT, &TRUST_TXT, &HOME];

/// What is taken out of a crawl: each file's standards are its own, so that observations of one file never end what
/// another was seen to say. Home pages are left out for that reason; `filter` reads the marks inside each record itself.
pub static CRAWLED: [&Carrier; 5] = [&ROBOTS, &TDMREP, &AI_TXT, &WELL_KNOWN_AI_TXT, &TRUST_TXT];

impl Carrier {
    /// The carrier of a document that another one names; none for kinds that are not fetched.
    #[must_use]
    pub fn announced(standard: &str) -> Option<&'static Self> {
        match standard {
            "rsl" => Some(&RSL),
            "tdm-policy" => Some(&TDM_POLICY),
            _ => None,
        }
    }

    /// Whether two files may hold the same standard, so that silence in one says nothing of the other.
    #[must_use]
    pub fn has_twin(&self) -> bool {
        self.standards == AI_TXT.standards
    }
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Carrier {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
