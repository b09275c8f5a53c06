//! The page that the demo prints: two reports side by side, two bills, three documents explained, sources, limits.

use crate::bill;
use crate::examples::Example;
use crate::lab::{Answer, Count, Lab};
use crate::layout::{grouped, title, wrapped};
use cleartitle::explain::sentence;
use cleartitle_schema::decide::{Finding, Reason, Verdict};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::policy::Disposition;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How many leading reasons are shown.
const REASONS: usize = 6;

/// A document and what both labs were told about it.
pub struct Explained {
    /// Its URL.
    pub url: String,
    /// Why, as the example says.
    pub why: String,
    /// One answer a lab, in their order.
    pub answers: Vec<Answer>,
}

/// Everything that is shown.
pub struct Shown {
    /// The statements.
    pub examples: Vec<Example>,
    /// `02` by the statement's id.
    pub numbers: BTreeMap<StatementId, String>,
    /// How many leaves the log has.
    pub log_size: u64,
    /// The two labs.
    pub labs: Vec<Lab>,
    /// Documents explained.
    pub explained: Vec<Explained>,
    /// What has to be said of the day.
    pub note: Option<String>,
    /// Where the files are, if they are kept.
    pub kept: Option<String>,
}

/// One line of the tables: documents and bytes of both labs.
fn row(text: &mut String, label: &str, counts: [Count; 2]) {
    let cell = |count: Count| {
        let bytes = if count.documents == 0 { String::new() } else { grouped(&count.bytes.to_string()) };
        format!("{:>9}  {bytes:>12}", if count.documents == 0 { "-".to_owned() } else { count.documents.to_string() })
    };
    let line = format!("  {label:<32}{}     {}", cell(counts[0]), cell(counts[1]));
    let _ = writeln!(text, "{}", line.trim_end());
}

fn head(text: &mut String, label: &str) {
    let line = format!("  {label:<32}{:>9}  {:>12}     {:>9}  {:>12}", "documents", "bytes", "documents", "bytes");
    let _ = writeln!(text, "{line}");
}

impl Shown {
    /// The same count of both labs.
    fn both(&self, count: impl Fn(&Lab) -> Option<Count>) -> [Count; 2] {
        [0, 1].map(|at| self.labs.get(at).and_then(&count).unwrap_or_default())
    }

    /// The whole page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut text = String::new();
        let documents: Count = self.both(|lab| {
            let all = lab.report.tally.verdicts.values();
            Some(all.fold(Count::default(), |sum, it| Count {
                documents: sum.documents + it.documents,
                bytes: sum.bytes + it.bytes,
            }))
        })[0];
        let told = format!(
            "One crawl, one registry, two labs. Every party is invented; nobody real signed anything. {} signed statements \
             at log size {}; {} documents, {} bytes, captured by GNU Wget; asked for train-ai.",
            self.examples.len(),
            self.log_size,
            documents.documents,
            grouped(&documents.bytes.to_string())
        );
        wrapped(&mut text, "", 0, &told);
        if let Some(note) = &self.note {
            wrapped(&mut text, "NOTE: ", 6, note);
        }
        self.counts(&mut text);
        self.rightsholders(&mut text);
        self.reasons(&mut text);
        title(&mut text, "Bills for what is kept (01 to 18: the statement that asks for it)");
        bill::head(&mut text);
        for lab in &self.labs {
            bill::write(&mut text, lab.name, &lab.report.bill, &self.numbers);
        }
        self.explanations(&mut text);
        self.sources(&mut text);
        limits(&mut text);
        if let Some(kept) = &self.kept {
            let _ = writeln!(text, "\nKept in {kept}:");
            wrapped(
                &mut text,
                "  ",
                2,
                "registry/ (data, log.pub), keys/, receipts/, terms.snapshot, bigmodel/ and smalllab/, each with kept/, \
                 review/, excluded/, manifest.jsonl, damage.jsonl and report.json.",
            );
        }
        text
    }

    fn counts(&self, text: &mut String) {
        let names: Vec<&str> = self.labs.iter().map(|lab| lab.name).collect();
        let _ = writeln!(
            text,
            "\n  {:<32}{:>23}     {:>23}",
            "",
            format!("{} (has deals)", names[0]),
            format!("{} (has none)", names[1])
        );
        head(text, "Verdict");
        use Verdict::{Cleared, Conditional, Disputed, Reserved, Unknown};
        for verdict in [Cleared, Conditional, Unknown, Disputed, Reserved] {
            row(text, &verdict.to_string(), self.both(|lab| lab.report.tally.verdicts.get(&verdict).copied()));
        }
        let _ = writeln!(text, "  What the lab's policy does");
        for action in [Disposition::Keep, Disposition::Review, Disposition::Drop] {
            row(text, &action.to_string(), self.both(|lab| lab.report.tally.actions.get(&action).copied()));
        }
    }

    fn rightsholders(&self, text: &mut String) {
        let names: BTreeSet<&String> =
            self.labs.iter().flat_map(|lab| lab.report.tally.rightsholders.names.keys()).collect();
        let _ = writeln!(text, "  Kept, by rightsholder that spoke");
        let mut silent = Vec::new();
        for name in names {
            let kept = self.both(|lab| lab.report.tally.rightsholders.names.get(name).map(|line| line.kept));
            if kept.iter().all(|count| count.documents == 0) {
                silent.push(name.as_str());
            } else {
                row(text, name, kept);
            }
        }
        if !silent.is_empty() {
            wrapped(text, "  nothing of: ", 4, &format!("{}.", silent.join(", ")));
        }
    }

    fn reasons(&self, text: &mut String) {
        let mut all: BTreeMap<Reason, u64> = BTreeMap::new();
        for lab in &self.labs {
            for (reason, count) in &lab.report.tally.reasons {
                *all.entry(*reason).or_default() += count.documents;
            }
        }
        let mut ranked: Vec<(Reason, u64)> = all.into_iter().collect();
        ranked.sort_by_key(|(reason, documents)| (std::cmp::Reverse(*documents), reason.to_string()));
        let _ = writeln!(text, "  Leading reasons");
        for (reason, _) in ranked.iter().take(REASONS) {
            row(text, &reason.to_string(), self.both(|lab| lab.report.tally.reasons.get(reason).copied()));
        }
        if ranked.len() > REASONS {
            let rest: Vec<String> = ranked[REASONS..].iter().map(|(reason, _)| reason.to_string()).collect();
            wrapped(text, "  and: ", 4, &format!("{}.", rest.join(", ")));
        }
    }

    fn explanations(&self, text: &mut String) {
        title(text, "The same document, two answers (`cleartitle ask`, offline, by the snapshot)");
        for it in &self.explained {
            let _ = writeln!(text, "  {}", it.url);
            wrapped(text, "    ", 4, &format!("({})", it.why));
            for (lab, answer) in self.labs.iter().zip(&it.answers) {
                let Answer { decision, action, .. } = answer;
                let lead = format!("    {}: {}, {action}. ", lab.name, decision.verdict);
                wrapped(text, &lead, 6, &format!("{}{}", self.reasons_of(answer), policy(answer)));
            }
        }
    }

    /// The leading reason in a sentence with its code and statement, then the codes of the others.
    fn reasons_of(&self, answer: &Answer) -> String {
        let Some(first) = answer.decision.reasons.first() else { return String::new() };
        let mut others: Vec<String> = Vec::new();
        for finding in answer.decision.reasons.iter().filter(|finding| finding.code != first.code) {
            let code = self.cited(finding);
            if !others.contains(&code) {
                others.push(code);
            }
        }
        let sentence = sentence(first.code);
        let cited = self.cited(first);
        let detail = first.detail.as_ref().map_or_else(String::new, |detail| format!(", {detail}"));
        let lead = match sentence.strip_suffix('.') {
            Some(words) => format!("{words} ({cited}{detail})."),
            None => format!("{cited}{detail}."),
        };
        if others.is_empty() { lead } else { format!("{lead} Also: {}.", others.join(", ")) }
    }

    /// A reason's code, with the number of the statement behind it.
    fn cited(&self, finding: &Finding) -> String {
        let number = finding.statement.as_ref().and_then(|id| self.numbers.get(id));
        number.map_or_else(|| finding.code.to_string(), |number| format!("{} by {number}", finding.code))
    }

    fn sources(&self, text: &mut String) {
        title(text, "Modelled on, as reported on that day by (what was reported: tests/fixtures/demo/terms)");
        for example in &self.examples {
            let domain = example.issuer.domain.trim_end_matches(".example");
            let (date, words) = match &example.modelled_on {
                Some(report) => (report.as_of.as_str(), report.reported_by.as_str()),
                None => ("-", "a public license, modelled on no report"),
            };
            let lead = format!("  {} {date:<10} {domain} {}: ", example.number, example.kind);
            wrapped(text, &lead, 16, words);
        }
    }
}

/// What of the policy decided, where it is not the plain line for the verdict.
fn policy(answer: &Answer) -> String {
    match answer.because.as_str() {
        "verdict" => String::new(),
        "accepted-duties" => " Policy: such a payment is accepted, up to a ceiling.".to_owned(),
        other => format!(" Policy: {}", other.split_once(": ").map_or(other, |(_, words)| words)),
    }
}

fn limits(text: &mut String) {
    title(text, "What you saw, and what it cannot know");
    wrapped(
        text,
        "  ",
        2,
        "Publishers signed their terms; the registry logged them and gave receipts; both labs pulled the same snapshot, checked \
         it against the log's key, and filtered the same bytes offline. They differ in who has a deal, who is in court with \
         whom, and what their policies choose. All this proves who stated what, and when: not who owns what. A key stands for \
         a domain because this registry's operator said so. What a page says of itself counts, silence is not consent, and \
         `cleared` says nothing of data protection or of rights that nobody has spoken for. What is uncounted on the bills is \
         owed all the same.",
    );
}
