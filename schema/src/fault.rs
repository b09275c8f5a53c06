//! Faults: what a log, a registry or a file can be caught at, each with its stable code; `schema/faults.md` says what to do.

use crate::vocab::words;
use serde::{Deserialize, Serialize};

words!(
    /// What checking a log, or what it gave, has found.
    Fault {
        /// Two checkpoints of one size, both signed, with two roots.
        SplitView = "split-view",
        /// A log that is shorter than it was when it was last seen.
        Rollback = "rollback",
        /// A log that does not contain what it contained when it was last seen.
        ForkedLog = "forked-log",
        /// A leaf, or what it commits to, that is not what the log signed.
        AlteredEntry = "altered-entry",
        /// A tile of hashes that does not lead to the root that the log signed.
        AlteredTile = "altered-tile",
        /// A table or a snapshot that is not what the log's leaves and statements give.
        AlteredProjection = "altered-projection",
        /// Bytes of evidence, of a list or of a snapshot with another digest than the signed one.
        AlteredBytes = "altered-bytes",
        /// A snapshot that is older than what was seen before, or than the policy takes.
        StaleSnapshot = "stale-snapshot",
        /// A receipt by another log, or about another statement.
        ForeignReceipt = "foreign-receipt",
        /// A checkpoint that fewer witnesses have cosigned than were asked.
        NotWitnessed = "not-witnessed",
        /// A signature that is not by the key that it should be by.
        WrongSignature = "wrong-signature",
        /// A store or a file that can't be read as what it should be.
        Damaged = "damaged",
    }
);
