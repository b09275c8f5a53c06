//! One gzip member inflated in one call by libdeflate, where all of it is at hand and small enough to be held.
//!
//! Only success is taken from here. Whatever fails (more input is needed, too large, corrupt, a checksum that disagrees)
//! is read again by [`super::gzip::Member`], step by step, which alone says what is wrong with a member.
use std::ptr::NonNull;

use libdeflate_sys as sys;

use super::gzip;

/// Content that is tried at first; grows fourfold while a member does not fit, and stays grown.
const FIRST: usize = 1024 * 1024;

/// libdeflate's state and the buffer it writes into, used again for every member. Memory: the buffer, at most `most`.
pub(super) struct Whole {
    inflater: NonNull<sys::libdeflate_decompressor>,
    buffer: Vec<u8>,
    most: usize,
}

#[expect(unsafe_code, reason = "the state is plain memory of its own")]
// SAFETY: libdeflate's state belongs to no thread, holds no pointer to anything shared, and has one owner: this one.
unsafe impl Send for Whole {}

/// A sound member: how many stored bytes it has, and how many the buffer now begins with that it holds.
pub(super) struct Sound {
    pub stored: usize,
    pub produced: usize,
}

enum Inflated {
    Done { consumed: usize, produced: usize },
    NoRoom,
    Failed,
}

impl Whole {
    /// `None` when there is no memory for it. `most` bounds what a member may inflate to.
    pub fn new(most: usize) -> Option<Self> {
        #[expect(unsafe_code, reason = "libdeflate is C")]
        // SAFETY: takes nothing; what it gives is checked for null and freed once, in `drop`.
        let inflater = unsafe { sys::libdeflate_alloc_decompressor() };
        Some(Self { inflater: NonNull::new(inflater)?, buffer: Vec::new(), most })
    }

    /// Inflates the member that `input` begins with, if all of it is there and it is sound in every way.
    ///
    /// A member's word on its own size is not asked for: the buffer grows by what does not fit, up to the bound.
    pub fn inflate(&mut self, input: &[u8]) -> Option<Sound> {
        let header = gzip::header_length(input).ok()??;
        let body = &input[header..];
        if self.buffer.is_empty() {
            self.buffer.resize(FIRST.min(self.most), 0);
        }
        let (consumed, produced) = loop {
            match self.deflated(body) {
                Inflated::Done { consumed, produced } => break (consumed, produced),
                Inflated::NoRoom if self.buffer.len() < self.most => {
                    let room = self.buffer.len().saturating_mul(4).min(self.most);
                    self.buffer.resize(room, 0);
                }
                Inflated::NoRoom | Inflated::Failed => return None,
            }
        };
        let content = self.buffer.get(..produced)?;
        let trailer: [u8; 8] = body.get(consumed..)?.first_chunk().copied()?;
        let [a, b, c, d, e, f, g, h] = trailer;
        let sound = u32::from_le_bytes([a, b, c, d]) == crc32(content)
            && u64::from(u32::from_le_bytes([e, f, g, h])) == content.len() as u64;
        sound.then_some(Sound { stored: header + consumed + trailer.len(), produced })
    }

    /// Lends the buffer, so that what is in it need not be copied. Until it is given back there is another.
    pub fn lend(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Takes the buffer back, as long as it was lent: making one anew would cost more than a member.
    pub fn take_back(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }

    fn deflated(&mut self, body: &[u8]) -> Inflated {
        let (mut consumed, mut produced) = (0, 0);
        #[expect(unsafe_code, reason = "libdeflate is C, and its safe wrapper does not tell how much input was taken")]
        // SAFETY: both lengths are those of the slices, which outlive the call; libdeflate reads and writes within them,
        // whatever the input is, and writes the two counts only when it succeeds.
        let result = unsafe {
            sys::libdeflate_deflate_decompress_ex(
                self.inflater.as_ptr(),
                body.as_ptr().cast(),
                body.len(),
                self.buffer.as_mut_ptr().cast(),
                self.buffer.len(),
                &raw mut consumed,
                &raw mut produced,
            )
        };
        match result {
            sys::libdeflate_result_LIBDEFLATE_SUCCESS => Inflated::Done { consumed, produced },
            sys::libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE => Inflated::NoRoom,
            _ => Inflated::Failed,
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "libdeflate is C")]
        // SAFETY: made by `new`, and freed nowhere else.
        unsafe {
            sys::libdeflate_free_decompressor(self.inflater.as_ptr());
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    #[expect(unsafe_code, reason = "libdeflate is C")]
    // SAFETY: the length is the slice's.
    unsafe {
        sys::libdeflate_crc32(0, bytes.as_ptr().cast(), bytes.len())
    }
}
