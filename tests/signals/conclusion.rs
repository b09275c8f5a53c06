//! What signals come to for one asker at one path, by the contract of signals and nothing else: a second, small reading of
//! it that `decide` has no part in. Vectors state their expectations in these words.

use cleartitle_schema::money::Rate;
use cleartitle_schema::signals::Signal;
use cleartitle_schema::terms::{Action, Duty};
use cleartitle_schema::vocab::{AskerClass, Preference, Use};
use std::collections::{BTreeMap, BTreeSet};

/// Who asks, and for what path.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Path with query; `/` where left out.
    #[serde(default)]
    pub path: Option<String>,
    /// Class of the asker.
    #[serde(default)]
    pub class: Option<AskerClass>,
    /// Where the copy is made.
    #[serde(default)]
    pub territory: Option<String>,
}

/// What a case expects of every use: the listed ones in its words, the others silent.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Who asks; anybody, for `/`, where left out.
    #[serde(default)]
    pub asked: Asked,
    /// Uses, separated by spaces, and what is concluded.
    pub uses: BTreeMap<String, String>,
}

impl Expected {
    /// What differs, one line a use.
    pub fn differences(&self, signals: &[Signal]) -> Vec<String> {
        let asked = &self.asked;
        let mut wanted: BTreeMap<Use, &str> = Use::ALL.iter().map(|of| (*of, "silent")).collect();
        for (uses, conclusion) in &self.uses {
            for of in uses.split(' ') {
                let of = of.parse().unwrap_or_else(|error| panic!("{error}"));
                wanted.insert(of, conclusion);
            }
        }
        let found = |of: Use| conclude(signals, asked, of);
        let differs = wanted.into_iter().filter(|(of, wanted)| found(*of) != *wanted);
        differs.map(|(of, wanted)| format!("{asked:?} {of}: `{}`, wanted `{wanted}`", found(of))).collect()
    }
}

/// The conclusion for one use.
pub fn conclude(signals: &[Signal], asked: &Asked, of: Use) -> String {
    let path = asked.path.as_deref().unwrap_or("/");
    let covers = |signal: &&Signal| signal.pattern().is_none_or(|it| it.matches(path));
    let length = |signal: &Signal| signal.path.as_ref().map_or(0, String::len);
    let group = |signal: &Signal| {
        let document = if signal.standard == "rsl" { signal.policy.clone() } else { None };
        (signal.standard.clone(), signal.agent.clone(), signal.authority, document)
    };
    let mut longest = BTreeMap::new();
    for signal in signals.iter().filter(covers) {
        let best: &mut usize = longest.entry(group(signal)).or_default();
        *best = length(signal).max(*best);
    }
    let decisive = |signal: &&Signal| longest.get(&group(signal)) == Some(&length(signal));
    let (mut reserved, mut unknown, mut allowed) = (false, false, false);
    let mut duties = BTreeSet::new();
    for signal in signals.iter().filter(covers).filter(decisive).filter(|signal| signal.uses.contains(&of)) {
        let class = signal.constraints.asker_classes.as_ref().map(|list| asked.class.map(|it| list.contains(&it)));
        let territory = signal.constraints.territories.as_ref();
        let territory = territory.map(|list| asked.territory.as_ref().map(|it| list.contains(it)));
        let facts = [class, territory];
        if facts.contains(&Some(Some(false))) {
            continue;
        }
        unknown |= signal.malformed || facts.contains(&Some(None));
        match signal.preference {
            Preference::Disallowed => reserved |= !facts.contains(&Some(None)),
            Preference::Allowed => {
                allowed = true;
                duties.extend(signal.duties.iter().map(duty));
            }
        }
    }
    let word = match (reserved, unknown, allowed) {
        (true, _, _) => return "reserved".to_owned(),
        (_, true, _) => "unknown",
        (_, _, true) => "allowed",
        _ => "silent",
    };
    let duties: Vec<String> = duties.into_iter().collect();
    if duties.is_empty() { word.to_owned() } else { format!("{word}; {}", duties.join("; ")) }
}

fn duty(duty: &Duty) -> String {
    match &duty.action {
        Action::Pay { price, .. } => match &price.rate {
            Rate::Stated { price: amount } => format!("pay {amount} per {}", price.meter.word()),
            Rate::Undisclosed { .. } => format!("pay ? per {}", price.meter.word()),
        },
        Action::ObtainLicense { from } => format!("obtain from {}", from.as_deref().unwrap_or("?")),
        other => other.word().to_owned(),
    }
}
