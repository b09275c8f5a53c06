//! Tables: questions as columns of Arrow (format 1.x, its IPC stream), answers as columns again, row by row in order.
//!
//! Who would attack: whoever sends a table whose lengths lie (the reader checks offsets and text; columns that it would have to
//! make up, dictionaries and nested types are refused by the schema) or a column that nobody reads, in which a reservation's facts
//! could be lost: a name that is not known is refused, not passed over.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, Keys, UrlRole};
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::decide::Asker;
use cleartitle_schema::memo::Plain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;

use super::ruled::{Asked, Asking, Known, Ruled};

/// The most rows of one batch.
pub const MAX_ROWS: usize = 1 << 20;

/// About so many bytes of answers make a batch, unless the questions' is over before.
const ENOUGH: usize = 256 << 10;

/// So many are sent even if more rows were looked up with these: those are looked up again.
const FULL: usize = 8 << 20;

/// The columns that a question may have. `url` and `content` name the copy; one of them must be there.
pub const COLUMNS: [&str; 7] = ["url", "content", "captured_at", "acquired_at", "published_at", "channel", "access"];

/// What all questions of a table have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// Who asks.
    pub asker: Asker,
    /// For what.
    pub category: Use,
    /// When the use takes place. Left out: now.
    pub used_at: Option<Timestamp>,
    /// Where the copying takes place.
    pub territory: Option<String>,
    /// For which model.
    pub model: Option<String>,
}

/// Checks the columns of a table.
///
/// # Errors
/// What is wrong with them, in words.
pub fn check(schema: &Schema) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for field in schema.fields() {
        let name = field.name().as_str();
        let shown: String = name.chars().take(60).collect();
        if !COLUMNS.contains(&name) {
            return Err(format!("no question has a column `{shown}`; there are {}", COLUMNS.join(", ")));
        }
        if seen.contains(&name) {
            return Err(format!("the column `{shown}` is there twice"));
        }
        seen.push(name);
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let time = name.ends_with("_at") && matches!(field.data_type(), DataType::Timestamp(..));
        if !text && !time {
            let wanted = if name.ends_with("_at") { "a timestamp, or text" } else { "text (utf8)" };
            return Err(format!("the column `{shown}` is {}, and has to be {wanted}", field.data_type()));
        }
    }
    if seen.contains(&"url") || seen.contains(&"content") {
        Ok(())
    } else {
        Err("a table has a column `url` or `content`".to_owned())
    }
}

/// The text in a row; none where it is null.
fn text(column: &ArrayRef, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        _ => None,
    }
}

fn time(column: &ArrayRef, row: usize) -> Result<Option<Timestamp>, String> {
    if column.is_null(row) {
        return Ok(None);
    }
    let seconds = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => column.as_primitive::<TimestampSecondType>().value(row),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            column.as_primitive::<TimestampMillisecondType>().value(row).div_euclid(1_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000_000)
        }
        _ => {
            let told = |text: &str| {
                text.parse().map_err(|_| format!("`{}` is no time", text.chars().take(60).collect::<String>()))
            };
            return text(column, row).map(told).transpose();
        }
    };
    let time = Timestamp(seconds);
    if (Timestamp::MIN..=Timestamp::MAX).contains(&time) {
        Ok(Some(time))
    } else {
        Err("a time is out of range".to_owned())
    }
}

/// The questions of one batch.
pub struct Questions<'b> {
    columns: [Option<&'b ArrayRef>; 7],
    common: &'b Common,
}

impl Common {
    /// The way in which all rows ask.
    #[must_use]
    pub fn asking(&self) -> Asking {
        let Self { asker, category, territory, model, .. } = self.clone();
        Asking { asker, category, territory, model, artefact: None, reading: None }
    }
}

impl<'b> Questions<'b> {
    /// The questions of a batch whose schema was checked.
    #[must_use]
    pub fn of(batch: &'b RecordBatch, common: &'b Common) -> Self {
        Self { columns: COLUMNS.map(|name| batch.column_by_name(name)), common }
    }

    /// The question in a row, for a state to look up; `None`: it has to be read whole.
    #[must_use]
    pub fn asked(&self, row: usize, known: &Arc<Known>, now: Timestamp) -> Option<Asked> {
        let [url, content, captured_at, acquired_at, published_at, channel, access] = self.columns;
        let texts = |column: Option<&'b ArrayRef>| column.and_then(|column| text(column, row));
        let times = |column: Option<&ArrayRef>| column.map_or(Some(None), |column| time(column, row).ok());
        let (url, content) = (texts(url), texts(content));
        if times(published_at)?.is_some() || url.is_none() && content.is_none() {
            return None;
        }
        let content = content.map(str::parse).transpose().ok()?.into_iter().collect();
        let copy = Plain {
            captured_at: times(captured_at)?,
            acquired_at: times(acquired_at)?,
            channel: texts(channel).map(str::parse).transpose().ok()?,
            access: texts(access).map(str::parse).transpose().ok()?,
        };
        let keys = Keys::of_fetched(url, content).ok()?;
        Some(Asked { keys, copy, used_at: self.common.used_at.unwrap_or(now), known: Arc::clone(known) })
    }

    /// The question in a row.
    ///
    /// # Errors
    /// What of it can't be read, in words.
    pub fn row(&self, row: usize) -> Result<DecisionRequest, String> {
        let [url, content, captured_at, acquired_at, published_at, channel, access] = self.columns;
        let texts = |column: Option<&'b ArrayRef>| column.and_then(|column| text(column, row));
        let times = |column: Option<&ArrayRef>| column.map_or(Ok(None), |column| time(column, row));
        let (url, content) = (texts(url), texts(content));
        if url.is_none() && content.is_none() {
            return Err("the row has neither a `url` nor a `content`".to_owned());
        }
        let content = content.map(|name| name.parse().map_err(|error| format!("`content`: {error}"))).transpose()?;
        let channel =
            texts(channel).map(|word| word.parse().map_err(|error| format!("`channel`: {error}"))).transpose()?;
        let access =
            texts(access).map(|word| word.parse().map_err(|error| format!("`access`: {error}"))).transpose()?;
        let urls = url.into_iter().map(|url| CopyUrl { role: UrlRole::Fetched, url: url.to_owned() }).collect();
        let acquisition = Acquisition {
            urls,
            content: content.into_iter().collect(),
            captured_at: times(captured_at)?,
            acquired_at: times(acquired_at)?,
            published_at: times(published_at)?,
            channel,
            access,
            ..Acquisition::default()
        };
        let Common { asker, category, used_at, territory, model } = self.common.clone();
        Ok(DecisionRequest {
            url: None,
            acquisition: Some(acquisition),
            asker,
            category,
            used_at,
            territory,
            model,
            artefact: None,
            reading: None,
        })
    }
}

/// The columns of answers: `verdict`, null where `error` says why there is none; `reasons` and `statements` as in a row of JSON.
#[must_use]
pub fn answer_schema(log_size: u64) -> Schema {
    let list = |name: &str| Field::new_list(name, Field::new_list_field(DataType::Utf8, true), false);
    let fields = vec![
        Field::new("verdict", DataType::Utf8, true),
        list("reasons"),
        list("statements"),
        Field::new("error", DataType::Utf8, true),
    ];
    let metadata = [("cleartitle.log_size".to_owned(), log_size.to_string())].into();
    Schema::new(fields).with_metadata(metadata)
}

/// Answers as they are made.
pub struct Answers {
    verdicts: StringBuilder,
    reasons: ListBuilder<StringBuilder>,
    statements: ListBuilder<StringBuilder>,
    errors: StringBuilder,
    rows: usize,
    bytes: usize,
}

impl Answers {
    /// With room for so many rows, as far as they come at once.
    #[must_use]
    pub fn for_rows(rows: usize) -> Self {
        let rows = rows.min(ENOUGH / 64);
        let texts = |bytes: usize| StringBuilder::with_capacity(rows, rows * bytes);
        Self {
            verdicts: texts(10),
            reasons: ListBuilder::with_capacity(texts(24), rows),
            statements: ListBuilder::with_capacity(texts(48), rows),
            errors: StringBuilder::with_capacity(rows, 0),
            rows: 0,
            bytes: 0,
        }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there is so much that no row more may come: anybody may register what makes the statements of one row megabytes long.
    #[must_use]
    pub const fn full(&self) -> bool {
        self.bytes >= FULL
    }

    /// Whether there is enough to send.
    #[must_use]
    pub const fn enough(&self) -> bool {
        self.bytes >= ENOUGH
    }

    /// Adds a row.
    pub fn add(&mut self, ruled: &Ruled) {
        let columns = ruled.columns();
        self.rows += 1;
        self.bytes += 64 + 96 * columns.statements().len() + 24 * columns.reasons.len();
        self.verdicts.append_value(columns.verdict.word());
        columns.reasons.iter().for_each(|reason| self.reasons.values().append_value(reason.word()));
        self.reasons.append(true);
        columns.statements().for_each(|id| self.statements.values().append_value(id));
        self.statements.append(true);
        self.errors.append_null();
    }

    /// Adds a row that has no answer, and why.
    pub fn add_error(&mut self, error: &str) {
        self.rows += 1;
        self.bytes += 64 + error.len();
        self.verdicts.append_null();
        self.reasons.append(true);
        self.statements.append(true);
        self.errors.append_value(error);
    }

    /// The rows as a batch.
    ///
    /// # Errors
    /// What Arrow says of the columns.
    pub fn finish(mut self, schema: &Arc<Schema>) -> Result<RecordBatch, String> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.verdicts.finish()),
            Arc::new(self.reasons.finish()),
            Arc::new(self.statements.finish()),
            Arc::new(self.errors.finish()),
        ];
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| error.to_string())
    }
}
