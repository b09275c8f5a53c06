//! Tables of test data held against the code: decisions, policy actions, license words, a dirty sheet.

mod decide;
mod example;
mod license_words;
mod papers;
mod prices;
mod ubiquitous;
