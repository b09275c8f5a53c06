//! Parquet tables: no panic of ours, an end, and a copy of some rows opens as a table of as many.
#![no_main]

use cleartitle::crawl::FieldChoice;
use cleartitle::crawl::parquet::{Table, TableWriter};
use cleartitle::crawl::store::Stored;
use cleartitle_fuzz::decoders_may_panic;
use libfuzzer_sys::fuzz_target;

fn open(bytes: Vec<u8>) -> Option<Table> {
    let choice = FieldChoice { without_url: true, ..FieldChoice::default() };
    Table::open(Stored::memory(bytes.into()), "a.parquet", &choice).ok()
}

/// Reads a row group as the filter does; which of its rows are kept.
fn read(table: &Table, group: usize) -> Option<Vec<bool>> {
    let (mut rows, mut texts) = (table.group(group).ok()?, table.texts(group).ok()?);
    let mut kept = Vec::new();
    loop {
        let keys = rows.next_rows().ok()?;
        if keys.is_empty() {
            return Some(kept);
        }
        for _ in keys {
            let at = kept.len() as u64;
            kept.push(at % 3 != 1 && texts.read(at).ok()?.is_some());
        }
    }
}

fuzz_target!(init: decoders_may_panic(), |bytes: &[u8]| {
    let Some(table) = open(bytes.to_vec()) else { return };
    let mut writer = TableWriter::new(&table, Vec::new(), tempfile::tempfile().unwrap()).unwrap();
    let mut wanted = 0;
    for group in 0..table.groups() {
        let Some(kept) = read(&table, group) else { continue };
        let Ok(prepared) = writer.prepare(&table, group, &kept) else { continue };
        writer.put(&table, prepared).unwrap();
        wanted += kept.iter().filter(|kept| **kept).count() as u64;
    }
    let copy = open(writer.finish().unwrap()).expect("a table that was just written");
    assert_eq!((0..copy.groups()).map(|group| copy.rows_of(group)).sum::<u64>(), wanted);
});
