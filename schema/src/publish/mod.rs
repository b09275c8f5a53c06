//! Publish: what a statement says to everybody, written in the formats that sites carry, with every loss listed.
//!
//! One writer a format, each `(text, losses)`. A writer may restrict more than the statement does, and then says so; it
//! never permits more: what a format can't say is a denial where the statement attaches conditions, and silence elsewhere.
//! Deliberately absent: agreements (they are between their parties), reading these formats (`signals` does), files.

mod aipref;
mod area;
mod content_signal;
mod headers;
mod html;
mod label;
mod notice;
mod own_lines;
mod robots;
mod rsl;
mod stance;
mod tdmrep;
mod trust_txt;

#[cfg(test)]
mod tests;

pub use aipref::header as content_usage;
pub use area::Area;
pub use content_signal::header as content_signal;
pub use headers::headers;
pub use html::head;
pub use notice::{Notice, Places, Unpublishable};
pub use robots::{BEGIN, END, HalfBlock, merge, robots};
pub use rsl::{MAX_AGE_DAYS, rsl};
pub use stance::{Alternative, Stance};
pub use tdmrep::{policy as tdm_policy, tdmrep};
pub use trust_txt::trust_txt;

use crate::vocab::words;
use serde::{Deserialize, Serialize};

words!(
    /// What gets lost on the way into a format. Only `reach` and `carried` leave a permission as wide as it was meant, or
    /// narrower; every other code stands for a denial or a silence in place of something finer.
    What {
        /// The format has no word for this use; it stays silent on it.
        Use = "use",
        /// Conditions that the format can't state: it denies instead.
        Conditions = "conditions",
        /// The format's label covers more than the statement speaks of, and restricts that too.
        AlsoReserves = "also-reserves",
        /// The format's label joins uses that the statement tells apart; it stays silent on them.
        Split = "split",
        /// What the scope excludes can't be left out exactly.
        Exclusion = "exclusion",
        /// The format speaks for the whole site alone, the scope does not; it stays silent.
        Path = "path",
        /// Begin or end of what is stated.
        Dates = "dates",
        /// A constraint on who, how or when: a restriction is written for everybody, a permission as conditional.
        Constraint = "constraint",
        /// A permission for named licensees, which is never published.
        Licensees = "licensees",
        /// A permission by somebody who may reserve alone.
        Basis = "basis",
        /// Duties of several rules were joined, so that whoever chooses among licenses finds none milder than meant.
        DutiesJoined = "duties-joined",
        /// A price or the way that it is counted.
        Price = "price",
        /// A duty that has no word in the format; a license has to be asked for.
        Duty = "duty",
        /// The wording or the link of a credit line.
        CreditLine = "credit-line",
        /// Who is paid.
        Payee = "payee",
        /// A class of askers for which the format has no word.
        AskerClass = "asker-class",
        /// The format lists what is licensed; uses that the statement is silent on read as not licensed.
        ClosedList = "closed-list",
        /// Hosts that need files of their own.
        OtherHost = "other-host",
        /// Something that has no address on the site: contents, works, repertoires, compilations.
        NotAnAddress = "not-an-address",
        /// How far a permission reaches beyond the site's own copies, for how long, and to whom it may be passed on.
        Reach = "reach",
        /// Promises and license names that are only carried.
        Carried = "carried",
        /// A line of the site's own that says something else.
        OwnLine = "own-line",
    }
);

/// Something that a format could not say as the statement says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Loss {
    /// The standard whose file lost it, as signals name it; `all` where no format has it.
    pub standard: String,
    /// What kind of thing.
    pub what: What,
    /// Which thing, and what was written instead.
    pub detail: String,
}

impl Loss {
    pub(crate) fn new(standard: &str, what: What, detail: impl Into<String>) -> Self {
        Self { standard: standard.to_owned(), what, detail: detail.into() }
    }
}

/// One text to put on a site, and what it could not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it belongs, relative to the folder that is written.
    pub file: &'static str,
    /// The text.
    pub text: String,
    /// What is lost in it.
    pub losses: Vec<Loss>,
}

/// Every file that says the same terms. A format that has nothing to say gives no file, but its losses.
#[must_use]
pub fn all(notice: &Notice, training: &[&str]) -> Vec<Written> {
    let files = [
        ("robots.txt", robots(notice, training)),
        ("license.xml", rsl(notice)),
        (".well-known/tdmrep.json", tdmrep(notice)),
        ("tdm-policy.json", tdm_policy(notice)),
        ("headers.txt", headers(notice)),
        ("head.html", head(notice)),
        ("trust.txt", trust_txt(notice)),
    ];
    files.into_iter().map(|(file, (text, losses))| Written { file, text, losses: unique(losses) }).collect()
}

fn unique(mut losses: Vec<Loss>) -> Vec<Loss> {
    losses.sort();
    losses.dedup();
    losses
}

/// Uses as a list of words.
fn listed(uses: &[crate::vocab::Use]) -> String {
    uses.iter().map(|atom| atom.word()).collect::<Vec<_>>().join(", ")
}
