//! License addresses and names as pages write them, to SPDX identifiers (license list of the `spdx` package, 2026-11).
//!
//! Never a guess towards permission: an address without a version, of a retired type, of a port that SPDX does not list or
//! on any other host names no license here, and the mark keeps its text as written.

use super::shown;

/// Longest address that is looked at.
const LONGEST_ADDRESS: usize = 2048;

/// Addresses on hosts that give each license one page: host, path before the name, and what stands there.
const PAGES: &[(&str, &str)] = &[
    ("opensource.org", "/licenses/"),
    ("opensource.org", "/license/"),
    ("spdx.org", "/licenses/"),
    ("choosealicense.com", "/licenses/"),
];

/// Addresses of single texts, without `www.`, extension or closing slash. The GNU texts don't say "or later": the
/// narrower identifier is taken.
const TEXTS: &[(&str, &str, &str)] = &[
    ("apache.org", "/licenses/license-2.0", "Apache-2.0"),
    ("gnu.org", "/licenses/gpl-2.0", "GPL-2.0-only"),
    ("gnu.org", "/licenses/gpl-3.0", "GPL-3.0-only"),
    ("gnu.org", "/licenses/lgpl-2.1", "LGPL-2.1-only"),
    ("gnu.org", "/licenses/lgpl-3.0", "LGPL-3.0-only"),
    ("gnu.org", "/licenses/agpl-3.0", "AGPL-3.0-only"),
    ("gnu.org", "/licenses/fdl-1.1", "GFDL-1.1-only"),
    ("gnu.org", "/licenses/fdl-1.2", "GFDL-1.2-only"),
    ("gnu.org", "/licenses/fdl-1.3", "GFDL-1.3-only"),
    ("mozilla.org", "/mpl/2.0", "MPL-2.0"),
    ("opendatacommons.org", "/licenses/by/1-0", "ODC-By-1.0"),
    ("opendatacommons.org", "/licenses/odbl/1-0", "ODbL-1.0"),
    ("opendatacommons.org", "/licenses/pddl/1-0", "PDDL-1.0"),
    ("nationalarchives.gov.uk", "/doc/open-government-licence/version/1", "OGL-UK-1.0"),
    ("nationalarchives.gov.uk", "/doc/open-government-licence/version/2", "OGL-UK-2.0"),
    ("nationalarchives.gov.uk", "/doc/open-government-licence/version/3", "OGL-UK-3.0"),
    ("unlicense.org", "/", "Unlicense"),
];

/// What a mark says, as it stands in [`super::Mark::license`]: an SPDX identifier where address or name gives exactly one,
/// else the text as written, cut to 200 characters.
#[must_use]
pub fn mark_text(written: &str) -> Option<String> {
    let written = written.trim();
    if written.is_empty() {
        return None;
    }
    Some(spdx(written).unwrap_or_else(|| shown(written)))
}

/// The SPDX identifier of a license address or name.
#[must_use]
pub fn spdx(written: &str) -> Option<String> {
    let written = written.trim();
    if written.len() > LONGEST_ADDRESS {
        return None;
    }
    let lower = written.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return of_address(written);
    }
    if let Some(rest) = written.strip_prefix("//") {
        return of_address(&format!("https://{rest}"));
    }
    of_name(written)
}

/// Whether a text names a license, a statement of rights or the lack of any, rather than any page of the site.
#[must_use]
pub fn is_known_host(written: &str) -> bool {
    let known = |host: &str| {
        matches!(host, "creativecommons.org" | "rightsstatements.org")
            || PAGES.iter().any(|(page, _)| *page == host)
            || TEXTS.iter().any(|(page, ..)| *page == host)
    };
    address(written).is_some_and(|(host, _)| known(&host))
}

/// Host without `www.` and lower-case path, of an http address without user, password or odd port.
fn address(written: &str) -> Option<(String, String)> {
    let written = written.trim();
    let whole = if written.starts_with("//") { format!("https:{written}") } else { written.to_owned() };
    let url = url::Url::parse(&whole).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.port().is_some() || !url.username().is_empty() {
        return None;
    }
    let host = url.host_str()?.trim_start_matches("www.").to_owned();
    Some((host, url.path().to_ascii_lowercase()))
}

fn of_address(written: &str) -> Option<String> {
    let (host, path) = address(written)?;
    if host == "creativecommons.org" {
        return creative_commons(&path);
    }
    let bare = path.trim_end_matches('/');
    let bare = [".html", ".txt", ".en", ".php"].iter().fold(bare, |path, end| path.strip_suffix(end).unwrap_or(path));
    if let Some((_, _, id)) = TEXTS.iter().find(|(on, text, _)| *on == host && text.trim_end_matches('/') == bare) {
        return known(id);
    }
    let name = PAGES.iter().filter(|(on, _)| *on == host).find_map(|(_, before)| bare.strip_prefix(before))?;
    if name.contains('/') { None } else { listed(name) }
}

/// `/licenses/by-sa/4.0/`, with port, deed or legal code behind it, or `/publicdomain/zero/1.0/`.
fn creative_commons(path: &str) -> Option<String> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (kind, name, version) = (parts.next()?, parts.next()?, parts.next()?);
    if !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let rest: Vec<&str> = parts.filter(|part| !is_document(part)).collect();
    let id = match (kind, name, rest.as_slice()) {
        ("publicdomain", "zero", []) => format!("CC0-{version}"),
        ("publicdomain", "mark", []) => format!("CC-PDM-{version}"),
        ("licenses", name, []) => format!("CC-{}-{version}", elements(name)?),
        ("licenses", name, [port]) if port.len() <= 8 => {
            format!("CC-{}-{version}-{}", elements(name)?, port.to_ascii_uppercase())
        }
        _ => return None,
    };
    known(&id)
}

/// The page of a license rather than a port: `legalcode`, `deed`, `deed.de`, `legalcode.fr`, `rdf`.
fn is_document(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    matches!(stem, "legalcode" | "deed" | "rdf" | "legalcode-plain")
}

fn elements(name: &str) -> Option<&'static str> {
    Some(match name {
        "by" => "BY",
        "by-sa" => "BY-SA",
        "by-nc" => "BY-NC",
        "by-nd" => "BY-ND",
        "by-nc-sa" => "BY-NC-SA",
        // Version 1.0 wrote its elements in another order.
        "by-nc-nd" | "by-nd-nc" => "BY-NC-ND",
        "sa" => "SA",
        _ => return None,
    })
}

/// An identifier in whatever case, or Creative Commons' own short name: `CC BY-SA 4.0`, `cc0 1.0`.
fn of_name(written: &str) -> Option<String> {
    if let Some(id) = listed(written) {
        return Some(id);
    }
    let words: Vec<&str> = written.split_whitespace().collect();
    let creative = words.first().is_some_and(|word| {
        word.eq_ignore_ascii_case("cc") || word.eq_ignore_ascii_case("cc0") || word.get(..3).is_some_and(is_cc_dash)
    });
    // `CC BY` alone names six different texts.
    if creative && words.len() <= 3 { listed(&words.join("-")) } else { None }
}

fn is_cc_dash(start: &str) -> bool {
    start.eq_ignore_ascii_case("cc-")
}

fn known(id: &str) -> Option<String> {
    spdx::license_id(id).map(|found| found.name.to_owned())
}

/// The identifier on the SPDX list that equals a text but for case. SPDX 2.3 annex D compares so.
fn listed(text: &str) -> Option<String> {
    if text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte)) {
        return None;
    }
    let found = spdx::identifiers::LICENSES.iter().find(|license| license.name.eq_ignore_ascii_case(text))?;
    (!matches!(found.name, "NOASSERTION" | "NONE")).then(|| found.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_guessed_at() {
        for written in [
            "https://creativecommons.org/licenses/by/",
            "https://creativecommons.org/licenses/by/2.0/fr/",
            "https://creativecommons.org/licenses/sampling+/1.0/",
            "https://creativecommons.org.evil.example/licenses/by/4.0/",
            "https://evil.example/creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org@evil.example/licenses/by/4.0/",
            "https://creativecommons.org:8443/licenses/by/4.0/",
            "/licenses/by/4.0/",
            "javascript:https://creativecommons.org/licenses/by/4.0/",
            "CC BY",
            "cc",
            "https://www.gnu.org/licenses/gpl.html",
        ] {
            assert_eq!(spdx(written), None, "{written}");
        }
    }

    #[test]
    fn every_identifier_in_the_table_is_listed() {
        for (_, _, id) in TEXTS {
            assert!(known(id).as_deref() == Some(*id), "{id}");
        }
    }
}
