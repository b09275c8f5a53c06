//! Parsers of signals held to vectors: one module a standard, each running the cases under `tests/vectors/signals/`.

mod aipref;
mod carriers;
mod cases;
mod cawg;
mod conclusion;
mod content_signal;
mod count;
mod page;
mod parsed_cases;
mod payment;
mod plus;
mod publish;
mod real;
mod real_robots;
mod response;
mod robots;
mod rsl;
mod said;
mod tdmrep;
mod vectors;
mod wild;
mod x_robots;
