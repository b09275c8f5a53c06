//! `Signature-Agent` (draft-meunier-web-bot-auth-architecture, read 2026-11): in whose name a request is signed.
//!
//! Taken strictly: one quoted `https://DOMAIN`, since the keys that are looked for are the ones bound to that very name.

use super::SignatureError;
use crate::issuer::Domain;
use sfv::{Item, Parser};

/// The field, in lower case.
pub const SIGNATURE_AGENT: &str = "signature-agent";

/// The field for a domain.
#[must_use]
pub fn signature_agent(domain: &Domain) -> String {
    format!("\"https://{domain}\"")
}

/// The domain that a field names.
///
/// # Errors
/// [`SignatureError::Malformed`] for anything but a quoted `https://DOMAIN`.
pub fn agent_domain(field: &str) -> Result<Domain, SignatureError> {
    let malformed = || SignatureError::Malformed(SIGNATURE_AGENT);
    if field.len() > super::MAX_FIELD {
        return Err(malformed());
    }
    let item: Item = Parser::new(field).parse().map_err(|_| malformed())?;
    let text = item.bare_item.as_string().filter(|_| item.params.is_empty()).ok_or_else(malformed)?;
    let host = text.as_str().strip_prefix("https://").ok_or_else(malformed)?;
    host.strip_suffix('/').unwrap_or(host).parse().map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quoted_origin_is_read_and_nothing_else() {
        let domain: Domain = "lab.example".parse().unwrap();
        assert_eq!(agent_domain(&signature_agent(&domain)), Ok(domain.clone()));
        assert_eq!(agent_domain("\"https://lab.example/\""), Ok(domain));
        for bad in [
            "",
            "https://lab.example",
            "\"http://lab.example\"",
            "\"https://lab.example:8443\"",
            "\"https://lab.example/keys\"",
            "\"https://lab.example@other.example\"",
            "\"https://lab.example\";a=1",
            "\"https://lab.example\", \"https://other.example\"",
            "sig1=\"https://lab.example\"",
            "\"https://LAB.example\"",
        ] {
            assert!(agent_domain(bad).is_err(), "{bad}");
        }
    }
}
