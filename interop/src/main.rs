//! Ruf's server against programs that nobody in this project wrote, and against messages that should
//! never have been sent. `make interop` runs it; each command can be run by itself:
//!
//! ```text
//! ruf-interop table       baresip, linphone and PJSIP call each other
//! ruf-interop talk        `ruf call` and `ruf answer` with baresip, linphone and PJSIP
//! ruf-interop screen      `ruf phone` in a terminal, with baresip and PJSIP
//! ruf-interop watch       `ruf watch` and `ruf answer --presence` with baresip and PJSIP
//! ruf-interop torture     the messages of RFC 4475 and RFC 5118
//! ruf-interop negative    what must not get through
//! ruf-interop startup     how a server starts, refuses to, and ends
//! ruf-interop kill        20 kills under 500 REGISTERs a second; the sync before the 200; calls over a kill
//! ruf-interop disk        a disk that is full, a database that is taken away
//! ruf-interop sipp        1,000 calls at 200 a second
//! ruf-interop nat         phones behind NAT, the server behind a forwarded port
//! ruf-interop dns         servers that are found by DNS, and their failure
//! ruf-interop storm       thousands of connections, a reload during calls, the end while a phone rings
//! ruf-interop browser     JsSIP in Chromium, over WebSocket
//! ruf-interop all         everything
//! ```
//!
//! The server is `ruf` beside this program, or what `RUF` names; what `RUF_ARGS` holds is added to its
//! command line, such as `--workers 4`. Everything is asserted on the wire,
//! which takes root or CAP_NET_RAW; without, it runs in a private network (`private`). Phones, servers
//! and load generators end with it.

mod browser;
mod digest;
mod disk;
mod dns;
mod failure;
mod kill;
mod line;
mod namespace;
mod nat;
mod negative;
mod phone;
mod place;
mod plug;
mod private;
mod program;
mod raw;
mod recording;
mod relay;
mod rtp;
mod screen;
mod server;
mod sip;
mod sipp;
mod startup;
mod storm;
mod table;
mod talk;
mod tone;
mod torture;
mod trace;
mod transport;
mod verdict;
mod wire;

use std::process::ExitCode;

use failure::Outcome;
use place::Folder;

/// A command of this program: its name, and what it does in a folder of its own.
type Command = (&'static str, fn(&std::path::Path) -> Outcome<bool>);

const COMMANDS: [Command; 15] = [
    ("startup", startup::run),
    ("kill", kill::run),
    ("disk", disk::run),
    ("torture", torture::run),
    ("negative", negative::run),
    ("sipp", sipp::run),
    ("nat", nat::run),
    ("relay", relay::run),
    ("talk", talk::run),
    ("watch", talk::presence::run),
    ("screen", screen::run),
    ("dns", dns::run),
    ("storm", storm::run),
    ("browser", browser::run),
    ("table", table::run),
];

/// The parts that `all` plays beside the others: they wait more than they work.
const ASIDE: [&str; 4] = ["nat", "relay", "talk", "screen"];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next().unwrap_or_else(|| "all".to_owned());
    let chosen: Vec<Command> =
        COMMANDS.into_iter().filter(|(name, _)| wanted == "all" || wanted == *name).collect();
    if chosen.is_empty() || arguments.next().is_some() {
        let names: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: ruf-interop [all|{}]", names.join("|"));
        return ExitCode::from(2);
    }
    match private::run_inside() {
        Ok(None) => {}
        Ok(Some(ended)) => return ended,
        Err(failure) => {
            eprintln!("ruf-interop: {failure}");
            return ExitCode::FAILURE;
        }
    }
    // What mostly waits is played beside the others, in a process of its own.
    let (aside, here): (Vec<Command>, Vec<Command>) =
        chosen.into_iter().partition(|(name, _)| wanted == "all" && ASIDE.contains(name));
    let aside: Vec<Outcome<std::process::Child>> = aside.iter().map(|(name, _)| beside(name)).collect();
    let mut fine = true;
    for (name, command) in here {
        println!("== {name}");
        fine &= run(name, command);
    }
    for child in aside {
        fine &= ended(child);
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts a part in a process of its own, which ends with this one.
fn beside(name: &str) -> Outcome<std::process::Child> {
    let mut command = std::process::Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(std::env::current_exe()?).arg(name);
    Ok(command.stdout(std::process::Stdio::piped()).spawn()?)
}

/// Waits for a part and says what it said; true if it went well.
fn ended(child: Outcome<std::process::Child>) -> bool {
    match child.and_then(|child| Ok(child.wait_with_output()?)) {
        Ok(output) => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            output.status.success()
        }
        Err(failure) => {
            println!("{failure}");
            false
        }
    }
}

fn run(name: &str, command: fn(&std::path::Path) -> Outcome<bool>) -> bool {
    let outcome = Folder::new(name).and_then(|mut folder| {
        let fine = command(folder.path());
        if !matches!(fine, Ok(true)) {
            folder.keep();
        }
        fine
    });
    outcome.unwrap_or_else(|failure| {
        println!("{name}: {failure}");
        false
    })
}
