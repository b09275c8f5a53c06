//! Thrift: a walk over its compact encoding, in which Parquet's footers and page headers are written, that builds nothing: who claims
//! more than there are bytes for is refused before a decoder makes room for it. <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

/// Deepest nesting; Parquet's own structures reach six.
const DEPTH_LIMIT: usize = 16;
/// Most elements of a list; each of them takes up to a few hundred bytes when it is decoded.
const LIST_LIMIT: u64 = 65_536;

/// Why bytes are no structure that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The bytes end inside it.
    #[error("it ends too early")]
    Short,
    /// It claims more than can be.
    #[error("it claims a list of {0} elements")]
    List(u64),
    /// It is nested deeper than any.
    #[error("it is nested deeper than {DEPTH_LIMIT} levels")]
    Deep,
    /// A field stands twice or out of order, so that two readers may see two things.
    #[error("field {0} stands out of order")]
    Order(i16),
    /// A type or a number that is none.
    #[error("it is not in Thrift's compact encoding")]
    Encoding,
}

/// Walks one structure; `seen` gets each integer with the field numbers that lead to it. Returns how many bytes it took.
///
/// # Errors
/// [`Unsound`].
pub fn walk(bytes: &[u8], mut seen: impl FnMut(&[i16], i64)) -> Result<usize, Unsound> {
    let mut walk = Walk { bytes, at: 0, path: Vec::new() };
    walk.structure(&mut seen)?;
    Ok(walk.at)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<i16>,
}

impl Walk<'_> {
    fn byte(&mut self) -> Result<u8, Unsound> {
        let byte = *self.bytes.get(self.at).ok_or(Unsound::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, count: u64) -> Result<(), Unsound> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return Err(Unsound::Short);
        }
        self.at += usize::try_from(count).map_err(|_| Unsound::Short)?;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, Unsound> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            value |= part.checked_shl(shift).ok_or(Unsound::Encoding)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Unsound::Encoding)
    }

    fn signed(&mut self) -> Result<i64, Unsound> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn structure(&mut self, seen: &mut impl FnMut(&[i16], i64)) -> Result<(), Unsound> {
        if self.path.len() >= DEPTH_LIMIT {
            return Err(Unsound::Deep);
        }
        let mut last = 0_i16;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            let field = match head >> 4 {
                0 => i16::try_from(self.signed()?).map_err(|_| Unsound::Encoding)?,
                by => last.checked_add(i16::from(by)).ok_or(Unsound::Encoding)?,
            };
            if field <= last {
                return Err(Unsound::Order(field));
            }
            last = field;
            self.path.push(field);
            // A field's truth is in its type; a list's elements have a byte each.
            if !matches!(kind, 1 | 2) {
                self.value(kind, seen)?;
            }
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, seen: &mut impl FnMut(&[i16], i64)) -> Result<(), Unsound> {
        match kind {
            1..=3 => self.pass(1),
            4..=6 => {
                let value = self.signed()?;
                seen(&self.path, value);
                Ok(())
            }
            7 => self.pass(8),
            8 => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            9 | 10 => self.list(seen),
            11 => self.map(seen),
            12 => self.structure(seen),
            13 => self.pass(16),
            _ => Err(Unsound::Encoding),
        }
    }

    fn list(&mut self, seen: &mut impl FnMut(&[i16], i64)) -> Result<(), Unsound> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            count => u64::from(count),
        };
        self.elements(count, 1, seen, |_| head & 0x0f)
    }

    fn map(&mut self, seen: &mut impl FnMut(&[i16], i64)) -> Result<(), Unsound> {
        let count = self.unsigned()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        self.elements(count, 2, seen, |at| if at == 0 { kinds >> 4 } else { kinds & 0x0f })
    }

    fn elements(
        &mut self,
        count: u64,
        each: u8,
        seen: &mut impl FnMut(&[i16], i64),
        kind: impl Fn(u8) -> u8,
    ) -> Result<(), Unsound> {
        // Each element takes a byte at least.
        if count > LIST_LIMIT || count > (self.bytes.len() - self.at) as u64 {
            return Err(Unsound::List(count));
        }
        if self.path.len() >= DEPTH_LIMIT {
            return Err(Unsound::Deep);
        }
        self.path.push(-1);
        for _ in 0..count {
            for at in 0..each {
                self.value(kind(at), seen)?;
            }
        }
        self.path.pop();
        Ok(())
    }
}

/// What the header of a page claims of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageClaims {
    /// 0 data, 2 dictionary, 3 data of version 2.
    pub kind: i64,
    /// Bytes when it is inflated.
    pub inflated: i64,
    /// Bytes as they are stored, behind the header.
    pub stored: i64,
    /// Values, nulls among them.
    pub values: i64,
    /// The number of the values' encoding.
    pub encoding: i64,
}

impl PageClaims {
    /// Reads a page header; returns its length too.
    ///
    /// # Errors
    /// [`Unsound`]; [`Unsound::Short`] and [`Unsound::List`] of the beginning of a header say nothing of the whole.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Unsound> {
        let mut claims = Self { inflated: -1, stored: -1, values: -1, ..Self::default() };
        let length = walk(bytes, |path, value| match path {
            [1] => claims.kind = value,
            [2] => claims.inflated = value,
            [3] => claims.stored = value,
            [5 | 7 | 8, 1] => claims.values = claims.values.max(value),
            [5, 2] | [8, 4] => claims.encoding = value,
            _ => {}
        })?;
        Ok((claims, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn claims_without_bytes_are_refused() {
        // Field 1, a list of 2^31 structures, and nothing after it.
        assert_eq!(walk(&[0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x08], |_, _| ()), Err(Unsound::List(1 << 31)));
        // A text of 100 bytes in a structure of three.
        assert_eq!(walk(&[0x18, 100, b'a'], |_, _| ()), Err(Unsound::Short));
        // The same field twice: first small, then large.
        assert_eq!(walk(&[0x25, 2, 0x05, 4, 4, 0], |_, _| ()), Err(Unsound::Order(2)));
        assert_eq!(walk(&[0x1c; 40], |_, _| ()), Err(Unsound::Deep));
        let mut seen = Vec::new();
        assert_eq!(walk(&[0x15, 6, 0x1c, 0x15, 3, 0, 0], |path, value| seen.push((path.to_vec(), value))), Ok(7));
        assert_eq!(seen, [(vec![1], 3), (vec![2, 1], -2)]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(length) = walk(&bytes, |path, _| assert!(path.len() <= DEPTH_LIMIT)) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
