//! `cargo run -p ruf-sim -- --seeds 10000 --loss 5`: one call for each seed, and then the planted
//! faults, each of which some seed must catch. `--seed N` replays one with its ladder; `--mutant NAME`
//! runs with a fault planted, and must fail.

use std::process::ExitCode;
use std::time::Instant;

use ruf_sim::ladder;
use ruf_sim::scenario::{Run, Settings, Verdict, run};
use ruf_transaction::Mutant;

const USAGE: &str =
    "usage: ruf-sim [--seeds N] [--first N] [--seed N] [--loss PERCENT] [--mutant NAME] [--only-seeds]
  --seeds N       run so many seeds (default 1000)
  --first N       beginning with this one (default 0)
  --seed N        run this one and print its ladder
  --loss PERCENT  lose so many percent of all datagrams (default 5)
  --mutant NAME   with a fault planted: ack-dropped, cancel-ignored, timer-l-off
  --only-seeds    do not prove afterwards that each fault would be caught";

/// The faults, by the names that the command line takes.
const MUTANTS: [(&str, Mutant); 3] = [
    ("ack-dropped", Mutant::AckDropped),
    ("cancel-ignored", Mutant::CancelIgnored),
    ("timer-l-off", Mutant::TimerLOff),
];
/// Seeds within which a planted fault must be caught.
const MUTANT_SEEDS: u64 = 100;
/// Failures that are shown with their ladders; all are counted.
const SHOWN_MAX: u64 = 3;

struct Options {
    first: u64,
    seeds: u64,
    replay: bool,
    loss_percent: u64,
    mutant: Option<(&'static str, Mutant)>,
    only_seeds: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(options) if options.replay => replay(&options),
        Ok(options) => all(&options),
        Err(error) => {
            eprintln!("ruf-sim: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { first: 0, seeds: 1000, replay: false, loss_percent: 5, mutant: None, only_seeds: false };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match arg.as_str() {
            "--seeds" => options.seeds = number(value()?)?,
            "--first" => options.first = number(value()?)?,
            "--loss" => options.loss_percent = number(value()?)?.min(100),
            "--seed" => (options.first, options.seeds, options.replay) = (number(value()?)?, 1, true),
            "--mutant" => {
                let name = value()?;
                let known = MUTANTS.into_iter().find(|(known, _)| *known == name);
                options.mutant = Some(known.ok_or(format!("there is no mutant {name}"))?);
            }
            "--only-seeds" => options.only_seeds = true,
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(options)
}

fn replay(options: &Options) -> ExitCode {
    let run = run(options.first, settings(options));
    show(options.first, &run);
    match run.verdict {
        Verdict::Good | Verdict::Excused { .. } => ExitCode::SUCCESS,
        Verdict::Bad { .. } => ExitCode::FAILURE,
    }
}

fn all(options: &Options) -> ExitCode {
    let started = Instant::now();
    let failed = seeds(options);
    println!("{:.1} s", started.elapsed().as_secs_f64());
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    if options.mutant.is_none() && !options.only_seeds {
        return mutants(options);
    }
    ExitCode::SUCCESS
}

/// Runs all seeds; gives how many failed through our fault.
fn seeds(options: &Options) -> u64 {
    let (mut good, mut excused, mut bad) = (0u64, 0u64, 0u64);
    for seed in options.first..options.first.saturating_add(options.seeds) {
        let run = run(seed, settings(options));
        match &run.verdict {
            Verdict::Good => good += 1,
            Verdict::Excused { .. } => {
                excused += 1;
                show(seed, &run);
            }
            Verdict::Bad { .. } => {
                bad += 1;
                if bad <= SHOWN_MAX {
                    show(seed, &run);
                    println!("replay: cargo run -p ruf-sim -- {}", arguments(seed, options));
                }
            }
        }
    }
    println!(
        "{good} calls went as planned, {excused} failed by the network alone, {bad} failed ({}% lost)",
        options.loss_percent
    );
    bad
}

/// Each planted fault must be caught.
fn mutants(options: &Options) -> ExitCode {
    let mut missed = false;
    for (name, mutant) in MUTANTS {
        let settings = Settings { loss_percent: options.loss_percent, mutant: Some(mutant) };
        let caught = (0..MUTANT_SEEDS).find_map(|seed| match run(seed, settings).verdict {
            Verdict::Bad { failures } => Some((seed, failures)),
            Verdict::Good | Verdict::Excused { .. } => None,
        });
        match caught {
            Some((seed, failures)) => {
                println!("mutant {name}: caught by seed {seed}: {}", failures.join("; "));
            }
            None => {
                println!("mutant {name}: NOT caught within {MUTANT_SEEDS} seeds");
                missed = true;
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn settings(options: &Options) -> Settings {
    Settings { loss_percent: options.loss_percent, mutant: options.mutant.map(|(_, mutant)| mutant) }
}

fn arguments(seed: u64, options: &Options) -> String {
    let mutant = options.mutant.map_or(String::new(), |(name, _)| format!(" --mutant {name}"));
    format!("--seed {seed} --loss {}{mutant}", options.loss_percent)
}

fn show(seed: u64, run: &Run) {
    println!("seed {seed}: {:?}", run.plan);
    match &run.verdict {
        Verdict::Good => println!("as planned"),
        Verdict::Excused { failures, excuses } => {
            let mut because: Vec<&str> = excuses.iter().map(|excuse| excuse.because.as_str()).collect();
            because.dedup();
            println!("failed: {}; by the network alone: {}", failures.join("; "), because.join("; "));
        }
        Verdict::Bad { failures } => println!("FAILED: {}", failures.join("; ")),
    }
    println!("{}", ladder::drawing(&run.sim, 0));
}
