//! What tables say of a document: the rows that name it, read from their files.

use std::sync::{Arc, Mutex, PoisonError};

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::{ContentName, StatementId};

use crate::provenance::{Table, TableError};
use crate::store::StoreError;
use crate::store::database::Database;
use crate::store::uploads::Named;

/// How many rows of tables are shown of one document: each costs some reads, of a header for every page before it.
pub const SHOWN_OF_TABLES: usize = 32;

/// How many tables stand opened. A footer has at most 4 MiB, and hardly any has one.
const OPENED: usize = 8;

/// Tables whose footers were read, the last one asked for last.
#[derive(Debug, Default)]
pub struct OpenedTables(Mutex<Vec<(StatementId, Arc<Table>)>>);

impl OpenedTables {
    fn table(&self, store: &dyn Database, named: &Named) -> Result<Arc<Table>, TableError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = {
            let mut tables = lock();
            let at = tables.iter().position(|(of, _)| *of == named.statement);
            at.map(|at| {
                let found = tables.remove(at);
                tables.push(found.clone());
                found.1
            })
        };
        if let Some(table) = opened {
            return Ok(table);
        }
        let fetch = |range| store.table_bytes(&named.statement, range);
        let table = Arc::new(Table::open(&fetch, named.bytes)?);
        let mut tables = lock();
        if tables.len() == OPENED {
            tables.remove(0);
        }
        tables.push((named.statement, Arc::clone(&table)));
        Ok(table)
    }
}

/// The rows of tables that name a document, at most [`SHOWN_OF_TABLES`], in log order: each with its leaf, its number from 1, and what it says.
/// Where there are more, tables come first whose signer shows the document under its own hosts, and each table has a like part.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Damaged`] where a row does not say what its run says.
pub fn records(
    store: &dyn Database,
    opened: &OpenedTables,
    name: &ContentName,
) -> Result<Vec<(u64, u64, Acquisition)>, StoreError> {
    let mut records = Vec::new();
    let mut tables = store.tables_naming(name)?;
    tables.sort_by_key(|table| !table.rows.iter().any(|(_, shown)| *shown));
    // Some of each, so that one table of many rows hides no other.
    let each = (SHOWN_OF_TABLES / tables.len().max(1)).max(1);
    for named in tables {
        let damaged = |why: String| StoreError::Damaged(format!("the table of `{}`: {why}", named.statement));
        let rows: Vec<u64> = named.rows.iter().map(|(row, _)| u64::from(*row)).collect();
        let fetch = |range| store.table_bytes(&named.statement, range);
        for row in rows.into_iter().take(each.min(SHOWN_OF_TABLES - records.len())) {
            let read = opened.table(store, &named).and_then(|table| table.row(&fetch, row));
            let acquisition = read.map_err(|error| match error {
                TableError::Store(error) => error,
                other => damaged(other.to_string()),
            })?;
            if !acquisition.content.contains(name) {
                return Err(damaged(format!("row {} does not name `{name}`", row + 1)));
            }
            records.push((named.index, row + 1, acquisition));
        }
        if records.len() == SHOWN_OF_TABLES {
            break;
        }
    }
    records.sort_by_key(|(index, row, _)| (*index, *row));
    Ok(records)
}
