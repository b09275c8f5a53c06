//! Parsers of signals held to vectors: one module a standard, each running the cases under `tests/vectors/signals/`.

mod carriers;
mod cases;
mod cawg;
mod conclusion;
mod count;
mod page;
mod parsed_cases;
mod payment;
mod plus;
mod real;
mod response;
mod rsl;
mod said;
mod tdmrep;
mod x_robots;
