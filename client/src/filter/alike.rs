//! Alike: copies of one host that are ruled alike, whatever their paths are, and how they are known again by their addresses.
//!
//! Rows of an index and of a manifest come by the million, and most hosts have no rule that tells their paths apart. Who would
//! have a reserved page pass there writes an address that another reader takes to another host: userinfo, tabs, a second
//! address inside. Only plain addresses with the same text up to the path are known again; any other is ruled by itself.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::surt::MAX_URL;
use cleartitle_schema::time::Timestamp;

/// Copies of one host that are ruled alike: those captured within these times, acquired at the same one, of the same channel
/// and access, with one plain address and no names that a statement lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    from: Timestamp,
    /// The first moment after them.
    until: Option<Timestamp>,
    /// As the copy says.
    acquired_at: Option<Timestamp>,
    /// As it counts.
    acquired: Timestamp,
}

impl Alike {
    /// Those that no moment parts from this copy; `moments` are sorted.
    pub(super) fn around(copy: &Acquisition, used_at: Timestamp, moments: &[Timestamp]) -> Self {
        let acquired = copy.acquired_at.unwrap_or(used_at);
        let captured_at = copy.captured_at.unwrap_or(acquired).min(acquired);
        let interval = moments.partition_point(|moment| *moment <= captured_at);
        let from = interval.checked_sub(1).map_or(Timestamp::MIN, |at| moments[at]);
        Self { from, until: moments.get(interval).copied(), acquired_at: copy.acquired_at, acquired }
    }

    /// Whether a copy with these times is among them.
    #[must_use]
    pub fn holds(&self, captured_at: Option<Timestamp>, acquired_at: Option<Timestamp>) -> bool {
        let captured_at = captured_at.unwrap_or(self.acquired).min(self.acquired);
        acquired_at == self.acquired_at
            && self.from <= captured_at
            && self.until.is_none_or(|until| captured_at < until)
    }
}

/// Octets of which an address may consist here. Any other may be dropped, moved or escaped by a parser.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'\\'
}

/// What stands before the path of a plain address: scheme and authority. `None`: it has to be parsed.
#[must_use]
pub fn beginning(url: &str) -> Option<&str> {
    let scheme = if url.starts_with("https://") { 8 } else { 7 };
    if scheme == 7 && !url.starts_with("http://") {
        return None;
    }
    let end = url.as_bytes()[scheme..].iter().position(|&byte| matches!(byte, b'/' | b'?' | b'#'))?;
    let begins = &url[..scheme + end];
    begins.bytes().all(is_plain).then_some(begins)
}

/// Whether a URL has this scheme and authority, and so the same host, and holds no other address inside, for want of a colon:
/// then it can be read, and nothing but its host decides where no rule names that.
#[must_use]
pub fn shares(begins: &str, url: &str) -> bool {
    let Some(rest) = url.strip_prefix(begins) else { return false };
    let rest = rest.as_bytes();
    url.len() <= MAX_URL
        && matches!(rest.first(), Some(b'/' | b'?' | b'#'))
        && !rest.iter().fold(false, |any, &byte| any | !is_plain(byte) | (byte == b':'))
        && !memchr::memchr_iter(b'%', rest).any(|at| matches!(rest[at + 1..], [b'3', b'a' | b'A', ..]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cleartitle_schema::surt::UrlKey;
    use proptest::prelude::*;

    /// Copies of all times that are acquired at the use.
    pub(crate) fn always() -> Alike {
        Alike::around(&Acquisition::default(), Timestamp::MAX, &[])
    }

    #[test]
    fn a_moment_parts_those_before_it_from_those_at_it() {
        let copy = |captured_at| Acquisition { captured_at: Some(Timestamp(captured_at)), ..Acquisition::default() };
        let around = |captured_at| Alike::around(&copy(captured_at), Timestamp(100), &[Timestamp(10), Timestamp(20)]);
        let holds =
            |alike: Alike| [9, 10, 19, 20, 101].map(|captured_at| alike.holds(Some(Timestamp(captured_at)), None));
        assert_eq!(holds(around(3)), [true, false, false, false, false]);
        assert_eq!(holds(around(10)), [false, true, true, false, false]);
        // A copy that was captured after the use counts as captured at the use.
        assert_eq!(holds(around(500)), [false, false, false, true, true]);
        assert!(around(50).holds(None, None) && !around(10).holds(None, None));
        assert!(!around(50).holds(None, Some(Timestamp(100))));
    }

    proptest! {
        /// The short way is taken only for what a whole parser gives one key, on the same host.
        #[test]
        fn what_shares_a_beginning_has_one_key_on_its_host(
            host in "(https?://)([a-zA-Z0-9.@:\\[\\]-]{1,14})",
            one in "[/?#][ -~é\t]{0,20}",
            other in "[/?#\\\\]([ -~é\t]{0,12}|http:/[a-z./]{0,9}|%68ttp://x.example/|https?%3[aA](%2[fF]|/)x|%25?3a%2f|(%[0-9a-fA-F]{2}){0,6})",
        ) {
            let (one, other) = (format!("{host}{one}"), format!("{host}{other}"));
            let (Ok(key), Some(begins)) = (UrlKey::parse(&one), beginning(&one)) else { return Ok(()) };
            if shares(begins, &other) {
                let (keys, unread) = Acquisition::fetched(&other).keys();
                prop_assert!(unread.is_empty(), "{}", other);
                prop_assert_eq!(keys.urls.len(), 1, "{}", other);
                prop_assert_eq!(&keys.urls[0].1.host, &key.host, "{} {}", one, other);
            }
        }
    }
}
