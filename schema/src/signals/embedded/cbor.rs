//! CBOR bodies (RFC 8949, December 2020) as values: the library reads the tokens, the bounds on depth and number are ours.

use super::value::{LONGEST, Value};
use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

/// Deepest nesting that is followed. A training-and-data-mining assertion has four levels.
const DEEPEST: usize = 16;

/// Most entries of all maps together.
const MOST: usize = 4096;

/// Reads the first item. Bytes after it are padding.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    if bytes.len() > LONGEST {
        return None;
    }
    let mut left = MOST;
    value(&mut Decoder::new(bytes), DEEPEST, &mut left).ok()
}

fn value(decoder: &mut Decoder<'_>, depth: usize, left: &mut usize) -> Result<Value, Error> {
    let deeper = depth.checked_sub(1).ok_or_else(|| Error::message("too deep"))?;
    match decoder.datatype()? {
        Type::String | Type::StringIndef => text(decoder).map(Value::Text),
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let mut entries = Vec::new();
            while !done(decoder, length, entries.len())? {
                *left = left.checked_sub(1).ok_or_else(|| Error::message("too many entries"))?;
                let key = match value(decoder, deeper, left)? {
                    Value::Text(key) => key,
                    // A key that is no text names nothing that is known here.
                    Value::Map(_) | Value::Other => String::new(),
                };
                entries.push((key, value(decoder, deeper, left)?));
            }
            Ok(Value::Map(entries))
        }
        Type::Tag => {
            decoder.tag()?;
            value(decoder, deeper, left)
        }
        _ => decoder.skip().map(|()| Value::Other),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, Error> {
    decoder.str_iter()?.collect()
}

/// Whether a map has ended: by its count, or by the break that ends an indefinite one.
fn done(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, Error> {
    if let Some(length) = length {
        return Ok(u64::try_from(read).unwrap_or(u64::MAX) >= length);
    }
    let ended = decoder.datatype()? == Type::Break;
    if ended {
        decoder.skip()?;
    }
    Ok(ended)
}
