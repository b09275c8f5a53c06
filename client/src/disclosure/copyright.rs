//! The copyright chapter of the GPAI Code of Practice: what can be shown for measures 1.1 to 1.5, and what has to be given.

use super::desk::Desk;
use super::document::{Answer, Section, Source};
use super::facts::Facts;
use cleartitle_schema::decide::Reason;
use cleartitle_schema::policy::{Agents, BlanketDisallow, Policy};

/// All measures.
pub fn sections(desk: &mut Desk<'_>) -> Vec<Section> {
    desk.unverified(
        "The measures are named in our words. Which opt-out protocols besides robots.txt count as appropriate was not settled when \
         this was written; every protocol that is read is listed.",
    );
    vec![policy(desk), lawful_access(desk), reservations(desk), outputs(desk), complaints(desk)]
}

fn policy(desk: &mut Desk<'_>) -> Section {
    let inputs = &desk.inputs;
    let judged = format!("policy {}, {}", inputs.policy_digest, inputs.snapshot);
    let facts = &*inputs.facts;
    let actions = facts.actions.iter().rev().map(|(action, count)| format!("{action}: {count} documents")).collect();
    let verdicts =
        facts.verdicts.iter().rev().map(|(verdict, count)| format!("{verdict}: {count} documents")).collect();
    let none = "the papers list no documents";
    let exceptions = inputs.policy.actions.exceptions.iter();
    let exceptions =
        exceptions.map(|it| format!("{} until {}, by {}: {}", it.action, it.expires, it.owner, it.because)).collect();
    let statutory = inputs.policy.actions.statutory.iter();
    let statutory = statutory.map(|it| format!("{}: {}", it.exception, it.because)).collect();
    let section = Section::new("1.1", "Copyright policy")
        .field("Judged by", Answer::counted(judged))
        .field("What the policy does with the documents of the papers", Answer::list(Source::Data, actions, none))
        .field("By verdict", Answer::list(Source::Data, verdicts, none))
        .field("Exceptions by persons", Answer::list(Source::Policy, exceptions, "the policy has none"))
        .field("Statutory exceptions relied on", Answer::list(Source::Policy, statutory, "the policy names none"))
        .field("Filter runs", Answer::list(Source::Data, runs(facts), "no receipt of a run was given (--run)"));
    let (signatory, _) = desk.yes_no("code-of-practice-signatory", 0);
    section
        .field("Provider", desk.required("provider-name"))
        .field("Models", desk.required("model-names"))
        .field("Signatory of the Code of Practice", signatory)
        .field("Responsible in the organisation", desk.required("copyright-policy-owner"))
        .field("Published policy or summary", desk.required("copyright-policy-url"))
}

fn lawful_access(desk: &mut Desk<'_>) -> Section {
    let facts = &*desk.inputs.facts;
    let access = facts.access.iter().map(|(access, count)| {
        format!("{}: {count} documents", access.map_or("not stated", cleartitle_schema::vocab::Access::word))
    });
    let channels = facts.channels.iter().map(|((channel, kind), of)| {
        let channel = channel.map_or("not stated", cleartitle_schema::vocab::Channel::word);
        format!("{channel}, {kind}: {} documents", of.documents)
    });
    let sites = desk.inputs.policy.reading.infringing_sites.iter();
    let sites = sites.map(|site| vec![site.host.to_string(), site.list.clone(), site.from.to_string()]).collect();
    let none = "the papers list no documents";
    let section = Section::new("1.2", "Only lawfully accessible content")
        .field("By access", Answer::list(Source::Data, access.collect(), none))
        .field("By channel", Answer::list(Source::Data, channels.collect(), none))
        .field(
            "Documents from an unlawful source, declared or listed (reason unlawful-source)",
            Answer::counted(facts.with(Reason::UnlawfulSource).to_string()),
        )
        .table("Sites that the policy lists as infringing", &["Host", "List", "Since"], sites);
    section.field("Measures against circumvention", desk.required("lawful-access-measures"))
}

fn reservations(desk: &mut Desk<'_>) -> Section {
    let facts = &*desk.inputs.facts;
    let honoured = [
        (Reason::RightsReserved, "reserved by a registered statement"),
        (Reason::SignalReserved, "reserved by a mark of the site or in the document"),
        (Reason::StricterSince, "under stricter terms since the capture"),
        (Reason::AcquisitionConflict, "whose crawl was not allowed"),
        (Reason::NotChecked, "of a site at which nobody ever looked"),
    ];
    let counted = honoured.iter().map(|(reason, words)| vec![facts.with(*reason).to_string(), (*words).to_owned()]);
    let unlooked = vec![facts.unlooked.to_string(), "without a look into their own marks (extracted text)".to_owned()];
    let observers: Vec<String> = desk.inputs.policy.reading.trusted_observers.iter().map(ToString::to_string).collect();
    let none = "the policy trusts none to say that a site allows something";
    let own = desk.inputs.policy.reading.own_agents.clone();
    let own = (!own.is_empty()).then_some(Answer::List { items: own, from: Source::Policy });
    let section = Section::new("1.3", "Reservations of rights")
        .field("How marks are read", Answer::List { items: reading(desk.inputs.policy), from: Source::Policy })
        .table("Marks found in the documents themselves", &["Standard", "Documents"], protocols(facts))
        .table("Documents of the papers", &["Documents", "Which"], counted.chain([unlooked]).collect())
        .field("Observers", Answer::list(Source::Policy, observers, none));
    let names = desk.given_or("crawler-names", own);
    section
        .field("Crawlers", names)
        .field("How crawlers treat robots.txt and other protocols", desk.required("crawler-behaviour"))
        .field("Where that is published", desk.required("crawler-information-url"))
        .field("Where changes are told", desk.required("crawler-changes-url"))
}

fn outputs(desk: &mut Desk<'_>) -> Section {
    Section::new("1.4", "Infringing outputs")
        .field("Safeguards", desk.required("output-measures"))
        .field("Prohibition of infringing uses", desk.required("acceptable-use-url"))
}

fn complaints(desk: &mut Desk<'_>) -> Section {
    Section::new("1.5", "Contact and complaints")
        .field("Point of contact", desk.required("complaints-contact"))
        .field("Provider contact", desk.required("provider-contact"))
        .field("Procedure and record", desk.required("complaints-procedure"))
}

/// How the policy reads marks, in sentences.
pub fn reading(policy: &Policy) -> Vec<String> {
    let reading = &policy.reading;
    let agents = match reading.agents {
        Agents::AnyTraining => "robots.txt (RFC 9309): rules for any training or archive agent count",
        Agents::Own => "robots.txt (RFC 9309): rules for the provider's own agents count",
    };
    let blanket = match reading.blanket_disallow {
        BlanketDisallow::Reservation => "robots.txt: a blanket disallow is a reservation",
        BlanketDisallow::AcquisitionConflict => "robots.txt: a blanket disallow is a conflict of acquisition",
    };
    let mut told = vec![agents.to_owned(), blanket.to_owned()];
    told.push(
        "Read besides: AIPREF Content-Usage, Content-Signal, TDMRep, RSL, ai.txt, trust.txt, X-Robots-Tag and meta elements, \
         C2PA/CAWG, IPTC/PLUS, license marks, HTTP 402 and x402"
            .to_owned(),
    );
    told.push(
        "Registered statements: reservations, offers, grants and agreements, of whatever registry the snapshot is"
            .to_owned(),
    );
    if reading.tdm_covers_ai_use {
        told.push("A mining reservation (TDMRep) covers retrieval for generation too".to_owned());
    }
    told
}

/// Standards of marks in documents, and in how many.
pub fn protocols(facts: &Facts) -> Vec<Vec<String>> {
    facts.standards.iter().map(|(standard, count)| vec![standard.clone(), count.to_string()]).collect()
}

/// Runs in a line each.
pub fn runs(facts: &Facts) -> Vec<String> {
    let line = |fact: &super::runs::RunFact| {
        let run = &fact.run;
        let signers: Vec<String> = fact.signers.iter().map(ToString::to_string).collect();
        format!(
            "{}: cleartitle {}, policy {}, snapshot {} at size {}, {} kept, {} for review, {} excluded, {} damaged; signed by {}",
            run.identity.used_at,
            run.identity.version,
            run.identity.policy,
            run.snapshot.origin,
            run.snapshot.size,
            run.kept.documents,
            run.review.documents,
            run.excluded.documents,
            run.damaged,
            signers.join(", ")
        )
    };
    facts.runs.iter().map(line).collect()
}
