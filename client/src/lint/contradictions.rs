//! Contradictions: channels that permit, by themselves, what another channel restricts; labs follow the stricter.

use super::ChannelReport;
use super::conclusion::Says;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::vocab::Use;
use serde::Serialize;

/// One side of a contradiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The channel.
    pub channel: String,
    /// Its line, or 0.
    pub line: usize,
    /// Its verdict alone.
    pub verdict: Verdict,
}

/// Two channels that say different things of one use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// The path at which they differ.
    pub address: String,
    /// The use.
    #[serde(rename = "use")]
    pub category: Use,
    /// The one that labs follow.
    pub stricter: Side,
    /// The one that permits more.
    pub looser: Side,
    /// What to do.
    pub hint: String,
}

/// Where a channel clears what another restricts. An offer beside a denial is none: what a format can't say is denied in
/// it and offered in another, and labs that read both follow the denial until they have asked.
#[must_use]
pub fn find(channels: &[ChannelReport]) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for (place, one) in channels.iter().enumerate() {
        for other in &channels[place + 1..] {
            for (said, counter) in pairs(one, other) {
                let (strict, loose) = if said.verdict < counter.verdict {
                    (side(one, said), side(other, counter))
                } else {
                    (side(other, counter), side(one, said))
                };
                if loose.verdict != Verdict::Cleared
                    || !matches!(strict.verdict, Verdict::Reserved | Verdict::Conditional)
                {
                    continue;
                }
                let address = if said.address == "/" { &counter.address } else { &said.address };
                found.push(Contradiction {
                    address: address.clone(),
                    category: said.category,
                    hint: format!(
                        "if `{}` is right, restrict it in {} too; if not, take it out of {}",
                        strict.verdict, loose.channel, strict.channel
                    ),
                    stricter: strict,
                    looser: loose,
                });
            }
        }
    }
    found.sort_by_key(|it| (it.category, it.address.clone()));
    found
}

fn side(channel: &ChannelReport, said: &Says) -> Side {
    Side { channel: channel.name.clone(), line: said.line, verdict: said.verdict }
}

/// What two channels say of one use at one address. A channel that says nothing of its own about an address says there
/// what it says of the home page.
fn pairs<'a>(one: &'a ChannelReport, other: &'a ChannelReport) -> Vec<(&'a Says, &'a Says)> {
    let at = |channel: &'a ChannelReport, address: &str, category: Use| {
        let exact = channel.says.iter().find(|said| said.address == address && said.category == category);
        let home = || channel.says.iter().find(|said| said.address == "/" && said.category == category);
        exact.or_else(|| (!channel.kind.is_document()).then(home).flatten())
    };
    let mut pairs: Vec<(&Says, &Says)> = Vec::new();
    for said in one.says.iter().chain(&other.says) {
        let (left, right) = (at(one, &said.address, said.category), at(other, &said.address, said.category));
        let pair = left.zip(right).filter(|pair| !pairs.iter().any(|known| known == pair));
        pairs.extend(pair);
    }
    pairs
}
