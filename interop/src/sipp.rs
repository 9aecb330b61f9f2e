//! Load by SIPp 3.6: 1,000 calls with digest at 200 a second. None may fail, and no message may come
//! that its scenarios do not expect.
//!
//! The server is started with `--digest MD5`: SIPp 3.6 stops with an error where SHA-256 comes first.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Failure, Outcome, ensure};
use crate::place;
use crate::program::{self, Program};
use crate::server::{Server, Settings};
use crate::wire::{Tap, Wire};

const CALLS: usize = 1_000;
const CALLS_PER_SEC: u32 = 200;
/// How long each call stands.
const TALK: Duration = Duration::from_millis(200);
/// How long the whole load may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SCENARIOS: [(&str, &str); 3] = [
    ("register.xml", include_str!("../scenarios/register.xml")),
    ("caller.xml", include_str!("../scenarios/caller.xml")),
    ("callee.xml", include_str!("../scenarios/callee.xml")),
];

/// Runs the load; true if it went without a fault.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    program::present("sipp", "sip-tester")?;
    let wire = Wire::open()?;
    let net = place::net(110);
    let tap = wire.tap(net);
    let load = Load::start(folder, net, "--digest MD5")?;
    let running = load.call(CALLS, CALLS_PER_SEC, TALK)?;
    load.all_fine(running, CALLS)?;
    check_wire(&tap, load.callee())?;
    load.end()?;
    println!("{CALLS} calls at {CALLS_PER_SEC} a second: none failed, no unexpected message");
    Ok(true)
}

/// SIPp counts what it expects; the wire shows that each call went through the server once.
fn check_wire(tap: &Tap, callee: Ipv4Addr) -> Outcome<()> {
    let packets = tap.since(crate::wire::Mark::START);
    for method in ["INVITE", "ACK", "BYE"] {
        let mut calls: Vec<&str> = packets
            .iter()
            .filter(|packet| packet.destination.ip() == callee)
            .filter_map(|packet| packet.sip.as_ref())
            .filter(|sip| sip.is_request(method))
            .map(|sip| sip.call_id())
            .collect();
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        ensure!(calls.len() == CALLS, "{method} of {} calls came to the callee, not of {CALLS}", calls.len());
        if all > calls.len() {
            println!("{} {method} were sent again", all - calls.len());
        }
    }
    Ok(())
}

/// A server, and two SIPp that call through it.
pub(crate) struct Load {
    folder: PathBuf,
    net: Ipv4Addr,
    pub(crate) server: Server,
}

/// The two, while they run.
pub(crate) struct Running {
    caller: Program,
    callee: Program,
}

impl Load {
    /// Starts a server with these arguments, at which the callee registers. SIPp fails where SHA-256 comes
    /// first, so they say that MD5 is offered alone.
    pub(crate) fn start(folder: &Path, net: Ipv4Addr, arguments: &str) -> Outcome<Load> {
        for (name, text) in SCENARIOS {
            std::fs::write(folder.join(name), text)?;
        }
        let settings = Settings::new(&folder.join("data"), host(net, 1))
            .user("caller", "secret-of-caller")
            .user("callee", "secret-of-callee")
            .arguments(arguments);
        let load = Load { folder: folder.to_owned(), net, server: Server::start(&settings)? };
        let mut register =
            load.sipp("register", load.callee(), &["-s", "callee", "-au", "callee", "-m", "1"])?;
        load.fine(&mut register, "register", 1)?;
        Ok(load)
    }

    /// The address of the callee.
    pub(crate) fn callee(&self) -> Ipv4Addr {
        host(self.net, 3)
    }

    /// Begins so many calls, which the caller ends after `talk`.
    pub(crate) fn call(&self, calls: usize, calls_per_sec: u32, talk: Duration) -> Outcome<Running> {
        let (calls, rate) = (calls.to_string(), calls_per_sec.to_string());
        let talk = talk.as_millis().to_string();
        let callee = self.sipp("callee", self.callee(), &["-m", &calls])?;
        let caller = ["-s", "callee", "-au", "caller", "-m", &calls, "-r", &rate, "-d", &talk];
        Ok(Running { caller: self.sipp("caller", host(self.net, 2), &caller)?, callee })
    }

    /// Waits until all calls are over; none may have failed.
    pub(crate) fn all_fine(&self, mut running: Running, calls: usize) -> Outcome<()> {
        self.fine(&mut running.caller, "caller", calls)?;
        self.fine(&mut running.callee, "callee", calls)
    }

    /// Ends the server as an operator would.
    pub(crate) fn end(self) -> Outcome<()> {
        let status = self.server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    fn sipp(&self, scenario: &str, ip: Ipv4Addr, more: &[&str]) -> Outcome<Program> {
        let ip = ip.to_string();
        let file = |end: &str| self.folder.join(format!("{scenario}.{end}")).display().to_string();
        let password = format!("secret-of-{}", if scenario == "caller" { "caller" } else { "callee" });
        let mut arguments = vec![
            self.server.address.to_string(),
            "-sf".to_owned(),
            file("xml"),
            "-i".to_owned(),
            ip,
            "-p".to_owned(),
            "5070".to_owned(),
            "-ap".to_owned(),
            password,
        ];
        // Its watchdog complains of a machine that is busy with other parts of the run.
        arguments.extend(["-watchdog_interval", "0"].map(str::to_owned));
        arguments.extend(["-nostdin", "-trace_stat", "-stf"].map(str::to_owned));
        arguments.push(file("csv"));
        arguments.extend(["-trace_err", "-error_file"].map(str::to_owned));
        arguments.push(file("errors"));
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let screen = std::fs::File::create(self.folder.join(format!("{scenario}.screen")))?;
        Program::start("sipp", "sipp", &arguments, |command| {
            command.current_dir(&self.folder).stdout(screen);
        })
    }

    /// Waits for the end of a SIPp, and reads its statistics: so many calls, none of them failed.
    fn fine(&self, sipp: &mut Program, scenario: &str, calls: usize) -> Outcome<()> {
        let status = sipp.wait_end(PATIENCE)?;
        let errors = std::fs::read_to_string(self.folder.join(format!("{scenario}.errors")));
        let first_error = errors.unwrap_or_default().lines().take(3).collect::<Vec<_>>().join(" / ");
        ensure!(status.success(), "SIPp as {scenario} ended with {status}: {first_error}");
        let statistics = std::fs::read_to_string(self.folder.join(format!("{scenario}.csv")))?;
        let good = counted(&statistics, "SuccessfulCall(C)")?;
        let failed = counted(&statistics, "FailedCall(C)")?;
        let unexpected = counted(&statistics, "FailedUnexpectedMessage(C)")?;
        ensure!(
            (good, failed, unexpected) == (calls, 0, 0),
            "SIPp as {scenario}: {good} calls of {calls} went well, {failed} failed, \
             {unexpected} of them by an unexpected message: {first_error}"
        );
        ensure!(first_error.is_empty(), "SIPp as {scenario} complains: {first_error}");
        Ok(())
    }
}

fn host(net: Ipv4Addr, last: u8) -> Ipv4Addr {
    let [a, b, c, _] = net.octets();
    Ipv4Addr::new(a, b, c, last)
}

/// A column of the last line of SIPp's statistics.
fn counted(statistics: &str, column: &str) -> Outcome<usize> {
    let mut lines = statistics.lines();
    let number = lines.next().and_then(|heads| heads.split(';').position(|head| head == column));
    let last = lines.last().unwrap_or_default();
    number
        .and_then(|number| last.split(';').nth(number)?.parse().ok())
        .ok_or_else(|| Failure::new(format!("SIPp's statistics have no {column}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_the_last_line_is_read() {
        let statistics = "Time;FailedCall(C);SuccessfulCall(C);\n1;0;3;\n2;1;7;\n";
        assert_eq!(counted(statistics, "SuccessfulCall(C)"), Ok(7));
        assert_eq!(counted(statistics, "FailedCall(C)"), Ok(1));
        assert!(counted(statistics, "Other").is_err());
    }
}
