//! Text documents from a seed, each file both as JSON Lines in one zstd frame and as a Parquet table with FineWeb's columns.
//!
//! Lengths are log-normal with median 2.9 KB and mean 5.3 KB, as of the texts of Common Crawl's WET files; hosts are the
//! crawl's. Words are invented, with line ends, quotes and letters beyond ASCII, so that JSON has something to escape.

use crate::corpus::{self, Dice, Hosts, Size};
use crate::rounds::{Answer, Keeping};
use crate::{FILES, SEED};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of the logarithm of a text's length: `sqrt(2 ln(5.3 / 2.9))`.
const SPREAD: f64 = 1.098;
const MEDIAN: f64 = 2_900.0;
/// Rows of a row group: what datatrove writes, and FineWeb with it.
const GROUP: usize = 1_000;
const DATE: &str = "2024-05-18T01:58:10Z";
const DUMP: &str = "CC-MAIN-2024-22";
const SCHEMA: &str = "message schema {
    optional binary text (UTF8); optional binary id (UTF8); optional binary dump (UTF8); optional binary url (UTF8);
    optional binary date (UTF8); optional binary file_path (UTF8); optional binary language (UTF8);
    optional double language_score; optional int64 token_count;
}";

struct Text {
    text: String,
    id: String,
    url: String,
}

/// The files, and what of them must be kept.
pub struct Texts {
    pub lines: Vec<PathBuf>,
    pub tables: Vec<PathBuf>,
    pub expected: Answer,
    /// Of each document, in the order of the files, whether it must be kept.
    pub keeps: Vec<bool>,
    /// Bytes of all lines before compression.
    pub plain: u64,
}

/// Makes the files below a folder, one after the other, so that one of them is in memory.
pub fn made(folder: &Path, count: usize, size: &Size) -> Texts {
    let folders = ["lines", "tables"].map(|name| folder.join(name));
    folders.iter().for_each(|folder| std::fs::create_dir(folder).expect("a folder"));
    let (mut lines, mut tables, mut keeps, mut plain) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut keeping, hosts) = (Keeping::default(), Hosts::of(size));
    for file in 0..FILES {
        let mut dice = Dice(SEED + 100 + file);
        let words = corpus::vocabulary(&mut dice);
        let mut texts = Vec::with_capacity(count / FILES as usize);
        for number in 0..count / FILES as usize {
            let rank = hosts.draw(&mut dice);
            let text = document(&mut dice, &words, file, number, rank);
            keeps.push(!corpus::is_reserved(rank));
            if !corpus::is_reserved(rank) {
                keeping.put(&text.id, &blake3::hash(text.text.as_bytes()).to_hex());
            }
            texts.push(text);
        }
        lines.push(folders[0].join(format!("texts-{file}.jsonl.zst")));
        tables.push(folders[1].join(format!("texts-{file}.parquet")));
        plain += put_lines(&lines[lines.len() - 1], &texts).expect("room for the corpus");
        put_table(&tables[tables.len() - 1], &texts).expect("room for the corpus");
    }
    Texts { lines, tables, expected: keeping.end(), keeps, plain }
}

fn document(dice: &mut Dice, words: &[String], file: u64, number: usize, rank: usize) -> Text {
    let length = dice.length(MEDIAN, SPREAD);
    let mut text = String::with_capacity(length + 64);
    while text.len() < length {
        for _ in 0..8 + dice.below(24) {
            text.push_str(corpus::frequent(dice, words));
            text.push_str(if dice.below(40) == 0 { "é " } else { " " });
        }
        text.push_str(if dice.below(4) == 0 { "\"said\".\n" } else { ".\n" });
    }
    Text {
        text,
        id: format!("<urn:uuid:{file:08x}-0000-4000-8000-{number:012x}>"),
        url: format!("https://{}/{}/{number}.html", corpus::host(rank), words[dice.below(words.len())]),
    }
}

fn put_lines(path: &Path, texts: &[Text]) -> std::io::Result<u64> {
    let mut out = zstd::stream::write::Encoder::new(BufWriter::new(File::create(path)?), 3)?;
    let mut plain = 0;
    for Text { text, id, url } in texts {
        let line = serde_json::json!({"text": text, "id": id, "url": url, "date": DATE}).to_string() + "\n";
        out.write_all(line.as_bytes())?;
        plain += line.len() as u64;
    }
    out.finish()?.flush()?;
    Ok(plain)
}

fn put_table(path: &Path, texts: &[Text]) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(File::create(path)?, schema, properties)?;
    for rows in texts.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        let present = vec![1_i16; rows.len()];
        for at in 0..9 {
            let mut column = group.next_column()?.expect("one more column");
            let cells = |of: fn(&Text) -> &str| -> Vec<ByteArray> { rows.iter().map(|row| of(row).into()).collect() };
            let texts = match at {
                0 => cells(|row| &row.text),
                1 => cells(|row| &row.id),
                2 => cells(|_| DUMP),
                3 => cells(|row| &row.url),
                4 => cells(|_| DATE),
                5 => cells(|_| "s3://crawl/crawl-data/CC-MAIN-2024-22/segments/1715971057216.39/warc/0.warc.gz"),
                6 => cells(|_| "en"),
                _ => Vec::new(),
            };
            let put = match at {
                7 => {
                    let scores: Vec<f64> = rows.iter().map(|row| row.text.len() as f64 % 97.0 / 100.0).collect();
                    column.typed::<DoubleType>().write_batch(&scores, Some(&present), None)
                }
                8 => {
                    let tokens: Vec<i64> = rows.iter().map(|row| row.text.len() as i64 / 4).collect();
                    column.typed::<Int64Type>().write_batch(&tokens, Some(&present), None)
                }
                _ => column.typed::<ByteArrayType>().write_batch(&texts, Some(&present), None),
            };
            put?;
            column.close()?;
        }
        group.close()?;
    }
    writer.close().map(drop)
}
