//! One zstd frame (RFC 8878, February 2021), skippable frames, and the dictionary frame of WARC files
//! (IIPC "Use of Zstandard in WARC", draft 1.0).
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::Step;
use crate::crawl::damage::{Complaint, DamageKind};

/// What a frame's first bytes are.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// First bytes of the skippable frame that holds a WARC file's dictionary.
pub(crate) const DICTIONARY_MAGIC: [u8; 4] = [0x5d, 0x2a, 0x4d, 0x18];
/// Largest window that is decoded: 128 MiB, the reference decoder's own bound. A frame may ask for terabytes.
pub(crate) const WINDOW_LOG_MAX: u32 = 27;
/// Largest dictionary, stored or unpacked.
pub(crate) const DICTIONARY_LIMIT: usize = 64 * 1024 * 1024;

/// Whether `bytes` begin a skippable frame; its whole length, once the eight header bytes are there.
pub(crate) fn skippable_length(bytes: &[u8]) -> Option<u64> {
    let head: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let [kind, b, c, d, w, x, y, z] = head;
    (kind & 0xf0 == 0x50 && [b, c, d] == [0x2a, 0x4d, 0x18]).then(|| 8 + u64::from(u32::from_le_bytes([w, x, y, z])))
}

/// A frame being inflated.
pub(crate) struct Frame {
    decoder: Decoder<'static>,
}

impl Frame {
    pub fn new(dictionary: Option<&[u8]>) -> std::io::Result<Self> {
        let mut decoder = match dictionary {
            Some(dictionary) => Decoder::with_dictionary(dictionary)?,
            None => Decoder::new()?,
        };
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { decoder })
    }

    /// Makes ready for another frame; the dictionary stays.
    pub fn reset(&mut self) -> std::io::Result<()> {
        self.decoder.reinit()
    }

    /// Takes some input and gives some output; see [`super::Inflater::run`].
    pub(in crate::crawl) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Complaint> {
        let room = output.len();
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let left = self.decoder.run(&mut source, &mut target).map_err(|error| {
            let what = if error.to_string().contains("checksum") {
                DamageKind::ChecksumMismatch
            } else {
                DamageKind::CorruptMember
            };
            Complaint::new(what, format!("zstd frame: {error}"))
        })?;
        let step = Step { consumed: source.pos(), produced: target.pos(), done: left == 0 };
        if !step.done && step.consumed == 0 && step.produced == 0 && !input.is_empty() && room > 0 {
            return Err(Complaint::new(DamageKind::CorruptMember, "zstd frame: decoding makes no progress"));
        }
        Ok(step)
    }
}

/// The dictionary inside the dictionary frame's content: as it is, or itself a zstd frame.
pub(crate) fn unpack_dictionary(content: &[u8]) -> Result<Vec<u8>, String> {
    if !content.starts_with(&MAGIC) {
        return Ok(content.to_vec());
    }
    let mut frame = Frame::new(None).map_err(|error| error.to_string())?;
    let mut dictionary = Vec::new();
    let mut output = vec![0; 64 * 1024];
    let mut rest = content;
    loop {
        let step = frame.run(rest, &mut output).map_err(|complaint| complaint.detail)?;
        rest = &rest[step.consumed..];
        dictionary.extend_from_slice(&output[..step.produced]);
        if dictionary.len() > DICTIONARY_LIMIT {
            return Err("it unpacks to more than 64 MiB".into());
        }
        if step.done {
            return Ok(dictionary);
        }
        if rest.is_empty() && step.produced == 0 {
            return Err("its own zstd frame is cut short".into());
        }
    }
}
