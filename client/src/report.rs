//! Report: what a filter run counted, and how it is told to people. Holds no times of its own: equal runs, equal bytes.

use crate::bill;
use crate::crawl::{Accounting, DigestCheck};
use crate::filter::{DamageRow, Document, Identity};
use crate::shown::brief;
use cleartitle_schema::decide::{Asker, Reason, Verdict};
use cleartitle_schema::manifest::{self, Bill};
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::Header;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// Most names that one input's table tells apart while it is read.
const NAMES_COUNTED: usize = 65_536;
/// Most names of one input, and of a report, that are listed.
const NAMES_LISTED: usize = 1_000;
/// Most names that a run's table holds while inputs are added.
const NAMES_MERGED: usize = 20_000;
/// Rows of a table that people are shown.
const SHOWN: usize = 10;

/// Documents and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// How many.
    pub documents: u64,
    /// Their decoded bytes, together.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.bytes += other.bytes;
    }
}

/// Records that are no documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// Heads (`warcinfo`): in every output.
    pub heads: u64,
    /// Companions kept with their document.
    pub companions_kept: u64,
    /// Companions that went to review with it.
    pub companions_review: u64,
    /// Companions whose document was not kept.
    pub companions_excluded: u64,
    /// Companions whose document was not found; not kept.
    pub orphans: u64,
    /// Records without a document of their own (revisits, DNS answers, unknown types); not kept.
    pub other: u64,
}

impl Records {
    /// The counter of companions with this fate.
    pub const fn companions(&mut self, fate: Disposition) -> &mut u64 {
        match fate {
            Disposition::Keep => &mut self.companions_kept,
            Disposition::Review => &mut self.companions_review,
            Disposition::Drop => &mut self.companions_excluded,
        }
    }

    fn add(&mut self, other: &Self) {
        self.heads += other.heads;
        self.companions_kept += other.companions_kept;
        self.companions_review += other.companions_review;
        self.companions_excluded += other.companions_excluded;
        self.orphans += other.orphans;
        self.other += other.other;
    }
}

/// One host or rightsholder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// All its documents.
    pub all: Count,
    /// Those kept.
    pub kept: Count,
    /// Documents by verdict: of the document for a host, of its own voice for a rightsholder.
    pub verdicts: BTreeMap<Verdict, u64>,
}

impl Line {
    fn add(&mut self, other: &Self) {
        self.all.add(other.all);
        self.kept.add(other.kept);
        for (verdict, documents) in &other.verdicts {
            *self.verdicts.entry(*verdict).or_default() += documents;
        }
    }
}

/// Counts by name, bounded: names beyond the bound are counted together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By name.
    pub names: BTreeMap<String, Line>,
    /// Documents whose name is not listed. Where there are any, the listed counts are lower bounds.
    pub unlisted: Count,
}

impl Table {
    /// Adds to a name's line, or to those that are not listed.
    fn count(&mut self, name: &str, add: impl FnOnce(&mut Line), all: Count) {
        if let Some(known) = self.names.get_mut(name) {
            add(known);
        } else if self.names.len() < NAMES_COUNTED {
            add(self.names.entry(name.to_owned()).or_default());
        } else {
            self.unlisted.add(all);
        }
    }

    /// Names by how many documents they have, then by name.
    fn ranked(&self) -> Vec<(&String, &Line)> {
        let mut ranked: Vec<_> = self.names.iter().collect();
        ranked.sort_by(|one, other| other.1.all.documents.cmp(&one.1.all.documents).then(one.0.cmp(other.0)));
        ranked
    }

    /// Keeps the names with the most documents.
    fn cut(&mut self, limit: usize) {
        if self.names.len() <= limit {
            return;
        }
        let mut ranked: Vec<(u64, &String)> =
            self.names.iter().map(|(name, line)| (line.all.documents, name)).collect();
        let order = |one: &(u64, &String), other: &(u64, &String)| other.0.cmp(&one.0).then(one.1.cmp(other.1));
        // Which names go needs no order among those that stay.
        let (_, first, _) = ranked.select_nth_unstable_by(limit, order);
        let first = (first.0, first.1.clone());
        let unlisted = &mut self.unlisted;
        self.names.retain(|name, line| {
            let stays = order(&(line.all.documents, name), &(first.0, &first.1)).is_lt();
            if !stays {
                unlisted.add(line.all);
            }
            stays
        });
    }

    fn merge(&mut self, other: Self) {
        for (name, line) in other.names {
            let full = self.names.len() >= NAMES_COUNTED;
            match self.names.entry(name) {
                Entry::Occupied(mut known) => known.get_mut().add(&line),
                Entry::Vacant(place) if !full => {
                    place.insert(line);
                }
                Entry::Vacant(_) => self.unlisted.add(line.all),
            }
        }
        self.unlisted.add(other.unlisted);
        if self.names.len() > NAMES_MERGED {
            self.cut(NAMES_MERGED / 2);
        }
    }
}

/// Where the stored bytes of inputs went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// They hold records.
    pub records: u64,
    /// They are padding.
    pub padding: u64,
    /// They are damaged.
    pub damage: u64,
}

/// Everything counted over one input, or over all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Documents, by what was done: `keep`, `review`, `drop`.
    pub actions: BTreeMap<Disposition, Count>,
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, Count>,
    /// By the reason that decided.
    pub reasons: BTreeMap<Reason, Count>,
    /// By the line of the policy that said what to do, as `keep: verdict`.
    pub policy_lines: BTreeMap<String, Count>,
    /// By host of the URL.
    pub hosts: Table,
    /// By authority that spoke; a document counts for each.
    pub rightsholders: Table,
    /// Duties of the kept documents.
    pub duties: manifest::Tally,
    /// Damaged stretches and documents, by kind.
    pub damage: BTreeMap<String, u64>,
    /// How many of those are whole records whose document can't be read.
    pub damaged_documents: u64,
    /// Declared digests, where they were compared: `agrees`, `agrees-unchunked`, `differs`, `not-checked`.
    pub digests: BTreeMap<String, u64>,
    /// What documents say of themselves, by standard; `silent`, and `not-checked` where nothing of what was served is left.
    pub in_record: BTreeMap<String, u64>,
    /// Index rows and records that may be kept once all of the record was looked at; none of them is cleared.
    #[serde(default, skip_serializing_if = "none")]
    pub candidates: u64,
    /// Records that are no documents.
    pub records: Records,
    /// Stored bytes.
    pub stored: Stored,
}

/// Whether a count is left out: only a run that looks at less than all has candidates.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn none(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    /// Counts a document with its ruling.
    pub fn document(&mut self, document: &Document) {
        self.alike(document, 1);
    }

    /// Counts so many documents that are told alike: of one host, with one ruling and equal evidence.
    pub fn alike(&mut self, document: &Document, documents: u64) {
        let decision = &document.ruling.decision;
        let count = Count { documents, bytes: document.bytes.saturating_mul(documents) };
        let kept = if document.action == Disposition::Keep { count } else { Count::default() };
        self.actions.entry(document.action).or_default().add(count);
        self.verdicts.entry(decision.verdict).or_default().add(count);
        if let Some(reason) = decision.deciding() {
            self.reasons.entry(reason).or_default().add(count);
        }
        let line = format!("{}: {}", document.action, document.because);
        self.policy_lines.entry(line).or_default().add(count);
        let add = |verdict| {
            move |line: &mut Line| {
                line.all.add(count);
                line.kept.add(kept);
                *line.verdicts.entry(verdict).or_default() += documents;
            }
        };
        self.hosts.count(document.host.as_deref().unwrap_or("(no host)"), add(decision.verdict), count);
        for voice in &decision.voices {
            self.rightsholders.count(voice.authority.as_str(), add(voice.verdict), count);
        }
        document.evidence.count(&mut self.in_record, documents);
        if let Some(check) = document.digest {
            let word = match check {
                DigestCheck::Agrees => "agrees",
                DigestCheck::AgreesUnchunked => "agrees-unchunked",
                DigestCheck::Differs => "differs",
                DigestCheck::NotChecked => "not-checked",
            };
            *self.digests.entry(word.to_owned()).or_default() += documents;
        }
    }

    /// Counts damage.
    pub fn damage(&mut self, row: &DamageRow, document: bool) {
        *self.damage.entry(row.what.clone()).or_default() += 1;
        self.damaged_documents += u64::from(document);
    }

    /// Notes where the stored bytes went, and cuts the tables to what is listed.
    pub fn stored(&mut self, accounting: &Accounting) {
        self.stored = Stored { records: accounting.records, padding: accounting.padding, damage: accounting.damage };
        self.hosts.cut(NAMES_LISTED);
        self.rightsholders.cut(NAMES_LISTED);
    }

    /// Adds the next input's tally.
    pub fn merge(&mut self, other: Self) {
        fn add<K: Ord>(into: &mut BTreeMap<K, Count>, from: BTreeMap<K, Count>) {
            from.into_iter().for_each(|(key, count)| into.entry(key).or_default().add(count));
        }
        fn sum(into: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>) {
            from.into_iter().for_each(|(key, count)| *into.entry(key).or_default() += count);
        }
        add(&mut self.actions, other.actions);
        add(&mut self.verdicts, other.verdicts);
        add(&mut self.reasons, other.reasons);
        add(&mut self.policy_lines, other.policy_lines);
        sum(&mut self.damage, other.damage);
        sum(&mut self.digests, other.digests);
        sum(&mut self.in_record, other.in_record);
        self.hosts.merge(other.hosts);
        self.rightsholders.merge(other.rightsholders);
        self.duties.merge(other.duties);
        self.damaged_documents += other.damaged_documents;
        self.candidates += other.candidates;
        self.records.add(&other.records);
        self.stored.records += other.stored.records;
        self.stored.padding += other.stored.padding;
        self.stored.damage += other.stored.damage;
    }

    /// Documents to which this was done.
    #[must_use]
    pub fn of(&self, action: Disposition) -> Count {
        self.actions.get(&action).copied().unwrap_or_default()
    }

    /// Damaged stretches and documents.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damage.values().sum()
    }
}

/// One input in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputLine {
    /// Its name.
    pub name: String,
    /// Its stored bytes.
    pub bytes: u64,
    /// Documents kept.
    pub kept: u64,
    /// Documents for review.
    pub review: u64,
    /// Documents excluded.
    pub excluded: u64,
    /// Damaged stretches and documents.
    pub damaged: u64,
}

impl InputLine {
    /// Of a finished input.
    #[must_use]
    pub(crate) fn of(input: &crate::filter::Input, tally: &Tally) -> Self {
        Self {
            name: input.name.clone(),
            bytes: input.bytes,
            kept: tally.of(Disposition::Keep).documents,
            review: tally.of(Disposition::Review).documents,
            excluded: tally.of(Disposition::Drop).documents,
            damaged: tally.damaged(),
        }
    }
}

/// The snapshot that was decided by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotLine {
    /// The log.
    pub origin: String,
    /// Its size.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// Its time.
    pub time: Timestamp,
    /// BLAKE3 of the body.
    pub body: String,
}

/// Which sealed deals a run knew: their number, and a digest over the commitments that stand in the log. Nothing of their terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedLine {
    /// How many.
    pub deals: usize,
    /// BLAKE3 over their commitments, in log order.
    pub digest: String,
}

/// What a run did: `report.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The tool's version.
    pub version: String,
    /// The snapshot.
    pub snapshot: SnapshotLine,
    /// The sealed deals that were joined to it; left out where none were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedLine>,
    /// BLAKE3 of the policy file.
    pub policy: String,
    /// Who asked.
    pub asker: Asker,
    /// For what use.
    #[serde(rename = "use")]
    pub category: Use,
    /// For use at this moment.
    pub used_at: Timestamp,
    /// What read the marks inside the records: parser, and table of agents.
    pub in_record_signals: String,
    /// The inputs, in their order.
    pub inputs: Vec<InputLine>,
    /// What was counted.
    pub tally: Tally,
    /// What is owed for the kept documents.
    pub bill: Bill,
}

impl Report {
    /// Of a finished run.
    #[must_use]
    pub fn new(
        identity: &Identity,
        header: &Header,
        policy: &Policy,
        inputs: Vec<InputLine>,
        mut tally: Tally,
    ) -> Self {
        tally.hosts.cut(NAMES_LISTED);
        tally.rightsholders.cut(NAMES_LISTED);
        let bill = tally.duties.bill();
        Self {
            version: identity.version.clone(),
            snapshot: SnapshotLine {
                origin: header.origin.clone(),
                size: header.size,
                root: header.root.to_string(),
                time: header.time,
                body: identity.snapshot.clone(),
            },
            sealed: identity.sealed.clone(),
            policy: identity.policy.clone(),
            asker: Asker { domain: policy.asker.domain.clone(), class: policy.asker.class },
            category: policy.category,
            used_at: identity.used_at,
            in_record_signals: format!("{}, agents of {}", cleartitle_schema::signals::PARSER, identity.agents),
            inputs,
            tally,
            bill,
        }
    }

    /// Whether everything was read whole and nothing waits for a person.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.tally.damaged() == 0 && self.tally.of(Disposition::Review).documents == 0
    }

    /// The last line: `filter: 12 kept, 3 for review, 20 excluded, 1 damaged`.
    #[must_use]
    pub fn verdict_line(&self) -> String {
        let of = |action| self.tally.of(action).documents;
        format!(
            "filter: {} kept, {} for review, {} excluded, {} damaged",
            of(Disposition::Keep),
            of(Disposition::Review),
            of(Disposition::Drop),
            self.tally.damaged()
        ) + &match self.tally.candidates {
            0 => String::new(),
            candidates => format!(", {candidates} candidates"),
        }
    }
}

/// A count of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut rest = bytes;
    let mut tenths = 0;
    while rest >= 1024 && unit + 1 < UNITS.len() {
        tenths = rest % 1024 * 10 / 1024;
        rest /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{rest} B") } else { format!("{rest}.{tenths} {}", UNITS[unit]) }
}

fn counts<K: fmt::Display>(f: &mut fmt::Formatter<'_>, title: &str, map: &BTreeMap<K, Count>) -> fmt::Result {
    if map.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let mut rows: Vec<_> = map.iter().map(|(key, count)| (key.to_string(), count)).collect();
    rows.sort_by(|one, other| other.1.documents.cmp(&one.1.documents).then(one.0.cmp(&other.0)));
    for (key, count) in rows {
        writeln!(f, "  {:>9}  {:>10}  {}", count.documents, size(count.bytes), brief(&key))?;
    }
    Ok(())
}

fn table(f: &mut fmt::Formatter<'_>, title: &str, table: &Table) -> fmt::Result {
    if table.names.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for (name, line) in table.ranked().into_iter().take(SHOWN) {
        let verdicts: Vec<String> =
            line.verdicts.iter().map(|(verdict, documents)| format!("{documents} {verdict}")).collect();
        let (all, kept) = (line.all.documents, line.kept.documents);
        writeln!(f, "  {all:>9}  {:<32} {kept} kept; {}", brief(name), verdicts.join(", "))?;
    }
    let more = table.names.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(f, "             and {more} more in report.json")?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asker = self.asker.domain.as_ref().map_or("nobody in particular", |domain| domain.as_str());
        writeln!(f, "Asked for {} by {asker}, for use at {}", self.category, self.used_at)?;
        let snapshot = &self.snapshot;
        writeln!(
            f,
            "Snapshot  {} at size {} of {}, root {}",
            snapshot.origin, snapshot.size, snapshot.time, snapshot.root
        )?;
        if let Some(sealed) = &self.sealed {
            writeln!(f, "Sealed    {} deals of the asker's own, {}", sealed.deals, sealed.digest)?;
        }
        writeln!(f, "Policy    {}", self.policy)?;
        let stored = &self.tally.stored;
        writeln!(
            f,
            "Read      {} inputs, {}",
            self.inputs.len(),
            size(stored.records + stored.padding + stored.damage)
        )?;
        counts(f, "Documents by verdict", &self.tally.verdicts)?;
        counts(f, "By the reason that decided", &self.tally.reasons)?;
        counts(f, "By what was done, and the line of the policy that says so", &self.tally.policy_lines)?;
        table(f, "Hosts", &self.tally.hosts)?;
        table(f, "Rightsholders that spoke", &self.tally.rightsholders)?;
        let records = &self.tally.records;
        writeln!(
            f,
            "\nOther records: {} heads; companions {} kept, {} for review, {} excluded, {} orphans; {} others excluded",
            records.heads,
            records.companions_kept,
            records.companions_review,
            records.companions_excluded,
            records.orphans,
            records.other
        )?;
        if self.tally.candidates > 0 {
            let candidates = self.tally.candidates;
            writeln!(
                f,
                "Candidates: {candidates} may be kept; only their whole records say, and nothing less clears one"
            )?;
        }
        for (what, count) in &self.tally.damage {
            writeln!(f, "Damage: {count} {what}")?;
        }
        for (word, count) in &self.tally.digests {
            writeln!(f, "Declared digests: {count} {word}")?;
        }
        let said: Vec<String> = self.tally.in_record.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let said = if said.is_empty() { "no documents".to_owned() } else { said.join(", ") };
        writeln!(f, "In-record signals: {said} (read by {})", self.in_record_signals)?;
        bill::write(f, &self.bill)?;
        writeln!(f, "\n`cleared` says who permits, not who owns, and nothing of data protection.")?;
        writeln!(f, "{}", self.verdict_line())
    }
}
