//! Tables of test data held against the code: decisions, policy actions.

mod decide;
mod example;
mod prices;
mod ubiquitous;
