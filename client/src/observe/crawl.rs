//! A crawl's files of policy: robots.txt and its kin among the records, each read as it was captured.
//!
//! Only their records are decoded; of everything else the header is looked at. What is held is a digest for each content
//! of each place, and redirects whose targets have not come yet.

use super::ObserveError;
use super::carriers::{self, Carrier};
use super::conclusion::{Conclusion, Looked, look};
use super::desk::{Desk, Sent};
use super::fetch::MAX_REDIRECTS;
use super::output::place_key;
use super::runs::{Location, Novelty};
use super::site::Site;
use crate::crawl::{self, Item, Limits, Options, RawItem, RawRecord, Record, RecordType};
use crate::filter::state::Input;
use crate::filter::{DamageRow, Watch};
use cleartitle_schema::time::Timestamp;
use std::collections::HashMap;
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// Most redirects that wait for their targets. Where there are more, the next is told as failed at once.
const MAX_WAITING: usize = 100_000;

/// The most stored bytes that are read again for one capture.
const MAX_AGAIN: u64 = 64 << 20;

/// The file of finished inputs.
const INPUTS: &str = "inputs.jsonl";

/// What a capture holds.
#[derive(Clone)]
enum Captured {
    Block(Vec<u8>),
    Redirect(Url),
    Failed(&'static str),
}

/// A redirect whose target has not come yet.
struct Waiting {
    carrier: &'static Carrier,
    site: Site,
    at: Timestamp,
    hops: usize,
}

/// One import of crawl files.
pub struct Import<'a, 'd> {
    desk: &'a mut Desk<'d>,
    watch: &'a mut dyn Watch,
    options: Options,
    waiting: HashMap<String, Vec<Waiting>>,
    waiting_count: usize,
    /// The crawler, as the file says of itself.
    fetched_as: Option<String>,
    file: Arc<Path>,
}

impl<'a, 'd> Import<'a, 'd> {
    /// An import onto a desk.
    pub fn new(desk: &'a mut Desk<'d>, watch: &'a mut dyn Watch) -> Self {
        let limits = Limits { payload: 8 << 20, ..Limits::default() };
        let options = Options { limits, ..Options::default() };
        let file = Path::new("").into();
        Self { desk, watch, options, waiting: HashMap::new(), waiting_count: 0, fetched_as: None, file }
    }

    /// Reads files in order. Those that an earlier run finished are skipped.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub fn run(&mut self, inputs: &[PathBuf]) -> Result<(), ObserveError> {
        let done: Vec<Input> = match self.desk.folder() {
            Some(folder) => folder.notes(INPUTS)?,
            None => Vec::new(),
        };
        let mut finished = Vec::new();
        for path in inputs {
            let name = std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
            let input = Input::look(path, &name).map_err(|source| ObserveError::read(path, source))?;
            let skipped = done.contains(&input);
            self.watch.begin(&path.display().to_string(), input.bytes, skipped);
            if skipped {
                self.desk.tally.skipped += 1;
                continue;
            }
            let damage = self.desk.tally.damage;
            self.file(path)?;
            // A damaged file is never finished: it is told again each time, until somebody brings a sound one.
            if self.desk.tally.damage == damage {
                finished.push(input);
            }
            // A file whose redirects still wait is not finished: stopped here, they would be forgotten.
            if self.waiting.is_empty() {
                self.finish(&mut finished)?;
            }
            if self.desk.closed {
                return Ok(());
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        for one in waiting.into_values().flatten() {
            self.conclude(
                one.carrier,
                &one.site,
                one.at,
                &Captured::Failed("its redirect leads out of the crawl"),
                None,
            )?;
        }
        self.finish(&mut finished)
    }

    fn finish(&mut self, finished: &mut Vec<Input>) -> Result<(), ObserveError> {
        self.desk.settle()?;
        let Some(folder) = self.desk.folder() else { return Ok(()) };
        finished.drain(..).try_for_each(|input| folder.note(INPUTS, &input))
    }

    fn file(&mut self, path: &Path) -> Result<(), ObserveError> {
        let mut reader = crawl::open(path, self.options.clone())?;
        self.file = path.into();
        self.fetched_as = None;
        let mut looked = 0;
        while let Some(item) = reader.next_raw().map_err(|source| ObserveError::read(path, source))? {
            match item {
                RawItem::Damage(damage) => self.damaged(DamageRow::found(&self.name(), damage)),
                RawItem::Record(raw) => looked += u64::from(self.record(raw)?),
            }
            self.watch.advance(reader.offset(), looked);
            if self.desk.closed {
                break;
            }
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.file.display().to_string()
    }

    fn damaged(&mut self, row: DamageRow) {
        self.desk.tally.damage += 1;
        self.watch.damage(&row);
    }

    /// Looks at a record's header and, where it is one of the places, into it; whether it was.
    fn record(&mut self, raw: RawRecord) -> Result<bool, ObserveError> {
        let kind = raw.field("WARC-Type").unwrap_or_default().to_ascii_lowercase();
        if kind == "warcinfo" {
            if let Ok(record) = raw.parse(&self.options) {
                self.fetched_as = crawler_of(record.block());
            }
            return Ok(false);
        }
        if !matches!(kind.as_str(), "response" | "revisit") {
            return Ok(false);
        }
        let uri = raw.field("WARC-Target-URI").unwrap_or_default();
        let uri = uri.strip_prefix('<').and_then(|uri| uri.strip_suffix('>')).unwrap_or(uri).to_owned();
        let named = carriers::CRAWLED.iter().any(|carrier| carrier.path.is_some_and(|path| uri.ends_with(path)));
        if !named && !self.waiting.contains_key(&uri) {
            return Ok(false);
        }
        let Ok(url) = Url::parse(&uri) else { return Ok(false) };
        let place = place_of(&url);
        if place.is_none() && named {
            // A page whose path only ends like one, or a host that no statement can name.
            let unnamed = carrier_of(&url).is_some();
            self.desk.tally.unnamed += u64::from(unnamed);
        }
        let stored = raw.raw();
        let record = match raw.parse(&self.options) {
            Ok(record) => record,
            Err(damage) => {
                self.damaged(DamageRow::found(&self.name(), damage));
                return Ok(false);
            }
        };
        let Some(at) = record.date.as_deref().and_then(Timestamp::from_warc_date) else {
            self.undated(&record);
            return Ok(false);
        };
        let file = Arc::clone(&self.file);
        let location = Location { file, offset: stored.offset, length: stored.length, date: at };
        let captured = self.captured(&record, &url, place.as_ref());
        self.desk.tally.looked += 1;
        self.resume(&uri, at, &captured, &location)?;
        if let Some((carrier, site)) = place {
            self.arrive(carrier, &site, at, 0, captured, location)?;
        }
        Ok(true)
    }

    fn undated(&mut self, record: &Record) {
        let range = record.raw.range();
        self.damaged(DamageRow {
            file: self.name(),
            offset: range.start,
            end: range.end,
            record: record.record_id.clone(),
            url: record.target_uri.clone(),
            what: "undated".to_owned(),
            detail: "no `WARC-Date` that can be read, so nobody knows when this was so".to_owned(),
            ..DamageRow::default()
        });
    }

    fn captured(&mut self, record: &Record, url: &Url, place: Option<&(&'static Carrier, Site)>) -> Captured {
        if record.after_damage {
            return Captured::Failed("it was found after damage, where a page could have made it up");
        }
        if record.truncated.is_some() {
            return Captured::Failed("the crawler cut it");
        }
        if record.record_type == RecordType::Revisit {
            return self.revisited(record, place);
        }
        let Some(head) = &record.http else { return Captured::Failed("it has no HTTP head") };
        if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
            return Captured::Block(record.block().to_vec());
        }
        let target = head.values("Location").next().and_then(|location| url.join(location.trim()).ok());
        target.map_or(Captured::Failed("a redirect without a readable `Location`"), |mut target| {
            target.set_fragment(None);
            Captured::Redirect(target)
        })
    }

    /// The same bytes as an earlier capture: that one's, if it was met here.
    fn revisited(&mut self, record: &Record, place: Option<&(&'static Carrier, Site)>) -> Captured {
        let first = record.field("WARC-Refers-To-Date").and_then(Timestamp::from_warc_date);
        let known = first.zip(place).and_then(|(first, (carrier, site))| {
            let (_, location) = self.desk.runs().near(&place_key(site, carrier.name), first, 0)?;
            read_again(&location?, carrier, &self.options)
        });
        known.map_or(Captured::Failed("its bytes are in another crawl"), Captured::Block)
    }

    /// Redirects that waited for this address.
    fn resume(
        &mut self,
        uri: &str,
        at: Timestamp,
        captured: &Captured,
        location: &Location,
    ) -> Result<(), ObserveError> {
        let Some(waiting) = self.waiting.remove(uri) else { return Ok(()) };
        self.waiting_count -= waiting.len();
        for one in waiting {
            let near = at.0.saturating_sub(one.at.0).saturating_abs() <= Timestamp::DAY;
            // The place's own record speaks for it; it comes right after this.
            let own =
                place_of_text(uri).is_some_and(|(carrier, site)| *carrier == *one.carrier && same(&site, &one.site));
            if own && near && !matches!(captured, Captured::Redirect(_)) {
                continue;
            }
            let captured =
                if near { captured.clone() } else { Captured::Failed("its redirect leads out of the crawl") };
            self.arrive(one.carrier, &one.site, at, one.hops, captured, location.clone())?;
        }
        Ok(())
    }

    fn arrive(
        &mut self,
        carrier: &'static Carrier,
        site: &Site,
        at: Timestamp,
        hops: usize,
        captured: Captured,
        location: Location,
    ) -> Result<(), ObserveError> {
        let Captured::Redirect(target) = captured else {
            return self.conclude(carrier, site, at, &captured, Some(location));
        };
        if hops >= MAX_REDIRECTS {
            return self.conclude(carrier, site, at, &Captured::Failed("more redirects than are followed"), None);
        }
        if let Some((other, target_site)) = place_of(&target) {
            let near = self.desk.runs().near(&place_key(&target_site, other.name), at, Timestamp::DAY);
            match near {
                // From http to https and back: one place.
                Some(_) if same(&target_site, site) && *other == *carrier => return Ok(()),
                Some((_, Some(location))) => {
                    if let Some(block) = read_again(&location, other, &self.options) {
                        return self.conclude(carrier, site, at, &Captured::Block(block), Some(location));
                    }
                }
                _ => {}
            }
        }
        if self.waiting_count >= MAX_WAITING {
            return self.conclude(carrier, site, at, &Captured::Failed("too many redirects wait"), None);
        }
        self.waiting_count += 1;
        let one = Waiting { carrier, site: site.clone(), at, hops: hops + 1 };
        self.waiting.entry(target.to_string()).or_default().push(one);
        Ok(())
    }

    fn conclude(
        &mut self,
        carrier: &'static Carrier,
        site: &Site,
        at: Timestamp,
        captured: &Captured,
        location: Option<Location>,
    ) -> Result<(), ObserveError> {
        let conclusion = conclusion(carrier, site, at, captured);
        let place = place_key(site, carrier.name);
        if carrier.has_twin() && !self.twin_may_tell(&conclusion, site, carrier) {
            return Ok(());
        }
        let fetched_as = self.fetched_as.clone();
        let fetched_as = fetched_as.as_deref();
        let sent = Sent { site, place: &place, conclusion: &conclusion, at, fetched_as, again: false };
        if let Novelty::Splits(end, location) = self.desk.take(sent, location)? {
            let block = location.and_then(|location| read_again(&location, carrier, &self.options));
            let captured = block.map_or(Captured::Failed("it can't be read again"), Captured::Block);
            let conclusion = self::conclusion(carrier, site, end, &captured);
            self.desk.emit(Sent { conclusion: &conclusion, at: end, ..sent })?;
        }
        Ok(())
    }

    /// Of two files that speak one standard, one that says nothing must not end what the other says: of each only what it
    /// restricts is told, and a failure where nothing else is known.
    fn twin_may_tell(&mut self, conclusion: &Conclusion, site: &Site, carrier: &Carrier) -> bool {
        let restricts = |it: &cleartitle_schema::signals::Signal| {
            it.preference == cleartitle_schema::vocab::Preference::Disallowed || it.malformed || !it.duties.is_empty()
        };
        let runs = self.desk.runs();
        let told = carriers::CRAWLED
            .iter()
            .filter(|it| it.standards == carrier.standards)
            .any(|it| runs.knows(&place_key(site, it.name)));
        conclusion.signals.iter().any(restricts) || (conclusion.has_failures() && !told)
    }
}

fn same(one: &Site, other: &Site) -> bool {
    (&one.host, one.port) == (&other.host, other.port)
}

fn carrier_of(url: &Url) -> Option<&'static Carrier> {
    let plain = url.query().is_none() && matches!(url.scheme(), "http" | "https");
    carriers::CRAWLED.iter().copied().find(|carrier| plain && carrier.path == Some(url.path()))
}

fn place_of(url: &Url) -> Option<(&'static Carrier, Site)> {
    Some((carrier_of(url)?, Site::of(url).ok()?))
}

fn place_of_text(uri: &str) -> Option<(&'static Carrier, Site)> {
    place_of(&Url::parse(uri).ok()?)
}

fn conclusion(carrier: &'static Carrier, site: &Site, at: Timestamp, captured: &Captured) -> Conclusion {
    let mut get = |asked: &'static Carrier, url: &Url, _: &Conclusion| match captured {
        Captured::Block(block) if *asked == *carrier => {
            Looked::Answer { block: block.clone(), at, answered: url.clone() }
        }
        Captured::Failed(why) if *asked == *carrier => Looked::Failed((*why).to_owned()),
        _ if *asked == carriers::RSL => Looked::Failed("terms that a crawl does not hold".to_owned()),
        _ => Looked::Skipped,
    };
    look(site, &[carrier], carriers::agents(), &mut get)
}

/// The block of a capture that was met before.
fn read_again(location: &Location, carrier: &Carrier, options: &Options) -> Option<Vec<u8>> {
    let mut file = std::fs::File::open(&location.file).ok()?;
    file.seek(SeekFrom::Start(location.offset)).ok()?;
    let mut bytes = Vec::new();
    file.take(location.length.min(MAX_AGAIN)).read_to_end(&mut bytes).ok()?;
    let mut reader =
        crawl::open_source(Cursor::new(bytes), &location.file.display().to_string(), options.clone()).ok()?;
    while let Ok(Some(item)) = reader.next_raw() {
        let Item::Record(record) = item.parse(options) else { continue };
        let dated = record.date.as_deref().and_then(Timestamp::from_warc_date) == Some(location.date);
        let url = record.target_uri.as_deref().and_then(|uri| Url::parse(uri).ok());
        // What a redirect led to may stand at any path.
        let placed = url.is_some_and(|url| carrier_of(&url).is_none_or(|found| *found == *carrier));
        if record.record_type == RecordType::Response && dated && placed {
            return Some(record.block().to_vec());
        }
    }
    None
}

/// The product token of the crawler that a warcinfo record names.
fn crawler_of(block: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&block[..block.len().min(64 * 1024)]).into_owned();
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let named =
        |name: &str| ["http-header-user-agent", "user-agent"].iter().any(|it| it.eq_ignore_ascii_case(name.trim()));
    let (_, value) = fields.find(|(name, _)| named(name))?;
    let token: String =
        value.trim().chars().take_while(|letter| letter.is_ascii_graphic() && *letter != '/').take(64).collect();
    (!token.is_empty()).then_some(token)
}
