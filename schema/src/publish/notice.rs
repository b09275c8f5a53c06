//! Notice: one statement as it can be published on one site, which every writer reads.

use super::stance::{Bearing, Stance, stance};
use super::{Area, Loss, What, unique};
use crate::issuer::Domain;
use crate::scope::Scope;
use crate::statement::{Body, Kind, Statement};
use crate::terms::Terms;
use crate::time::Window;
use crate::vocab::{Basis, Use};
use std::collections::BTreeMap;

/// Addresses that files name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Where the RSL document will stand.
    pub rsl: String,
    /// Where the TDM policy will stand.
    pub policy: String,
    /// A page where a license can be asked for.
    pub terms: Option<String>,
    /// A mail address for the same.
    pub contact: Option<String>,
}

impl Places {
    /// The usual places on a site.
    #[must_use]
    pub fn on(site: &Domain) -> Self {
        Self {
            rsl: format!("https://{site}/license.xml"),
            policy: format!("https://{site}/tdm-policy.json"),
            terms: None,
            contact: None,
        }
    }
}

/// What a statement says to everybody about one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The site.
    pub site: Domain,
    /// Who speaks, by name where the statement gives one.
    pub holder: String,
    /// The part of the site.
    pub area: Area,
    /// What is said of each use; a use that is not here is left unsaid.
    pub stances: BTreeMap<Use, Stance>,
    /// Where further files stand.
    pub places: Places,
}

/// Why nothing of a statement is published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// Only reservations, grants and offers speak to everybody.
    #[error("a statement of the kind `{0}` is nothing that a site says to everybody")]
    Kind(Kind),
    /// The scope covers nothing there.
    #[error("the statement covers nothing on `{0}`")]
    Elsewhere(Domain),
}

impl Notice {
    /// What of a statement can be said to everybody on a site, and what no format could say.
    ///
    /// # Errors
    /// [`Unpublishable`].
    pub fn of(statement: &Statement, site: &Domain, places: Places) -> Result<(Self, Vec<Loss>), Unpublishable> {
        let (basis, scope, terms, offered) = match &statement.body {
            Body::Reservation { basis, scope, terms } | Body::Grant { basis, scope, terms } => {
                (*basis, scope, terms, false)
            }
            Body::Offer { basis, scope, terms, .. } => (*basis, scope, terms, true),
            _ => return Err(Unpublishable::Kind(statement.kind())),
        };
        let (area, mut losses) = Area::of(scope, site);
        let area = area.ok_or_else(|| Unpublishable::Elsewhere(site.clone()))?;
        let dated = statement.effective != Window::default()
            || matches!(&statement.body, Body::Offer { accept_until: Some(_), .. });
        if dated {
            let detail = "a restriction is written without its dates, a permission as one that has to be asked for";
            losses.push(Loss::new("all", What::Dates, detail));
        }
        let ask_first = (offered || dated).then(|| Bearing::ask(places.terms.as_ref()));
        let bearing = Bearing { ask_first, ask_at: places.terms.clone() };
        let mut stances = BTreeMap::new();
        for atom in Use::ALL {
            let said = stance(terms, *atom, &bearing, &mut losses);
            if let Some(said) = said.and_then(|said| bounded(*atom, said, basis, &area, &mut losses)) {
                stances.insert(*atom, said);
            }
        }
        losses.extend(reach(terms));
        losses.extend(unwritten(&stances));
        let holder = statement.issuer.legal_name.clone().unwrap_or_else(|| statement.issuer.domain.to_string());
        Ok((Self { site: site.clone(), holder, area, stances, places }, unique(losses)))
    }

    /// The hosts that a statement names, for which files can be written; `*.` before those that stand for others too.
    #[must_use]
    pub fn hosts(scope: &Scope) -> Vec<Domain> {
        let mut hosts: Vec<Domain> = scope
            .include
            .iter()
            .filter_map(|target| match target {
                crate::scope::Target::Host { host, .. } | crate::scope::Target::Url { host, port: None, .. } => {
                    Some(host.clone())
                }
                _ => None,
            })
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Whether the use is reserved or bound to conditions.
    pub(super) fn restricts(&self, atom: Use) -> bool {
        matches!(self.stances.get(&atom), Some(Stance::Reserved | Stance::Conditional(_)))
    }

    /// Whether the use is permitted to everybody.
    pub(super) fn allows(&self, atom: Use) -> bool {
        self.stances.get(&atom) == Some(&Stance::Allowed)
    }
}

/// Whoever may only reserve permits nothing, and what would leak into an excluded part is not permitted either.
fn bounded(atom: Use, said: Stance, basis: Basis, area: &Area, losses: &mut Vec<Loss>) -> Option<Stance> {
    if said == Stance::Reserved {
        return Some(said);
    }
    if matches!(basis, Basis::Host | Basis::Agent) {
        losses.push(Loss::new("all", What::Basis, format!("{atom}: a permission by basis `{basis}`")));
        return None;
    }
    if !area.leaky {
        return Some(said);
    }
    let detail = format!("{atom}: a permission would reach what the scope excludes, and is not written");
    losses.push(Loss::new("all", What::Exclusion, detail));
    (said != Stance::Allowed).then_some(Stance::Reserved)
}

fn reach(terms: &Terms) -> Vec<Loss> {
    let members = [
        (terms.third_party_material, "permissions reach third parties' material"),
        (terms.any_copy, "permissions reach any copy"),
        (terms.sublicensable, "permissions may be passed on"),
        (terms.irrevocable, "permissions once given stay"),
        (terms.post_term.is_some(), "what may remain after the term"),
    ];
    let mut losses: Vec<Loss> =
        members.iter().filter(|(said, _)| *said).map(|(_, detail)| Loss::new("all", What::Reach, *detail)).collect();
    if !terms.covenants.is_empty() {
        losses.push(Loss::new("all", What::Carried, format!("{} covenants", terms.covenants.len())));
    }
    losses
}

/// Republishing has no word in any of these formats.
fn unwritten(stances: &BTreeMap<Use, Stance>) -> Option<Loss> {
    stances
        .contains_key(&Use::Redistribute)
        .then(|| Loss::new("all", What::Use, "redistribute: no format has a word for it"))
}
