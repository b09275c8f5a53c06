//! Text documents: bare decoding, our filter and datatrove, over JSON Lines under zstd and over Parquet.

use crate::clock::took;
use crate::floors;
use crate::ours::Filter;
use crate::python::Peer;
use crate::rounds::{Contest, Run, Unit};
use crate::texts::Texts;
use cleartitle::filter::OutputCoding;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const LINES: &[&str] = &[
    "ours parses every line, takes BLAKE3 of each text, kept or not, asks by URL and by content, copies the kept lines byte for \
     byte into zstd frames of 1 MiB (level 3), and writes and syncs them, a manifest, and a decision for each that is dropped",
    "datatrove (JsonlReader, a BaseFilter by the same hosts, JsonlWriter with zstd) takes no digest, makes no manifest and syncs \
     nothing, in one process; it writes its own layout, `metadata` nested and `file_path` added",
    "datatrove to plain lines writes more bytes and compresses none, as ours does with --output-coding plain",
    "ours with --only urls looks at the lines' URLs, and hands on candidates, which clear nothing; that the filter keeps of them what \
     it keeps of the lines is checked in every round, after the clock has stopped",
    "floors decode everything and compress (or copy) and sync the kept lines, without looking for a line's end, a digest, a manifest",
    "bare decoding is zstd's stream decoder into 1 MiB of memory, without a look at the lines",
];
const TABLES: &[&str] = &[
    "ours reads URL, id and date first and the text of rows that stay, takes BLAKE3 of it, and writes every column of the kept rows \
     (pages and values again where a row of the group is dropped); it writes and syncs them, a manifest, and a decision for \
     each that is dropped",
    "datatrove (ParquetReader, a BaseFilter by the same hosts, ParquetWriter with snappy) takes no digest, makes no manifest and \
     syncs nothing, in one process; it writes the same columns and `file_path`, cut by content as it does unless told otherwise",
    "datatrove to plain lines writes JSON instead of columns, uncompressed; ours writes of tables nothing but tables",
    "the floor reads every column of every row, and encodes and syncs the kept rows by the `parquet` crate, without a digest, a \
     manifest, a decision; ours skips what of dropped rows it need not read, and copies whole pages and row groups where it can",
    "a table takes no --only: its URLs are read first in any case",
    "the base reads every column of every row by the `parquet` crate and looks at nothing",
];

fn decoded(paths: &[PathBuf], buffer: &mut [u8]) -> u64 {
    let mut plain = 0;
    for path in paths {
        let mut decoder = zstd::stream::read::Decoder::new(File::open(path).expect("a file")).expect("a decoder");
        loop {
            let read = decoder.read(buffer).expect("a sound frame");
            black_box(&buffer);
            if read == 0 {
                break;
            }
            plain += read as u64;
        }
    }
    plain
}

/// Rows of all files, every column read.
fn scanned(paths: &[PathBuf]) -> Result<usize, ParquetError> {
    const BATCH: usize = 1_024;
    let mut rows = 0;
    for path in paths {
        let reader = SerializedFileReader::new(File::open(path)?)?;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            let count = group.metadata().num_rows() as usize;
            rows += count;
            for column in 0..group.num_columns() {
                let mut levels = Vec::new();
                let mut left = count;
                let mut reader = group.get_column_reader(column)?;
                while left > 0 {
                    levels.clear();
                    // Values are made anew for each batch, so that none outlives its page.
                    let (read, _, _) = match &mut reader {
                        ColumnReader::ByteArrayColumnReader(it) => {
                            it.read_records(BATCH, Some(&mut levels), None, black_box(&mut Vec::new()))?
                        }
                        ColumnReader::DoubleColumnReader(it) => {
                            it.read_records(BATCH, Some(&mut levels), None, black_box(&mut Vec::new()))?
                        }
                        ColumnReader::Int64ColumnReader(it) => {
                            it.read_records(BATCH, Some(&mut levels), None, black_box(&mut Vec::new()))?
                        }
                        _ => return Err(ParquetError::General("a column that the corpus doesn't have".to_owned())),
                    };
                    assert!(read > 0, "a column has a value for each row");
                    left -= read;
                }
            }
        }
    }
    Ok(rows)
}

fn stored(paths: &[PathBuf]) -> f64 {
    paths.iter().map(|path| std::fs::metadata(path).expect("a file").len()).sum::<u64>() as f64 / 1e6
}

/// JSON Lines under zstd; how many could not be run.
pub fn lines(folder: &Path, texts: &Texts, filter: &Filter, python: Option<&Path>, rounds: usize) -> usize {
    let paths = &texts.lines;
    let title = format!(
        "JSONL.zst: {} files, texts of median 2.9 KB and mean 5.3 KB, one frame a file: {:.1} MB stored, {:.1} MB plain",
        paths.len(),
        stored(paths),
        texts.plain as f64 / 1e6
    );
    let (mut buffer, mut second) = (vec![0; 1024 * 1024], vec![0; 1024 * 1024]);
    let kept = filter.outputs(paths, OutputCoding::Plain);
    let mut contest = Contest::new(title, Unit::Seconds, filter.first_mode(), texts.expected.clone(), LINES);
    contest.add("bare decoding (zstd), 1 thread", || {
        let mut plain = 0;
        let took = took(|| plain = decoded(paths, &mut buffer));
        assert_eq!(plain, texts.plain, "all bytes are decoded");
        Run { took, answer: None, wrote: None, count: 1 }
    });
    let shared = std::cell::RefCell::new(&mut second);
    for (name, level) in [
        ("floor: decoding, kept lines at zstd 3, synced", Some(3)),
        ("floor: decoding, kept lines at zstd 1, synced", Some(1)),
        ("floor: decoding, kept lines plain, synced", None),
    ] {
        let (kept, shared) = (&kept, &shared);
        contest.add(name, move || floors::lines(paths, kept, level, |paths| decoded(paths, &mut shared.borrow_mut())));
    }
    filter.join(&mut contest, paths);
    filter.join_lines(&mut contest, paths);
    let peer = |work| Peer::new(python, work, &folder.join("reserved.txt"), &folder.join("lines"));
    contest.add_python("datatrove 0.10.1, Jsonl.zst to Jsonl.zst", peer("jsonl"));
    contest.add_python("datatrove 0.10.1, Jsonl.zst to plain Jsonl", peer("jsonl-plain"));
    contest.run(rounds)
}

/// Parquet; how many could not be run.
pub fn tables(folder: &Path, texts: &Texts, filter: &Filter, python: Option<&Path>, rounds: usize) -> usize {
    let paths = &texts.tables;
    let title = format!(
        "Parquet: {} files, the same texts in FineWeb's columns, snappy, row groups of 1,000: {:.1} MB stored",
        paths.len(),
        stored(paths)
    );
    let mut contest = Contest::new(title, Unit::Seconds, filter.first_mode(), texts.expected.clone(), TABLES);
    contest.add("all columns read (parquet crate), 1 thread", || {
        let mut rows = 0;
        let took = took(|| rows = scanned(paths).expect("a sound file"));
        assert!(rows as u64 >= texts.expected.count, "all rows are read");
        Run { took, answer: None, wrote: None, count: 1 }
    });
    contest.add("floor: all read, kept rows encoded, synced", || floors::rows(paths, &texts.keeps));
    filter.join(&mut contest, paths);
    let peer = |work| Peer::new(python, work, &folder.join("reserved.txt"), &folder.join("tables"));
    contest.add_python("datatrove 0.10.1, Parquet to Parquet", peer("parquet"));
    contest.add_python("datatrove 0.10.1, Parquet to plain Jsonl", peer("parquet-jsonl"));
    contest.run(rounds)
}
