//! Plan: one ruling for all copies that `decide` can't tell apart, found by a lookup instead of a decision.
//!
//! The memo's key holds **everything that `decide` reads of a copy**: the candidate sets, the place of the capture among
//! the moments at which those statements change anything, and, statement by statement, whether and how its scope covers
//! the copy. A copy with any fact beyond its fetched URL, its bytes and its times goes to `decide` directly. Whoever
//! teaches `decide` to read another fact adds it to [`Key`] or to [`is_plain`]; the property test in `tests` looks for it.

use super::alike::Alike;
use cleartitle_schema::acquisition::{Acquisition, Keys, UrlRole};
use cleartitle_schema::decide::{Decision, Finding, Question, Reason, Verdict, decide};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentName, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::policy::{Outcome, Policy, act};
use cleartitle_schema::scope::{Match, Scope, Target};
use cleartitle_schema::signals::Signal;
use cleartitle_schema::snapshot::{Damage, HostNamed, SetKey, VerifiedSnapshot};
use cleartitle_schema::statement::Body;
use cleartitle_schema::surt::{UrlError, UrlKey};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::agents::AgentTable;
use cleartitle_schema::vocab::{Access, Channel};
use serde_json::value::RawValue;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of the memo, each with its own lock.
const SHARDS: usize = 64;
/// Most rulings kept in one part; a full part is emptied. A ruling of its own for each host, with the statements that it rests
/// on, comes to some four kilobytes, and all together to a quarter of a gigabyte.
const SHARD_LIMIT: usize = 1_024;

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

/// Everything that tells two plain copies apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    sets: SetKey,
    /// How many of the statements' moments are not after the capture.
    interval: usize,
    /// How each statement covers the copy.
    cover: Vec<u8>,
    /// Which of the policy's infringing sites a URL of the copy is on.
    infringing: Option<usize>,
    urls: bool,
    /// The same for every copy of a run; here so that the memo is right for any copy.
    acquired_at: Timestamp,
    channel: Option<Channel>,
    access: Option<Access>,
    missing: Missing,
}

/// One statement of a group, with what is asked of it again and again.
struct Member {
    registered: Arc<Registered>,
    authority: Authority,
    signers: Vec<Authority>,
    /// The signers that are no licensees of it.
    vouchers: Vec<Authority>,
    /// What of its scope claims bytes.
    claim: Option<Scope>,
}

/// All statements that may speak for copies with one set key: the candidates and everything that names them.
struct Group {
    members: Vec<Member>,
    /// The moments at which any of them begins, ends or was seen, sorted.
    moments: Vec<Timestamp>,
    /// Whether any of them names bytes, even to leave them out.
    names_bytes: bool,
    /// A scope leaves documents out by names that can be collided.
    excludes_weakly: bool,
    /// A scope leaves documents out.
    excludes: bool,
    /// None of them looks further into a copy than to its host and its times.
    hosts_alone: bool,
}

type Shard<K, V> = Mutex<HashMap<K, Arc<V>>>;

/// The rulings of one run: a snapshot, a policy and a moment of use.
pub struct Plan<'a, D> {
    snapshot: &'a VerifiedSnapshot<D>,
    policy: &'a Policy,
    agents: &'a AgentTable,
    used_at: Timestamp,
    hasher: RandomState,
    groups: Vec<Shard<SetKey, Group>>,
    rulings: Vec<Shard<Key, Ruling>>,
}

fn shards<K, V>() -> Vec<Shard<K, V>> {
    (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect()
}

impl<'a, D: AsRef<[u8]>> Plan<'a, D> {
    /// A plan that knows nothing yet.
    #[must_use]
    pub fn new(snapshot: &'a VerifiedSnapshot<D>, policy: &'a Policy, used_at: Timestamp) -> Self {
        let agents = AgentTable::builtin();
        Self { snapshot, policy, agents, used_at, hasher: RandomState::new(), groups: shards(), rulings: shards() }
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
        if !self.remembers(copy, &unread) {
            return self.rule_directly(copy, missing).map(Arc::new);
        }
        let (key, _) = self.key(copy, &keys, missing)?;
        self.recall(key, copy, missing)
    }

    /// The same for a copy that lacks nothing, with its host, and with what tells which other copies there share the ruling.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn rule_host(&self, copy: &Acquisition) -> Result<HostRuling, Damage> {
        let (keys, unread) = copy.keys();
        let host = keys.fetched().map(|url| url.host.clone());
        if !self.remembers(copy, &unread) {
            let ruling = Arc::new(self.rule_directly(copy, Missing::default())?);
            return Ok(HostRuling { ruling, host, alike: None });
        }
        let (key, group) = self.key(copy, &keys, Missing::default())?;
        let alike = self.alike(copy, &keys, group.as_deref())?;
        Ok(HostRuling { ruling: self.recall(key, copy, Missing::default())?, host, alike })
    }

    /// Whether rulings for such a copy are remembered.
    fn remembers(&self, copy: &Acquisition, unread: &[UrlError]) -> bool {
        // A person's exception may be about one address of a host.
        is_plain(copy) && unread.is_empty() && self.policy.actions.exceptions.is_empty()
    }

    fn recall(&self, key: Key, copy: &Acquisition, missing: Missing) -> Result<Arc<Ruling>, Damage> {
        let shard = self.shard(&self.rulings, &key);
        if let Some(found) = lock(shard).get(&key) {
            return Ok(Arc::clone(found));
        }
        let ruling = Arc::new(self.rule_directly(copy, missing)?);
        remember(shard, key, &ruling);
        Ok(ruling)
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
        let alone = group.is_none_or(|group| group.hosts_alone);
        if !alone || self.snapshot.names_host(url)? == HostNamed::ByPath {
            return Ok(None);
        }
        let moments = group.map_or(&[][..], |group| &group.moments);
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
        let sets = self.snapshot.sets_for(&copy.keys().0)?;
        Ok(!sets.is_empty() && self.group(&sets)?.names_bytes)
    }

    fn shard<'s, K: Hash, V>(&self, shards: &'s [Shard<K, V>], key: &K) -> &'s Shard<K, V> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        &shards[at]
    }

    fn key(&self, copy: &Acquisition, keys: &Keys, missing: Missing) -> Result<(Key, Option<Arc<Group>>), Damage> {
        let sets = self.snapshot.sets_for(keys)?;
        let acquired_at = copy.acquired_at.unwrap_or(self.used_at);
        let (mut interval, mut cover) = (0, Vec::new());
        let group = if sets.is_empty() { None } else { Some(self.group(&sets)?) };
        if let Some(group) = &group {
            let captured_at =
                if missing.captured_at { Timestamp::MIN } else { copy.captured_at.unwrap_or(acquired_at) };
            let captured_at = captured_at.min(acquired_at);
            interval = group.moments.partition_point(|moment| *moment <= captured_at);
            cover = group.cover(keys);
            // Then `decide` looks at the copy in these ways as well.
            for less in keys.less_left_out(group.excludes_weakly, group.excludes) {
                cover.extend(group.cover(&less));
            }
        }
        let sites = &self.policy.reading.infringing_sites;
        let infringing = if sites.is_empty() { None } else { self.infringing(keys, acquired_at) };
        let urls = !keys.urls.is_empty();
        let Acquisition { channel, access, .. } = *copy;
        Ok((Key { sets, interval, cover, infringing, urls, acquired_at, channel, access, missing }, group))
    }

    /// The first listed site that a URL of the copy is on, as `decide` finds it.
    fn infringing(&self, keys: &Keys, at: Timestamp) -> Option<usize> {
        let reading = &self.policy.reading;
        let found = keys.urls.iter().find_map(|(_, url)| reading.infringing(&url.host, at))?;
        reading.infringing_sites.iter().position(|site| site == found)
    }

    fn group(&self, sets: &SetKey) -> Result<Arc<Group>, Damage> {
        let shard = self.shard(&self.groups, sets);
        if let Some(found) = lock(shard).get(sets) {
            return Ok(Arc::clone(found));
        }
        let mut open: Vec<Arc<Registered>> = Vec::new();
        for place in self.snapshot.places(sets)? {
            open.push(self.snapshot.statement(place)?);
        }
        let mut found: BTreeMap<u64, Arc<Registered>> = BTreeMap::new();
        while let Some(registered) = open.pop() {
            if let Entry::Vacant(place) = found.entry(registered.index) {
                for id in registered.rests_on() {
                    open.extend(self.snapshot.try_naming(id)?);
                }
                place.insert(registered);
            }
        }
        let group = Arc::new(Group::of(found.into_values()));
        remember(shard, sets.clone(), &group);
        Ok(group)
    }
}

fn lock<K, V>(shard: &Shard<K, V>) -> std::sync::MutexGuard<'_, HashMap<K, Arc<V>>> {
    // A map of finished values is whole even after a panic elsewhere.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember<K: Hash + Eq, V>(shard: &Shard<K, V>, key: K, value: &Arc<V>) {
    let mut map = lock(shard);
    if map.len() >= SHARD_LIMIT {
        map.clear();
    }
    map.insert(key, Arc::clone(value));
}

/// Whether a copy has nothing but a fetched URL, bytes, times, channel and access.
fn is_plain(copy: &Acquisition) -> bool {
    let Acquisition { urls, works, collections, published_at, credits, marks, in_record, lineage, .. } = copy;
    urls.len() <= 1
        && urls.iter().all(|url| url.role == UrlRole::Fetched)
        && works.is_empty()
        && collections.is_empty()
        && published_at.is_none()
        && credits.is_empty()
        && marks.is_empty()
        && in_record.as_ref().is_none_or(|found| found.signals.is_empty())
        && lineage.is_empty()
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

impl Group {
    fn of(statements: impl Iterator<Item = Arc<Registered>>) -> Self {
        let members: Vec<Member> = statements
            .map(|registered| Member {
                authority: registered.authority(),
                signers: registered.signed_by.iter().map(|signer| signer.authority()).collect(),
                vouchers: vouchers_of(&registered),
                claim: claim_of(&registered),
                registered,
            })
            .collect();
        let mut moments: Vec<Timestamp> = members.iter().flat_map(|member| moments_of(&member.registered)).collect();
        moments.sort_unstable();
        moments.dedup();
        let names_bytes = members.iter().any(|member| {
            let statement = &member.registered.statement;
            let scopes = [statement.scope(), statement.taken_up()].into_iter().flatten();
            scopes.flat_map(Scope::targets).any(|target| matches!(target, Target::Content { .. }))
        });
        let excludes_weakly = members.iter().any(|member| member.registered.excludes_weakly());
        let excludes = members.iter().any(|member| member.registered.excludes());
        let hosts_alone = members.iter().all(|member| hosts_alone(&member.registered));
        Self { members, moments, names_bytes, excludes_weakly, excludes, hosts_alone }
    }

    /// How every statement covers a copy with these keys.
    fn cover(&self, keys: &Keys) -> Vec<u8> {
        let sites: Vec<(UrlRole, &UrlKey, Authority)> =
            keys.urls.iter().map(|(role, url)| (*role, url, url.authority())).collect();
        let mut cover = Vec::with_capacity(self.members.len() * 5);
        for member in &self.members {
            member.cover(keys, &sites, &mut cover);
        }
        cover
    }
}

/// Whether [`Member::cover`] is the same for all copies of a host that have one URL, whatever bytes they have: of all that it
/// reads, the names in a proof or a challenge, a target that is no whole host and the path of a signal tell them apart.
fn hosts_alone(registered: &Registered) -> bool {
    let statement = &registered.statement;
    let scopes = [statement.scope(), statement.taken_up()].into_iter().flatten();
    let whole = scopes.flat_map(Scope::targets).all(|target| matches!(target, Target::Host { .. }));
    whole
        && match &statement.body {
            Body::ClaimProof { .. } | Body::Challenge { .. } => false,
            Body::Observation { sighting, .. } => sighting.signals.iter().all(|signal| signal.pattern().is_none()),
            _ => true,
        }
}

/// Every moment that a rule may compare with the capture.
fn moments_of(registered: &Registered) -> impl Iterator<Item = Timestamp> {
    let observed = match &registered.statement.body {
        Body::Observation { sighting, .. } => Some(sighting.observed_at),
        _ => None,
    };
    let effective = registered.statement.effective;
    [Some(registered.registered_at), effective.from, effective.until, registered.tenure_from, observed]
        .into_iter()
        .flatten()
}

/// Who signed it without being its licensee.
fn vouchers_of(registered: &Registered) -> Vec<Authority> {
    let licensees = match &registered.statement.body {
        Body::Agreement { licensees, .. } => licensees.as_slice(),
        _ => &[],
    };
    let vouches = |signer: &&Domain| {
        !licensees.iter().any(|party| party.domain.authority() == signer.authority() || party.includes(signer))
    };
    registered.signed_by.iter().filter(vouches).map(Domain::authority).collect()
}

/// The part of its scope that names bytes or compilations, where it names URLs beside.
fn claim_of(registered: &Registered) -> Option<Scope> {
    let scope = registered.statement.scope().filter(|scope| scope.claims_content())?;
    let by_url = |target: &&Target| matches!(target, Target::Host { .. } | Target::Url { .. });
    let include = scope.include.iter().filter(|target| !by_url(target)).cloned().collect();
    Some(Scope { include, exclude: scope.exclude.clone() })
}

fn byte(found: Option<Match>) -> u8 {
    match found {
        None => 0,
        Some(Match::Fetched) => 1,
        Some(Match::Content) => 2,
        Some(Match::Work) => 3,
        Some(Match::Collection) => 4,
        Some(Match::OtherUrl) => 5,
        Some(Match::WeakContent) => 6,
        Some(Match::Folded) => 7,
    }
}

/// Which of the copy's names stand in a list, and which of them may clear.
fn listed_names(keys: &Keys, listed: impl Fn(&ContentName) -> bool) -> impl Iterator<Item = u8> {
    keys.content.iter().map(move |name| u8::from(listed(name)) | u8::from(name.may_clear()) << 1)
}

impl Member {
    fn cover(&self, keys: &Keys, sites: &[(UrlRole, &UrlKey, Authority)], cover: &mut Vec<u8>) {
        let fetched = sites.iter().find(|(role, ..)| *role == UrlRole::Fetched).map(|(.., authority)| authority);
        let served_here = sites.iter().any(|(.., authority)| *authority == self.authority);
        let fetched_here = fetched == Some(&self.authority);
        let countersigned = fetched.is_some_and(|site| self.signers.contains(site));
        if let Some(scope) = self.registered.statement.taken_up() {
            // Which part of an offer was taken up: covered or not.
            cover.push(byte(scope.permits(keys, true)));
        }
        if let Body::ClaimProof { content, .. } | Body::Challenge { content, .. } = &self.registered.statement.body {
            cover.extend(listed_names(keys, |name| content.contains(name)));
        }
        let Some(scope) = self.registered.statement.scope() else { return };
        let own_url = sites.iter().any(|(_, url, authority)| {
            *authority == self.authority && scope.include.iter().any(|target| target.covers_url(url))
        });
        let listed = scope.include.iter().any(|target| match target {
            Target::Content { ids } => keys.content.iter().any(|name| ids.contains(name)),
            _ => false,
        });
        if listed {
            // A proof or a challenge may be about some of the names alone.
            cover.extend(listed_names(keys, |name| self.registered.statement.claimed().any(|it| it == name)));
        }
        let restricts = scope.restricts(keys);
        let touches = if scope.exclude.is_empty() { restricts.is_some() } else { scope.touches(keys) };
        // A signature of a licensee's own site vouches for nothing.
        let vouched = fetched.is_some_and(|site| self.vouchers.contains(site));
        let bits = [served_here, fetched_here, countersigned, own_url, listed, touches, vouched];
        cover.push(byte(restricts));
        if let Some(claim) = &self.claim {
            // Whether the bytes alone are claimed, whatever URL is covered beside them.
            cover.push(byte(claim.restricts(keys)));
        }
        cover.push(byte(scope.permits(keys, false)));
        cover.push(byte(scope.permits(keys, true)));
        cover.push(bits.iter().enumerate().fold(0, |sum, (at, bit)| sum | (u8::from(*bit) << at)));
        let Body::Observation { sighting, .. } = &self.registered.statement.body else { return };
        let on_site: Vec<(UrlRole, &UrlKey)> = sites
            .iter()
            .filter(|(_, url, _)| {
                scope.include.iter().any(|target| target.covers_url(url) || target.covers_folded(url))
            })
            .map(|(role, url, _)| (*role, *url))
            .collect();
        // Each address by itself: an open one does not open another.
        cover.push(u8::try_from(on_site.len()).unwrap_or(u8::MAX));
        // By the pattern that `decide` matches: what it tells apart, the memo tells apart.
        for pattern in sighting.signals.iter().filter_map(Signal::pattern) {
            let matched = |(role, url): &(UrlRole, &UrlKey)| {
                u8::from(pattern.matches(&url.path)) | u8::from(*role == UrlRole::Fetched) << 1
            };
            cover.extend(on_site.iter().map(matched));
        }
    }
}
