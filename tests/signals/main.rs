//! Parsers of signals held to vectors: one module a standard, each running the cases under `tests/vectors/signals/`.

mod aipref;
mod content_signal;
mod real_robots;
mod robots;
mod robots_differential;
mod robots_plain;

mod vectors;
