//! What reading and forwarding a message costs: nanoseconds, instructions and allocations of each
//! case, in one table. The functions measured are those that serve.
//!
//! `cargo run --release -p ruf-bench` prints the table; instructions are counted by valgrind, which
//! this program starts on itself. `ruf-bench CASE ROUNDS` runs one case so often, for a profiler.

mod allocations;
mod cases;
mod serving;

use allocations::{Counting, allocated};
use cases::{CASES, Case, Work};
use serving::{Cost, Serving};
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
                repeat(case.work, rounds);
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
        let instructions = instructions(case).map_or("-".to_owned(), |count| count.to_string());
        println!(
            "{:<16} {:>8.0} {:>14} {:>12.1}   {}",
            case.name,
            nanoseconds(case.work),
            instructions,
            allocations(case.work),
            case.what
        );
    }
}

/// Runs a case so often; gives what it cost.
fn repeat(work: Work, rounds: u64) -> Cost {
    match work {
        Work::Message(run) => {
            let (before, start) = (allocated(), Instant::now());
            for _ in 0..rounds {
                black_box(run());
            }
            Cost { time: start.elapsed(), allocations: allocated() - before }
        }
        Work::Unit(run) => {
            let mut serving = Serving::new();
            for _ in 0..rounds {
                run(&mut serving);
            }
            serving.cost
        }
    }
}

/// The best of twenty runs: what disturbs a run only makes it slower.
fn nanoseconds(work: Work) -> f64 {
    let rounds = if matches!(work, Work::Unit(_)) { 5_000 } else { 50_000 };
    let once = |_| repeat(work, rounds).time.as_secs_f64() * 1e9 / rounds as f64;
    (0..20).map(once).fold(f64::INFINITY, f64::min)
}

/// Allocations of one round, among many: tables grow now and then.
fn allocations(work: Work) -> f64 {
    let count = |rounds| repeat(work, rounds).allocations as f64;
    (count(11_000) - count(1_000)) / 10_000.0
}

/// Instructions of one round: the difference between a run of 1100 and one of 100. `None` without
/// valgrind.
fn instructions(case: &Case) -> Option<u64> {
    let run = |rounds: &str| -> Option<u64> {
        let program = std::env::current_exe().ok()?;
        // A file of its own: valgrind replaces what it is told to write, be it a device.
        let profile = std::env::temp_dir().join(format!("ruf-bench-{}.callgrind", std::process::id()));
        let mut valgrind = Command::new("valgrind");
        valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
        if matches!(case.work, Work::Unit(_)) {
            valgrind.arg("--toggle-collect=*Serving*feed*");
        }
        let output = valgrind.arg(program).args([case.name, rounds]).output();
        let _ = std::fs::remove_file(profile);
        let text = String::from_utf8_lossy(&output.ok()?.stderr).into_owned();
        let count = text.lines().find_map(|line| line.split_once("Collected :"))?.1;
        count.trim().parse().ok()
    };
    Some((run("1100")?.checked_sub(run("100")?)?) / 1000)
}
