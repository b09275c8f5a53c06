//! Laws of `decide` over random evidence: what restricts never helps, order is nothing, missing facts never clear, no panic.
//!
//! Pools are small so that statements meet, name each other, name themselves and name what is not there. That the policy's
//! actions change no verdict needs no law: `decide` does not get them.

use super::{ANSWER_TIME, Asker, Question, Verdict, decide};
use crate::acquisition::{Acquisition, AppliesTo, CopyUrl, Credit, CreditKind, InRecord, LicenseMark, UrlRole};
use crate::evidence::{Evidence, Registered};
use crate::id::{BlobId, ContentName, StatementId};
use crate::issuer::Party;
use crate::policy::Reading;
use crate::scope::{Scope, Target};
use crate::signals::{Sighting, Signal, Source, SourceOutcome};
use crate::statement::{Body, Case, Ending, Statement};
use crate::terms::Terms;
use crate::terms_laws::some_terms;
use crate::time::{Timestamp, Window};
use crate::vocab::{Access, AskerClass, AuthorityKind, Basis, Channel, Preference, Use};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::sync::Arc;

const HOUSES: &[&str] = &["herald.example", "desk.herald.example", "wire.example", "biglab.example", "watch.example"];
const BYTES: &str = "blake3:be66bf28be3453308f43408e2004f82ba8504f1977002000282ea7472850a3c7";
const WEAK: &str = "warc-sha1:27bc402d04bb26a099d009d3de0e1cd3d9deae51";

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("a value of the pool")
}

fn day(day: u8) -> Timestamp {
    Timestamp(1_700_000_000).plus_seconds(i64::from(day) * 11 * Timestamp::DAY)
}

fn id(place: u8) -> StatementId {
    StatementId::of(&[place])
}

fn party(domain: &str) -> Party {
    Party::new(domain.parse().expect("a domain"))
}

fn some_target() -> impl Strategy<Value = Target> {
    select(vec![
        r#"{"target":"host","host":"herald.example","subdomains":true}"#,
        r#"{"target":"host","host":"herald.example"}"#,
        r#"{"target":"host","host":"wire.example","subdomains":true}"#,
        r#"{"target":"url","host":"herald.example","path":"/open/"}"#,
        r#"{"target":"content","ids":["blake3:be66bf28be3453308f43408e2004f82ba8504f1977002000282ea7472850a3c7"]}"#,
        r#"{"target":"content","ids":["warc-sha1:27bc402d04bb26a099d009d3de0e1cd3d9deae51"]}"#,
        r#"{"target":"works","ids":["isbn:9780000000001"]}"#,
        r#"{"target":"collection","name":"books3"}"#,
    ])
    .prop_map(read)
}

fn some_scope() -> impl Strategy<Value = Scope> {
    (vec(some_target(), 1..3), vec(some_target(), 0..2)).prop_map(|(include, exclude)| {
        let exclude = if include.len() == 1 { Vec::new() } else { exclude };
        Scope { include, exclude }.sorted()
    })
}

fn some_sighting() -> impl Strategy<Value = Sighting> {
    let outcome = select(vec![SourceOutcome::Read, SourceOutcome::Silent, SourceOutcome::Failed]);
    let mark = (any::<bool>(), select(vec![None, Some("/open/".to_owned())]), any::<bool>());
    (0_u8..12, outcome, vec(mark, 0..3)).prop_map(|(at, outcome, signals)| {
        let signals = signals.into_iter().map(|(allowed, path, malformed)| Signal {
            path,
            malformed,
            ..signal("pool", if allowed { Preference::Allowed } else { Preference::Disallowed })
        });
        sighting(at, outcome, signals.collect())
    })
}

fn signal(label: &str, preference: Preference) -> Signal {
    let json = format!(
        r#"{{"standard":"aipref","version":"8","label":"{label}","authority":"{}","preference":"{preference}","uses":["train-ai"]}}"#,
        AuthorityKind::SiteFile
    );
    read(&json)
}

fn sighting(at: u8, outcome: SourceOutcome, signals: Vec<Signal>) -> Sighting {
    let source = Source {
        standard: "aipref".to_owned(),
        url: "https://herald.example/robots.txt".to_owned(),
        outcome,
        evidence: Some(BlobId::of(b"robots")),
    };
    let signals = if outcome == SourceOutcome::Read { signals } else { Vec::new() };
    Sighting { observed_at: day(at), sources: vec![source], signals, fetched_as: None, parser: "laws".to_owned() }
}

fn some_body() -> impl Strategy<Value = Body> {
    let basis = select(vec![Basis::Owner, Basis::Owner, Basis::ExclusiveLicensee, Basis::Host]);
    let ending = of(select(vec![Ending::EitherParty, Ending::Licensor, Ending::Licensee]));
    let parts = (basis, some_scope(), some_terms(), 0_u8..10, ending, some_sighting(), any::<bool>());
    (0_u8..14, parts).prop_map(|(kind, (basis, scope, terms, named, ending, sighting, flag))| {
        let lab = || vec![party("biglab.example")];
        match kind {
            0 | 1 => Body::Reservation { basis, scope, terms: disallowing(terms) },
            2 | 3 => Body::Grant { basis, scope, terms },
            4 => Body::Offer { basis, scope, terms, accept_until: None },
            5 => Body::Agreement { basis, scope, terms, licensees: lab(), ending },
            6 => Body::Acceptance { offer: id(named), scope: flag.then_some(scope) },
            7 => Body::withdrawal_of(id(named)),
            8 => read(&format!(
                r#"{{"kind":"discharge","statement":"{}","duty":"pay","licensee":{{"domain":"biglab.example"}}}}"#,
                id(named)
            )),
            9 => Body::Dispute {
                basis,
                scope,
                case: Case { court: "C".to_owned(), reference: "1".to_owned(), url: None },
                against: if flag { lab() } else { Vec::new() },
                agreement: (named < 5).then(|| id(named)),
            },
            10 => Body::Observation { scope, sighting },
            11 => Body::ClaimProof {
                claim: id(named),
                content: names(flag),
                url: "https://a.example/".to_owned(),
                tenure_from: None,
            },
            12 => Body::Challenge { claim: id(named), content: names(flag), why: "Why.".to_owned() },
            _ => Body::Answer { challenge: id(named), why: "Since.".to_owned() },
        }
    })
}

/// Names of the pool's document: the strong one alone, or both.
fn names(both: bool) -> Vec<ContentName> {
    let all = [BYTES, WEAK].into_iter().take(1 + usize::from(both));
    all.map(|name| name.parse().expect("a name")).collect()
}

/// The registry's statement that it saw the bytes served, in the claim's own tenure.
fn proof(place: u8, claim: &Registered, both: bool) -> Registered {
    let body = Body::ClaimProof {
        claim: claim.id,
        content: names(both),
        url: "https://herald.example/a".to_owned(),
        tenure_from: claim.tenure_from,
    };
    Registered { registered_at: claim.registered_at, ..registered(place, "registry.example", 0, body) }
}

/// Reservations never allow: registration refuses those that do.
fn disallowing(mut terms: Terms) -> Terms {
    for rule in terms.clauses.iter_mut().flat_map(|clause| &mut clause.rules) {
        rule.preference = Preference::Disallowed;
        rule.duties.clear();
    }
    terms.licenses.clear();
    terms.sorted()
}

fn registered(place: u8, issuer: &str, at: u8, body: Body) -> Registered {
    let statement = Statement::new("laws.example/log", party(issuer), day(at), body);
    let signed_by = vec![statement.issuer.domain.clone()];
    Registered {
        id: id(place),
        index: u64::from(place),
        registered_at: day(at),
        signed_by,
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    }
}

fn some_statements() -> impl Strategy<Value = Vec<Registered>> {
    let window = (of(0_u8..12), of(6_u8..14));
    let one = (select(HOUSES), 0_u8..12, some_body(), window, of(0_u8..10), of(0_u8..8), any::<bool>());
    vec(one, 0..8).prop_map(|all| {
        let mut statements = Vec::new();
        for (place, (issuer, at, body, (from, until), supersedes, tenure, proven)) in (0_u8..).zip(all) {
            let mut one = registered(place, issuer, at, body);
            one.statement.effective = Window { from: from.map(day), until: until.map(day) };
            one.statement.supersedes = supersedes.map(id).into_iter().collect();
            one.tenure_from = tenure.filter(|day| *day < 3).map(day);
            let shown = proven.then(|| proof(100 + place, &one, place % 2 == 0));
            statements.push(one);
            statements.extend(shown);
        }
        statements
    })
}

fn some_question() -> impl Strategy<Value = Question> {
    let url = select(vec!["https://herald.example/open/a", "https://herald.example/a", "https://wire.example/a"]);
    let access = of(select(vec![Access::Open, Access::Licensed, Access::Infringing]));
    let channel = of(select(vec![Channel::Crawl, Channel::Api]));
    let names = subsequence(vec![BYTES, WEAK], 0..=2);
    let about = (url, of(0_u8..14), of(0_u8..14), access, channel, names, any::<[bool; 4]>());
    let class = of(select(vec![AskerClass::Commercial, AskerClass::ResearchOrganisation]));
    let asker = (of(select(vec!["biglab.example", "smalllab.example"])), class, any::<bool>(), 6_u8..14);
    (about, asker).prop_map(|((url, captured, acquired, access, channel, names, flags), (asker, class, here, used))| {
        let mut copy = Acquisition::fetched(url);
        copy.captured_at = captured.map(day);
        copy.acquired_at = acquired.map(day);
        (copy.access, copy.channel) = (access, channel);
        copy.content = names.into_iter().map(|name| read(&format!("\"{name}\""))).collect();
        if flags[0] {
            copy.works = vec![read(r#"{"id":"isbn:9780000000001"}"#)];
        }
        if flags[1] {
            copy.collections = vec!["books3".to_owned()];
        }
        if flags[2] && flags[3] {
            copy.credits = vec![Credit { kind: CreditKind::Byline, name: "Wire".to_owned() }];
        }
        if flags[3] {
            copy.marks = vec![LicenseMark {
                license: "CC0-1.0".to_owned(),
                applies_to: AppliesTo::Item,
                host: "herald.example".parse().expect("a host"),
                seen_from: None,
                gone_at: None,
            }];
        }
        Question {
            acquisition: copy,
            asker: Asker { domain: asker.map(|it| it.parse().expect("a domain")), class },
            category: Use::TrainAi,
            used_at: day(used),
            territory: here.then(|| "DE".to_owned()),
            model: None,
            artefact: None,
        }
    })
}

fn reading() -> Reading {
    Reading {
        trusted_observers: vec!["watch.example".parse().expect("a domain")],
        trusted_mark_hosts: vec!["herald.example".parse().expect("a domain")],
        ..Reading::default()
    }
}

fn verdict(question: &Question, statements: &[Registered]) -> (Verdict, bool) {
    let (keys, unread_urls) = question.acquisition.keys();
    let statements = statements.iter().cloned().map(Arc::new).collect();
    let decision = decide(question, &Evidence { keys, unread_urls, statements, ancestors: Vec::new() }, &reading());
    (decision.verdict, !decision.voices.is_empty())
}

fn restriction(kind: u8, scope: Scope, at: u8, seen: u8, issuer: &str) -> Registered {
    let train = read::<Terms>(r#"{"clauses":[{"rules":[{"preference":"disallowed","uses":["train-ai"]}]}]}"#);
    let body = match kind {
        0 => Body::Reservation { basis: Basis::Owner, scope, terms: train },
        1 => Body::Dispute {
            basis: Basis::Owner,
            scope,
            case: Case { court: "C".to_owned(), reference: "2".to_owned(), url: None },
            against: Vec::new(),
            agreement: None,
        },
        _ => {
            let signals = vec![signal("law", Preference::Disallowed)];
            Body::Observation { scope, sighting: sighting(seen, SourceOutcome::Read, signals) }
        }
    };
    registered(200, issuer, at, body)
}

/// An agreement refuses its licensee what a grant gives to all, and leaves one document out by SHA-1. Whoever collides that
/// name for another document has it refused all the same.
#[test]
fn a_collided_name_lifts_no_refusal() {
    let bytes: Target = read(&format!(r#"{{"target":"content","ids":["{BYTES}"]}}"#));
    let weak: Target = read(&format!(r#"{{"target":"content","ids":["{WEAK}"]}}"#));
    let scope = |exclude: &[&Target]| Scope {
        include: vec![bytes.clone()],
        exclude: exclude.iter().map(|it| (*it).clone()).collect(),
    };
    let open: Terms = read(r#"{"licenses":["CC0-1.0"]}"#);
    let refusing: Terms = read(r#"{"clauses":[{"rules":[{"preference":"disallowed","uses":["train-ai"]}]}]}"#);
    let grant = Body::Grant { basis: Basis::Owner, scope: scope(&[]), terms: open };
    let licensees = vec![party("lab.example")];
    let agreement =
        Body::Agreement { basis: Basis::Owner, scope: scope(&[&weak]), terms: refusing, licensees, ending: None };
    let said = [registered(0, "herald.example", 0, grant), registered(1, "herald.example", 0, agreement)];
    let [given, refused] = said;
    let statements = [proof(100, &given, true), given, proof(101, &refused, true), refused];
    for asker in ["", r#""domain":"lab.example""#] {
        let mut question: Question = read(&format!(
            r#"{{"acquisition":{{"urls":[{{"role":"fetched","url":"https://herald.example/a"}}],"content":["{BYTES}"]}},
                "asker":{{{asker}}},"use":"train-ai","used_at":"2026-01-01T00:00:00Z"}}"#
        ));
        assert_eq!(verdict(&question, &statements[..2]).0, Verdict::Cleared, "{asker}");
        let refused = verdict(&question, &statements).0;
        assert!(refused <= Verdict::Unknown, "{asker}");
        question.acquisition.content.push(read(&format!("\"{WEAK}\"")));
        assert_eq!(verdict(&question, &statements).0, refused, "{asker}");
    }
}

/// Whoever is led to a page from an address that a deal leaves out has fetched the page all the same.
#[test]
fn what_is_left_out_by_another_address_is_refused_still() {
    let scope: Scope = read(
        r#"{"include":[{"target":"host","host":"herald.example"},{"target":"host","host":"wire.example"}],
            "exclude":[{"target":"host","host":"herald.example"}]}"#,
    );
    let refusing: Terms = read(r#"{"clauses":[{"rules":[{"preference":"disallowed","uses":["train-ai"]}]}]}"#);
    let licensees = vec![party("lab.example")];
    let body = Body::Agreement { basis: Basis::Owner, scope, terms: refusing, licensees, ending: None };
    let statements = [registered(0, "wire.example", 0, body)];
    let mut question: Question = read(
        r#"{"acquisition":{"urls":[{"role":"fetched","url":"https://wire.example/a"}]},
            "asker":{"domain":"lab.example"},"use":"train-ai","used_at":"2026-01-01T00:00:00Z"}"#,
    );
    assert_eq!(verdict(&question, &statements).0, Verdict::Reserved);
    let url = "https://herald.example/b".to_owned();
    question.acquisition.urls.push(CopyUrl { role: UrlRole::Requested, url });
    assert_eq!(verdict(&question, &statements).0, Verdict::Reserved);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_global_rejects: 8192, ..ProptestConfig::with_cases(200) })]

    /// Without exception as long as the restriction names nothing: a reservation that names another replaces it, and a
    /// signal that is already known may prove a block to be older than the grant that lifts it.
    #[test]
    fn what_is_delegated_bounds_what_an_agent_says(
        outer in some_scope(), other in some_scope(), kept in any::<u8>(), question in some_question(), any_copy: bool
    ) {
        let (keys, _) = question.acquisition.keys();
        let bit = |place: usize| kept >> (place % 8) & 1 == 1;
        let mut narrower = outer.clone();
        narrower.include = outer.include.iter().enumerate().filter(|(place, _)| bit(*place)).map(|(_, it)| it.clone()).collect();
        narrower.exclude.extend(other.exclude.iter().cloned());
        prop_assert!(narrower.within(&outer));
        for inner in [narrower, other] {
            if inner.within(&outer) {
                prop_assert!(inner.permits(&keys, any_copy).is_none() || outer.permits(&keys, any_copy).is_some());
                prop_assert!(inner.restricts(&keys).is_none() || outer.restricts(&keys).is_some());
            }
        }
    }

    #[test]
    fn a_restriction_never_improves(
        question in some_question(), mut statements in some_statements(),
        (kind, scope, at, seen, issuer) in (0_u8..3, some_scope(), 0_u8..14, 0_u8..14, select(HOUSES)),
    ) {
        let (before, _) = verdict(&question, &statements);
        statements.push(restriction(kind, scope, at, seen, issuer));
        prop_assert!(verdict(&question, &statements).0 <= before);
    }

    /// Exceptions, which the rules want: an acceptance or a discharge (each names what it is about), an agreement over any
    /// copy beside an unlawful source, and a translator's own word where nobody had spoken for the translation.
    #[test]
    fn another_authority_never_improves_what_is_spoken(
        question in some_question(), mut statements in some_statements(), mut body in some_body(), at in 0_u8..14,
    ) {
        let (before, spoken) = verdict(&question, &statements);
        if let Body::Agreement { terms, .. } | Body::Offer { terms, .. } = &mut body {
            terms.any_copy = false;
        }
        let names = matches!(body, Body::Acceptance { .. } | Body::Discharge { .. } | Body::Withdrawal { .. })
            || matches!(body, Body::ClaimProof { .. } | Body::Challenge { .. } | Body::Answer { .. });
        let observes = matches!(body, Body::Observation { .. });
        prop_assume!(spoken && !names && !observes);
        statements.push(registered(200, "fresh.example", at, body));
        prop_assert!(verdict(&question, &statements).0 <= before);
    }

    /// Whoever has shown nothing disputes at most, and gives nothing away; the question's copies come from other sites, and no
    /// title is named, which nobody could prove by serving.
    #[test]
    fn who_has_proven_nothing_disputes_at_most(
        question in some_question(), mut statements in some_statements(), mut body in some_body(), at in 0_u8..14,
    ) {
        let only_claims = |scope: &mut Scope| {
            scope.include.retain(|target| matches!(target, Target::Content { .. } | Target::Collection { .. }));
            !scope.include.is_empty()
        };
        let claims = match &mut body {
            Body::Reservation { scope, .. } | Body::Grant { scope, .. } | Body::Offer { scope, .. }
            | Body::Agreement { scope, .. } => only_claims(scope),
            _ => false,
        };
        prop_assume!(claims);
        let (before, _) = verdict(&question, &statements);
        statements.push(registered(200, "stranger.example", at, body));
        let after = verdict(&question, &statements).0;
        prop_assert!(after <= before && after >= before.min(Verdict::Disputed), "{} from {}", after, before);
    }

    /// While a challenge waits for its answer it may turn `reserved` into `disputed`, and nothing into anything better.
    #[test]
    fn an_open_challenge_clears_nothing(
        mut question in some_question(), mut statements in some_statements(), named in 0_u8..8, both: bool, at in 0_u8..14,
        later in 0_i64..30,
    ) {
        question.used_at = day(at).plus_seconds(later * Timestamp::DAY);
        let (before, _) = verdict(&question, &statements);
        let challenge = Body::Challenge { claim: id(named), content: names(both), why: "Why.".to_owned() };
        statements.push(registered(200, "fresh.example", at, challenge));
        let after = verdict(&question, &statements).0;
        prop_assert!(after <= before.max(Verdict::Disputed), "{} from {}", after, before);
    }

    /// An answer restores at most what stood before the challenge.
    #[test]
    fn a_challenge_and_its_answer_leave_no_more_than_before(
        question in some_question(), mut statements in some_statements(), named in 0_u8..8, at in 0_u8..10, answered in 0_u8..14,
    ) {
        let Some(claim) = statements.iter().find(|one| one.id == id(named)).cloned() else { return Ok(()) };
        let (before, _) = verdict(&question, &statements);
        let challenge = Body::Challenge { claim: claim.id, content: names(true), why: "Why.".to_owned() };
        statements.push(registered(200, "fresh.example", at, challenge));
        let answer = Body::Answer { challenge: id(200), why: "Since.".to_owned() };
        let mut answer = registered(201, claim.speaker().as_str(), answered, answer);
        answer.tenure_from = claim.tenure_from;
        let in_time = answered >= at && day(answered) < day(at).plus_seconds(ANSWER_TIME) && day(answered) <= question.used_at;
        statements.push(answer);
        let after = verdict(&question, &statements).0;
        prop_assert!(!in_time || after == before, "{} from {}", after, before);
    }

    #[test]
    fn order_is_nothing((question, statements, shuffled) in (some_question(), some_statements())
        .prop_flat_map(|(question, all)| (Just(question), Just(all.clone()), Just(all).prop_shuffle()))) {
        prop_assert_eq!(verdict(&question, &statements), verdict(&question, &shuffled));
    }

    #[test]
    fn silence_is_at_best_unknown(mut question in some_question()) {
        question.acquisition.marks.clear();
        prop_assert!(verdict(&question, &[]).0 <= Verdict::Unknown);
    }

    /// One exception: a licensee's own unpaid deal binds it, so that it may be `conditional` where the public is cleared;
    /// without a name it asks as the public does. What a deal refuses or leaves in doubt is not escaped that way.
    #[test]
    fn a_missing_fact_never_clears(question in some_question(), statements in some_statements(), which in 0_u8..6) {
        let (before, _) = verdict(&question, &statements);
        let mut vague = question.clone();
        match which {
            0 => vague.territory = None,
            1 => vague.asker.class = None,
            2 => vague.asker.domain = None,
            3 => vague.acquisition.captured_at = None,
            4 => vague.acquisition.acquired_at = None,
            _ => vague.acquisition.channel = None,
        }
        let public = which == 2 && before == Verdict::Conditional;
        // A capture without a date is as old as the asker's copy: facts about time are claims of their own, in both ways.
        prop_assume!(which != 3 && which != 4 && !public);
        let (after, _) = verdict(&vague, &statements);
        prop_assert!(after < Verdict::Cleared || before == Verdict::Cleared, "{} from {}", after, before);
    }

    /// One exception, which the rules want: a permission of any copy reaches what is canonical or unwrapped.
    #[test]
    fn another_address_never_improves(
        mut question in some_question(), mut statements in some_statements(),
        role in select(vec![UrlRole::Requested, UrlRole::Embedding, UrlRole::Canonical, UrlRole::Unwrapped]),
        url in select(vec!["https://herald.example/open/b", "https://wire.example/b", "https://biglab.example/b", "no url"]),
    ) {
        for statement in &mut statements {
            match &mut statement.statement.body {
                Body::Grant { terms, .. } | Body::Offer { terms, .. } | Body::Agreement { terms, .. }
                    if matches!(role, UrlRole::Canonical | UrlRole::Unwrapped) => terms.any_copy = false,
                _ => {}
            }
        }
        let (before, _) = verdict(&question, &statements);
        question.acquisition.urls.push(CopyUrl { role, url: url.to_owned() });
        prop_assert!(verdict(&question, &statements).0 <= before);
    }

    /// What a copy says of itself restricts by itself; where it is lifted, it changes nothing.
    #[test]
    fn a_no_in_the_record_never_improves(
        mut question in some_question(), statements in some_statements(), malformed in any::<bool>(),
    ) {
        let (before, _) = verdict(&question, &statements);
        let preference = if malformed { Preference::Allowed } else { Preference::Disallowed };
        let said = Signal { malformed, ..signal("law", preference) };
        question.acquisition.in_record = Some(InRecord { parser: "law".to_owned(), signals: vec![said] });
        prop_assert!(verdict(&question, &statements).0 <= before);
    }

    /// A page that was read and says nothing is as one that nobody read.
    #[test]
    fn silence_in_the_record_changes_nothing(mut question in some_question(), statements in some_statements()) {
        let before = verdict(&question, &statements);
        question.acquisition.in_record = Some(InRecord { parser: "law".to_owned(), signals: Vec::new() });
        prop_assert_eq!(verdict(&question, &statements), before);
    }

    #[test]
    fn a_weak_name_of_the_bytes_never_improves(mut question in some_question(), statements in some_statements()) {
        question.acquisition.content.retain(|name| name.may_clear());
        let (before, _) = verdict(&question, &statements);
        question.acquisition.content.push(read(&format!("\"{WEAK}\"")));
        prop_assert!(verdict(&question, &statements).0 <= before);
    }

    /// `meet` is never more permissive than either side, where nothing but the grant speaks: where the meet falls silent, a
    /// mark beside it may say more. Terms without clause and license are left out: they permit nothing
    /// alone, so that no statement may have them, and narrow nothing in a meet.
    #[test]
    fn a_meet_permits_no_more_than_each(
        mut question in some_question(), one in some_terms(), other in some_terms(), scope in some_scope(), named in any::<bool>(),
    ) {
        question.acquisition.marks.clear();
        let says = |terms: &Terms| !terms.clauses.is_empty() || !terms.licenses.is_empty();
        prop_assume!(says(&one) && says(&other));
        let under = |terms: &Terms| {
            let (basis, scope, terms) = (Basis::Owner, scope.clone(), terms.clone());
            let body = if named {
                Body::Agreement { basis, scope, terms, licensees: vec![party("biglab.example")], ending: None }
            } else {
                Body::Grant { basis, scope, terms }
            };
            verdict(&question, &[registered(0, "herald.example", 0, body)]).0
        };
        let met = under(&one.meet(&other));
        prop_assert!(met <= under(&one) && met <= under(&other));
    }
}

/// Statements in crowds that all name one another cost no more than their number; a quadratic walk takes minutes here.
#[test]
fn a_crowd_of_statements_is_heard_in_time() {
    let lab = "biglab.example";
    let scope: Scope = read(r#"{"include":[{"target":"host","host":"herald.example"}]}"#);
    let terms: Terms = read(r#"{"clauses":[{"rules":[{"preference":"allowed","uses":["train-ai"]}]}]}"#);
    let offer = Body::Offer { basis: Basis::Owner, scope: scope.clone(), terms, accept_until: None };
    let mut all = vec![registered(0, "herald.example", 0, offer)];
    for place in 1..5_000_u32 {
        let seen = u8::try_from(place % 12).unwrap_or_default();
        let signals = vec![signal("crowd", Preference::Disallowed), signal(&place.to_string(), Preference::Disallowed)];
        let sighting = sighting(seen, SourceOutcome::Read, signals);
        let mut one = match place % 3 {
            0 => registered(0, lab, 1, Body::Acceptance { offer: id(0), scope: None }),
            1 => registered(0, "watch.example", 1, Body::Observation { scope: scope.clone(), sighting }),
            _ => registered(0, lab, 1, Body::withdrawal_of(id(0))),
        };
        (one.id, one.index) = (StatementId::of(&place.to_le_bytes()), u64::from(place));
        all.push(one);
    }
    let json = format!(
        r#"{{"asker":{{"domain":"{lab}"}},"use":"train-ai","used_at":"2026-01-01T00:00:00Z","acquisition":{{}}}}"#
    );
    let mut question: Question = read(&json);
    question.acquisition =
        Acquisition { captured_at: Some(day(2)), ..Acquisition::fetched("https://herald.example/a") };
    // An accepted free offer clears, whatever crowds around it.
    assert_eq!(verdict(&question, &all).0, Verdict::Cleared);
    question.asker.domain = None;
    assert_eq!(verdict(&question, &all).0, Verdict::Reserved);
}
