//! The properties by which our own inventories ([`crate::export`]) say what the forms have no place for.

/// What of an entry or a paper an inventory does not hold.
pub const NOT_CARRIED: &str = "cleartitle:not-carried";

/// How an entry was made from an origin.
pub const LINK: &str = "cleartitle:link";

/// The beginning of the properties that say origins; the link follows.
pub const ORIGIN: &str = "cleartitle:origin:";

/// A compilation that an entry came in.
pub const COLLECTION: &str = "cleartitle:collection";

/// A file's length in bytes.
pub const BYTES: &str = "cleartitle:bytes";
