//! What reading and forwarding a message costs: nanoseconds, instructions and allocations of each
//! case, in one table. The functions measured are those that serve.
//!
//! `cargo run --release -p ruf-bench` prints the table; instructions are counted by valgrind, which
//! this program starts on itself. `ruf-bench CASE ROUNDS` runs one case so often, for a profiler.
//! `ruf-bench counts FILE` holds instructions and allocations against a baseline, and `make counts` is that.
//! `ruf-bench memory CONTACTS CALLS` says what a contact and a ringing call hold, `ruf-bench storm` what is held
//! before, in and after a storm.

mod allocations;
mod baseline;
mod cases;
mod counts;
mod serving;

use allocations::{Counting, allocated};
use cases::{CASES, Rooms, Work};
use serving::{Cost, Serving};
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            table();
            ExitCode::SUCCESS
        }
        ["counts", file] => gate(baseline::check(Path::new(file))),
        ["counts", file, "write"] => gate(baseline::write(Path::new(file))),
        ["storm"] => {
            serving::storm::print();
            ExitCode::SUCCESS
        }
        ["memory", contacts, calls] => match (contacts.parse(), calls.parse()) {
            (Ok(contacts), Ok(calls)) => {
                serving::memory::print(contacts, calls);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        [name, rounds] => match (CASES.iter().find(|case| case.name == *name), rounds.parse()) {
            (Some(case), Ok(rounds)) => {
                repeat(case.work, rounds);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        _ => usage(),
    }
}

fn gate(verdict: Result<String, String>) -> ExitCode {
    match verdict {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            eprintln!("{}", said.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: ruf-bench [CASE ROUNDS | counts FILE [write] | memory CONTACTS CALLS | storm]");
    for case in CASES {
        eprintln!("  {:<16} {}", case.name, case.what);
    }
    ExitCode::from(2)
}

fn table() {
    println!("{:<16} {:>8} {:>14} {:>12}   what", "case", "ns", "instructions", "allocations");
    for case in CASES {
        let instructions = counts::instructions(case).map_or("-".to_owned(), |count| count.to_string());
        println!(
            "{:<16} {:>8.0} {:>14} {:>12.1}   {}",
            case.name,
            nanoseconds(case.work),
            instructions,
            counts::allocations(case.work),
            case.what
        );
    }
}

/// Runs a case so often; gives what it cost.
fn repeat(work: Work, rounds: u64) -> Cost {
    match work {
        Work::Message(run) => {
            let mut rooms = Rooms::new();
            let (before, start) = (allocated(), Instant::now());
            for _ in 0..rounds {
                black_box(run(&mut rooms));
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
