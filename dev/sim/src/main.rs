//! `cargo run -p ruf-sim -- --seeds 10000 --loss 5`: for each seed one call to one phone, one to
//! several, two restless phones without a server, and registrations with a server that crashes; and then the planted faults, each of which some
//! seed must catch. `--seed N` replays one with its ladders; `--mutant NAME` runs with a fault planted, and
//! must fail; `--only call|fork|phones|disk` leaves out the others.

use std::process::ExitCode;
use std::time::Instant;

use ruf_agent::Mutant as OfPhone;
use ruf_sim::verdict::{Fault, Run, Settings, Verdict};
use ruf_sim::{forked, kept, ladder, phones, scenario};
use ruf_transaction::Mutant;

const USAGE: &str = "usage: ruf-sim [--seeds N] [--first N] [--seed N] [--loss PERCENT] [--mutant NAME]
               [--only call|fork|phones|disk] [--only-seeds] [--workers N]
  --seeds N       run so many seeds (default 1000)
  --first N       beginning with this one (default 0)
  --seed N        run this one and print its ladder
  --loss PERCENT  lose so many percent of all datagrams (default 5)
  --mutant NAME   with a fault planted: ack-dropped, cancel-ignored, cancel-unsent, timer-l-off,
                  disk-hasty, phone-ack-dropped, phone-cancel-ignored, phone-timer-l-off, call-kept,
                  silence-untold, witness-kept, deadline-missed
  --only NAME     only `call` (to one phone), `fork` (to several), `phones` (two, restless, without a server)
                  or `disk` (registrations and crashes); `servers`: all but `phones`
  --workers N     with so many workers (default 1)
  --only-seeds    do not prove afterwards that each fault would be caught";

/// The faults, by the names that the command line takes, each with the plays that must catch it.
const MUTANTS: [(&str, Fault, &[&str]); 12] = [
    ("ack-dropped", Fault::Transactions(Mutant::AckDropped), CALLS),
    ("cancel-ignored", Fault::Transactions(Mutant::CancelIgnored), CALLS),
    ("cancel-unsent", Fault::Transactions(Mutant::CancelUnsent), CALLS),
    ("timer-l-off", Fault::Transactions(Mutant::TimerLOff), CALLS),
    ("disk-hasty", Fault::HastyDisk, &["disk"]),
    ("phone-ack-dropped", Fault::Phones(OfPhone::Transactions(Mutant::AckDropped)), PHONES),
    ("phone-cancel-ignored", Fault::Phones(OfPhone::Transactions(Mutant::CancelIgnored)), PHONES),
    ("phone-timer-l-off", Fault::Phones(OfPhone::Transactions(Mutant::TimerLOff)), PHONES),
    ("call-kept", Fault::Phones(OfPhone::CallKept), PHONES),
    ("silence-untold", Fault::Phones(OfPhone::SilenceUntold), PHONES),
    ("witness-kept", Fault::Phones(OfPhone::WitnessKept), PHONES),
    ("deadline-missed", Fault::Phones(OfPhone::DeadlineMissed), PHONES),
];
const PHONES: &[&str] = &["phones"];
const CALLS: &[&str] = &["call", "fork"];
/// What is played, by the names that the command line takes.
const PLAYS: [Play; 4] =
    [("call", scenario::run), ("fork", forked::run), ("phones", phones::run), ("disk", kept::run)];
type Play = (&'static str, fn(u64, Settings) -> Run);
/// Seeds within which a planted fault must be caught.
const MUTANT_SEEDS: u64 = 100;
/// Failures that are shown with their ladders; all are counted.
const SHOWN_MAX: u64 = 3;

struct Options {
    first: u64,
    seeds: u64,
    replay: bool,
    loss_percent: u64,
    mutant: Option<(&'static str, Fault)>,
    plays: Vec<Play>,
    only_seeds: bool,
    workers: u8,
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
    let mut options = Options {
        first: 0,
        seeds: 1000,
        replay: false,
        loss_percent: 5,
        mutant: None,
        plays: PLAYS.to_vec(),
        only_seeds: false,
        workers: 1,
    };
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
                let known = MUTANTS.into_iter().find(|(known, ..)| *known == name);
                let (known, fault, _) = known.ok_or(format!("there is no mutant {name}"))?;
                options.mutant = Some((known, fault));
            }
            "--only" => {
                let name = value()?;
                let is_meant = |known: &str| known == name || (name == "servers" && known != "phones");
                options.plays.retain(|(known, _)| is_meant(known));
                if options.plays.is_empty() {
                    return Err(format!("there is no play {name}"));
                }
            }
            "--only-seeds" => options.only_seeds = true,
            "--workers" => options.workers = u8::try_from(number(value()?)?).unwrap_or(u8::MAX),
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(options)
}

fn replay(options: &Options) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (name, run) in &options.plays {
        let run = run(options.first, settings(options));
        show(options.first, name, &run);
        if matches!(run.verdict, Verdict::Bad { .. }) {
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn all(options: &Options) -> ExitCode {
    let started = Instant::now();
    let failed: u64 = options.plays.iter().map(|play| seeds(options, play)).sum();
    println!("{:.1} s", started.elapsed().as_secs_f64());
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    if options.mutant.is_none() && !options.only_seeds {
        return mutants(options);
    }
    ExitCode::SUCCESS
}

/// Runs all seeds of one play; gives how many failed through our fault.
fn seeds(options: &Options, (name, run): &Play) -> u64 {
    let (mut good, mut excused, mut bad) = (0u64, 0u64, 0u64);
    for seed in options.first..options.first.saturating_add(options.seeds) {
        let run = run(seed, settings(options));
        match &run.verdict {
            Verdict::Good => good += 1,
            Verdict::Excused { .. } => {
                excused += 1;
                if excused <= SHOWN_MAX {
                    show(seed, name, &run);
                }
            }
            Verdict::Bad { .. } => {
                bad += 1;
                if bad <= SHOWN_MAX {
                    show(seed, name, &run);
                    println!("replay: cargo run -p ruf-sim -- --only {name} {}", arguments(seed, options));
                }
            }
        }
    }
    println!(
        "{name}: {good} went as planned, {excused} failed by the network alone, {bad} failed ({}% lost)",
        options.loss_percent
    );
    bad
}

/// Each planted fault must be caught.
fn mutants(options: &Options) -> ExitCode {
    let mut missed = false;
    for (name, fault, plays) in MUTANTS {
        let settings = Settings { fault: Some(fault), ..settings(options) };
        for (play, run) in options.plays.iter().filter(|(play, _)| plays.contains(play)) {
            let caught = (0..MUTANT_SEEDS).find_map(|seed| match run(seed, settings).verdict {
                Verdict::Bad { failures } => Some((seed, failures)),
                Verdict::Good | Verdict::Excused { .. } => None,
            });
            match caught {
                Some((seed, failures)) => {
                    println!("mutant {name}: caught by seed {seed} of {play}: {}", failures.join("; "));
                }
                None => {
                    println!("mutant {name}: NOT caught within {MUTANT_SEEDS} seeds of {play}");
                    missed = true;
                }
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn settings(options: &Options) -> Settings {
    let fault = options.mutant.map(|(_, fault)| fault);
    Settings { loss_percent: options.loss_percent, fault, workers: options.workers }
}

fn arguments(seed: u64, options: &Options) -> String {
    let mutant = options.mutant.map_or(String::new(), |(name, _)| format!(" --mutant {name}"));
    format!("--seed {seed} --loss {} --workers {}{mutant}", options.loss_percent, options.workers)
}

fn show(seed: u64, play: &str, run: &Run) {
    println!("{play}, seed {seed}: {}", run.plan);
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
