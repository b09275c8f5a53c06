//! Tables that are written by a library of others, read, damaged, and looked into.
