//! Tables whose metadata lie: what a footer or a page claims makes no room, reads no other file, and keeps no row that is not there.

use super::made::{Run, keeping, snapshot};
use super::tables::{docs, rows_of, run, table};
use crate::filter::FilterError;
use crate::report::Report;
use cleartitle_schema::id::ContentId;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Row, RowAccessor};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const GROUPS: usize = 3;

/// A sound file of three row groups.
fn sound(folder: &Path) -> (PathBuf, Vec<u8>) {
    let path = folder.join("d.parquet");
    table(&path, &docs(30), 10);
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

fn filter(input: PathBuf, out: &Path) -> Result<Report, FilterError> {
    let (snapshot, policy) = (snapshot([]), keeping());
    Run { threads: 1, ..run(&snapshot, &policy, out, input) }.run(&mut ())
}

type Chunk =
    fn(parquet::file::metadata::ColumnChunkMetaDataBuilder) -> parquet::file::metadata::ColumnChunkMetaDataBuilder;

fn footer_length(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize
}

/// The file with its second row group's second column described in another way, and its rows counted in another way.
fn described(bytes: &[u8], rows: Option<i64>, chunk: Chunk) -> Vec<u8> {
    let body = &bytes[..bytes.len() - 8 - footer_length(bytes)];
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes[body.len()..bytes.len() - 8]).unwrap();
    let groups = metadata.row_groups().iter().enumerate().map(|(at, group)| {
        let columns: Vec<ColumnChunkMetaData> = (group.columns().iter().cloned().enumerate())
            .map(|(column, it)| match (at, column) {
                (1, 1) => chunk(it.into_builder()).build().unwrap(),
                _ => it,
            })
            .collect();
        let counted = rows.filter(|_| at == 1).unwrap_or(group.num_rows());
        let builder = group.clone().into_builder().set_num_rows(counted).set_column_metadata(columns);
        builder.build().unwrap()
    });
    let groups: Vec<RowGroupMetaData> = groups.collect();
    let file = metadata.file_metadata();
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        None,
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    let mut told = body.to_vec();
    ParquetMetaDataWriter::new(&mut told, &ParquetMetaData::new(file, groups)).finish().unwrap();
    told
}

#[test]
fn a_footer_that_lies_keeps_nothing_and_makes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = sound(folder.path());
    let honest: Chunk = |it| it;
    assert_eq!(
        filter_as(&path, &described(&bytes, None, honest), "honest").unwrap(),
        30,
        "the writer of lies can be honest"
    );
    let lies: [(&str, Option<i64>, Chunk); 14] = [
        ("rows", Some(1 << 60), honest),
        ("more rows", Some(20), honest),
        ("fewer rows", Some(9), honest),
        ("negative rows", Some(-10), honest),
        ("values", None, |it| it.set_num_values(i64::MAX)),
        ("fewer values", None, |it| it.set_num_values(9)),
        ("negative offset", None, |it| it.set_data_page_offset(-4)),
        ("an offset beyond the file", None, |it| it.set_data_page_offset(1 << 40)),
        ("compressed bytes", None, |it| it.set_total_compressed_size(i64::MAX / 16)),
        ("negative bytes", None, |it| it.set_total_compressed_size(-1)),
        ("a dictionary behind its data", None, |it| it.set_dictionary_page_offset(Some(1 << 40))),
        ("plain bytes", None, |it| it.set_total_uncompressed_size(i64::MAX)),
        ("negative plain bytes", None, |it| it.set_total_uncompressed_size(-1)),
        ("another file", None, |it| it.set_file_path("/etc/passwd".to_owned())),
    ];
    for (what, rows, chunk) in lies {
        let refused = filter_as(&path, &described(&bytes, rows, chunk), what).expect_err(what);
        assert!(matches!(refused, FilterError::Open(_)), "{what}: {refused}");
    }
    // What only the decoder can know costs the row group, and no other.
    let told = described(&bytes, None, |it| {
        let short = it.build().unwrap();
        let length = short.compressed_size() - 1;
        short.into_builder().set_total_compressed_size(length)
    });
    assert_eq!(filter_as(&path, &told, "a chunk cut short").unwrap(), 20);
}

#[test]
fn a_type_that_nobody_knows_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.parquet");
    // Found by the fuzz target `table`: one bit of pyarrow's footer makes a union's member one that is not known.
    let refused = filter_as(&path, include_bytes!("unknown_variant.parquet"), "it").expect_err("refused");
    assert!(refused.to_string().contains("can't be written again") && refused.hint().is_some(), "{refused}");
}

/// How many rows of these bytes are kept.
fn filter_as(path: &Path, bytes: &[u8], what: &str) -> Result<usize, FilterError> {
    std::fs::write(path, bytes).unwrap();
    let out = path.parent().unwrap().join(format!("out of {what}"));
    filter(path.to_owned(), &out)?;
    Ok(consistent(&out))
}

/// The texts of a table, as another reader has them.
fn texts(path: &Path) -> Vec<Vec<u8>> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let text = |row: Row| {
        row.get_string(0)
            .map(|text| text.clone().into_bytes())
            .unwrap_or_else(|_| row.get_bytes(0).unwrap().data().to_vec())
    };
    rows.map(text).collect()
}

/// That every kept row is in the manifest by the id of the text that another reader finds in it; how many there are.
fn consistent(out: &Path) -> usize {
    let listed = rows_of(&out.join("manifest.jsonl"));
    let kept = texts(&out.join("kept/d.parquet"));
    assert_eq!(listed.len(), kept.len());
    for (row, text) in listed.iter().zip(&kept) {
        assert_eq!(row["content"], serde_json::json!(ContentId::of(text)));
    }
    kept.len()
}

/// How many rows each row group may have lost, and that nothing else happened.
fn survives(at: usize, byte: u8) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut bytes) = sound(folder.path());
    let at = at % bytes.len();
    bytes[at] = byte;
    match filter_as(&path, &bytes, "one byte") {
        Ok(kept) => prop_assert!(kept <= 10 * GROUPS, "{} kept", kept),
        Err(error) => prop_assert!(matches!(error, FilterError::Open(_)), "byte {} of {}: {}", byte, at, error),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::indexes::cases() * 4, failure_persistence: None, ..ProptestConfig::default() })]
    /// Any byte may be any other: the file is refused, a row group is told as damaged, or what is kept is what is listed.
    #[test]
    fn a_byte_that_lies_keeps_no_row_that_is_not_listed_by_its_own_bytes(at in any::<usize>(), byte in any::<u8>()) {
        survives(at, byte)?;
    }
}
