//! The data builder's side.
