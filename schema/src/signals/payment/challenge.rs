//! `WWW-Authenticate: License` and the `Link` beside it (RSL 1.0 of 2025-12-10, section 6; RFC 9110 and RFC 8288 syntax).

use crate::signals::price;

/// Parts between separators outside quoted strings.
fn outside_quotes(value: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in value.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            other if other == separator && !quoted => {
                parts.push(&value[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

/// Whether a `WWW-Authenticate` value holds a `License` challenge, and its `error`.
pub(super) fn license(value: &str) -> Option<Option<String>> {
    let mut parts = outside_quotes(value, ',').into_iter().map(str::trim);
    let first = parts.find_map(|part| {
        let (scheme, rest) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        scheme.eq_ignore_ascii_case("license").then_some(rest)
    })?;
    // Parameters go on until another challenge begins, which has a space before its first `=`.
    let own = parts.take_while(|part| part.split_once('=').is_some_and(|(name, _)| !name.trim().contains(' ')));
    let error = std::iter::once(first).chain(own).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("error").then(|| value.trim().trim_matches('"').to_owned())
    });
    Some(error.and_then(|error| price::place(&error)))
}

/// The address of a `rel="license"` in a `Link` value.
pub(super) fn license_link(value: &str) -> Option<String> {
    outside_quotes(value, ',').into_iter().find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_license = outside_quotes(parameters, ';').into_iter().any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let relations = value.trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && relations.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("license"))
            })
        });
        is_license.then(|| price::place(target)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_found_among_others() {
        assert_eq!(license("License"), Some(None));
        assert_eq!(
            license(r#"Bearer realm="a, License b", license error="invalid_token""#),
            Some(Some("invalid_token".into()))
        );
        assert_eq!(
            license(r#"License realm="x", error="insufficient_scope""#),
            Some(Some("insufficient_scope".into()))
        );
        assert_eq!(license(r#"License, Bearer error="invalid_token""#), Some(None));
        assert_eq!(license(r#"Bearer realm="License""#), None);
        assert_eq!(license("LicenseX"), None);
    }

    #[test]
    fn links_are_taken_by_their_relation() {
        let link = r#"<https://a.example/next>; rel="next", <https://a.example/l.xml>; type="application/rsl+xml"; rel="x license""#;
        assert_eq!(license_link(link).as_deref(), Some("https://a.example/l.xml"));
        assert_eq!(license_link(r#"<https://a.example/>; title="rel=license""#), None);
    }
}
