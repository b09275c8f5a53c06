//! Parsers of signals held to vectors: one module a standard, each running the cases under `tests/vectors/signals/`.

mod carriers;
mod cases;
mod cawg;
mod count;
mod page;
mod plus;
mod real;
mod response;
mod said;
mod x_robots;
