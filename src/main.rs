//! The `loa` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    loaphuong::cli::main()
}
