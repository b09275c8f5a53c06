//! Rows: the lines of a block read, looked up together, and answered in order.
//!
//! Most lines name a URL or bytes, times, and who asks for what. Those are read where they lie, without a copy of their texts;
//! any other line, and any that can't be read so, is read as a whole request, whose word alone counts: nothing is refused, and
//! nothing said, that the whole request would not have said.

use std::borrow::Cow;
use std::sync::Arc;

use cleartitle_schema::acquisition::{Keys, UrlRole};
use cleartitle_schema::api::{DecisionRequest, DecisionRow, MAX_LINE, RowError};
use cleartitle_schema::decide::Asker;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::memo::Plain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, AskerClass, Channel, Use};
use serde::Deserialize;

use super::decisions::read;
use super::lines;
use super::problem::{Code, Failure};
use crate::clearance::{Asked, Asking, Known, Ruled, State, Told};

/// How many lines are looked up together.
const TOGETHER: usize = 256;

/// So many bytes of answers are sent before more are made.
const ENOUGH: usize = 256 << 10;

/// A text where it lies, unless it is written with escapes.
#[derive(Deserialize)]
struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortUrl<'r> {
    role: UrlRole,
    #[serde(borrow)]
    url: Text<'r>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortCopy<'r> {
    #[serde(default, borrow)]
    urls: Vec<ShortUrl<'r>>,
    #[serde(default)]
    content: Vec<ContentName>,
    #[serde(default)]
    captured_at: Option<Timestamp>,
    #[serde(default)]
    acquired_at: Option<Timestamp>,
    #[serde(default)]
    channel: Option<Channel>,
    #[serde(default)]
    access: Option<Access>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortAsker<'r> {
    #[serde(default, borrow)]
    domain: Option<Text<'r>>,
    #[serde(default)]
    class: Option<AskerClass>,
}

/// A request of the usual shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short<'r> {
    #[serde(default, borrow)]
    url: Option<Text<'r>>,
    #[serde(default, borrow)]
    acquisition: Option<ShortCopy<'r>>,
    #[serde(default, borrow)]
    asker: ShortAsker<'r>,
    #[serde(rename = "use")]
    category: Use,
    #[serde(default)]
    used_at: Option<Timestamp>,
    #[serde(default, borrow)]
    territory: Option<Text<'r>>,
    #[serde(default, borrow)]
    model: Option<Text<'r>>,
}

fn same(text: Option<&Text<'_>>, known: Option<&str>) -> bool {
    text.map(|text| &*text.0) == known
}

fn owned(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.0.clone().into_owned())
}

impl Short<'_> {
    /// Whether it asks in this way.
    fn asks(&self, asking: &Asking) -> bool {
        let Asking { asker, category, territory, model, artefact, reading } = asking;
        same(self.asker.domain.as_ref(), asker.domain.as_ref().map(|domain| domain.as_str()))
            && self.asker.class == asker.class
            && self.category == *category
            && same(self.territory.as_ref(), territory.as_deref())
            && same(self.model.as_ref(), model.as_deref())
            && artefact.is_none()
            && reading.is_none()
    }

    /// In which way it asks; `None` where the asker is nobody who could.
    fn asking(&self) -> Option<Asking> {
        let domain = self.asker.domain.as_ref().map(|text| text.0.parse()).transpose().ok()?;
        Some(Asking {
            asker: Asker { domain, class: self.asker.class },
            category: self.category,
            territory: owned(self.territory.as_ref()),
            model: owned(self.model.as_ref()),
            artefact: None,
            reading: None,
        })
    }

    /// The copy and its keys; `None` where there is more to it, or something wrong with it.
    fn copy(&self) -> Option<(Plain, Keys)> {
        match (&self.url, &self.acquisition) {
            (Some(url), None) => Some((Plain::default(), Keys::of_fetched(Some(&url.0), Vec::new()).ok()?)),
            (None, Some(copy)) => {
                let ShortCopy { urls, content, captured_at, acquired_at, channel, access } = copy;
                let url = match urls.as_slice() {
                    [] => None,
                    [ShortUrl { role: UrlRole::Fetched, url }] => Some(&*url.0),
                    _ => return None,
                };
                let (captured_at, acquired_at, channel, access) = (*captured_at, *acquired_at, *channel, *access);
                let plain = Plain { captured_at, acquired_at, channel, access };
                plain.with_names(content.len()).zip(Keys::of_fetched(url, content.clone()).ok())
            }
            _ => None,
        }
    }
}

/// A line that names nothing but a URL, without the URL: most lines of a stream have all else in common, to the byte.
struct Frame {
    before: Vec<u8>,
    behind: Vec<u8>,
    used_at: Option<Timestamp>,
}

impl Frame {
    /// The frame of a line that was read; `None` where its URL is not all of its copy, or is not written as it is read.
    fn of(line: &[u8], short: &Short<'_>) -> Option<Self> {
        let (Some(Text(Cow::Borrowed(url))), None) = (&short.url, &short.acquisition) else { return None };
        let from = (url.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        let (before, behind) = (line.get(..from)?.to_vec(), line.get(from + url.len()..)?.to_vec());
        Some(Self { before, behind, used_at: short.used_at })
    }

    /// The URL of a line in this frame: a text of JSON that stands for itself.
    fn url<'l>(&self, line: &'l [u8]) -> Option<&'l str> {
        let url = line.strip_prefix(self.before.as_slice())?.strip_suffix(self.behind.as_slice())?;
        // One look at all of it costs less than a way out in its middle.
        let means = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        let plain = url.iter().fold(true, |plain, byte| plain & !means(*byte));
        if plain { std::str::from_utf8(url).ok() } else { None }
    }
}

/// Reads lines of the usual shape, one after another.
pub(super) struct Reader<'s> {
    state: &'s State,
    now: Timestamp,
    /// How the last line asked, and its frame.
    last: Option<(Arc<Known>, Option<Frame>)>,
}

impl<'s> Reader<'s> {
    pub(super) const fn new(state: &'s State, now: Timestamp) -> Self {
        Self { state, now, last: None }
    }

    /// The question of a line; `None`: it has to be read whole.
    pub(super) fn question(&mut self, line: &[u8]) -> Option<Asked> {
        if let Some((known, Some(frame))) = &self.last
            && let Some(url) = frame.url(line)
        {
            return self.state.fetched(url, known, frame.used_at.unwrap_or(self.now));
        }
        let short: Short<'_> = serde_json::from_slice(line).ok()?;
        let (copy, keys) = short.copy()?;
        let known = match self.last.take().filter(|(known, _)| short.asks(&known.asking)) {
            Some((known, _)) => known,
            None => self.state.known(&short.asking()?)?,
        };
        self.last = Some((Arc::clone(&known), Frame::of(line, &short)));
        Some(Asked { keys, copy, used_at: short.used_at.unwrap_or(self.now), known })
    }
}

/// What was answered of a block.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// The answers, each on its line.
    pub out: Vec<u8>,
    /// How many.
    pub rows: u64,
    /// Where in the block the next line begins.
    pub next: usize,
}

/// Answers lines of a block from a place on, until they are all answered or there is enough to send. `first` is the number of
/// the line at that place.
pub(super) fn answer(state: &State, now: Timestamp, explain: bool, block: &[u8], from: usize, first: u64) -> Answered {
    // Rows are a few times as long as their lines.
    let room = (4 * (block.len() - from.min(block.len()))).min(ENOUGH + ENOUGH / 8);
    let mut answered = Answered { next: from, out: Vec::with_capacity(room), ..Answered::default() };
    let mut reader = Reader::new(state, now);
    let mut lines = lines::each(block.get(from..).unwrap_or_default()).peekable();
    let (mut some, mut asked, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    while lines.peek().is_some() && answered.out.len() < ENOUGH {
        some.clear();
        asked.clear();
        whole.clear();
        for (end, line) in lines.by_ref().take(TOGETHER) {
            let question = line.filter(|_| state.remembers()).and_then(|line| reader.question(line));
            whole.push(question.is_none());
            asked.extend(question);
            some.push((end, line));
        }
        let found = state.find(&asked);
        let mut ends = some.iter().map(|(end, _)| from + end);
        let mut tell = |ruled: Result<&Ruled, Failure>| {
            write(ruled, explain, first + answered.rows, &mut answered.out);
            (answered.rows, answered.next) = (answered.rows + 1, ends.next().unwrap_or(block.len()));
            // What is too much now is asked again: anybody may register what makes one answer megabytes long.
            answered.out.len() < ENOUGH
        };
        match &found {
            Ok(found) if asked.len() == some.len() => {
                state.ruled_each(&asked, found, Told::Lines, |place| whole_request(some[place].1), tell);
            }
            found => {
                let mut place = 0;
                for ((_, line), whole) in some.iter().zip(&whole) {
                    let ruled = match (found, whole) {
                        (_, true) => whole_request(*line).and_then(|request| Ok(state.rule(request, now)?)),
                        (Err(error), false) => Err(error.clone().into()),
                        (Ok(found), false) => {
                            place += 1;
                            state.ruled(&asked[place - 1], found, place - 1, || whole_request(*line))
                        }
                    };
                    let more = match ruled {
                        Ok(ruled) => tell(Ok(&ruled)),
                        Err(failure) => tell(Err(failure)),
                    };
                    if !more {
                        break;
                    }
                }
            }
        }
    }
    answered
}

fn whole_request(line: Option<&[u8]>) -> Result<DecisionRequest, Failure> {
    let too_long = || Failure::new(Code::LineTooLong, format!("the line is longer than {MAX_LINE} bytes"));
    line.ok_or_else(too_long).and_then(read)
}

/// Writes a row, and its end.
fn write(ruled: Result<&Ruled, Failure>, explain: bool, line: u64, out: &mut Vec<u8>) {
    match ruled {
        Ok(ruled) => ruled.write(explain, out),
        Err(failure) => out.extend(wrong(&failure, line)),
    }
    out.push(b'\n');
}

/// The row of a line that has no answer.
pub(super) fn wrong(failure: &Failure, line: u64) -> Vec<u8> {
    let error = RowError { line, code: failure.code.word().to_owned(), detail: failure.detail.clone() };
    serde_json::to_vec(&DecisionRow { error: Some(error), ..DecisionRow::default() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(first: &str, line: &str) -> Option<String> {
        let short: Short<'_> = serde_json::from_str(first).unwrap();
        Frame::of(first.as_bytes(), &short)?.url(line.as_bytes()).map(str::to_owned)
    }

    #[test]
    fn a_frame_holds_what_stands_for_itself_and_nothing_else() {
        let first = r#" {"url" : "https://a.example/", "use": "train-ai"} "#;
        let with = |text: &str| first.replace("https://a.example/", text);
        assert_eq!(framed(first, &with("é")).as_deref(), Some("é"));
        assert_eq!(framed(first, &with("")).as_deref(), Some(""));
        for other in [r#"a\u0041"#, r#"a", "use": "search", "url": "b"#, "a\tb", "a\nb", r#"a\"#] {
            assert_eq!(framed(first, &with(other)), None, "{other}");
        }
        assert_eq!(framed(first, r#" {"url" : ""#), None, "the parts may not overlap");
        assert_eq!(framed(first, &first.replace("train", "pain")), None);
        // One whose own text is written otherwise, or is not all of its copy, makes none.
        for first in [
            r#"{"url": "https:\/\/a.example/", "use": "train-ai"}"#,
            r#"{"acquisition": {"urls": [{"role": "fetched", "url": "https://a.example/"}]}, "use": "train-ai"}"#,
        ] {
            assert_eq!(framed(first, first), None, "{first}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Whatever stands in a frame, a parser reads it so too, and all else as in the line before.
        #[test]
        fn a_framed_line_is_read_as_a_parser_reads_it(
            first in prop::sample::select(vec![
                r#"{"url":"x","use":"train-ai"}"#,
                r#"{"use":"train-ai","url":"x"}"#,
                r#"{"use":"search","used_at":"2026-01-01T00:00:00Z","url":"url","territory":"DE"}"#,
            ]),
            text in r#"[a-z"\\\t\n{},:é/]{0,12}"#,
        ) {
            let at = if first.contains(r#""url":"x""#) { r#""url":"x""# } else { r#""url":"url""# };
            let line = first.replace(at, &format!(r#""url":"{text}""#));
            let Some(url) = framed(first, &line) else { return Ok(()) };
            let (short, before): (Short<'_>, Short<'_>) =
                (serde_json::from_str(&line).unwrap(), serde_json::from_str(first).unwrap());
            prop_assert_eq!(short.url.as_ref().map(|text| text.0.as_ref()), Some(url.as_str()));
            prop_assert!(short.asks(&before.asking().unwrap()) && short.used_at == before.used_at);
        }
    }
}
