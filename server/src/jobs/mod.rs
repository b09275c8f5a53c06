//! Jobs: what the registry does by itself while it serves, one file a job.

pub mod observe;
pub mod witness;
