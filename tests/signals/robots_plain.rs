//! A robots.txt written plainer and plainer without changing what RFC 9309 (2022-09) makes of it for one crawler.
//!
//! Where another parser disagrees with ours on a file, the first step that brings them together is what they disagree about.
//! Every step is held to be neutral: our own answer may not change by it.

use cleartitle_schema::surt::{normalise_path, normalise_pattern};

/// A class of disagreement: its name, the section of RFC 9309 that decides it, and what that says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    pub name: &'static str,
    pub section: &'static str,
    pub says: &'static str,
}

/// The classes that a plainer file explains, in the order in which they are tried; each step holds those before it too.
pub const STEPS: &[Class] = &[
    Class {
        name: "byte order mark",
        section: "2.3",
        says: "the file is UTF-8 text; a mark before it is no part of a key",
    },
    Class { name: "line ends", section: "2.2", says: "a line ends in CR, LF or both" },
    Class { name: "encoding", section: "2.2.2", says: "octets outside ASCII are compared in escaped form" },
    Class { name: "keys", section: "2.2", says: "a line has exactly one of three keys and a colon" },
    Class { name: "other records", section: "2.2.4", says: "lines of other protocols do not disturb the groups" },
    Class { name: "rules outside groups", section: "2.2.2", says: "rules that are in no group are ignored" },
    Class { name: "tokens", section: "2.2.1", says: "a group names a crawler by its whole token, whatever the case" },
    Class { name: "empty patterns", section: "2.2.2", says: "a rule without a pattern matches nothing" },
    Class { name: "patterns without slash", section: "2.2", says: "a pattern begins with a slash" },
    Class {
        name: "escapes",
        section: "2.2.2",
        says: "escapes of unreserved octets are undone, others compared as they are",
    },
    Class { name: "length", section: "2.5", says: "at least 500 KiB are read, whatever the length of a line" },
    Class {
        name: "combined groups",
        section: "2.2.1",
        says: "all groups of a crawler are one, and replace those for everybody",
    },
];

/// A pattern that no asked path matches, in place of a rule that matches nothing.
const NEVER: &str = "/zzz-never/zzz";

struct Line {
    key: String,
    value: String,
}

/// The file and the path after the steps up to and with `step`.
pub fn plainer(bytes: &[u8], token: &str, path: &str, step: usize) -> (Vec<u8>, String) {
    let at_least = |name: &str| STEPS[..=step].iter().any(|class| class.name == name);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !at_least("line ends") {
        return (bytes.to_vec(), path.to_owned());
    }
    let lines = split(bytes);
    if !at_least("encoding") {
        return (lines.join(&b'\n'), path.to_owned());
    }
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    if !at_least("keys") {
        return (lines.join("\n").into_bytes(), path.to_owned());
    }
    let mut kept: Vec<Line> = lines.iter().filter_map(|line| read(line)).collect();
    if at_least("other records") {
        kept.retain(|line| is_of_rfc(&line.key));
    }
    if at_least("rules outside groups") {
        let first = kept.iter().position(|line| line.key == "user-agent").unwrap_or(kept.len());
        kept.drain(..first);
    }
    for line in &mut kept {
        plain_value(line, token, &at_least);
    }
    let path = if at_least("escapes") { normalise_path(path) } else { path.to_owned() };
    if at_least("combined groups") {
        kept = combined(kept, token);
    }
    let text: String = kept.iter().map(|line| format!("{}: {}\n", line.key, line.value)).collect();
    (text.into_bytes(), path)
}

fn is_of_rfc(key: &str) -> bool {
    matches!(key, "user-agent" | "allow" | "disallow")
}

fn plain_value(line: &mut Line, token: &str, at_least: &impl Fn(&str) -> bool) {
    if line.key == "user-agent" {
        if at_least("tokens") {
            line.value = named(&line.value, token);
        }
        return;
    }
    let is_pattern = line.value.starts_with(['/', '*']);
    if (at_least("empty patterns") && line.value.is_empty()) || (at_least("patterns without slash") && !is_pattern) {
        NEVER.clone_into(&mut line.value);
    }
    if at_least("escapes") {
        line.value = comparable(&line.value);
    }
    if at_least("length") && line.value.len() > 1000 {
        // No asked path is so long, so that such a rule matches nothing.
        NEVER.clone_into(&mut line.value);
    }
}

/// Whom a user-agent line names, of those that matter: the crawler, everybody, or somebody else.
fn named(value: &str, token: &str) -> String {
    let next_is_of_token = |at: usize| {
        value.as_bytes().get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let is_token = value.get(..token.len()).is_some_and(|head| head.eq_ignore_ascii_case(token));
    if is_token && !next_is_of_token(token.len()) {
        token.to_owned()
    } else if value == "*" || value.starts_with("* ") || value.starts_with("*\t") {
        "*".to_owned()
    } else {
        "zzz-other".to_owned()
    }
}

fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&rest[..end]);
        let both = rest[end] == b'\r' && rest.get(end + 1) == Some(&b'\n');
        rest = &rest[end + 1 + usize::from(both)..];
    }
    lines.push(rest);
    lines
}

fn escaped(line: &[u8]) -> String {
    let mut text = String::new();
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    text
}

fn read(line: &str) -> Option<Line> {
    let blank = |letter: char| letter <= ' ';
    let text = line.split('#').next()?;
    let (key, value) = text.split_once(':')?;
    let key = key.trim_matches(blank).to_ascii_lowercase();
    // A key that only begins like one of the three is somebody else's; its name is kept from being taken for one.
    let key = if is_of_rfc(&key) { key } else { format!("x-{}", key.replace(blank, "-")) };
    Some(Line { key, value: value.trim_matches(blank).to_owned() })
}

fn comparable(value: &str) -> String {
    let (body, end) = value.strip_suffix('$').map_or((value, ""), |body| (body, "$"));
    let body = normalise_pattern(body);
    format!("{body}{end}")
}

fn combined(lines: Vec<Line>, token: &str) -> Vec<Line> {
    let by_token = lines.iter().any(|line| line.key == "user-agent" && line.value == token);
    let wanted = if by_token { token } else { "*" };
    let mut rules = vec![Line { key: "user-agent".to_owned(), value: token.to_owned() }];
    let (mut binds, mut after_rule) = (false, true);
    for line in lines {
        if line.key == "user-agent" {
            binds = (binds && !after_rule) || line.value == wanted;
            after_rule = false;
        } else if is_of_rfc(&line.key) {
            after_rule = true;
            if binds {
                rules.push(line);
            }
        }
    }
    rules
}
