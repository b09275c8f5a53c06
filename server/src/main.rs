//! The registry's program; everything stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cleartitle_server::main()
}
