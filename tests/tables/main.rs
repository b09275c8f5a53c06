//! Tables of test data held against the code: decisions, policy actions.

mod common_content;
mod decide;
mod example;
