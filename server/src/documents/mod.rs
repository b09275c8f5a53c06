//! Provenance tables on their way into the log, and documents found in them.
//!
//! The signed manifest comes first: nobody takes a byte of disk without a key that is bound here, and then only as much as the statement
//! signs and the operator allows. The bytes follow in pieces, each durable before it is acknowledged, so that a sender that was cut off or killed
//! goes on where it stopped. When all are there, one server checks the digest and every row, writes the run beside what readers see, and
//! has the leaf committed: from that commit on, whole, the rows are there. Killed anywhere before, it does the work again; refused, it keeps
//! nothing.
//!
//! The file lies in the database, in parts. So it is in its backups, moves with it to PostgreSQL, is seen by every server of one log, and a part
//! is there whole or not at all; a folder of files beside a database would need each of these anew. It costs the write-ahead log's second
//! writing of each byte.
//!
//! Deliberately absent: what a row means (`provenance`), SQL (`store`).

mod lookup;
mod upload;

pub use lookup::{OpenedTables, SHOWN_OF_TABLES, records};
pub use upload::{Outcome, Progress, begin, load, view};
