//! A group: all statements that may speak for copies with one set key, the moments at which any of them changes anything, and
//! how each covers a copy.

use super::cover::{ScopeTargets, Sites};
use crate::decide::{ANSWER_TIME, CLAIM_LAPSE};
use crate::evidence::Registered;
use crate::issuer::{Authority, Domain};
use crate::scope::{Scope, Target};
use crate::signals::Signal;
use crate::statement::Body;
use crate::surt::PathPattern;
use crate::time::{Timestamp, Window};
use std::sync::Arc;

/// One statement of a group, with what is asked of it again and again.
struct Member {
    registered: Arc<Registered>,
    authority: Authority,
    signers: Vec<Authority>,
    /// The signers that are no licensees of it.
    vouchers: Vec<Authority>,
    scope: Option<ScopeTargets>,
    /// Which part of an offer was taken up.
    taken_up: Option<ScopeTargets>,
    /// Of an observation, the patterns of its signals, as `decide` matches them.
    patterns: Vec<PathPattern>,
}

/// All statements that may speak for copies with one set key: the candidates and everything that names them.
pub struct Group {
    members: Vec<Member>,
    /// The moments at which any of them begins, ends or was seen, sorted.
    moments: Vec<Timestamp>,
    /// Those that a time of use is compared with: the same, what lapses or runs out, and what terms say of it.
    uses: Vec<Timestamp>,
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
        let members: Vec<Member> = statements.map(Member::of).collect();
        let each = || members.iter().map(|member| &*member.registered);
        let moments = sorted(each().flat_map(moments_of).collect());
        let uses = sorted(each().flat_map(uses_of).chain(moments.iter().copied()).collect());
        let names_bytes = each().any(names_bytes);
        let hosts_alone = each().all(hosts_alone);
        Self { members, moments, uses, names_bytes, hosts_alone }
    }

    /// The moments at which any of them begins, ends or was seen, sorted.
    #[must_use]
    pub fn moments(&self) -> &[Timestamp] {
        &self.moments
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
            let signers = member.signers.len() + member.vouchers.len();
            let targets = [&member.scope, &member.taken_up].into_iter().flatten().map(ScopeTargets::weight);
            320 + 48 * signers + 64 * member.patterns.len() + targets.sum::<usize>()
        };
        8 * (self.moments.len() + self.uses.len()) + self.members.iter().map(member).sum::<usize>()
    }

    /// Between which moments the capture, the copying and the use stand. All three are compared with those moments and with
    /// nothing else, each as "not before".
    pub(super) fn intervals(&self, captured_at: Timestamp, acquired_at: Timestamp, used_at: Timestamp) -> [usize; 3] {
        let among = |moments: &[Timestamp], time: Timestamp| moments.partition_point(|moment| *moment <= time);
        [among(&self.moments, captured_at), among(&self.moments, acquired_at), among(&self.uses, used_at)]
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
    fn of(registered: Arc<Registered>) -> Self {
        let patterns = match &registered.statement.body {
            Body::Observation { sighting, .. } => sighting.signals.iter().filter_map(Signal::pattern).collect(),
            _ => Vec::new(),
        };
        Self {
            authority: registered.authority(),
            signers: registered.signed_by.iter().map(Domain::authority).collect(),
            vouchers: vouchers_of(&registered),
            scope: registered.statement.scope().map(ScopeTargets::of),
            taken_up: registered.statement.taken_up().map(ScopeTargets::of),
            patterns,
            registered,
        }
    }

    fn cover(&self, sites: &Sites<'_>, out: &mut Vec<u8>) {
        let statement = &self.registered.statement;
        if let Some((scope, targets)) = statement.taken_up().zip(self.taken_up.as_ref()) {
            out.extend(sites.sites.iter().map(|site| targets.address(scope, site)));
            out.extend(sites.names.iter().map(|name| targets.name(scope, name)));
        }
        if let Body::ClaimProof { content, .. } | Body::Challenge { content, .. } = &statement.body {
            // A proof or a challenge may be about some of the names alone.
            out.extend(sites.names.iter().map(|name| u8::from(content.contains(name))));
        }
        let Some((scope, targets)) = statement.scope().zip(self.scope.as_ref()) else { return };
        let first = out.len();
        for (place, site) in sites.sites.iter().enumerate() {
            let fetched = sites.fetched == Some(place);
            let by = |authorities: &[Authority]| fetched && authorities.iter().any(|authority| site.under(authority));
            let bits = [site.under(&self.authority), by(&self.signers), by(&self.vouchers)];
            let signs = bits.iter().enumerate().fold(0, |sum, (at, bit)| sum | (u8::from(*bit) << at));
            out.push(targets.address(scope, site) | signs << 4);
        }
        out.extend(sites.names.iter().map(|name| targets.name(scope, name)));
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
