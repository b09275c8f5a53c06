//! Columns of texts and dates by their names, row for row: how our own manifests are read where they come as Parquet.
use cleartitle_schema::time::Timestamp;
use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::ByteArray;

use super::super::store::Stored;
use super::captures::{Moment, moments, texts};
use super::chunk::Nested;
use super::table::{Columns, DateKind, Table, TableError, date_kind};

/// Rows that are read at once.
const BATCH: usize = 1_024;

/// A column that is read.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    /// Its place among the names that were asked for.
    name: usize,
    /// Its place among the leaves.
    leaf: usize,
    kind: DateKind,
}

/// A table being read by names.
pub struct Texts {
    table: Table,
    names: usize,
    chosen: Vec<Chosen>,
    group: usize,
    readers: Vec<(ColumnReader, Nested)>,
    left: u64,
}

impl Texts {
    /// Opens a table and finds those of the names that it has as columns of single texts or dates.
    ///
    /// # Errors
    /// When its footer is unsound, none of the names is a column, or one that is holds something else.
    pub fn open(stored: Stored, name: &str, names: &[&str]) -> Result<Self, TableError> {
        let mut chosen = Vec::new();
        let unsupported = |detail: String| TableError::Unsupported {
            name: name.to_owned(),
            detail,
            hint: "a manifest's columns are named as its members are; lists and objects are written as JSON texts",
        };
        let table = Table::open_by(stored, name, |metadata| {
            let schema = metadata.file_metadata().schema_descr();
            for leaf in 0..schema.num_columns() {
                let column = schema.column(leaf);
                let Some(at) =
                    names.iter().position(|wanted| column.path().parts().first().is_some_and(|part| part == wanted))
                else {
                    continue;
                };
                let kind = date_kind(column.physical_type(), column.logical_type_ref(), column.converted_type());
                let text = column.physical_type() == Type::BYTE_ARRAY;
                let kind = kind.filter(|_| {
                    column.max_rep_level() == 0
                        && column.path().parts().len() == 1
                        && (text || names[at].ends_with("_at"))
                });
                let kind =
                    kind.ok_or_else(|| unsupported(format!("whose `{}` is no column of single texts", names[at])))?;
                if chosen.iter().any(|known: &Chosen| known.name == at) {
                    return Err(unsupported(format!("with two columns `{}`", names[at])));
                }
                chosen.push(Chosen { name: at, leaf, kind });
            }
            let first =
                chosen.first().ok_or_else(|| unsupported(format!("with none of the columns {}", names.join(", "))))?;
            Ok(Columns { text: first.leaf, url: None, id: None, date: None })
        })?;
        Ok(Self { table, names: names.len(), chosen, group: 0, readers: Vec::new(), left: 0 })
    }

    /// The next rows, each with the values of the names in their order; none at the end. After an error the row group that it
    /// names is left, and the next one begins.
    ///
    /// # Errors
    /// When a column is damaged or has fewer rows than it claims, and how many rows were left unread.
    pub fn next_rows(&mut self) -> Result<Vec<Vec<Option<String>>>, (TableError, u64)> {
        while self.left == 0 {
            if self.group == self.table.groups() {
                return Ok(Vec::new());
            }
            self.left = self.table.rows_of(self.group);
            if let Err(error) = self.begin() {
                return Err(self.leave(error));
            }
            if self.left == 0 {
                self.group += 1;
            }
        }
        match self.batch() {
            Ok(rows) => Ok(rows),
            Err(error) => Err(self.leave(error)),
        }
    }

    fn leave(&mut self, error: TableError) -> (TableError, u64) {
        self.group += 1;
        (error, std::mem::take(&mut self.left))
    }

    fn begin(&mut self) -> Result<(), TableError> {
        self.readers.clear();
        for chosen in &self.chosen {
            let descr = self.table.metadata.row_group(self.group).column(chosen.leaf).column_descr_ptr();
            let bound = Nested::default();
            let pages = self.table.pages_of(self.group, chosen.leaf, Some(bound.clone()))?;
            self.readers.push((get_column_reader(descr, pages), bound));
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<Vec<Vec<Option<String>>>, TableError> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(BATCH);
        let mut rows = vec![vec![None; self.names]; count];
        for (chosen, (reader, bound)) in self.chosen.iter().zip(&mut self.readers) {
            let asked = (count, self.table.deepest(self.group, chosen.leaf));
            let damaged = |error| self.table.damaged(self.group, chosen.leaf, &error);
            if chosen.kind == DateKind::Text {
                let mut cells: Vec<Option<ByteArray>> = Vec::new();
                texts(reader, asked, &mut cells).map_err(damaged)?;
                for (row, cell) in rows.iter_mut().zip(cells) {
                    row[chosen.name] = cell.map(|cell| String::from_utf8_lossy(cell.data()).into_owned());
                }
            } else {
                let mut cells: Vec<Option<Moment>> = Vec::new();
                moments(reader, chosen.kind, asked, &mut cells).map_err(damaged)?;
                for (row, cell) in rows.iter_mut().zip(cells) {
                    row[chosen.name] = cell.map(|cell| match cell {
                        Moment::Text(text) => String::from_utf8_lossy(text.data()).into_owned(),
                        Moment::Seconds(seconds) => Timestamp(seconds).to_string(),
                    });
                }
            }
            bound.record_ended();
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.group += 1;
        }
        Ok(rows)
    }
}
