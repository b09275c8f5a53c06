//! The canonical text of derived tables: the same lines that SQLite's dump has, so that two back ends with one log dump one text.

use std::io::Write;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::session::{Session, get};
use super::write::DERIVED;
use crate::store::StoreError;
use crate::store::tables::reading;

/// The BLAKE3 of one derived table's canonical dump. `schema` says which of two tables of that name.
pub(super) fn digest(
    session: &Session<'_>,
    schema: &str,
    table: &str,
    order: &str,
) -> Result<blake3::Hash, StoreError> {
    let mut hasher = blake3::Hasher::new();
    dump_table(session, schema, table, order, &mut hasher)?;
    Ok(hasher.finalize())
}

/// The digests of every derived table, in their order.
pub(super) fn digests(session: &Session<'_>, schema: &str) -> Result<Vec<blake3::Hash>, StoreError> {
    DERIVED.iter().map(|(table, order)| digest(session, schema, table, order)).collect()
}

/// One line a row: the table, then each column as a number, as JSON text, or as `x` and hex.
pub(super) fn dump_table(
    session: &Session<'_>,
    schema: &str,
    table: &str,
    order: &str,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let dot = if schema.is_empty() { "" } else { "." };
    session.each(&reading(&format!("{schema}{dot}"), table, order), |row| {
        let mut line = table.to_owned();
        for place in 0..row.len() {
            line.push('\t');
            cell(row, place, &mut line)?;
        }
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(|error| StoreError::Backend(error.to_string()))
    })
}

fn cell(row: &Row, place: usize, line: &mut String) -> Result<(), StoreError> {
    let shown = match *row.columns()[place].type_() {
        Type::INT8 => get::<Option<i64>>(row, place)?.map(|number| number.to_string()),
        Type::INT2 => get::<Option<i16>>(row, place)?.map(|number| number.to_string()),
        Type::BOOL => get::<Option<bool>>(row, place)?.map(|yes| u8::from(yes).to_string()),
        Type::TEXT => get::<Option<&str>>(row, place)?.map(|text| serde_json::json!(text).to_string()),
        Type::BYTEA => get::<Option<&[u8]>>(row, place)?.map(|bytes| {
            let mut text = String::with_capacity(1 + bytes.len() * 2);
            text.push('x');
            bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
            text
        }),
        ref other => return Err(StoreError::Damaged(format!("a derived table has a column of type `{other}`"))),
    };
    line.push_str(shown.as_deref().unwrap_or("-"));
    Ok(())
}
