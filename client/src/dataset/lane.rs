//! Lane: the lines of a long file worked on by several threads, block by block, and what comes of it taken in the file's order.
//!
//! In memory are two blocks a thread on their way in, one at work and two results on their way out; a line that is longer than a
//! block may be is cut, so that whoever works on it sees that it is too long.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, Read};

/// How many bytes are read at once.
const BLOCK: usize = 2 << 20;

/// Whole lines, with their newlines, and the number of the first, from 1; only the last block of a file may lack the last
/// newline.
type Block = io::Result<(u64, Vec<u8>)>;

/// Reads blocks of whole lines. Lines are at most `longest` bytes; of a longer one the beginning stands for it, one byte too
/// long.
struct Blocks<R> {
    from: R,
    rest: Vec<u8>,
    size: usize,
    longest: usize,
    ended: bool,
    first: u64,
}

impl<R: Read> Blocks<R> {
    const fn new(from: R, size: usize, longest: usize) -> Self {
        Self { from, rest: Vec::new(), size, longest, ended: false, first: 1 }
    }

    /// Reads up to `size` bytes behind what is there; false at the end of the file.
    fn fill(&mut self, block: &mut Vec<u8>) -> io::Result<bool> {
        let before = block.len();
        self.from.by_ref().take(self.size as u64).read_to_end(block)?;
        Ok(block.len() > before)
    }

    fn next_block(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let Some(block) = self.next_lines()? else { return Ok(None) };
        let first = self.first;
        self.first += memchr::memchr_iter(b'\n', &block).count() as u64;
        Ok(Some((first, block)))
    }

    fn next_lines(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut block = std::mem::take(&mut self.rest);
        block.reserve(self.size);
        loop {
            let from = block.len();
            if !self.fill(&mut block)? {
                self.ended = true;
                return Ok((!block.is_empty()).then_some(block));
            }
            if let Some(end) = memchr::memrchr(b'\n', &block[from..]) {
                self.rest = block.split_off(from + end + 1);
                return Ok(Some(block));
            }
            // One line and no end yet: what is beyond the bound tells nothing more.
            block.truncate(self.longest + 1);
        }
    }
}

/// What a thread is handed, and where its results go.
struct Hand<T> {
    blocks: Sender<Block>,
    results: Receiver<T>,
}

/// Works on the lines of a file with so many threads: `work` gets a block of whole lines and the number of its first,
/// `take` what came of the blocks, in their order, and says whether to go on.
///
/// # Errors
/// What reading gives, after everything before it was taken.
pub fn run<T: Send>(
    from: impl Read + Send,
    workers: usize,
    longest: usize,
    work: impl Fn(u64, &[u8]) -> T + Sync,
    take: impl FnMut(T) -> bool,
) -> io::Result<()> {
    run_by(from, (workers, BLOCK, longest), work, take)
}

fn run_by<T: Send>(
    from: impl Read + Send,
    (workers, size, longest): (usize, usize, usize),
    work: impl Fn(u64, &[u8]) -> T + Sync,
    mut take: impl FnMut(T) -> bool,
) -> io::Result<()> {
    std::thread::scope(|scope| {
        let hands: Vec<Hand<io::Result<T>>> = (0..workers.max(1))
            .map(|_| {
                let (blocks, received) = bounded::<Block>(2);
                let (send, results) = bounded(2);
                let work = &work;
                scope.spawn(move || {
                    for block in received {
                        if send.send(block.map(|(first, block)| work(first, &block))).is_err() {
                            return;
                        }
                    }
                });
                Hand { blocks, results }
            })
            .collect();
        let (inlets, outlets): (Vec<_>, Vec<_>) = hands.into_iter().map(|hand| (hand.blocks, hand.results)).unzip();
        scope.spawn(move || {
            let mut blocks = Blocks::new(from, size, longest);
            // In turn, and taken in the same turn: no result needs a number to find its place.
            for inlet in inlets.iter().cycle() {
                let next = match blocks.next_block() {
                    Ok(None) => return,
                    Ok(Some(block)) => Ok(block),
                    Err(error) => Err(error),
                };
                let last = next.is_err();
                if inlet.send(next).is_err() || last {
                    return;
                }
            }
        });
        for outlet in outlets.iter().cycle() {
            let Ok(result) = outlet.recv() else { break };
            if !take(result?) {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines as one would read them alone, cut where they are too long.
    fn plainly(text: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        lines.into_iter().map(|line| line[..line.len().min(longest + 1)].to_vec()).collect()
    }

    fn by_threads(text: &[u8], workers: usize, size: usize, longest: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let split = |first: u64, block: &[u8]| (first, plainly(block, longest));
        run_by(text, (workers, size, longest), split, |(first, lines): (u64, Vec<Vec<u8>>)| {
            assert_eq!(first, found.len() as u64 + 1);
            found.extend(lines);
            true
        })
        .unwrap();
        found
    }

    proptest! {
        #[test]
        fn the_lines_are_the_files_in_its_order(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'b')], 0..400),
            workers in 1_usize..4,
            size in 1_usize..40,
        ) {
            prop_assert_eq!(by_threads(&text, workers, size, 8), plainly(&text, 8));
        }
    }

    #[test]
    fn an_error_of_reading_comes_after_what_was_read() {
        struct Torn(usize);
        impl Read for Torn {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                if self.0 == 0 {
                    return Err(io::Error::other("torn"));
                }
                self.0 -= 1;
                into[..2].copy_from_slice(b"x\n");
                Ok(2)
            }
        }
        let mut taken = 0;
        let ended = run_by(
            Torn(8),
            (2, 2, 8),
            |_, block| block.len(),
            |length| {
                taken += length;
                true
            },
        );
        assert_eq!((taken, ended.unwrap_err().to_string().as_str()), (16, "torn"));
    }

    #[test]
    fn whoever_takes_may_stop() {
        let text = b"x\n".repeat(10_000);
        let mut taken = 0;
        run_by(
            text.as_slice(),
            (2, 2, 8),
            |_, block| block.len(),
            |_| {
                taken += 1;
                taken < 3
            },
        )
        .unwrap();
        assert_eq!(taken, 3);
    }
}
