//! What reading and forwarding a message costs: nanoseconds, instructions and allocations of each
//! case, in one table. The functions measured are those that serve.
//!
//! `cargo run --release -p ruf-bench` prints the table; instructions are counted by valgrind, which
//! this program starts on itself. `ruf-bench CASE ROUNDS` runs one case so often, for a profiler.

mod allocations;
mod cases;

use allocations::{Counting, allocated};
use cases::CASES;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            table();
            ExitCode::SUCCESS
        }
        [name, rounds] => match (CASES.iter().find(|case| case.name == name), rounds.parse()) {
            (Some(case), Ok(rounds)) => {
                repeat(case.run, rounds);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: ruf-bench [CASE ROUNDS]");
    for case in CASES {
        eprintln!("  {:<16} {}", case.name, case.what);
    }
    ExitCode::from(2)
}

fn table() {
    println!("{:<16} {:>8} {:>14} {:>12}   what", "case", "ns", "instructions", "allocations");
    for case in CASES {
        let instructions = instructions(case.name).map_or("-".to_owned(), |count| count.to_string());
        println!(
            "{:<16} {:>8.0} {:>14} {:>12}   {}",
            case.name,
            nanoseconds(case.run),
            instructions,
            allocations(case.run),
            case.what
        );
    }
}

fn repeat(run: fn() -> usize, rounds: u64) {
    for _ in 0..rounds {
        black_box(run());
    }
}

/// The best of twenty runs: what disturbs a run only makes it slower.
fn nanoseconds(run: fn() -> usize) -> f64 {
    const ROUNDS: u32 = 50_000;
    repeat(run, u64::from(ROUNDS));
    let once = || {
        let start = Instant::now();
        repeat(run, u64::from(ROUNDS));
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    (0..20).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn allocations(run: fn() -> usize) -> u64 {
    black_box(run());
    let before = allocated();
    black_box(run());
    allocated() - before
}

/// Instructions of one round: the difference between a run of 1100 and one of 100. `None` without
/// valgrind.
fn instructions(case: &str) -> Option<u64> {
    let run = |rounds: &str| -> Option<u64> {
        let program = std::env::current_exe().ok()?;
        // A file of its own: valgrind replaces what it is told to write, be it a device.
        let profile = std::env::temp_dir().join(format!("ruf-bench-{}.callgrind", std::process::id()));
        let output = Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(program)
            .args([case, rounds])
            .output();
        let _ = std::fs::remove_file(profile);
        let text = String::from_utf8_lossy(&output.ok()?.stderr).into_owned();
        let count = text.lines().find_map(|line| line.split_once("Collected :"))?.1;
        count.trim().parse().ok()
    };
    Some((run("1100")?.checked_sub(run("100")?)?) / 1000)
}
