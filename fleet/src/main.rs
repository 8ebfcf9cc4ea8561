//! The program's entry; see `ssm_fleet::cli`.

use std::process::ExitCode;

// Measured: a fifth less processor time per call than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ssm_fleet::cli::main()
}
