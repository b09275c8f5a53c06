//! HTTP/1.x heads as crawls hold them (RFC 9112, June 2022), read leniently: real servers wrote them.
//!
//! Own code rather than a strict parser's: a crawl's head may say `HTTP/2`, lack its blank line, fold lines or hold
//! Latin-1, and none of that makes the document unreadable.

/// Most header fields kept; the rest is not read, which the notes say.
const FIELDS_LIMIT: usize = 2_000;

/// The head of an HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpHead {
    /// The protocol as written, such as `HTTP/1.1`.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// Field names and values in order, names as written; bytes that are no UTF-8 are read as Latin-1.
    pub headers: Vec<(String, String)>,
}

impl HttpHead {
    /// All values of a field, its name compared without case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The list members of all of a field's values, lower case, empty ones left out.
    pub(super) fn members(&self, name: &str) -> Vec<String> {
        let values = self.values(name).flat_map(|value| value.split(','));
        values.map(|member| member.trim().to_ascii_lowercase()).filter(|member| !member.is_empty()).collect()
    }
}

/// A head with the place where the body begins.
pub(super) struct Split {
    pub head: HttpHead,
    pub body: usize,
    pub notes: Vec<String>,
}

/// Reads a response's head; `None` if the block does not begin with a status line.
pub(super) fn split(block: &[u8], limit: usize) -> Option<Split> {
    let mut notes = Vec::new();
    let (first, mut at) = line(block, 0, limit)?;
    let status_line = text(first);
    let mut parts = status_line.split_ascii_whitespace();
    let version = parts.next().filter(|version| version.starts_with("HTTP/"))?.to_owned();
    let status = parts.next().filter(|code| code.len() == 3)?.parse().ok()?;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut ended = false;
    let mut ignored = 0;
    while let Some((bytes, next)) = line(block, at, limit) {
        at = next;
        if bytes.is_empty() {
            ended = true;
            break;
        }
        let line = text(bytes);
        if line.starts_with([' ', '\t']) {
            match headers.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => ignored += 1,
            }
        } else if let Some((name, value)) = line.split_once(':').filter(|_| headers.len() < FIELDS_LIMIT) {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        } else {
            ignored += 1;
        }
    }
    if ignored > 0 {
        notes.push(format!("{ignored} lines of the HTTP head are not header fields"));
    }
    if !ended {
        notes.push("the HTTP head has no blank line at its end".into());
        at = block.len();
    }
    Some(Split { head: HttpHead { version, status, headers }, body: at, notes })
}

/// The line at `at` without its end, and where the next begins.
fn line(block: &[u8], at: usize, limit: usize) -> Option<(&[u8], usize)> {
    let rest = block.get(at..block.len().min(limit))?;
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|&byte| byte == b'\n');
    let bytes = &rest[..end.unwrap_or(rest.len())];
    let next = at + end.map_or(rest.len(), |end| end + 1);
    Some((bytes.strip_suffix(b"\r").unwrap_or(bytes), next))
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
