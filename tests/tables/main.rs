//! Tables of test data held against the code: decisions, policy actions, license words.

mod decide;
mod example;
mod license_words;
mod ubiquitous;
