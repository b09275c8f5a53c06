//! One line of CDXJ: `key timestamp {json}`, as Common Crawl and pywb write it; what says two things or too little is refused.
use std::borrow::Cow;

use cleartitle_schema::time::Timestamp;
use serde::Deserialize;

use super::shape::Shapes;
use super::{Capture, sha1_of, shortened};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing.
    Blank,
    /// About the file (`!meta {...}`).
    Head,
    /// A capture.
    Capture(Capture<'a>),
}

/// What lines before had: neighbours share their day, and a calendar is slow; most are written alike.
#[derive(Debug, Default)]
pub struct Before {
    day: Option<([u8; 8], i64)>,
    shapes: Shapes,
}

impl Before {
    /// The moment that fourteen digits name.
    fn moment(&mut self, text: &[u8]) -> Option<Timestamp> {
        let text: &[u8; 14] = text.try_into().ok()?;
        if !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let two = |at: usize| i64::from(text[at] - b'0') * 10 + i64::from(text[at + 1] - b'0');
        let (hour, minute, second) = (two(8), two(10), two(12));
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let day: [u8; 8] = text[..8].try_into().ok()?;
        let begin = match self.day {
            Some((known, begin)) if known == day => begin,
            _ => {
                let digits = std::str::from_utf8(&day).ok()?;
                let written = format!("{}-{}-{}T00:00:00Z", &digits[..4], &digits[4..6], &digits[6..]);
                let Timestamp(begin) = written.parse().ok()?;
                self.day = Some((day, begin));
                begin
            }
        };
        Some(Timestamp(begin + hour * 3600 + minute * 60 + second))
    }
}

/// The members that are read; any others may stand beside them.
const NAMES: [&[u8]; 6] = [b"url", b"digest", b"mime", b"filename", b"offset", b"length"];

/// Their values.
type Members<'a> = [Option<Cow<'a, str>>; 6];

fn slot(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name.as_bytes())
}

/// Reads a line, without or with its end.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse<'a>(line: &'a [u8], before: &mut Before) -> Result<Line<'a>, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(Line::Blank);
    }
    if line.first() == Some(&b'!') {
        return Ok(Line::Head);
    }
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (Some(one), Some(two)) = (spaces.next(), spaces.next()) else {
        return Err(format!("it is no `key timestamp {{json}}`: `{}`", shortened(text)));
    };
    let (moment, json) = (&text[one + 1..two], &text[two + 1..]);
    let captured_at = before
        .moment(moment.as_bytes())
        .ok_or_else(|| format!("the timestamp `{}` is none of fourteen digits", shortened(moment)))?;
    let members = match plain(json, &mut before.shapes) {
        Some(members) => members?,
        None => parsed(json)?,
    };
    capture(members, captured_at).map(Line::Capture)
}

fn capture(members: Members<'_>, captured_at: Timestamp) -> Result<Capture<'_>, String> {
    let [url, digest, mime, filename, offset, length] = members;
    let lacks = |name: &str| format!("it has no `{name}`");
    let number = |name: &str, text: Option<Cow<'_, str>>| {
        let text = text.ok_or_else(|| lacks(name))?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse::<u64>().ok() } else { None };
        number.ok_or_else(|| format!("`{name}` is `{}`, which is no number", shortened(&text)))
    };
    let (offset, length) = (number("offset", offset)?, number("length", length)?);
    Ok(Capture {
        url: url.filter(|url| !url.is_empty()).ok_or_else(|| lacks("url"))?,
        captured_at,
        sha1: digest.as_deref().map_or(Ok(None), sha1_of)?,
        file: filename.filter(|file| !file.is_empty()).ok_or_else(|| lacks("filename"))?,
        offset,
        length,
        revisit: mime.as_deref() == Some("warc/revisit"),
    })
}

/// Reads an object of strings and numbers without any escape, which nearly every line is. `None`: it is of another kind, and
/// a whole parser of JSON has to look at it.
fn plain<'a>(json: &'a str, shapes: &mut Shapes) -> Option<Result<Members<'a>, String>> {
    // One pass without a branch, so that the texts below need not look again: neither control characters nor escapes.
    if json.bytes().fold(false, |any, byte| any | (byte < 0x20) | (byte == b'\\')) {
        return None;
    }
    if let Some(values) = shapes.read(json) {
        return Some(Ok(values.map(|value| value.map(Cow::Borrowed))));
    }
    let mut members = Members::default();
    let mut values = Vec::with_capacity(16);
    let mut texts = true;
    let mut rest = after(json, b'{')?.trim_ascii_start();
    if rest == "}" {
        return Some(Ok(members));
    }
    loop {
        let (name, behind) = string(rest)?;
        let written = after(behind.trim_ascii_start(), b':')?.trim_ascii_start();
        let (value, behind) = match written.as_bytes().first() {
            Some(b'"') => string(written)?,
            _ => {
                texts = false;
                number(written)?
            }
        };
        let slot = slot(name);
        if let Some(slot) = slot
            && members[slot].replace(Cow::Borrowed(value)).is_some()
        {
            // Another reader may take the other one.
            return Some(Err(format!("`{name}` stands twice")));
        }
        // A text ends one octet, its quote, before what is behind it.
        let end = json.len() - behind.len() - 1;
        values.push((end.saturating_sub(value.len())..end, slot));
        let behind = behind.trim_ascii_start();
        if let Some(more) = after(behind, b',') {
            rest = more.trim_ascii_start();
            continue;
        }
        let end = after(behind, b'}')?;
        if !end.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return None;
        }
        if texts {
            shapes.learn(json, &values);
        }
        return Some(Ok(members));
    }
}

/// What comes after an octet of ASCII.
fn after(text: &str, octet: u8) -> Option<&str> {
    if text.as_bytes().first() == Some(&octet) { Some(&text[1..]) } else { None }
}

/// A string without escapes, and what comes after it.
fn string(text: &str) -> Option<(&str, &str)> {
    let inner = after(text, b'"')?;
    let end = memchr::memchr(b'"', inner.as_bytes())?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// A whole number, and what comes after it.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let sound = end == 1 || (end > 1 && text.as_bytes().first() != Some(&b'0'));
    sound.then(|| text.split_at(end))
}

/// A string, or a number as it would be written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(u64),
    Other(serde::de::IgnoredAny),
}

/// The same object by a whole parser, which refuses a member that stands twice.
#[derive(Deserialize)]
struct Object {
    url: Option<Value>,
    digest: Option<Value>,
    mime: Option<Value>,
    filename: Option<Value>,
    offset: Option<Value>,
    length: Option<Value>,
}

fn parsed(json: &str) -> Result<Members<'static>, String> {
    let object: Object = serde_json::from_str(json).map_err(|error| format!("its JSON is unsound: {error}"))?;
    let text = |name: &str, value: Option<Value>| match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(Cow::Owned(text))),
        Some(Value::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
        Some(Value::Other(_)) => Err(format!("`{name}` is neither a text nor a number")),
    };
    Ok([
        text("url", object.url)?,
        text("digest", object.digest)?,
        text("mime", object.mime)?,
        text("filename", object.filename)?,
        text("offset", object.offset)?,
        text("length", object.length)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#"org,commoncrawl)/ 20240518015810 {"url": "https://commoncrawl.org/", "mime": "text/html", "mime-detected": "text/html", "status": "200", "digest": "SHT7O3DTT6IGX5BFFRU3QPMZMR62T7FY", "length": "6992", "offset": "1215", "filename": "crawl-data/whirlwind.warc.gz", "languages": "eng", "encoding": "UTF-8"}"#;

    fn read(line: &str) -> Result<Line<'_>, String> {
        parse(line.as_bytes(), &mut Before::default())
    }

    fn capture(line: &str) -> Capture<'_> {
        match read(line) {
            Ok(Line::Capture(capture)) => capture,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn lines_of_common_crawl_and_pywb_say_the_same() {
        let one = capture(LINE);
        assert_eq!(one.url, "https://commoncrawl.org/");
        assert_eq!(one.captured_at.to_string(), "2024-05-18T01:58:10Z");
        assert_eq!((one.offset, one.length, one.revisit), (1215, 6992, false));
        assert_eq!(one.file, "crawl-data/whirlwind.warc.gz");
        assert!(one.sha1.is_some());
        let numbers = LINE.replace(r#""6992""#, "6992").replace(r#""1215""#, "1215");
        let prefixed = LINE.replace("SHT7", "sha1:SHT7");
        let escaped = LINE.replace("https://", r"https:\/\/");
        let nested = LINE.replace(r#""eng""#, r#"{"url": "https://other.example/"}"#);
        for same in [numbers, prefixed, escaped, nested, format!("{LINE}\r\n"), format!("{LINE}\n")] {
            assert_eq!(capture(&same), one, "{same}");
        }
        assert!(capture(&LINE.replace(r#""mime": "text/html""#, r#""mime": "warc/revisit""#)).revisit);
        assert_eq!(capture(&LINE.replace("SHT7O3DTT6IGX5BFFRU3QPMZMR62T7FY", "-")).sha1, None);
        assert_eq!(capture(&LINE.replace("SHT7", "sha256:SHT7")).sha1, None);
        assert_eq!(read("!meta {\"format\": \"cdxj\"}"), Ok(Line::Head));
        assert_eq!(read(" \r\n"), Ok(Line::Blank));
    }

    #[test]
    fn lines_that_say_two_things_or_too_little_are_refused() {
        for (from, to, said) in [
            (r#""status""#, r#""url""#, "stands twice"),
            (r#""url": "https://commoncrawl.org/", "#, "", "no `url`"),
            (r#""filename": "crawl-data/whirlwind.warc.gz", "#, "", "no `filename`"),
            (r#""offset": "1215", "#, "", "no `offset`"),
            (r#""6992""#, r#""-1""#, "no number"),
            (r#""6992""#, r#""99999999999999999999""#, "no number"),
            (r#""6992""#, "[1]", "neither"),
            ("SHT7O3DTT6IGX5BFFRU3QPMZMR62T7FY", "sha1:SHT7", "no SHA-1"),
            ("SHT7O3DTT6IGX5BFFRU3QPMZMR62T7FY", "0123", "no SHA-1"),
            ("20240518015810", "2024051801581", "timestamp"),
            ("20240518015810", "20241318015810", "timestamp"),
            ("20240518015810", "20240518015860", "timestamp"),
            (r#""UTF-8"}"#, r#""UTF-8""#, "unsound"),
            (r#""UTF-8"}"#, r#""UTF-8"} x"#, "unsound"),
            (" {", "{", "timestamp"),
        ] {
            let line = LINE.replacen(from, to, 1);
            let error = read(&line).expect_err(&line);
            assert!(error.contains(said), "{line}: {error}");
        }
        // By the whole parser too, where an escape stands anywhere.
        let twice = LINE.replacen(r#""status""#, r#""url""#, 1).replace("eng", r"e\u006eg");
        assert!(read(&twice).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes, &mut Before::default());
        }

        #[test]
        fn a_line_cut_or_changed_anywhere_never_panics(at in 0_usize..LINE.len(), byte in any::<u8>()) {
            let mut bytes = LINE.as_bytes().to_vec();
            let _ = parse(&bytes[..at], &mut Before::default());
            bytes[at] = byte;
            let _ = parse(&bytes, &mut Before::default());
        }

        /// What the short way reads, a whole parser of JSON reads too, and the same.
        #[test]
        fn the_short_way_is_the_whole_parser(
            pairs in prop::collection::vec(("(url|digest|length|offset|filename|x)", "[ -~]{0,12}", any::<bool>()), 0..7),
        ) {
            let written: Vec<String> = pairs.iter().map(|(name, value, quoted)| {
                if *quoted { format!("\"{name}\": \"{value}\"") } else { format!("\"{name}\":{value}") }
            }).collect();
            let json = format!("{{{}}}", written.join(", "));
            let told = |members: Members<'_>| members.map(|member| member.map(Cow::into_owned));
            let mut shapes = Shapes::default();
            let first = plain(&json, &mut shapes).map(|members| members.map(told));
            // By its own shape the same again; by that of a line whose values are others, what is in this one.
            prop_assert_eq!(&plain(&json, &mut shapes).map(|members| members.map(told)), &first, "{}", json);
            let longer = json.replace('1', "22");
            let by_shape = plain(&longer, &mut shapes).map(|members| members.map(told));
            prop_assert_eq!(by_shape, plain(&longer, &mut Shapes::default()).map(|members| members.map(told)), "{}", longer);
            match plain(&json, &mut shapes) {
                None => {}
                Some(Ok(members)) => prop_assert_eq!(told(members), told(parsed(&json).unwrap()), "{}", json),
                Some(Err(_)) => prop_assert!(parsed(&json).is_err(), "{}", json),
            }
        }
    }
}
