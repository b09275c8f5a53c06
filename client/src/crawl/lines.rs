//! Where the lines of JSONL begin and end, also around damaged members.
use std::io::{self, Read, Seek};

use super::damage::{Complaint, DamageKind};
use super::frame::Reader;
use super::raw::RawRecord;

impl<R: Read + Seek> Reader<R> {
    /// The line at the position, unless it is blank or damaged.
    pub(super) fn step_line(&mut self) -> io::Result<Option<RawRecord>> {
        let start = self.stream.stored_range(1).start;
        let resumed = std::mem::take(&mut self.after_break) && self.stream.pending().first() != Some(&b'{');
        self.lines += 1;
        let limit = self.options.limits.line;
        let mut looked = 0;
        let length = loop {
            let pending = self.stream.pending();
            if let Some(at) = memchr::memchr(b'\n', &pending[looked..]) {
                break looked + at + 1;
            }
            looked = pending.len();
            if looked > limit {
                break looked;
            }
            if !self.stream.fill(looked + 1)? {
                break looked;
            }
        };
        let ended = self.stream.pending()[length - 1] == b'\n';
        let complaint = if length > limit {
            Some(Complaint::new(DamageKind::TooLarge, format!("the line has more than {limit} bytes")))
        } else if resumed {
            Some(Complaint::new(DamageKind::Truncated, "the line's beginning is lost in a damaged member"))
        } else if !ended && self.stream.stopped_at_damage() {
            Some(Complaint::new(DamageKind::Truncated, "a damaged member follows inside the line"))
        } else {
            None
        };
        if let Some(complaint) = complaint {
            self.stream.advance(length);
            if !ended {
                self.pass_line()?;
            }
            self.report(start, complaint, None, Some(self.lines));
            return Ok(None);
        }
        if self.stream.pending()[..length].iter().all(u8::is_ascii_whitespace) {
            self.stream.advance(length);
            self.claim_blank(start);
            return Ok(None);
        }
        let mut record = self.take_record(length, 0..length, Vec::new())?;
        record.line = Some(self.lines);
        Ok(Some(record))
    }

    /// Passes the rest of a line.
    fn pass_line(&mut self) -> io::Result<()> {
        while self.stream.fill(1)? {
            let pending = self.stream.pending();
            let end = memchr::memchr(b'\n', pending);
            let count = end.map_or(pending.len(), |at| at + 1);
            self.stream.advance(count);
            if end.is_some() {
                break;
            }
        }
        Ok(())
    }
}
