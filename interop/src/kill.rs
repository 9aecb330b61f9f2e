//! Twenty kills under five hundred REGISTERs a second: what clients were told is what `ruf bindings` says
//! after the restart, in contact, path, instance and expiry. And the wire beside the disk: the sync comes
//! before the 200. And a call of a phone with a GRUU over a kill.
//!
//! A client has been told what the last 200 to it lists. A REGISTER that was not answered may have been
//! done or not.

mod call;
mod model;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, ensure, fail};
use crate::place;
use crate::program::{self, LineMark, Program};
use crate::server::{Server, Settings};
use crate::sip::Sip;
use crate::verdict;
use model::{Dice, User};

const KILLS: usize = 20;
const USERS: usize = 600;
const PER_SECOND: u32 = 500;
/// A kill comes between these, in milliseconds from the first REGISTER of its round.
const ROUND_MS: std::ops::Range<u64> = 200..1_500;
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A title, and what is done in a folder and on an address of its own; it says what was seen.
type Check = (&'static str, fn(&Path, Ipv4Addr) -> Outcome<String>);

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    program::present("strace", "strace")?;
    let [a, b, c, _] = place::net(121).octets();
    let mut fine = true;
    let checks: [Check; 3] = [
        ("the sync comes before the 200", sync_before_send),
        ("calls over a GRUU outlive a kill", call::outlives_a_kill),
        ("twenty kills under load", kills),
    ];
    for (number, (title, check)) in (1..).zip(checks) {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder)?;
        fine &= verdict::say(title, check(&folder, Ipv4Addr::new(a, b, c, number)));
    }
    Ok(fine)
}

/// A server whose domain is open: its load is REGISTERs, not digests.
fn settings(folder: &Path, ip: Ipv4Addr) -> Outcome<Settings> {
    Settings::open_domain(folder, &folder.join("data"), ip)
}

fn sync_before_send(folder: &Path, ip: Ipv4Addr) -> Outcome<String> {
    let server = Server::start(&settings(folder, ip)?)?;
    let calls = "trace=fsync,fdatasync,sendmsg,sendmmsg,sendto";
    let id = server.id().to_string();
    let arguments = ["-f", "-s", "64", "-e", calls, "-p", &id];
    let mut strace = Program::start("strace", "strace", arguments, |_| {})?;
    strace.wait_line(LineMark::START, ANSWER, "that it is attached", |line| {
        line.contains("attached").then_some(())
    })?;
    let socket = UdpSocket::bind((ip, 0))?;
    socket.set_read_timeout(Some(ANSWER))?;
    let mut user = User::new(0, socket.local_addr()?);
    socket.send_to(user.first().as_bytes(), server.address)?;
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer)?;
    let status = Sip::read(buffer.get(..length).unwrap_or_default()).and_then(|sip| sip.status());
    ensure!(status == Some(200), "the REGISTER was answered {status:?}");
    // The client may have it before it is written down that it was sent.
    strace.wait_line(LineMark::START, ANSWER, "the call that sent the 200", |line| {
        line.contains("SIP/2.0 200").then_some(())
    })?;
    strace.terminate()?;
    strace.wait_end(ANSWER)?;
    let trace = strace.errors().join("\n");
    let answer = trace.lines().position(|line| line.contains("SIP/2.0 200"));
    let Some(answer) = answer else { fail!("no system call sent the 200:\n{trace}") };
    let before: Vec<&str> = trace.lines().take(answer).collect();
    let sync = before.iter().rev().find(|line| line.contains("sync(") || line.contains("sync resumed"));
    let Some(sync) = sync.filter(|line| line.trim_end().ends_with("= 0")) else {
        fail!("no sync was done before the 200:\n{trace}")
    };
    Ok(sync.split_once("] ").map_or(*sync, |(_, call)| call.trim()).to_owned())
}

fn kills(folder: &Path, ip: Ipv4Addr) -> Outcome<String> {
    let seed = std::env::var("RUF_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut dice = Dice::new(seed);
    let mut server = Server::start(&settings(folder, ip)?)?;
    let mut clients = Clients::new(ip)?;
    let mut unanswered = 0;
    for round in 1..=KILLS {
        let until = Duration::from_millis(ROUND_MS.start + dice.below(ROUND_MS.end - ROUND_MS.start));
        clients.load(server.address, until, &mut dice)?;
        server.kill();
        // What the kernel had taken was said.
        clients.listen()?;
        unanswered += clients.users.iter().filter(|user| user.waits()).count();
        server.restart()?;
        clients
            .compare(&server)
            .map_err(|failure| Failure::new(format!("kill {round} of seed {seed}: {failure}")))?;
    }
    let answered = clients.answered;
    ensure!(answered > KILLS * 20, "only {answered} REGISTERs were answered");
    Ok(format!(
        "{answered} REGISTERs were answered, {unanswered} were not, {} bindings stood at the end, seed {seed}",
        clients.users.iter().map(User::bound).sum::<usize>()
    ))
}

/// All clients, on one socket.
struct Clients {
    socket: UdpSocket,
    users: Vec<User>,
    answered: usize,
}

impl Clients {
    fn new(ip: Ipv4Addr) -> Outcome<Clients> {
        let socket = UdpSocket::bind((ip, 0))?;
        let local = socket.local_addr()?;
        Ok(Clients {
            socket,
            users: (0..USERS).map(|number| User::new(number, local)).collect(),
            answered: 0,
        })
    }

    /// REGISTERs of all kinds at their rate, and their answers, for so long.
    fn load(&mut self, server: SocketAddr, until: Duration, dice: &mut Dice) -> Outcome<()> {
        let start = Instant::now();
        let mut sent = 0;
        while start.elapsed() < until {
            let user = dice.below(USERS as u64) as usize;
            if let Some(user) = self.users.get_mut(user).filter(|user| !user.waits()) {
                let text = user.next(dice);
                self.socket.send_to(text.as_bytes(), server)?;
                sent += 1;
            }
            let next = start + Duration::from_secs(1) * sent / PER_SECOND;
            // At least once, and then until the next one leaves.
            loop {
                let left = next.saturating_duration_since(Instant::now()).max(Duration::from_micros(50));
                self.hear(left)?;
                if Instant::now() >= next {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Everything that has arrived already.
    fn listen(&mut self) -> Outcome<()> {
        while self.hear(Duration::from_millis(20))? {}
        Ok(())
    }

    /// One answer, if it comes in time.
    fn hear(&mut self, time: Duration) -> Outcome<bool> {
        self.socket.set_read_timeout(Some(time))?;
        let mut buffer = [0; 8_192];
        let length = match self.socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(answer) = Sip::read(buffer.get(..length).unwrap_or_default()) else {
            fail!("the server sent what is no message")
        };
        let number = answer.call_id().strip_prefix("kill-").and_then(|number| number.parse::<usize>().ok());
        let Some(user) = number.and_then(|number| self.users.get_mut(number)) else {
            fail!("an answer to nobody: {}", answer.call_id())
        };
        if answer.status() != Some(100) {
            user.told(&answer, Instant::now())?;
            self.answered += 1;
        }
        Ok(true)
    }

    /// What was told is what is there.
    fn compare(&mut self, server: &Server) -> Outcome<()> {
        let before = Instant::now();
        let mut lines = server.bindings()?;
        let after = Instant::now();
        for user in &mut self.users {
            let aor = user.aor();
            let (of_user, others) = lines.into_iter().partition(|line| line.aor == aor);
            lines = others;
            user.compare(of_user, before, after)?;
        }
        match lines.first() {
            None => Ok(()),
            Some(line) => fail!("{} is bound, and nobody registered it", line.aor),
        }
    }
}
