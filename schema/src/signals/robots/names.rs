//! Whom the user-agent lines of a file name: one entry a token, whatever its case and version, with what it stands for.

use super::groups::Token;
use crate::signals::Agent;
use crate::vocab::agents::AgentTable;
use crate::vocab::labels::robots as table;
use crate::vocab::{AgentPurpose, Use};
use std::collections::HashMap;

/// The entry of everybody, which is always there.
pub(super) const EVERYBODY: usize = 0;

/// Up to so many names are compared one by one; a file that names thousands must not cost their square.
const FEW: usize = 16;

/// One token.
#[derive(Debug)]
pub(super) struct Name {
    pub agent: Agent,
    /// What a `Disallow` reserves.
    pub uses: &'static [Use],
    /// Some reading of the file disallows it something.
    pub disallowed: bool,
    /// Some reading of the file allows it something.
    pub allowed: bool,
}

/// Every token that a file names.
#[derive(Debug)]
pub(super) struct Names<'t> {
    pub list: Vec<Name>,
    places: HashMap<String, usize>,
    agents: &'t AgentTable,
}

impl<'t> Names<'t> {
    pub fn new(agents: &'t AgentTable) -> Self {
        let agent = Agent { token: "*".to_owned(), purpose: AgentPurpose::Unknown };
        let everybody =
            Name { agent, uses: table::disallowed(AgentPurpose::Unknown), disallowed: false, allowed: false };
        Self { list: vec![everybody], places: HashMap::new(), agents }
    }

    /// The entry of a user-agent line; `None` for a line that names nobody.
    pub fn of(&mut self, token: Token<'_>) -> Option<usize> {
        if token.is_everybody() {
            return Some(EVERYBODY);
        }
        if token.name.is_empty() {
            return None;
        }
        let whole = std::str::from_utf8(token.name).ok().and_then(|name| self.agents.find(name));
        let head = token.head();
        let text = match whole {
            Some(_) => token.name,
            None => head,
        };
        if self.list.len() <= FEW {
            let same = |name: &Name| name.agent.token.as_bytes().eq_ignore_ascii_case(text);
            if let Some(place) = self.list.iter().skip(1).position(same) {
                return Some(place + 1);
            }
        } else if let Some(place) = self.places.get(&lowered(text)) {
            return Some(*place);
        }
        let shown = crate::signals::shown(&String::from_utf8_lossy(text));
        let row = whole.or_else(|| self.agents.find(&shown));
        let purpose = row.map_or(AgentPurpose::Unknown, |row| row.purpose());
        let uses = row.map_or(table::disallowed(purpose), table::disallowed_of);
        self.list.push(Name { agent: Agent { token: shown, purpose }, uses, disallowed: false, allowed: false });
        if self.list.len() == FEW + 1 {
            let places = self.list.iter().enumerate().skip(1);
            self.places = places.map(|(place, name)| (lowered(name.agent.token.as_bytes()), place)).collect();
        } else if self.list.len() > FEW {
            self.places.insert(lowered(text), self.list.len() - 1);
        }
        Some(self.list.len() - 1)
    }
}

fn lowered(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_lowercase()
}
