//! Evidence of a claim's proof, checked again: what the operator stated is what its evidence says, as far as that was kept.
//!
//! An operator that states a proof without having seen anything must make the evidence up, and then for bytes that it has; of
//! longer bodies only the head was kept, and the names are its word.

use cleartitle_schema::id::StatementId;
use cleartitle_schema::served::{MEDIA_TYPE, Served};
use cleartitle_schema::statement::{Body, Statement};

use crate::store::{Relation, Store};

/// Whether the evidence of a `claim-proof` says what the statement says. That a blob has the bytes of its name is checked with
/// all others.
///
/// # Errors
/// What is wrong, in words.
pub fn check(store: &dyn Store, statement: &Statement) -> Result<(), String> {
    let Body::ClaimProof { content, url, tenure_from, claim } = &statement.body else { return Ok(()) };
    let exhibit = statement.evidence.iter().find(|exhibit| exhibit.media_type == MEDIA_TYPE);
    let exhibit = exhibit.ok_or("it names no evidence of what was served")?;
    let bytes = store.blob(&exhibit.blob).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("its evidence `{}` is missing", exhibit.blob))?;
    let served = Served::parse(&bytes).map_err(|error| format!("its evidence: {error}"))?;
    if served.status != 200 || served.url != *url || served.content != *content {
        return Err("its evidence speaks of another URL, answer or document".to_owned());
    }
    match store.statement(claim).map_err(|error| error.to_string())? {
        Some(claim) if claim.registered.tenure_from == *tenure_from => Ok(()),
        Some(_) => Err("it names another tenure than the claim's".to_owned()),
        // The proof of a permission that was erased by law proves nothing any more, and is no fault.
        None if is_erased(store, claim)? => Ok(()),
        None => Err("the claim is not in the log".to_owned()),
    }
}

fn is_erased(store: &dyn Store, claim: &StatementId) -> Result<bool, String> {
    let naming = store.naming(claim).map_err(|error| error.to_string())?;
    Ok(naming.iter().any(|(relation, _)| *relation == Relation::Erases))
}

#[cfg(test)]
mod tests {
    use cleartitle_schema::id::{BlobId, ContentId};
    use cleartitle_schema::time::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::store::sqlite::SqliteStore;

    fn proof(served: &Served, named: &[u8]) -> Statement {
        let payload = json!({
            "version": 1, "log": "log.example", "issuer": {"domain": "registry.example"}, "issued_at": "2026-01-01T00:00:00Z",
            "body": {"kind": "claim-proof", "claim": StatementId::of(b"claim"), "url": "https://press.example/a",
                "content": [ContentId::of(named)]},
            "evidence": [{"blob": BlobId::of(&served.to_bytes().unwrap()), "media_type": MEDIA_TYPE}],
        });
        serde_json::from_value(payload).unwrap()
    }

    #[test]
    fn a_proof_without_its_evidence_or_beside_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let served = Served {
            url: "https://press.example/a".to_owned(),
            status: 200,
            media_type: "text/html".to_owned(),
            length: 6,
            content: vec![ContentId::of(b"a text").to_string().parse().unwrap()],
            seen_at: Timestamp(1_790_000_000),
            head: Served::head_of(b"a text"),
        };
        let bytes = served.to_bytes().unwrap();
        assert!(check(&store, &proof(&served, b"a text")).unwrap_err().contains("missing"));
        store.put_blob(&BlobId::of(&bytes), &bytes).unwrap();
        assert!(check(&store, &proof(&served, b"another")).unwrap_err().contains("another URL, answer or document"));
        // What is left is that the claim itself is not there.
        assert!(check(&store, &proof(&served, b"a text")).unwrap_err().contains("not in the log"));
    }
}
