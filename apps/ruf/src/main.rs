//! `ruf`: one binary for the whole of Ruf. This file is the command line; each command has its room.

#![forbid(unsafe_code)]

mod accounts;
mod backup;
mod certificates;
mod config;
mod control;
mod crew;
mod durability;
mod files;
mod finding;
mod first_run;
mod http;
mod keys;
mod listeners;
mod log;
mod metrics;
mod notify;
mod phone;
mod ping;
mod plain;
mod reload;
mod secret;
mod self_test;
mod serve;
mod settings;
mod wall;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ruf_message::Entropy;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Everything went as asked.
const EXIT_OK: u8 = 0;
/// What was asked for did not come about.
const EXIT_FAILED: u8 = 1;
/// The configuration or the command line is wrong.
const EXIT_CONFIG: u8 = 2;
/// A port is taken.
const EXIT_PORT_TAKEN: u8 = 3;

/// One complete SIP system.
#[derive(Parser)]
#[command(name = "ruf", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server; it stays in the foreground and says `ready` once it serves.
    Serve(Box<ServeArgs>),
    /// Accounts: add, list, passwd, remove, import.
    User {
        #[command(subcommand)]
        command: accounts::UserCommand,
        #[command(flatten)]
        place: Place,
    },
    /// Who is registered where, and for how long.
    Bindings {
        #[command(flatten)]
        place: Place,
        /// Print JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// What the running server is doing.
    Status {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have the running server read its configuration again; what is wrong leaves the old one in force.
    Reload {
        #[command(flatten)]
        place: Place,
    },
    /// Write all that the server keeps into one file; the server may run meanwhile.
    Backup {
        #[command(flatten)]
        place: Place,
        /// The new file. It holds keys: keep it as you keep them.
        file: PathBuf,
    },
    /// Put back what a backup holds, while no server runs; what is there now is kept aside.
    Restore {
        #[command(flatten)]
        place: Place,
        /// The backup.
        file: PathBuf,
    },
    /// The phone: on the whole of this terminal.
    Phone(Box<phone::PhoneArgs>),
    /// Call somebody, talk by files, keys or an echo, and say how it went.
    Call(Box<phone::CallArgs>),
    /// Wait for calls and answer them.
    Answer(Box<phone::AnswerArgs>),
    /// Send a text to somebody.
    Message(Box<phone::MessageArgs>),
    /// Say whether somebody can be reached, and when that changes.
    Watch(Box<phone::WatchArgs>),
    /// Ask a SIP server or phone whether it is there (OPTIONS).
    Ping(ping::PingArgs),
    /// Put load on a SIP server: calls, registrations, messages and subscriptions, and their other side.
    Load(Box<ruf_load::LoadArgs>),
    /// The configuration file.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// Where the server's data is.
#[derive(Args, Clone)]
struct Place {
    /// The configuration file of the server.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The data directory of the server [default: ruf-data].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Read a configuration file and say what is wrong with it, and where.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Flags of `ruf serve`. Each overrides the file.
#[derive(Args, Clone)]
struct ServeArgs {
    /// Configuration file (TOML); none is needed.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory [default: ruf-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A domain to serve; the first is the default (repeatable).
    #[arg(long, value_name = "NAME")]
    domain: Vec<String>,
    /// Where to listen: udp:IP:PORT; `[::]` is IPv6 only, port 0 the kernel's choice (repeatable).
    #[arg(long, value_name = "SPEC")]
    listen: Vec<String>,
    /// What the world calls a listener (repeatable).
    #[arg(long, value_name = "SPEC=HOST[:PORT]")]
    advertise: Vec<String>,
    /// An account of this run, not stored; NAME:@FILE reads the secret from a file (repeatable).
    #[arg(long, value_name = "NAME:SECRET")]
    user: Vec<String>,
    /// A network whose requests need no digest (repeatable).
    #[arg(long, value_name = "CIDR")]
    trust: Vec<String>,
    /// Digest algorithms offered, best first [default: SHA-256,MD5].
    #[arg(long, value_name = "LIST")]
    digest: Option<String>,
    /// The name server to ask.
    #[arg(long, value_name = "IP:PORT")]
    dns: Option<String>,
    /// Signalling workers [default: 1].
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// off, error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Say `ready` without placing a call through the server first.
    #[arg(long)]
    no_self_test: bool,
}

/// The allocator asks for pages of 2 MiB, of which a phone would hold each whole for the part that it needs, and a busy
/// server a fifth more than its calls do; it is no faster by them (docs/performance.md). Before anything else: those that
/// are in use stay.
fn keep_pages_small() {
    // A system that does not know of it has no such pages, or more memory.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn main() -> ExitCode {
    keep_pages_small();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version come this way too, with status 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EXIT_CONFIG));
        }
    };
    let status = match cli.command {
        Command::Serve(args) => serve::serve(&args),
        Command::User { command, place } => accounts::run(command, &place),
        Command::Bindings { place, json } => control::bindings(&place, json),
        Command::Status { place, json } => control::status(&place, json),
        Command::Reload { place } => reload::run(&place),
        Command::Backup { place, file } => backup::back_up(&place, &file),
        Command::Restore { place, file } => backup::restore(&place, &file),
        Command::Phone(args) => phone::phone(&args),
        Command::Call(args) => phone::call(&args),
        Command::Answer(args) => phone::answer(&args),
        Command::Message(args) => phone::message(&args),
        Command::Watch(args) => phone::watch(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Load(args) => ruf_load::run(&args, Entropy::from_seed(keys::fresh())),
        Command::Config { command: ConfigCommand::Check { file } } => check(&file),
    };
    ExitCode::from(status)
}

fn check(file: &std::path::Path) -> u8 {
    let checked = config::load(file).map_err(|error| error.to_string());
    let checked = checked.and_then(|config| certificates::check(&config).map_err(|error| error.to_string()));
    match checked {
        Ok(warnings) => {
            for warning in warnings {
                eprintln!("warning: {warning}");
            }
            println!("{} is fine", file.display());
            println!("{}", settings::NO_EMERGENCY_CALLS);
            EXIT_OK
        }
        Err(error) => {
            eprintln!("{error}");
            EXIT_CONFIG
        }
    }
}
