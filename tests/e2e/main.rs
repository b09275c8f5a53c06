//! End to end: the two real programs, over HTTP and files; every write ends with a full audit of the log.

mod adversarial;
mod alike;
mod attacks;
mod blobs;
mod bodies;
mod crash;
mod decisions;
mod documents;
mod filter;
mod first_pass;
mod grown;
mod independent;
mod indexes;
mod inputs;
mod ledger;
mod limits;
mod observe;
mod receipts;
mod registration;
mod resumed;
mod scheduled;
mod snapshots;
mod tables;
mod transcripts;
mod witness;
