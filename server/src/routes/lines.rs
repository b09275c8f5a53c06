//! Lines: whole ones as they come in, however the bytes were cut, in one buffer; one that is too long is cut there and then.

use cleartitle_schema::api::MAX_LINE;
use memchr::{memchr, memrchr};

/// Lines as they come in.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    /// What of `held` is whole lines.
    whole: usize,
    /// The last line was cut: what of it still comes is passed over.
    cut: bool,
}

impl Lines {
    /// Takes the next bytes.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        if self.cut {
            let Some(end) = memchr(b'\n', piece) else { return };
            self.cut = false;
            piece = &piece[end..];
        }
        self.held.extend_from_slice(piece);
        if let Some(end) = memrchr(b'\n', piece) {
            self.whole = self.held.len() - piece.len() + end + 1;
        }
        // Long enough to be told from a line that fits, and no longer: its end may never come.
        if self.held.len() - self.whole > MAX_LINE {
            self.held.truncate(self.whole + MAX_LINE + 1);
            self.cut = true;
        }
    }

    /// The bytes have ended: what is left is a line too.
    pub(super) fn finish(&mut self) {
        self.whole = self.held.len();
    }

    /// How many bytes of whole lines there are.
    pub(super) const fn ready(&self) -> usize {
        self.whole
    }

    /// All whole lines, each with its end.
    pub(super) fn lines(&mut self) -> Vec<u8> {
        // The next block will most likely be as long.
        let mut rest = Vec::with_capacity(self.held.len());
        rest.extend_from_slice(&self.held[self.whole..]);
        self.held.truncate(self.whole);
        self.whole = 0;
        std::mem::replace(&mut self.held, rest)
    }
}

/// The lines of a block, each with its end; of one that is too long nothing but that.
pub(super) fn each(block: &[u8]) -> impl Iterator<Item = (usize, Option<&[u8]>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = block.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        at += end;
        Some((at, rest.get(..end).filter(|line| line.len() <= MAX_LINE)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let exact = format!("{}\n", "y".repeat(MAX_LINE - 1));
        let text = format!("a\n{}\n{exact}{exact} \nlast", "x".repeat(MAX_LINE * 3)).replace("\n \n", "\n");
        let told = [Some(&b"a\n"[..]), None, Some(exact.as_bytes()), Some(exact.as_bytes()), Some(b"last")];
        for size in [1, 7, 1000, MAX_LINE, MAX_LINE + 1, MAX_LINE * 2, text.len()] {
            let mut lines = Lines::default();
            let mut read = Vec::new();
            let mut take = |lines: &mut Lines| {
                let block = lines.lines();
                read.extend(each(&block).map(|(_, line)| line.map(<[u8]>::to_vec)));
            };
            for piece in text.as_bytes().chunks(size) {
                lines.take(piece);
                assert!(lines.held.len() <= MAX_LINE + 1 + size, "what is no line yet is bounded");
                take(&mut lines);
            }
            lines.finish();
            take(&mut lines);
            assert_eq!(read.iter().map(Option::as_deref).collect::<Vec<_>>(), told, "{size}");
        }
    }
}
