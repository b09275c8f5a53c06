//! Delegation: whether an issuer may speak for another, for what it speaks of, at the head of the log.
//!
//! Each link was checked when it was registered; what can have changed since is that one of them ended, or that an agent's
//! domain changed hands. Who withdraws a delegation must not meet a statement that was made under it afterwards.

use cleartitle_schema::bindings::{delegations, tenure};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::scope::Scope;
use cleartitle_schema::statement::{Body, Kind, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Basis;

use crate::refusal::{DelegationFault as Fault, Refusal};
use crate::store::{Relation, Store};

/// The domain in whose name a statement speaks: its issuer, or whoever the chain of delegations behind it ends at.
///
/// # Errors
/// [`Refusal::NotDelegated`] with the fault of the chain.
pub fn speaker(store: &dyn Store, statement: &Statement, now: Timestamp) -> Result<Domain, Refusal> {
    let issuer = &statement.issuer.domain;
    let Some(relied_on) = statement.delegation else {
        if statement.basis() == Some(Basis::Agent) {
            return Err(Refusal::NotDelegated(Fault::NoneNamed));
        }
        return Ok(issuer.clone());
    };
    let chain = delegations(store, statement)?;
    if chain.is_empty() {
        return Err(match store.statement(&relied_on)? {
            None => Refusal::UnknownStatement(relied_on),
            Some(_) => Refusal::NotDelegated(Fault::NoChain),
        });
    }
    // Whoever delegates what was delegated to it passes the first link on already.
    let mut passed_on = statement.kind() == Kind::Delegation;
    let (mut agent, mut covered) = (issuer, statement.scope());
    for link in &chain {
        let (given_by, scope) = check_link(store, link, agent, passed_on, now)?;
        if covered.is_some_and(|covered| !covered.within(scope)) {
            return Err(Refusal::NotDelegated(Fault::OutsideScope(link.id)));
        }
        (agent, covered, passed_on) = (given_by, Some(scope), true);
    }
    Ok(agent.clone())
}

/// One link: a delegation to this agent, by the agent's tenure, in force, and with leave to delegate where it is passed on.
fn check_link<'l>(
    store: &dyn Store,
    link: &'l Registered,
    agent: &Domain,
    passed_on: bool,
    now: Timestamp,
) -> Result<(&'l Domain, &'l Scope), Refusal> {
    let id = link.id;
    let fault = |fault: fn(_) -> Fault| Refusal::NotDelegated(fault(id));
    let statement = &link.statement;
    let Body::Delegation { agent: named, scope, onward } = &statement.body else {
        return Err(Refusal::NotDelegated(Fault::NoChain));
    };
    if !named.includes(agent) {
        return Err(fault(Fault::OtherAgent));
    }
    // Whoever bought the agent's domain was not asked to speak.
    if tenure(store, agent)?.is_some_and(|(index, _)| index > link.index) {
        return Err(fault(Fault::OtherAgent));
    }
    if passed_on && !onward {
        return Err(fault(Fault::NotOnward));
    }
    if !statement.effective.contains(now) {
        return Err(fault(Fault::NotInForce));
    }
    for (relation, by) in store.naming(&id)? {
        let begun = by.registered.statement.effective.from.is_none_or(|from| from <= now);
        if begun && matches!(relation, Relation::Supersedes | Relation::Withdraws) {
            return Err(fault(Fault::NotInForce));
        }
    }
    Ok((&statement.issuer.domain, scope))
}
