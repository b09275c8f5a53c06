//! Parsers of signals held to vectors: one module a standard, each running the cases under `tests/vectors/signals/`.

mod cases;
mod conclusion;
mod payment;
mod rsl;
mod tdmrep;
