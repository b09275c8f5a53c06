//! A group: all statements that may speak for copies with one set key, the moments at which any of them changes anything, and
//! how each covers a copy.

use super::cover::{ScopeTargets, Site, Sites};
use crate::decide::{ANSWER_TIME, CLAIM_LAPSE};
use crate::evidence::Registered;
use crate::id::ContentName;
use crate::issuer::{Authority, Domain};
use crate::scope::{Scope, Target};
use crate::signals::Signal;
use crate::statement::Body;
use crate::surt::PathPattern;
use crate::time::{Timestamp, Window};
use std::sync::Arc;

/// Of so many statements of a group memory is asked for ahead: the usual one has one.
const TOUCHED: usize = 4;

/// What is asked of one statement of a group again and again; the statement itself is not held.
struct Member {
    authority: Authority,
    /// The signers and those of them who are no licensees, where they are others than the authority alone.
    others: Option<Box<[Vec<Authority>; 2]>>,
    scope: Option<ScopeTargets>,
    /// Which part of an offer was taken up.
    taken_up: Option<Box<ScopeTargets>>,
    /// The names that a proof or a challenge is about.
    about: Option<Box<[ContentName]>>,
    /// Of an observation, the patterns of its signals, as `decide` matches them.
    patterns: Box<[PathPattern]>,
}

/// All statements that may speak for copies with one set key: the candidates and everything that names them.
pub struct Group {
    members: Vec<Member>,
    /// The moments at which any of them begins, ends or was seen, sorted; and behind them those that a time of use is compared with: the same,
    /// what lapses or runs out, and what terms say of it. In one place of memory.
    times: Box<[Timestamp]>,
    /// How many are the former.
    moments: usize,
    names_bytes: bool,
    hosts_alone: bool,
}

fn sorted(mut moments: Vec<Timestamp>) -> Vec<Timestamp> {
    moments.sort_unstable();
    moments.dedup();
    moments
}

impl Group {
    pub(super) fn of(statements: impl Iterator<Item = Arc<Registered>>) -> Self {
        let statements: Vec<Arc<Registered>> = statements.collect();
        let each = || statements.iter().map(|registered| &**registered);
        let members = each().map(Member::of).collect();
        let moments = sorted(each().flat_map(moments_of).collect());
        let uses = sorted(each().flat_map(uses_of).chain(moments.iter().copied()).collect());
        let names_bytes = each().any(names_bytes);
        let hosts_alone = each().all(hosts_alone);
        let (times, moments) = ([moments.as_slice(), &uses].concat().into(), moments.len());
        Self { members, times, moments, names_bytes, hosts_alone }
    }

    /// The moments at which any of them begins, ends or was seen, sorted.
    #[must_use]
    pub fn moments(&self) -> &[Timestamp] {
        self.times.get(..self.moments).unwrap_or_default()
    }

    /// Whether any of them names bytes, even to leave them out.
    #[must_use]
    pub const fn names_bytes(&self) -> bool {
        self.names_bytes
    }

    /// Whether none of them looks further into a copy than to its host and its times.
    #[must_use]
    pub const fn hosts_alone(&self) -> bool {
        self.hosts_alone
    }

    pub(super) fn weight(&self) -> usize {
        let member = |member: &Member| {
            let others = member.others.iter().flat_map(|others| others.iter()).map(Vec::len).sum::<usize>();
            let patterns = member.patterns.iter().map(PathPattern::weight).sum::<usize>();
            let targets = member.scope.iter().chain(member.taken_up.as_deref()).map(ScopeTargets::weight);
            let about = member.about.as_ref().map_or(0, |names| size_of_val(&**names));
            320 + 48 * others + patterns + about + targets.sum::<usize>()
        };
        128 + size_of_val(&*self.times) + self.members.iter().map(member).sum::<usize>()
    }

    /// Between which moments the capture, the copying and the use stand. All three are compared with those moments and with
    /// nothing else, each as "not before".
    pub(super) fn intervals(&self, captured_at: Timestamp, acquired_at: Timestamp, used_at: Timestamp) -> [usize; 3] {
        let among = |moments: &[Timestamp], time: Timestamp| moments.partition_point(|moment| *moment <= time);
        let (moments, uses) = (self.moments(), self.times.get(self.moments..).unwrap_or_default());
        [among(moments, captured_at), among(moments, acquired_at), among(uses, used_at)]
    }

    /// Asks, step by step, for the memory that [`Group::cover`] reads for an address whose host has this hash. Whoever has many copies takes
    /// each step for all of them before the next.
    pub(super) fn touch(&self, step: usize, host: u32) -> u8 {
        let members = || self.members.iter().take(TOUCHED);
        let scopes = || members().filter_map(|member| member.scope.as_ref());
        let first = |bytes: &[u8]| bytes.first().copied().unwrap_or_default();
        match step {
            0 => members().fold(u8::from(self.hosts_alone), |all, member| all ^ member.touch()),
            1 => {
                let times = self.times.iter().step_by(8).take(16).fold(0, |all, time| all ^ time.0.to_le_bytes()[0]);
                let speaks = members().fold(times, |all, member| all ^ first(member.authority.as_str().as_bytes()));
                scopes().fold(speaks, |all, scope| all ^ scope.include.touch_entry(host))
            }
            _ => scopes().fold(0, |all, scope| all ^ scope.include.touch_texts(host)),
        }
    }

    /// How every statement covers a copy.
    pub(super) fn cover(&self, sites: &Sites<'_>, out: &mut Vec<u8>) {
        self.members.iter().for_each(|member| member.cover(sites, out));
    }
}

/// Whether what a statement covers is the same for all copies of a host that have one URL, whatever bytes they have: of all
/// that [`Member::cover`] reads, the names in a proof or a challenge, a target that is no whole host and the path of a signal
/// tell them apart.
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

fn names_bytes(registered: &Registered) -> bool {
    let statement = &registered.statement;
    let scopes = [statement.scope(), statement.taken_up()].into_iter().flatten();
    scopes.flat_map(Scope::targets).any(|target| matches!(target, Target::Content { .. }))
}

/// Every moment that a rule may compare with the capture or with the copying.
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

/// Every other moment that a rule may compare with the use.
fn uses_of(registered: &Registered) -> Vec<Timestamp> {
    let statement = &registered.statement;
    let at = registered.registered_at;
    let mut uses = vec![at.plus_seconds(CLAIM_LAPSE), at.plus_seconds(ANSWER_TIME)];
    let mut window = |window: Option<Window>| {
        uses.extend(window.into_iter().flat_map(|window| [window.from, window.until]).flatten());
    };
    statement.terms().into_iter().flat_map(|terms| terms.rules()).for_each(|rule| window(rule.constraints.used));
    match &statement.body {
        Body::Observation { sighting, .. } => {
            sighting.signals.iter().for_each(|signal| window(signal.constraints.used));
        }
        Body::Discharge { period, .. } => window(*period),
        _ => {}
    }
    uses
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

impl Member {
    fn of(registered: &Registered) -> Self {
        let statement = &registered.statement;
        let patterns = match &statement.body {
            Body::Observation { sighting, .. } => sighting.signals.iter().filter_map(Signal::pattern).collect(),
            _ => Box::default(),
        };
        let about = match &statement.body {
            Body::ClaimProof { content, .. } | Body::Challenge { content, .. } => Some(content.as_slice().into()),
            _ => None,
        };
        let authority = registered.authority();
        let by = [registered.signed_by.iter().map(Domain::authority).collect(), vouchers_of(registered)];
        let itself = by.iter().all(|by: &Vec<Authority>| *by == [authority.clone()]);
        Self {
            others: (!itself).then(|| Box::new(by)),
            scope: statement.scope().map(ScopeTargets::of),
            taken_up: statement.taken_up().map(|scope| Box::new(ScopeTargets::of(scope))),
            authority,
            about,
            patterns,
        }
    }

    /// Asks for its own lines of memory.
    fn touch(&self) -> u8 {
        let parts = [self.others.is_some(), self.taken_up.is_some(), self.about.is_some(), self.patterns.is_empty()];
        let scope = self.scope.as_ref().map_or(0, ScopeTargets::touch);
        parts.into_iter().fold(scope, |all, part| all ^ u8::from(part)) ^ u8::from(self.authority.as_str().is_empty())
    }

    /// What of an address hangs on who speaks: three bits.
    fn signs(&self, site: &Site<'_>, fetched: bool) -> u8 {
        let own = site.under(&self.authority);
        let [signed, vouched] = match self.others.as_deref() {
            None => [fetched && own; 2],
            Some(others) => others.each_ref().map(|by| fetched && by.iter().any(|authority| site.under(authority))),
        };
        u8::from(own) | u8::from(signed) << 1 | u8::from(vouched) << 2
    }

    fn cover(&self, sites: &Sites<'_>, out: &mut Vec<u8>) {
        if let Some(taken_up) = &self.taken_up {
            out.extend(sites.sites.iter().map(|site| taken_up.address(site)));
            out.extend(sites.names.iter().map(|name| taken_up.name(name)));
        }
        if let Some(about) = &self.about {
            // A proof or a challenge may be about some of the names alone.
            out.extend(sites.names.iter().map(|name| u8::from(about.contains(name))));
        }
        let Some(scope) = &self.scope else { return };
        let first = out.len();
        for (place, site) in sites.sites.iter().enumerate() {
            out.push(scope.address(site) | self.signs(site, sites.fetched == Some(place)) << 4);
        }
        out.extend(sites.names.iter().map(|name| scope.name(name)));
        if self.patterns.is_empty() {
            return;
        }
        // Each address by itself: an open one does not open another. By the pattern that `decide` matches: what it tells
        // apart, the memo tells apart.
        for (place, site) in sites.sites.iter().enumerate() {
            let on_site = out.get(first + place).is_some_and(|bits| bits & 0b11 != 0);
            let matched = |pattern: &PathPattern| u8::from(on_site && pattern.matches(&site.url.path));
            out.extend(self.patterns.iter().map(matched));
        }
    }
}
