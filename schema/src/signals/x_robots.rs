//! `X-Robots-Tag` and robots meta elements (no specification; Google's and Bing's documentation as of 2026-11).
//!
//! What search engines alone obey is kept for them alone; `noai` and its kin count for whomever they name. Deliberately
//! absent: `unavailable_after`, which only says when a result goes, and `data-nosnippet`, which marks parts.

use super::{Agent, Complaint, Lint, Parsed, Signal, shown};
use crate::vocab::agents::AgentTable;
use crate::vocab::labels::{Label, find, x_robots};
use crate::vocab::{AgentPurpose, AuthorityKind, Preference, Use};

/// What [`Signal::standard`] says.
pub const STANDARD: &str = "x-robots-tag";

/// The state of the vendors' documentation that is read; nobody numbers it.
pub const VERSION: &str = "2026-11";

/// Most bytes of one field value or content attribute that are read.
const LONGEST: usize = 16 * 1024;

/// Most directives of one carrier.
const MOST: usize = 500;

/// Directives whose colon belongs to them.
const WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// Directives about search results that say nothing of the uses here.
const HARMLESS: [&str; 14] = [
    "all",
    "index",
    "follow",
    "nofollow",
    "archive",
    "snippet",
    "notranslate",
    "noodp",
    "noydir",
    "indexifembedded",
    "nositelinkssearchbox",
    "nopagereadaloud",
    "noyaca",
    "",
];

/// The response header, one value a field line. Lines that something on the way joined are told apart item by item.
#[must_use]
pub fn parse_header(values: &[&str], agents: &AgentTable) -> Parsed {
    let mut reading = Reading::new(AuthorityKind::Response, agents);
    for value in values {
        reading.value(value, None);
    }
    reading.said
}

/// A meta element: `robots`, or the name of the crawler that it is for.
#[must_use]
pub fn parse_meta(name: &str, content: &str, agents: &AgentTable) -> Parsed {
    let name = name.trim();
    let addressee = (!name.eq_ignore_ascii_case("robots")).then(|| name.to_owned());
    let mut reading = Reading::new(AuthorityKind::Page, agents);
    reading.value(content, addressee.as_deref());
    reading.said
}

/// Whether any directive of a value could become a signal, for whatever agent.
pub(super) fn may_restrict(content: &str) -> bool {
    content.len() > LONGEST
        || content.split([',', ';', ':', ' ', '\t', '\n', '\r', '\x0c']).any(|word| {
            let word = word.trim().to_ascii_lowercase();
            word == "max-snippet" || meaning(&word).is_some()
        })
}

/// Whether a directive is one of those about AI, written alone.
pub(super) fn denies_ai(word: &str) -> bool {
    meaning(&word.trim().to_ascii_lowercase()).is_some_and(|(label, _)| speaks_of_ai(label))
}

/// Whether any word of an item denies AI uses, or a piece of it that is one directive with a gap in it (`no ai`).
fn denies_any(item: &str) -> bool {
    item.split(':').any(|piece| denies_ai(piece) || piece.split_ascii_whitespace().any(denies_ai))
}

struct Reading<'a> {
    agents: &'a AgentTable,
    authority: AuthorityKind,
    said: Parsed,
    read: usize,
}

impl<'a> Reading<'a> {
    fn new(authority: AuthorityKind, agents: &'a AgentTable) -> Self {
        Self { agents, authority, said: Parsed::default(), read: 0 }
    }

    fn complain(&mut self, lint: Lint, detail: &str) {
        self.said.complaints.push(Complaint::at(0, lint, detail));
    }

    /// One field value. A prefix holds to its end (Google), but a word about AI that follows without a prefix may as well
    /// be the next line of a joined header: then it is for everybody.
    fn value(&mut self, value: &str, addressee: Option<&str>) {
        let value = if value.len() > LONGEST {
            self.complain(Lint::TooMuch, &format!("{} bytes of directives: all AI uses are denied", value.len()));
            self.deny_all(addressee);
            return;
        } else {
            value
        };
        let mut agent = addressee.map(str::to_owned);
        let mut dated = false;
        for item in value.split([',', ';']).map(str::trim) {
            self.read += 1;
            if self.read > MOST {
                self.complain(Lint::TooMuch, "more directives than are read: all AI uses are denied");
                self.deny_all(addressee);
                return;
            }
            match item.split_once(':') {
                None => {
                    let word = item.to_ascii_lowercase();
                    let whom = if denies_any(&word) { addressee } else { agent.as_deref() };
                    self.directive(&word, None, item, whom, dated);
                }
                Some((name, rest)) => {
                    let (name, rest) = (name.trim(), rest.trim());
                    let lower = name.to_ascii_lowercase();
                    if WITH_VALUE.contains(&lower.as_str()) {
                        dated = lower == "unavailable_after";
                        self.directive(&lower, Some(rest), item, agent.as_deref(), dated);
                    } else if meaning(&lower).is_some() {
                        let whom = if denies_any(item) { addressee } else { agent.as_deref() };
                        self.directive(&lower, None, item, whom, dated);
                        self.directive(&rest.to_ascii_lowercase(), None, rest, whom, true);
                    } else {
                        self.prefixed(name, rest, item, &mut agent, addressee, &mut dated);
                    }
                }
            }
        }
    }

    /// An item with a colon that belongs to no directive: an agent's name before it, or a piece of a date.
    fn prefixed(
        &mut self,
        name: &str,
        rest: &str,
        item: &str,
        agent: &mut Option<String>,
        addressee: Option<&str>,
        dated: &mut bool,
    ) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte);
        let names = !name.is_empty() && name.len() <= 100 && name.bytes().all(token);
        if names {
            *agent = if name == "*" { addressee.map(str::to_owned) } else { Some(name.to_owned()) };
            *dated = false;
        }
        // What stands behind a prefix that can't be one counts for whom the value is for.
        let whom = if names { agent.clone() } else { addressee.map(str::to_owned) };
        if let Some((name, value)) = rest.split_once(':') {
            let lower = name.trim().to_ascii_lowercase();
            if WITH_VALUE.contains(&lower.as_str()) {
                *dated = lower == "unavailable_after";
                return self.directive(&lower, Some(value.trim()), item, whom.as_deref(), *dated);
            }
            if !*dated {
                self.complain(Lint::Malformed, item);
            }
        }
        let quiet = *dated || rest.contains(':');
        for one in rest.split(':') {
            self.directive(&one.trim().to_ascii_lowercase(), None, item, whom.as_deref(), quiet);
        }
    }

    /// One directive, lower-cased. `quiet` where an unknown word is part of a date or of rubbish already complained of.
    fn directive(&mut self, word: &str, value: Option<&str>, written: &str, whom: Option<&str>, quiet: bool) {
        if word == "max-snippet" {
            return self.max_snippet(value.unwrap_or_default(), written, whom);
        }
        let Some((label, invented)) = meaning(word) else {
            // `noindex nofollow`: the commas were forgotten.
            if word.contains(|letter: char| letter.is_ascii_whitespace()) {
                let mut words = word.split_ascii_whitespace().filter(|one| meaning(one).is_some()).peekable();
                if words.peek().is_some() {
                    self.complain(Lint::Malformed, written);
                    words.for_each(|one| self.directive(one, None, one, whom, true));
                    return;
                }
            }
            if !quiet && value.is_none() && !HARMLESS.contains(&word) && !word.starts_with("max-") {
                self.complain(Lint::UnknownLabel, written);
            }
            return;
        };
        if invented {
            self.complain(Lint::NoStandard, &format!("{written}: kept as a prohibition"));
        }
        match (label.word, whom) {
            // What an engine does with its own copies binds that engine; nobody else is spoken to.
            ("noarchive", None) => {
                self.deny(label, written, Some(engine("bingbot")), false);
                self.deny_uses(written, vec![Use::TrainAi, Use::TrainNongen], Some(engine("Amazonbot")), false);
            }
            ("nocache", None) => self.deny(label, written, Some(engine("bingbot")), false),
            ("nosnippet", None) => self.deny(label, written, Some(engine("Googlebot")), false),
            ("noarchive", Some(token)) if !documents(token, &["bingbot", "msnbot", "amazonbot"]) => {}
            ("nocache", Some(token)) if !documents(token, &["bingbot", "msnbot"]) => {}
            ("nosnippet", Some(token)) if !token.to_ascii_lowercase().starts_with("google") => {}
            (_, whom) => {
                let agent = whom.map(|token| self.agent(token));
                self.deny(label, written, agent, invented);
            }
        }
    }

    /// How many characters Google may show, also in generated answers. Its unit is no unit of ours: never a permission.
    fn max_snippet(&mut self, value: &str, written: &str, whom: Option<&str>) {
        if whom.is_some_and(|token| !token.to_ascii_lowercase().starts_with("google")) || value == "-1" {
            return;
        }
        let agent = whom.map_or_else(|| engine("Googlebot"), |token| self.agent(token));
        match value.parse::<i64>() {
            Ok(0) => self.deny_uses(written, vec![Use::AiUse], Some(agent), false),
            Ok(limit) if limit > 0 => {
                let signal = self.signal(written, Preference::Allowed, vec![Use::AiUse], Some(agent), true);
                self.said.signals.push(signal);
            }
            _ => self.complain(Lint::UnknownValue, written),
        }
    }

    fn agent(&self, token: &str) -> Agent {
        Agent { token: token.to_owned(), purpose: self.agents.purpose(token) }
    }

    fn deny(&mut self, label: &Label, written: &str, agent: Option<Agent>, malformed: bool) {
        self.deny_uses(written, label.uses(Preference::Disallowed), agent, malformed);
    }

    fn deny_uses(&mut self, written: &str, uses: Vec<Use>, agent: Option<Agent>, malformed: bool) {
        let signal = self.signal(written, Preference::Disallowed, uses, agent, malformed);
        self.said.signals.push(signal);
    }

    fn deny_all(&mut self, addressee: Option<&str>) {
        let agent = addressee.map(|token| self.agent(token));
        if let Some(label) = find(x_robots::TABLE, "noai") {
            self.deny(label, "noai", agent, true);
        }
    }

    fn signal(
        &self,
        written: &str,
        preference: Preference,
        uses: Vec<Use>,
        agent: Option<Agent>,
        malformed: bool,
    ) -> Signal {
        let signal = Signal::of(STANDARD, VERSION, shown(written.trim()), self.authority, preference, uses);
        Signal { agent, malformed, ..signal }
    }
}

/// A search engine that a directive binds without naming it. It counts as the engine's crawler whatever else its operator
/// collects with it: else a wish about cached copies would reserve the page against everybody who trains.
fn engine(token: &str) -> Agent {
    Agent { token: token.to_owned(), purpose: AgentPurpose::Search }
}

fn documents(token: &str, known: &[&str]) -> bool {
    known.iter().any(|one| one.eq_ignore_ascii_case(token))
}

fn speaks_of_ai(label: &Label) -> bool {
    label.word == "noai" || label.word == "noimageai" || x_robots::INVENTED.iter().any(|one| one.word == label.word)
}

/// The row of a lower-case word, and whether somebody made the word up.
fn meaning(word: &str) -> Option<(&'static Label, bool)> {
    if let Some(label) = find(x_robots::TABLE, word).filter(|label| label.word != "max-snippet") {
        return Some((label, false));
    }
    if word.len() > 60 || !(word.starts_with("no") || word.starts_with("disallow")) {
        return None;
    }
    let bare: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    // `no-ai` and `no_image_ai` are misspellings of documented words.
    let spelled = find(x_robots::TABLE, &bare).filter(|label| speaks_of_ai(label));
    let any = ["noai", "nonai", "disallowai", "noimageai"].iter().any(|start| bare.starts_with(start));
    let made_up = find(x_robots::INVENTED, &bare);
    let label = spelled.or(made_up).or_else(|| if any { find(x_robots::INVENTED, "noai*") } else { None })?;
    Some((label, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn denies(said: &Parsed) -> bool {
        said.signals.iter().any(|signal| {
            signal.agent.is_none() && signal.preference == Preference::Disallowed && signal.uses.contains(&Use::TrainAi)
        })
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = parse_header(&[&text], AgentTable::builtin());
            let _ = parse_meta(&text, &text, AgentTable::builtin());
        }

        #[test]
        fn what_speaks_was_announced(content in "((noai|noindex|max-snippet|bot|GPTBot|unavailable_after|50|x)(,|, |: | |;)){0,6}") {
            let said = parse_meta("robots", &content, AgentTable::builtin());
            prop_assert!(said.signals.is_empty() || may_restrict(&content));
        }

        /// A proxy that joins field lines takes no denial away from everybody.
        #[test]
        fn joined_lines_deny_no_less(
            lines in proptest::collection::vec("((noai|noindex|no-ai|bot: |x|unavailable_after: 1 Jan 2026 10:00|notrain)(,|, |: | )?){0,4}", 0..4),
        ) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let apart = parse_header(&lines, AgentTable::builtin());
            let joined = parse_header(&[&lines.join(", ")], AgentTable::builtin());
            prop_assert!(!denies(&apart) || denies(&joined), "{apart:?} and {joined:?}");
        }
    }
}
