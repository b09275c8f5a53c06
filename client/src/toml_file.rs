//! A TOML file of ours, read member by member, so that every complaint names its line, column and member.

use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::UnknownWord;
use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::value::{Datetime, Offset};

/// The longest file that is read, in bytes.
pub const MAX_FILE: usize = 1024 * 1024;

/// A value with the bytes that it was read from.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// What is wrong, and where; not yet told as line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The bytes that it is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Complaint {
    /// A complaint about these bytes.
    #[must_use]
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What is wrong with a file of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file's name as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The member, such as `terms.rules[0].uses`; empty where there is none.
    pub member: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; printed apart.
    pub hint: Option<String>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.member.is_empty() {
            write!(f, "`{}`: ", self.member)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FileError {}

/// Reads a whole file by a function that takes its members.
///
/// # Errors
/// [`FileError`] for a file that is too long, is no TOML, or that `read` complains of.
pub fn read<T>(file: &str, text: &str, read: impl FnOnce(Members<'_>) -> Result<T, Complaint>) -> Result<T, FileError> {
    let told = |complaint: Complaint, root: Option<&DeTable<'_>>| locate(file, text, root, complaint);
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes, more than {MAX_FILE}", text.len());
        return Err(told(Complaint::new(0..0, message), None));
    }
    let root = DeTable::parse(text).map_err(|error| told(complaint_of(&error, &(0..0)), None))?;
    let members = Members::new(root.get_ref().clone(), root.span());
    read(members).map_err(|complaint| told(complaint, Some(root.get_ref())))
}

fn complaint_of(error: &toml::de::Error, otherwise: &Range<usize>) -> Complaint {
    let message: String = error.message().lines().collect::<Vec<_>>().join("; ").chars().take(400).collect();
    Complaint::new(error.span().unwrap_or_else(|| otherwise.clone()), message)
}

/// Line and column (in characters), both from 1, of a byte of a text.
#[must_use]
pub fn position(text: &str, byte: usize) -> (u64, u32) {
    let before = text.get(..byte.min(text.len())).unwrap_or_default();
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (line, u32::try_from(column).unwrap_or(u32::MAX - 1) + 1)
}

fn locate(file: &str, text: &str, root: Option<&DeTable<'_>>, complaint: Complaint) -> FileError {
    let (line, column) = position(text, complaint.span.start);
    let (line, column) = (usize::try_from(line).unwrap_or(usize::MAX), column as usize);
    let mut best = Best { length: usize::MAX, member: String::new() };
    if let Some(root) = root.filter(|_| !complaint.span.is_empty()) {
        nearest_in_table(root, &complaint.span, "", &mut best);
    }
    FileError {
        file: file.to_owned(),
        line,
        column,
        member: best.member,
        message: complaint.message,
        hint: complaint.hint,
    }
}

/// The smallest key or value found so far that holds the bytes.
struct Best {
    length: usize,
    member: String,
}

impl Best {
    fn offer(&mut self, span: &Range<usize>, sought: &Range<usize>, member: &str) {
        let holds = span.start <= sought.start && sought.end <= span.end;
        if holds && span.len() <= self.length && !span.is_empty() {
            *self = Self { length: span.len(), member: member.to_owned() };
        }
    }
}

fn nearest_in_table(table: &DeTable<'_>, sought: &Range<usize>, prefix: &str, best: &mut Best) {
    for (key, value) in table {
        let name: String = key.get_ref().chars().filter(|c| !c.is_control()).take(60).collect();
        let member = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        best.offer(&value.span(), sought, &member);
        best.offer(&key.span(), sought, &member);
        nearest_in_value(value.get_ref(), sought, &member, best);
    }
}

fn nearest_in_value(value: &DeValue<'_>, sought: &Range<usize>, member: &str, best: &mut Best) {
    match value {
        DeValue::Table(table) => nearest_in_table(table, sought, member, best),
        DeValue::Array(items) => {
            for (rank, item) in items.iter().enumerate() {
                let member = format!("{member}[{rank}]");
                best.offer(&item.span(), sought, &member);
                nearest_in_value(item.get_ref(), sought, &member, best);
            }
        }
        _ => {}
    }
}

/// The members of one table, taken out one by one; what is left at the end is unknown and refused.
#[derive(Debug)]
pub struct Members<'i> {
    table: DeTable<'i>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'i> Members<'i> {
    fn new(table: DeTable<'i>, span: Range<usize>) -> Self {
        Self { table, span, known: Vec::new() }
    }

    /// The members of a value that must be a table.
    ///
    /// # Errors
    /// [`Complaint`] for any other value.
    pub fn of(value: Value<'i>) -> Result<Self, Complaint> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Ok(Self::new(table, span)),
            other => Err(Complaint::new(span, format!("expected a table, found {}", other.type_str()))),
        }
    }

    /// The bytes of the table; for a `[header]` those of the header.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Takes a member as it stands.
    pub fn take(&mut self, name: &'static str) -> Option<Value<'i>> {
        self.known.push(name);
        self.table.remove(name)
    }

    /// Takes a member that may be left out.
    ///
    /// # Errors
    /// [`Complaint`] for a value of another shape.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Complaint> {
        self.take(name).map(value).transpose()
    }

    /// Takes a word of a closed vocabulary, which may be left out.
    ///
    /// # Errors
    /// [`Complaint`] for another word, with a guess at what was meant.
    pub fn word<T: FromStr<Err = UnknownWord>>(&mut self, name: &'static str) -> Result<Option<T>, Complaint> {
        self.take(name).map(word).transpose()
    }

    /// Takes a member that must be there.
    ///
    /// # Errors
    /// [`Complaint`] where it is missing or of another shape.
    pub fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Complaint> {
        let missing = self.missing(name);
        self.optional(name)?.ok_or(missing)
    }

    /// The complaint that a member is missing.
    #[must_use]
    pub fn missing(&self, name: &str) -> Complaint {
        Complaint::new(self.span(), format!("`{name}` is missing"))
    }

    /// Takes a list, each item read by `read`; left out, it is empty.
    ///
    /// # Errors
    /// [`Complaint`] for another shape, and what `read` gives.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        read: impl FnMut(Value<'i>) -> Result<T, Complaint>,
    ) -> Result<Vec<T>, Complaint> {
        self.take(name).map_or(Ok(Vec::new()), |value| list(value, read))
    }

    /// Refuses members that nobody took.
    ///
    /// # Errors
    /// [`Complaint`] about the first of them.
    pub fn finish(self) -> Result<(), Complaint> {
        let Some((key, _)) = self.table.iter().next() else { return Ok(()) };
        let name: String = key.get_ref().chars().filter(|c| !c.is_control()).take(60).collect();
        let complaint = Complaint::new(key.span(), format!("`{name}` is not known here"));
        Err(match closest(&name, &self.known) {
            Some(known) => complaint.hint(format!("did you mean `{known}`?")),
            None => complaint.hint(format!("known here: {}", self.known.join(", "))),
        })
    }
}

/// Reads a list, each item by `read`.
///
/// # Errors
/// [`Complaint`] for another shape, and what `read` gives.
pub fn list<'i, T>(value: Value<'i>, read: impl FnMut(Value<'i>) -> Result<T, Complaint>) -> Result<Vec<T>, Complaint> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(items) => items.into_iter().map(read).collect(),
        other => Err(Complaint::new(span, format!("expected a list, found {}", other.type_str()))),
    }
}

/// Reads one value by its own type; TOML dates and times stand for our times.
///
/// # Errors
/// [`Complaint`] for a value of another shape.
pub fn value<T: DeserializeOwned>(mut value: Value<'_>) -> Result<T, Complaint> {
    let span = value.span();
    times_to_text(&mut value)?;
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| complaint_of(&error, &span))
}

/// Reads a word of a closed vocabulary, with a guess at what was meant.
///
/// # Errors
/// [`Complaint`] for no text, or another word.
pub fn word<T: FromStr<Err = UnknownWord>>(written: Value<'_>) -> Result<T, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    text.parse().map_err(|error: UnknownWord| {
        let known: Vec<&str> = error.known.split(", ").collect();
        let near = closest(&text, &known).map(|near| format!("did you mean `{near}`?"));
        Complaint { hint: near, ..Complaint::new(span, error.to_string()) }
    })
}

/// Writes every TOML date or time in a value as the text that our own formats have.
///
/// # Errors
/// [`Complaint`] for a time of day alone, a time without offset, or a fraction of a second.
pub fn times_to_text(value: &mut Value<'_>) -> Result<(), Complaint> {
    let span = value.span();
    match value.get_mut() {
        DeValue::Datetime(datetime) => {
            let time = timestamp(datetime).ok_or_else(|| {
                Complaint::new(span, format!("`{datetime}` is not a moment"))
                    .hint("write a date such as 2026-01-31, or a UTC time such as 2026-01-31T12:00:00Z")
            })?;
            *value.get_mut() = DeValue::String(time.to_string().into());
            Ok(())
        }
        DeValue::Array(items) => items.iter_mut().try_for_each(times_to_text),
        DeValue::Table(table) => table.iter_mut().try_for_each(|(_, member)| times_to_text(member)),
        _ => Ok(()),
    }
}

/// The moment of a TOML date (its first second, UTC) or of a time with an offset.
fn timestamp(datetime: &Datetime) -> Option<Timestamp> {
    let date = datetime.date?;
    let (hour, minute, second) = match datetime.time {
        None => (0, 0, 0),
        Some(time) if time.nanosecond.unwrap_or(0) == 0 => (time.hour, time.minute, time.second.unwrap_or(0)),
        Some(_) => return None,
    };
    let offset = match (datetime.time, datetime.offset) {
        (None, None) | (Some(_), Some(Offset::Z)) => 0,
        (Some(_), Some(Offset::Custom { minutes })) => i64::from(minutes),
        _ => return None,
    };
    let text = format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", date.year, date.month, date.day);
    text.parse::<Timestamp>().ok().map(|local| local.plus_seconds(-offset * 60))
}

/// The known name that was probably meant.
#[must_use]
pub fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (near.0 <= 1 + name.chars().count() / 4).then_some(near.1)
}

/// Levenshtein's distance in bytes of two short names.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let cost = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, reader: impl FnOnce(Members<'_>) -> Result<(), Complaint>) -> String {
        read("f.toml", text, reader).expect_err("a complaint").to_string()
    }

    #[test]
    fn complaints_name_line_column_and_member() {
        let text = "a = 1\n[b]\nc = [\"x\", 7]\n";
        let complaint = told(text, |mut members| {
            let mut inner = Members::of(members.take("b").ok_or_else(|| members.missing("b"))?)?;
            inner.list("c", value::<String>)?;
            Ok(())
        });
        assert_eq!(complaint, "f.toml:3:11: `b.c[1]`: invalid type: integer `7`, expected a string");
    }

    #[test]
    fn unknown_members_are_refused_with_a_guess() {
        let error = read("f.toml", "incude = []\n", |mut members| {
            members.take("include");
            members.finish()
        })
        .expect_err("a complaint");
        assert_eq!(error.to_string(), "f.toml:1:1: `incude`: `incude` is not known here");
        assert_eq!(error.hint.as_deref(), Some("did you mean `include`?"));
    }

    #[test]
    fn dates_and_times_become_moments() {
        let read_time = |text: &str| {
            read("f.toml", text, |mut members| members.required::<Timestamp>("t")).map(|time| time.to_string())
        };
        assert_eq!(read_time("t = 2026-01-31").as_deref(), Ok("2026-01-31T00:00:00Z"));
        assert_eq!(read_time("t = 2026-01-31T12:00:00Z").as_deref(), Ok("2026-01-31T12:00:00Z"));
        assert_eq!(read_time("t = 2026-01-31T12:00:00+02:00").as_deref(), Ok("2026-01-31T10:00:00Z"));
        assert_eq!(read_time("t = \"2026-01-31T12:00:00Z\"").as_deref(), Ok("2026-01-31T12:00:00Z"));
        for bad in ["t = 12:00:00", "t = 2026-01-31T12:00:00", "t = 2026-01-31T12:00:00.5Z", "t = \"soon\"", "t = 3"] {
            assert!(read_time(bad).is_err(), "{bad}");
        }
    }
}
