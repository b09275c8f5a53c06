//! Plan: the rulings of one run, from the memo where `decide` can't tell copies apart, and what the policy does with each.
//!
//! What tells copies apart is the memo's to say ([`Memo`]); beside it stand here the facts that a copy lacks, since a copy
//! without its URL or its time is ruled otherwise, and the policy, of which a person's exception may be about one address.

use super::alike::Alike;
use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::decide::{Decision, Finding, Question, Reason, Verdict, decide};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::memo::{Asked, Group, Key, Memo, Plain};
use cleartitle_schema::policy::{Outcome, Policy, act};
use cleartitle_schema::snapshot::{Candidates, Damage, HostNamed, SetKey, VerifiedSnapshot};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::agents::AgentTable;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// About the most memory of the memo: for the statements that speak for copies alike, and for rulings. A ruling of its own for
/// each host, with its reasons, comes to some three kilobytes.
const GROUP_BYTES: usize = 64 << 20;
const RULING_BYTES: usize = 192 << 20;

/// A decision and what the policy does with it, ready to be written down.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// The verdict with its reasons.
    pub decision: Decision,
    /// What the policy does.
    pub outcome: Outcome,
    /// The decision's reasons as JSON.
    pub reasons: Box<RawValue>,
    /// The codes of the reasons, the deciding one first, without repeats.
    pub codes: Vec<Reason>,
    /// The statements among the reasons, sorted.
    pub statements: Vec<StatementId>,
}

impl Ruling {
    fn new(decision: Decision, outcome: Outcome) -> Self {
        let mut codes: Vec<Reason> = Vec::new();
        for finding in &decision.reasons {
            if !codes.contains(&finding.code) {
                codes.push(finding.code);
            }
        }
        let statements: BTreeSet<StatementId> = decision.reasons.iter().filter_map(|it| it.statement).collect();
        let reasons = serde_json::value::to_raw_value(&decision.reasons).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { decision, outcome, reasons, codes, statements: statements.into_iter().collect() }
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let Decision { reasons, duties, voices, .. } = &self.decision;
        512 + self.reasons.get().len()
            + 160 * reasons.len()
            + 256 * duties.len()
            + 64 * (voices.len() + self.statements.len())
    }
}

/// Facts that a copy should have and lacks. Without them nothing is cleared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Missing {
    /// No URL at all.
    pub url: bool,
    /// No capture time that can be read.
    pub captured_at: bool,
}

/// A ruling, the host it was made on, and who shares it there.
#[derive(Debug, Clone)]
pub struct HostRuling {
    /// The ruling.
    pub ruling: Arc<Ruling>,
    /// The host of the URL that the bytes were fetched from, where that can be read.
    pub host: Option<String>,
    /// Which other copies on that host and port have the same ruling, if their paths can't matter.
    pub alike: Option<Alike>,
}

/// The rulings of one run: a snapshot, a policy and a moment of use.
pub struct Plan<'a, D> {
    snapshot: &'a VerifiedSnapshot<D>,
    policy: &'a Policy,
    agents: &'a AgentTable,
    used_at: Timestamp,
    memo: Memo<Ruling>,
}

/// What a thread writes keys into, one copy after another.
#[derive(Default)]
struct Room {
    sets: Vec<u8>,
    key: Key,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl<'a, D: AsRef<[u8]>> Plan<'a, D> {
    /// A plan that knows nothing yet.
    #[must_use]
    pub fn new(snapshot: &'a VerifiedSnapshot<D>, policy: &'a Policy, used_at: Timestamp) -> Self {
        let (agents, memo) = (AgentTable::builtin(), Memo::within(GROUP_BYTES, RULING_BYTES));
        Self { snapshot, policy, agents, used_at, memo }
    }

    /// The same with another table of crawler tokens for what records say of themselves.
    #[must_use]
    pub fn with_agents(self, agents: &'a AgentTable) -> Self {
        Self { agents, ..self }
    }

    /// The table of crawler tokens.
    #[must_use]
    pub const fn agents(&self) -> &'a AgentTable {
        self.agents
    }

    /// The snapshot that it rules by.
    #[must_use]
    pub const fn snapshot(&self) -> &'a VerifiedSnapshot<D> {
        self.snapshot
    }

    /// The policy that it rules by.
    #[must_use]
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// The moment of use.
    #[must_use]
    pub const fn used_at(&self) -> Timestamp {
        self.used_at
    }

    /// The ruling for a copy: from the memo where it can be, the same as [`Plan::rule_directly`] gives.
    ///
    /// # Errors
    /// Damage in the snapshot: then nothing is known of any copy.
    pub fn rule(&self, copy: &Acquisition, missing: Missing) -> Result<Arc<Ruling>, Damage> {
        let (keys, unread) = copy.keys();
        match self.plain(copy).filter(|_| unread.is_empty()) {
            Some(plain) => self.recall(plain, copy, &keys, missing).map(|(ruling, _)| ruling),
            None => self.rule_directly(copy, missing).map(Arc::new),
        }
    }

    /// The same for a copy that lacks nothing, with its host, and with what tells which other copies there share the ruling.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn rule_host(&self, copy: &Acquisition) -> Result<HostRuling, Damage> {
        let (keys, unread) = copy.keys();
        let host = keys.fetched().map(|url| url.host.clone());
        let Some(plain) = self.plain(copy).filter(|_| unread.is_empty()) else {
            let ruling = Arc::new(self.rule_directly(copy, Missing::default())?);
            return Ok(HostRuling { ruling, host, alike: None });
        };
        let (ruling, group) = self.recall(plain, copy, &keys, Missing::default())?;
        let alike = self.alike(copy, &keys, group.as_deref())?;
        Ok(HostRuling { ruling, host, alike })
    }

    /// What the memo looks at, where rulings for such a copy are remembered.
    fn plain(&self, copy: &Acquisition) -> Option<Plain> {
        // A person's exception may be about one address of a host.
        Plain::of(copy).filter(|_| self.policy.actions.exceptions.is_empty())
    }

    /// The ruling, and the statements that may speak for such a copy.
    fn recall(
        &self,
        plain: Plain,
        copy: &Acquisition,
        keys: &Keys,
        missing: Missing,
    ) -> Result<(Arc<Ruling>, Option<Arc<Group>>), Damage> {
        let found = self.snapshot.sets_for(keys)?;
        // Without a time the earliest capture is the strictest reading, as in `rule_directly`.
        let captured_at = if missing.captured_at { Some(Timestamp::MIN) } else { plain.captured_at };
        ROOM.with_borrow_mut(|Room { sets, key }| {
            sets.clear();
            found.write(sets);
            let group = if found.is_empty() { None } else { Some(self.group(&found, sets)?) };
            let asked = Asked {
                sets,
                keys,
                copy: Plain { captured_at, ..plain },
                used_at: self.used_at,
                reading: &self.policy.reading,
                beside: &[u8::from(missing.url), u8::from(missing.captured_at)],
            };
            key.write(&asked, group.as_deref());
            if let Some(ruling) = self.memo.recall(key) {
                return Ok((ruling, group));
            }
            let ruling = Arc::new(self.rule_directly(copy, missing)?);
            self.memo.keep(key, &ruling, ruling.weight());
            Ok((ruling, group))
        })
    }

    fn group(&self, found: &SetKey, sets: &[u8]) -> Result<Arc<Group>, Damage> {
        self.memo.group(sets, &Candidates { snapshot: self.snapshot, sets: found })
    }

    /// Which copies on the same host and port have the key of this one, whatever their paths and bytes are, as long as these
    /// have one URL with no other address inside, and names that no statement lists. `None`: their paths may matter.
    fn alike(&self, copy: &Acquisition, keys: &Keys, group: Option<&Group>) -> Result<Option<Alike>, Damage> {
        let [(_, url)] = keys.urls.as_slice() else { return Ok(None) };
        for name in &keys.content {
            if !self.snapshot.by_content(name)?.is_empty() {
                return Ok(None);
            }
        }
        let alone = group.is_none_or(Group::hosts_alone);
        if !alone || self.snapshot.names_host(url)? == HostNamed::ByPath {
            return Ok(None);
        }
        let moments = group.map_or(&[][..], Group::moments);
        Ok(Some(Alike::around(copy, self.used_at, moments)))
    }

    /// Gathers the evidence for this very copy, decides, and asks the policy.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn rule_directly(&self, copy: &Acquisition, missing: Missing) -> Result<Ruling, Damage> {
        let evidence = self.snapshot.gather(copy)?;
        let mut question: Question = self.policy.question(copy.clone(), self.used_at);
        if missing.captured_at {
            // The earliest capture is the strictest reading: every restriction since counts, nothing evidenced later helps.
            question.acquisition.captured_at = Some(Timestamp::MIN);
        }
        let decision = capped(decide(&question, &evidence, &self.policy.reading), missing);
        let outcome = act(&self.policy.actions, &question, &decision);
        Ok(Ruling::new(decision, outcome))
    }

    /// Whether the bytes of a copy that is known by its URL alone could change its ruling, where no lookup by bytes would
    /// find anything: a statement that may speak for it names bytes, be it to leave them out.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn bytes_matter(&self, copy: &Acquisition) -> Result<bool, Damage> {
        let found = self.snapshot.sets_for(&copy.keys().0)?;
        let mut sets = Vec::new();
        found.write(&mut sets);
        Ok(!found.is_empty() && self.group(&found, &sets)?.names_bytes())
    }
}

/// The decision, at best `unknown` where a fact is missing that every reservation is judged by. Only ever worsens it.
fn capped(mut decision: Decision, missing: Missing) -> Decision {
    let facts = [(missing.url, "url"), (missing.captured_at, "captured-at")];
    for (_, fact) in facts.iter().filter(|(lacks, _)| *lacks) {
        let finding = Finding::new(Reason::FactMissing).detail(*fact);
        if decision.verdict < Verdict::Unknown {
            decision.reasons.push(finding);
        } else {
            decision.verdict = Verdict::Unknown;
            decision.duties.clear();
            decision.reasons.insert(0, finding);
        }
    }
    decision
}
