//! Look-alikes: names that people take for another's, by Unicode's own tables (UTS 39, confusables and mixed scripts).
//!
//! Whoever holds `рress.example`, with a Cyrillic letter, proves it like everybody else. What a proof can't show is that a
//! reader of a verdict won't take it for `press.example`; so the second of two such names needs a person's look.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cleartitle_schema::issuer::{Authority, Domain};
use unicode_security::{MixedScript as _, skeleton};

use crate::store::{Store, StoreError};

/// How many bindings are read at once.
const PAGE: usize = 1000;

/// Why a name is not bound without the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An A-label that no IDN gives.
    #[error("`{0}` is not a valid internationalised name")]
    Invalid(Domain),
    /// A label whose letters come from scripts that are not written together.
    #[error("`{0}` mixes scripts within a label")]
    MixedScripts(Domain),
    /// Another domain that speaks here looks the same.
    #[error("`{domain}` looks like `{like}`, which speaks here already")]
    LooksLike {
        /// The name.
        domain: Domain,
        /// What it looks like.
        like: Authority,
    },
}

/// The names that have spoken here, by what they look like.
#[derive(Default)]
pub struct LookAlikes {
    known: Mutex<(u64, HashMap<String, Authority>)>,
}

impl LookAlikes {
    /// Checks a name by itself, and against every domain that a key is bound to.
    ///
    /// # Errors
    /// [`NameError`] inside, [`StoreError`] outside.
    pub fn check(&self, store: &dyn Store, domain: &Domain) -> Result<Result<(), NameError>, StoreError> {
        if let Err(error) = well_formed(domain) {
            return Ok(Err(error));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let page = store.bindings_from(known.0, PAGE)?;
            for binding in &page {
                known.0 = binding.index + 1;
                let authority = binding.domain.authority();
                known.1.entry(look_of(authority.as_str())).or_insert(authority);
            }
            if page.len() < PAGE {
                break;
            }
        }
        let authority = domain.authority();
        Ok(match known.1.get(&look_of(authority.as_str())) {
            Some(like) if *like != authority => {
                Err(NameError::LooksLike { domain: domain.clone(), like: like.clone() })
            }
            _ => Ok(()),
        })
    }
}

/// Checks a name by itself: each A-label is one that an IDN gives, and each label is written in one script.
fn well_formed(domain: &Domain) -> Result<(), NameError> {
    let (text, valid) = idna::domain_to_unicode(domain.as_str());
    let again = idna::domain_to_ascii_strict(&text);
    // An underscore is no letter of a host name, but of names below one.
    let plain = !domain.as_str().contains("xn--");
    if valid.is_err() || (!plain && again.ok().as_deref() != Some(domain.as_str())) {
        return Err(NameError::Invalid(domain.clone()));
    }
    if text.split('.').all(|label| label.is_single_script()) {
        Ok(())
    } else {
        Err(NameError::MixedScripts(domain.clone()))
    }
}

/// What a name looks like: its skeleton, case aside.
fn look_of(name: &str) -> String {
    let (text, _) = idna::domain_to_unicode(name);
    skeleton(&text.to_lowercase()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        idna::domain_to_ascii(text).unwrap().parse().unwrap()
    }

    #[test]
    fn names_that_look_the_same_have_one_look() {
        for (one, other) in [
            ("press.example", "\u{440}ress.example"),
            ("paypal.example", "paypa1.example"),
            ("modern.example", "modem.example"),
            ("bücher.example", "bu\u{308}cher.example"),
        ] {
            assert_eq!(look_of(domain(one).as_str()), look_of(domain(other).as_str()), "{one} {other}");
        }
        assert_ne!(look_of("press.example"), look_of("press-1.example"));
        assert_ne!(look_of("herald.example"), look_of("herold.example"));
    }

    #[test]
    fn a_label_is_written_in_one_script() {
        for good in ["press.example", "bücher.example", "пресса.example", "新聞.example", "_cleartitle.press.example"]
        {
            assert!(well_formed(&domain(good)).is_ok(), "{good}");
        }
        assert_eq!(
            well_formed(&domain("\u{440}ress.example")).unwrap_err(),
            NameError::MixedScripts(domain("\u{440}ress.example"))
        );
        let bad: Domain = "xn--a.example".parse().unwrap();
        assert_eq!(well_formed(&bad), Err(NameError::Invalid(bad.clone())));
    }
}
