//! The policy's exceptions as they are used: which entries each fits, and which of them nobody needs, has ended or soon will.

use super::finding::{Finding, Level};
use super::rules::Rules;
use crate::dataset::Place;
use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::policy::Exception;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::time::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exceptions of one run.
#[derive(Debug)]
pub struct Exceptions<'p> {
    list: Vec<Kept<'p>>,
    /// The names of bytes that any of them lists.
    names: HashSet<ContentName>,
    used_at: Timestamp,
}

#[derive(Debug)]
struct Kept<'p> {
    exception: &'p Exception,
    scope: Scope,
    /// Some entry was let through, or held back, by it.
    used: AtomicBool,
    /// Some entry would have been, had it not ended.
    missed: AtomicBool,
}

impl<'p> Exceptions<'p> {
    /// The exceptions of a policy, for a use at this time.
    #[must_use]
    pub fn new(list: &'p [Exception], used_at: Timestamp) -> Self {
        let kept = |exception: &'p Exception| Kept {
            exception,
            scope: Scope { include: vec![exception.target.clone()], exclude: Vec::new() },
            used: AtomicBool::new(false),
            missed: AtomicBool::new(false),
        };
        let names = list.iter().filter_map(|exception| match &exception.target {
            Target::Content { ids } => Some(ids.iter().copied()),
            _ => None,
        });
        Self { list: list.iter().map(kept).collect(), names: names.flatten().collect(), used_at }
    }

    /// Whether any may be about addresses of a host; more is allowed than are.
    #[must_use]
    pub fn concern(&self, host: &str) -> bool {
        self.list.iter().any(|kept| match &kept.exception.target {
            Target::Host { host: named, .. } | Target::Url { host: named, .. } => host.ends_with(named.as_str()),
            _ => false,
        })
    }

    /// Whether any lists this name.
    #[must_use]
    pub fn list(&self, name: &ContentName) -> bool {
        !self.names.is_empty() && self.names.contains(name)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one that has not ended fits a copy with these keys; which ones are in use is noted. As
    /// [`act`](cleartitle_schema::policy::act) does, the first decides.
    pub fn fit(&self, keys: &Keys) -> bool {
        for kept in &self.list {
            if kept.scope.permits(keys, false).is_none() {
                continue;
            }
            if self.used_at < kept.exception.expires {
                kept.used.store(true, Ordering::Relaxed);
                return true;
            }
            kept.missed.store(true, Ordering::Relaxed);
        }
        false
    }

    /// What is to be said of them after all entries were looked at; `file` is the policy's.
    #[must_use]
    pub fn lint(&self, rules: &Rules, file: &Arc<str>) -> Vec<Finding> {
        let level = if rules.warnings_fail { Level::Error } else { Level::Warning };
        let places = rules
            .exceptions_at
            .iter()
            .map(|(line, column)| Place { column: Some(*column), ..Place::line(file, *line) });
        let places = places.map(Some).chain(std::iter::repeat(None));
        let told = self.list.iter().zip(places).filter_map(|(kept, place)| {
            let (code, message, hint) = self.said_of(kept, rules.expiring_days)?;
            Some(Finding {
                code: code.word(),
                level,
                place: place.unwrap_or_else(|| Place { file: Arc::clone(file), ..Place::default() }),
                about: Some(words(&kept.exception.target)),
                message,
                hint: Some(hint),
            })
        });
        told.collect()
    }

    fn said_of(&self, kept: &Kept<'_>, days: u32) -> Option<(GateCode, String, String)> {
        let Exception { owner, because, expires, .. } = kept.exception;
        let why: String = because.chars().take(200).collect();
        if self.used_at >= *expires {
            let missed =
                if kept.missed.load(Ordering::Relaxed) { "entries that it fitted" } else { "no entry any more" };
            let message = format!("the exception by {owner} has ended at {expires}; it concerns {missed} ({why})");
            return Some((GateCode::ExceptionExpired, message, format!("ask {owner} for a new end, or take it out")));
        }
        if !kept.used.load(Ordering::Relaxed) {
            let message = format!("the exception by {owner} fits no entry that no earlier one fits ({why})");
            return Some((GateCode::ExceptionUnused, message, "take it out of the policy".to_owned()));
        }
        let warned_from = expires.plus_seconds(-i64::from(days) * Timestamp::DAY);
        if self.used_at < warned_from {
            return None;
        }
        let message =
            format!("the exception by {owner} ends at {expires}, within {days} days; its entries fail then ({why})");
        Some((GateCode::ExceptionExpiring, message, format!("ask {owner} what is to become of them")))
    }
}

/// A target in a word.
fn words(target: &Target) -> String {
    match target {
        Target::Host { host, subdomains } if *subdomains => format!("*.{host}"),
        Target::Host { host, .. } => host.to_string(),
        Target::Url { host, port: None, path } => format!("https://{host}{path}"),
        Target::Url { host, port: Some(port), path } => format!("https://{host}:{port}{path}"),
        Target::Content { ids } => listed(ids.iter()),
        Target::Works { ids } => listed(ids.iter().map(|id| id.as_str())),
        Target::Repertoire { list } => list.to_string(),
        Target::Collection { name } => name.clone(),
    }
}

/// The first of several, and how many more there are.
fn listed(mut names: impl ExactSizeIterator<Item = impl ToString>) -> String {
    let first = names.next().map(|name| name.to_string()).unwrap_or_default();
    if names.len() == 0 { first } else { format!("{first} and {} more", names.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleartitle_schema::acquisition::Acquisition;
    use cleartitle_schema::policy::Disposition;

    fn exception(host: &str, expires: i64) -> Exception {
        Exception {
            target: serde_json::from_value(serde_json::json!({"target": "host", "host": host})).unwrap(),
            action: Disposition::Keep,
            owner: "legal@lab.example".to_owned(),
            because: "a letter".to_owned(),
            expires: Timestamp(expires),
        }
    }

    #[test]
    fn each_is_told_by_its_use_and_its_end() {
        let day = Timestamp::DAY;
        let list = [
            exception("a.example", 100 * day),
            exception("b.example", 20 * day),
            exception("c.example", 5 * day),
            exception("d.example", 100 * day),
            exception("a.example", 100 * day),
        ];
        let exceptions = Exceptions::new(&list, Timestamp(10 * day));
        let fits = |url: &str| exceptions.fit(&Acquisition::fetched(url).keys().0);
        assert!(fits("https://a.example/1") && fits("https://b.example/") && !fits("https://c.example/"));
        assert!(!fits("https://e.example/"));
        let rules = Rules { exceptions_at: vec![(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], ..Rules::default() };
        let told: Vec<(&str, Option<u64>)> =
            exceptions.lint(&rules, &Arc::from("p")).iter().map(|found| (found.code, found.place.line)).collect();
        let wanted = [
            ("exception-expiring", Some(2)),
            ("exception-expired", Some(3)),
            ("exception-unused", Some(4)),
            ("exception-unused", Some(5)),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn at_the_moment_of_its_end_it_is_over() {
        let list = [exception("a.example", 1000)];
        let fits = |at| Exceptions::new(&list, Timestamp(at)).fit(&Acquisition::fetched("https://a.example/").keys().0);
        assert!(fits(999) && !fits(1000));
    }
}
