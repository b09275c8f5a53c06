//! The signers' text of a statement in a snapshot: who signed, under which key bindings, and for whom an agent spoke.

use crate::evidence::{Registered, Signing};
use crate::issuer::Domain;

/// What the text holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signers {
    pub signed_by: Vec<Domain>,
    pub under: Vec<Signing>,
    pub speaks_for: Option<Domain>,
}

/// The text: lines as [`format`](super::format) says, without a newline at the end.
pub(super) fn write(registered: &Registered) -> String {
    let mut lines: Vec<String> = registered.signed_by.iter().map(ToString::to_string).collect();
    lines.extend(registered.under.iter().map(|signing| format!("under {} {}", signing.domain, signing.binding)));
    lines.extend(registered.speaks_for.iter().map(|domain| format!("for {domain}")));
    lines.join("\n")
}

/// Reads the text; `None` for a line of another form. Order is the builder's matter: what it would not write again is no
/// canonical body.
pub(super) fn parse(text: &[u8]) -> Option<Signers> {
    let text = std::str::from_utf8(text).ok()?;
    let mut found = Signers::default();
    for line in text.split('\n').filter(|_| !text.is_empty()) {
        let mut words = line.split(' ');
        match (words.next()?, words.next(), words.next(), words.next()) {
            (domain, None, ..) => found.signed_by.push(domain.parse().ok()?),
            ("under", Some(domain), Some(binding), None) => {
                found.under.push(Signing { domain: domain.parse().ok()?, binding: binding.parse().ok()? });
            }
            ("for", Some(domain), None, _) if found.speaks_for.is_none() => {
                found.speaks_for = Some(domain.parse().ok()?);
            }
            _ => return None,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StatementId;

    #[test]
    fn a_line_of_another_form_is_refused() {
        let binding = StatementId([7; 32]);
        let whole = format!("a.example\nb.example\nunder b.example {binding}\nfor press.example");
        let found = parse(whole.as_bytes()).unwrap();
        assert_eq!((found.signed_by.len(), found.under[0].binding), (2, binding));
        assert_eq!(found.speaks_for, Some("press.example".parse().unwrap()));
        assert_eq!(parse(b""), Some(Signers::default()));
        let doubled = format!("{whole}\nfor other.example");
        let longer = format!("{whole} x");
        for bad in
            ["\n", "A.example", "under a.example", "under a.example x", "for", "from a.example", &doubled, &longer]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
