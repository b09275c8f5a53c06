//! The `cleartitle` command: reads its flags and hands over to the library.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    cleartitle::cli::run(&cleartitle::cli::Cli::parse())
}
