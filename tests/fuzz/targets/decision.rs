//! `decide` over whatever statements and question can be read: total, and never better than what one more reservation says.
#![no_main]

use cleartitle_schema::decide::{Question, Verdict, decide};
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::Reading;
use cleartitle_schema::statement::Statement;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // One statement a line, the question last.
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let Some(Ok(question)) = lines.pop().map(serde_json::from_slice::<Question>) else { return };
    let registered = |(index, line): (usize, &&[u8])| {
        let statement: Statement = serde_json::from_slice(line).ok()?;
        Some(Registered {
            id: StatementId::of(line),
            index: index as u64,
            registered_at: statement.issued_at,
            signed_by: vec![statement.issuer.domain.clone()],
            under: Vec::new(),
            speaks_for: None,
            tenure_from: None,
            statement,
        })
    };
    let ledger: Ledger = lines.iter().enumerate().filter_map(registered).collect();
    let decision = decide(&question, &gather(&ledger, &question.acquisition), &Reading::default());
    if ledger.statements().is_empty() {
        assert!(decision.verdict <= Verdict::Unknown, "nobody spoke, and it is {}", decision.verdict);
    }
    assert!(!decision.reasons.is_empty());
});
