//! How many instructions and allocations one round of a case takes: figures that repeat, to the instruction.
//!
//! Callgrind counts the instructions. It shows a program the same processor on every machine that has AVX2
//! (one without instructions for SHA-256, whatever the machine has), lays its memory out without chance, and is
//! started here without what the caller's environment would tell it or the C library. Keys and phones have
//! fixed seeds. What is left to differ are compiler, C library and valgrind: [`tools`] names them.
//!
//! Not here: what the counts are held against (`baseline.rs`).

use std::process::Command;

use crate::cases::{Case, Work};
use crate::repeat;

/// Of one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counts {
    pub(crate) instructions: u64,
    /// To a hundredth: tables grow now and then.
    pub(crate) allocations: f64,
}

/// Counts a case; says why where valgrind did not.
pub(crate) fn count(case: &Case) -> Result<Counts, String> {
    Ok(Counts { instructions: instructions(case)?, allocations: allocations(case.work) })
}

/// Allocations of one round, among ten thousand.
pub(crate) fn allocations(work: Work) -> f64 {
    let count = |rounds| repeat(work, rounds).allocations as f64;
    ((count(11_000) - count(1_000)) / 100.0).round() / 100.0
}

/// Instructions of one round: the difference between a run of 1100 and one of 100.
pub(crate) fn instructions(case: &Case) -> Result<u64, String> {
    let (long, short) = (collected(case, 1_100)?, collected(case, 100)?);
    match long.checked_sub(short) {
        None | Some(0) => Err(format!("{}: callgrind saw nothing of what it counts", case.name)),
        Some(difference) => Ok(difference / 1_000),
    }
}

fn collected(case: &Case, rounds: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|e| format!("this program cannot find itself: {e}"))?;
    // A file of its own: valgrind replaces what it is told to write, be it a device.
    let profile = std::env::temp_dir().join(format!("ruf-bench-{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    if matches!(case.work, Work::Unit(_)) {
        valgrind.arg("--toggle-collect=*Serving*feed*");
    }
    let output = valgrind.arg(program).args([case.name, &rounds.to_string()]).output();
    let _ = std::fs::remove_file(profile); // there is none if valgrind did not start
    let output = output.map_err(|e| format!("valgrind does not start: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = count.and_then(|(_, count)| count.trim().parse().ok());
    count.ok_or_else(|| format!("{}: valgrind counted nothing: {}", case.name, text.trim()))
}

/// What the counts depend on beside the code.
pub(crate) fn tools() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        said.unwrap_or_else(|_| format!("no {program}"))
    };
    let (rustc, valgrind, libc) =
        (said("rustc", "--version"), said("valgrind", "--version"), said("getconf", "GNU_LIBC_VERSION"));
    format!("{rustc}, {valgrind}, {libc}, {}", std::env::consts::ARCH)
}
