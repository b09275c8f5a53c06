//! Path patterns of a robots.txt as comparable text: bytes that are not UTF-8, escapes, and what a value evidently means.

use super::lines::{MAX_VALUE, trim};
use crate::surt::normalise_pattern;
use std::borrow::Cow;

/// The value of a rule as text, octet by octet: what is not UTF-8 stands as the escapes of its bytes, since that is how a
/// URL shows them (RFC 9309 section 2.2.2).
pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(
            value
                .utf8_chunks()
                .flat_map(|chunk| {
                    let escaped = chunk.invalid().iter().map(|byte| format!("%{byte:02X}"));
                    std::iter::once(chunk.valid().to_owned()).chain(escaped)
                })
                .collect(),
        ),
    }
}

/// The pattern of a rule in the form that paths have, with its `$`; `None` where RFC 9309 sees no pattern: an empty value,
/// or one that begins with neither `/` nor `*`.
pub(super) fn pattern(value: &[u8]) -> Option<Cow<'_, str>> {
    match value.first() {
        Some(b'/') if value.len() <= MAX_VALUE && value.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'%') => {
            std::str::from_utf8(value).ok().map(Cow::Borrowed)
        }
        Some(b'/' | b'*') => Some(Cow::Owned(normal(&text(shortened(value))))),
        _ => None,
    }
}

/// The value, cut where no URL reaches. Cut, a pattern covers more.
fn shortened(value: &[u8]) -> &[u8] {
    &value[..value.len().min(MAX_VALUE)]
}

/// Escapes in their one form. An escape that the end cuts in two stays as it is: it is a prefix of many.
fn normal(text: &str) -> String {
    let (body, end) = text.strip_suffix('$').map_or((text, ""), |body| (body, "$"));
    let tail = body.len().saturating_sub(2);
    let half = body.as_bytes()[tail..].iter().position(|byte| *byte == b'%').map_or(body.len(), |at| tail + at);
    let half =
        if body[half..].len() == 2 && !body.as_bytes()[half + 1].is_ascii_hexdigit() { body.len() } else { half };
    let (body, half) = body.split_at(half);
    let mut normal = normalise_pattern(body);
    normal.push_str(half);
    normal.push_str(end);
    normal
}

/// Further patterns that a prohibition evidently means: each path of several on one line, the path of a whole URL, a path
/// without its slash, and Latin-1 letters as a UTF-8 URL would have them.
pub(super) fn evident(value: &[u8]) -> Vec<String> {
    let value = shortened(value);
    let mut found = Vec::new();
    let words: Vec<&[u8]> =
        value.split(|byte| matches!(byte, b' ' | b'\t')).map(trim).filter(|it| !it.is_empty()).collect();
    for word in &words {
        let word = text(word);
        let begins = |scheme: &str| word.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
        if begins("http://") || begins("https://") {
            let after = word.splitn(4, '/').nth(3).unwrap_or_default();
            found.push(normal(&format!("/{after}")));
        } else if word.starts_with(['/', '*']) {
            if words.len() > 1 {
                found.push(normal(&word));
            }
        } else if words.len() == 1 {
            found.push(normal(&format!("/{word}")));
        }
    }
    if std::str::from_utf8(value).is_err() {
        let latin: String = value.iter().map(|byte| char::from(*byte)).collect();
        found.push(normal(&if latin.starts_with(['/', '*']) { latin } else { format!("/{latin}") }));
    }
    found
}

/// Whether a value is more than one plain pattern, so that [`evident`] has something to say.
pub(super) fn is_doubtful(value: &[u8]) -> bool {
    !value.is_empty()
        && (!matches!(value.first(), Some(b'/' | b'*'))
            || value.iter().any(|byte| matches!(byte, b' ' | b'\t'))
            || (!value.is_ascii() && std::str::from_utf8(value).is_err()))
}
