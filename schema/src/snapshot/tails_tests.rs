//! A newer body made of an older one and its own tails, and from tails that somebody changed.

use super::tests::{body, full_ledger, head, registered, reservation, statement};
use super::*;
use crate::ledger::Ledger;
use crate::scope::{Scope, Target};

/// The newer body, built of the older one and what is asked of the newer; and how many bytes that was.
fn grown(older: &[u8], newer: &[u8]) -> Result<(Vec<u8>, u64), String> {
    let older = Snapshot::open(older).map_err(|error| error.to_string())?;
    let part = |range: std::ops::Range<u64>| {
        let end = usize::try_from(range.end).unwrap();
        newer.get(usize::try_from(range.start).unwrap()..end).map(<[u8]>::to_vec).ok_or("no such bytes")
    };
    let first = &newer[..newer.len().min(LONGEST_HEADER)];
    let tails = Tails::of(&older, first, newer.len() as u64).map_err(|error| error.to_string())?;
    let records = part(tails.records())?;
    let signers = tails.signers(&records).map_err(|error| error.to_string())?;
    let payloads = tails.payloads();
    let fetched = [tails.records(), payloads.clone(), signers.clone()].map(|range| range.end - range.start);
    let (payloads, signers) = (part(payloads)?, part(signers)?);
    let mut out = Vec::new();
    let statements = tails.statements(&older, &records, &payloads, &signers);
    build_within(statements, &tails.head(), &tails.header().tables, &mut Room::memory(), &mut out)
        .map_err(|error| error.to_string())?;
    Ok((out, fetched.iter().sum::<u64>() + first.len() as u64))
}

/// Ledgers that continue one another: `count` statements, of which every third is signed by nobody else's domain.
fn ledger(count: u64) -> Ledger {
    let rows = (0..count).map(|index| {
        let host = format!("press{}.example", index % 7);
        let target = Target::Host { host: host.parse().unwrap(), subdomains: index % 2 == 0 };
        let mut said = statement(&host, reservation(Scope { include: vec![target], exclude: Vec::new() }));
        said.note = Some(format!("number {index}"));
        registered(index, said)
    });
    rows.collect()
}

#[test]
fn a_newer_body_is_made_of_the_older_one_and_the_tails() {
    let all = 40;
    let newer = body(&ledger(all), all);
    for have in [0, 1, 2, 7, 39, 40] {
        let older = body(&ledger(have), have.max(1));
        let (made, fetched) = grown(&older, &newer).unwrap();
        assert!(made == newer, "{have} of {all}");
        assert!(have < 7 || fetched < newer.len() as u64, "{have} of {all}: {fetched} of {} bytes", newer.len());
    }
    // A log that only grew by what is in no snapshot.
    let later = body(&ledger(all), all + 3);
    assert!(grown(&newer, &later).unwrap().0 == later);
    assert_eq!(head(3).size, 3);
}

#[test]
fn an_older_body_of_other_statements_makes_another_body_or_none() {
    let newer = body(&ledger(9), 9);
    let other = body(&full_ledger(), 9);
    assert!(grown(&other, &newer).map_or(true, |(made, _)| made != newer));
    assert!(grown(&newer, &body(&ledger(3), 9)).is_err(), "nothing is unsaid");
}

#[test]
fn no_changed_byte_of_the_tails_makes_the_signed_body() {
    let (older, newer) = (body(&ledger(2), 2), body(&ledger(4), 4));
    for at in 0..newer.len() {
        let mut changed = newer.clone();
        changed[at] ^= 0x10;
        // Nothing panics; and what is made is the newer body, where nobody fetched the byte, or one that nobody signed.
        if let Ok((made, _)) = grown(&older, &changed) {
            assert!(made == newer || made != changed, "byte {at}");
        }
    }
}
