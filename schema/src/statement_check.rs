//! What a statement must say to make sense, beyond its shape; the same check before signing and at registration.

use crate::id::ContentName;
use crate::license;
use crate::money::{Meter, Price, Tariff};
use crate::scope::{Scope, Target};
use crate::signed::MAX_SIGNATURES;
use crate::statement::{Body, Cause, Statement, StatementError, VERSION};
use crate::terms::{Action, Terms};
use crate::vocab::{Basis, Preference};

/// Most sites that countersign one claim: with the issuer's own, as many signatures as an envelope has.
pub const MAX_COUNTERSIGNERS: usize = MAX_SIGNATURES - 1;

/// Most targets of one scope. Longer lists are repertoires, kept as blobs.
pub const MAX_TARGETS: usize = 500;

fn sense(what: impl Into<String>) -> StatementError {
    StatementError::Sense(what.into())
}

fn in_order<T: Ord>(what: &str, list: &[T]) -> Result<(), StatementError> {
    if list.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(())
    } else {
        Err(StatementError::Form(format!("`{what}` is not sorted without repeats")))
    }
}

fn bounded_text(what: &str, text: &str) -> Result<(), StatementError> {
    if text.is_empty() || text.len() > 4000 || text.chars().any(char::is_control) {
        return Err(sense(format!("`{what}` must be 1 to 4000 bytes without control characters")));
    }
    Ok(())
}

/// Refuses statements that say nothing or contradict themselves.
pub(crate) fn check(statement: &Statement) -> Result<(), StatementError> {
    if statement.version != VERSION {
        return Err(StatementError::Version(u64::from(statement.version)));
    }
    bounded_text("log", &statement.log)?;
    if statement.effective.is_empty() {
        return Err(sense("`effective` ends before it begins"));
    }
    in_order("supersedes", &statement.supersedes)?;
    in_order("evidence", &statement.evidence)?;
    check_countersigners(statement)?;
    in_order("affiliates", &statement.issuer.affiliates)?;
    in_order("successors", &statement.issuer.successors)?;
    if let Some(note) = &statement.note {
        bounded_text("note", note)?;
    }
    if let Some(scope) = statement.scope() {
        check_scope(scope)?;
    }
    if let Body::Acceptance { scope: Some(scope), .. } = &statement.body {
        check_scope(scope)?;
    }
    let by_agent = match &statement.body {
        Body::Delegation { .. } | Body::Withdrawal { .. } => true,
        _ => statement.basis() == Some(Basis::Agent),
    };
    if statement.delegation.is_some() && !by_agent {
        return Err(sense("only an agent relies on a delegation"));
    }
    if let Some(terms) = statement.terms() {
        check_terms(terms)?;
    }
    if statement.remains_of.is_some() && !statement.kind().leaves_remains() {
        return Err(sense("nothing remains of a statement of this kind"));
    }
    if let Body::Erasure { remains: Some(remains), .. } = &statement.body
        && !statement.evidence.iter().any(|exhibit| exhibit.blob == *remains)
    {
        return Err(sense("what remains is among the exhibits"));
    }
    check_body(&statement.body)
}

/// Only a claim over listed bytes has something that a site could confirm by serving it.
fn check_countersigners(statement: &Statement) -> Result<(), StatementError> {
    let sites = &statement.countersigned_by;
    in_order("countersigned_by", sites)?;
    if sites.len() > MAX_COUNTERSIGNERS {
        return Err(sense(format!("`countersigned_by` names more than {MAX_COUNTERSIGNERS} sites")));
    }
    if sites.contains(&statement.issuer.domain) {
        return Err(sense("an issuer does not countersign its own claim"));
    }
    if !sites.is_empty() && statement.claimed().next().is_none() {
        return Err(sense("only a claim over listed content is countersigned"));
    }
    Ok(())
}

/// The documents that a proof or a challenge lists.
fn check_listed(content: &[ContentName]) -> Result<(), StatementError> {
    in_order("content", content)?;
    if content.is_empty() || content.len() > MAX_TARGETS {
        return Err(sense(format!("`content` lists 1 to {MAX_TARGETS} documents")));
    }
    Ok(())
}

fn check_scope(scope: &Scope) -> Result<(), StatementError> {
    in_order("include", &scope.include)?;
    in_order("exclude", &scope.exclude)?;
    if scope.include.is_empty() {
        return Err(sense("the scope includes nothing"));
    }
    if scope.targets().count() > MAX_TARGETS {
        return Err(sense(format!("the scope has more than {MAX_TARGETS} targets")));
    }
    for target in scope.targets() {
        match target {
            Target::Url { path, .. } => {
                bounded_text("path", path)?;
                if !path.starts_with('/') || path.len() > 2000 || path.matches('*').count() > 16 {
                    return Err(sense("a `path` begins with `/` and has at most 2000 bytes and 16 stars"));
                }
            }
            Target::Content { ids } => in_order("ids", ids)?,
            Target::Works { ids } => in_order("ids", ids)?,
            Target::Collection { name } => {
                if name.is_empty() || name.len() > 200 || name.to_lowercase() != *name {
                    return Err(sense("a collection's `name` is lower case, 1 to 200 bytes"));
                }
            }
            Target::Host { .. } | Target::Repertoire { .. } => {}
        }
    }
    Ok(())
}

fn check_terms(terms: &Terms) -> Result<(), StatementError> {
    if *terms != terms.clone().sorted() {
        return Err(StatementError::Form("a list in `terms` is not sorted without repeats".to_owned()));
    }
    for rule in terms.rules() {
        if rule.uses.is_empty() {
            return Err(sense("a rule names no use"));
        }
        if rule.preference == Preference::Disallowed && !rule.duties.is_empty() {
            return Err(sense("a rule that disallows has duties"));
        }
        for duty in &rule.duties {
            if let Action::Pay { price, .. } = &duty.action {
                check_price(price)?;
            }
        }
        let bounds = &rule.constraints;
        if [bounds.published, bounds.used].into_iter().flatten().any(|window| window.is_empty()) {
            return Err(sense("a window ends before it begins"));
        }
        for code in bounds.territories.iter().flatten() {
            if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
                return Err(sense(format!("`{code}` is not an ISO 3166-1 alpha-2 code")));
            }
        }
    }
    for expression in &terms.licenses {
        license::check_expression(expression).map_err(|error| sense(error.to_string()))?;
    }
    Ok(())
}

fn check_price(price: &Price) -> Result<(), StatementError> {
    if price.prorated && !matches!(price.meter, Meter::Flat { .. }) {
        return Err(sense("only a flat fee is prorated"));
    }
    if let Some(Tariff { name, version }) = &price.tariff {
        bounded_text("tariff.name", name)?;
        bounded_text("tariff.version", version)?;
    }
    Ok(())
}

fn allows_something(terms: &Terms) -> bool {
    !terms.licenses.is_empty() || terms.rules().any(|rule| rule.preference == Preference::Allowed)
}

fn check_body(body: &Body) -> Result<(), StatementError> {
    match body {
        Body::Reservation { terms, .. } => {
            if !terms.rules().any(|rule| rule.preference == Preference::Disallowed) {
                return Err(sense("a reservation disallows nothing"));
            }
            if allows_something(terms) {
                return Err(sense("a reservation allows something; state that in a grant"));
            }
        }
        Body::Grant { terms, .. } | Body::Offer { terms, .. } | Body::Agreement { terms, .. }
            if !allows_something(terms) =>
        {
            return Err(sense("a permission allows nothing"));
        }
        Body::Agreement { licensees, .. } => {
            in_order("licensees", licensees)?;
            if licensees.is_empty() {
                return Err(sense("an agreement names no licensee"));
            }
        }
        Body::Release { released, paid, .. } => {
            in_order("released", released)?;
            if let Some(price) = paid {
                check_price(price)?;
            }
        }
        Body::Dispute { against, case, .. } => {
            in_order("against", against)?;
            bounded_text("court", &case.court)?;
            bounded_text("reference", &case.reference)?;
        }
        Body::Observation { sighting, .. } => {
            in_order("sources", &sighting.sources)?;
            in_order("signals", &sighting.signals)?;
            if sighting.sources.is_empty() {
                return Err(sense("an observation looked nowhere"));
            }
        }
        Body::Discharge { duty, .. } => bounded_text("duty", duty)?,
        Body::Erasure { reason, .. } => bounded_text("reason", reason)?,
        Body::ClaimProof { content, url, .. } => {
            check_listed(content)?;
            bounded_text("url", url)?;
        }
        Body::Challenge { content, why, .. } => {
            check_listed(content)?;
            bounded_text("why", why)?;
        }
        Body::Answer { why, .. } => bounded_text("why", why)?,
        Body::Withdrawal { since: Some(_), cause, .. } if *cause != Some(Cause::Compromised) => {
            return Err(sense("`since` says since when a key was compromised"));
        }
        _ => {}
    }
    Ok(())
}
