//! Directories: where among sorted keys those with a given beginning stand, one word for a few keys.

/// Most hosts that share a word of the directory, on average.
pub(super) const HOSTS_A_WORD: u64 = 4;

/// Most bits that a directory goes by. More entries than it is good for are more than the format counts.
pub(super) const MAX_BITS: u32 = 30;

/// The bits that a directory of so many entries goes by.
pub(super) fn bits_for(entries: u64, a_word: u64) -> u32 {
    (0..MAX_BITS).find(|bits| entries <= a_word << bits).unwrap_or(MAX_BITS)
}

/// The key that a host is filed under: XXH3, 64 bits, of its folded name. Anybody can make names that collide: those stand
/// in the order of their names, and the search among them is a binary one.
pub(super) fn host_hash(host: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(host)
}

/// A host key's directory word.
pub(super) const fn host_word(hash: u64, bits: u32) -> usize {
    if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize }
}

/// The 24 bits of a host key behind those of its directory word.
pub(super) const fn host_mark(hash: u64, bits: u32) -> u64 {
    (hash << bits) >> 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_a_word_for_a_few_entries() {
        for (entries, bits) in [(0, 0), (4, 0), (5, 1), (8, 1), (9, 2), (5_000_000, 21), (u64::MAX, MAX_BITS)] {
            assert_eq!(bits_for(entries, 4), bits, "{entries}");
        }
    }

    #[test]
    fn words_and_marks_are_consecutive_bits() {
        let hash = 0x0123_4567_89ab_cdef_u64;
        for bits in 0..=MAX_BITS {
            assert_eq!((host_word(hash, bits) as u64) << 24 | host_mark(hash, bits), hash >> (40 - bits), "{bits}");
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // XXH3_64bits of nothing, as its specification has it.
        assert_eq!(host_hash(b""), 0x2d06_8005_38d3_94c2);
    }
}
