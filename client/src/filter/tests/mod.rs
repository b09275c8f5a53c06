//! The filter as a whole: rulings from the memo against direct ones, runs over made and real crawls, stops and resumes.

mod coded;
#[path = "../../../../schema/tests/memo/drawn.rs"]
mod drawn;
mod indexes;
mod lying_tables;
mod made;
mod only;
mod plan;
mod runs;
mod signed;
mod tables;
