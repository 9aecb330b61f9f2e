//! The 61 messages of RFC 4475 and RFC 5118, each sent to a server as a proxy, as a registrar, and
//! behind digest, over UDP.
//!
//! `tests/data/torture/torture.json` says what each is worth. An answer is attributed by its Call-ID;
//! silence is proved by an OPTIONS sent after the message, whose answer came while none came to the
//! message. The messages name hosts elsewhere, so answers go to the source address and the port of
//! their Via (RFC 3261 section 18.2.2): those ports are bound here, and the wire is read.

mod expected;
mod message;

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Failure, Outcome, ensure};
use crate::place;
use crate::raw;
use crate::server::{Server, Settings};
use crate::sip::Sip;
use crate::wire::{Mark, Tap, Wire};
use expected::{Entry, Verdict};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Ports that the Via of the messages name, or mean by naming none.
const VIA_PORTS: [u16; 6] = [5060, 5061, 5050, 5070, 6050, 19_823];
/// From where the messages come: no port that a Via names.
const SENDER_PORT: u16 = 40_000;
const CALLEE_PORT: u16 = 5_090;
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// In which role the server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The source is trusted and the callee registered: requests are forwarded.
    Proxy,
    /// The domains are open: whatever a phone calls itself, it may register.
    Registrar,
    /// The source is nobody: what is well formed may be challenged instead.
    Guarded,
}

impl Role {
    /// Its name, here and in `torture.json`.
    fn name(self) -> &'static str {
        match self {
            Role::Proxy => "proxy",
            Role::Registrar => "registrar",
            Role::Guarded => "guarded",
        }
    }
}

/// Sends all messages in all roles; true if no answer was wrong.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let data = data_folder()?;
    let entries = expected::read(&data.join("torture.json"))?;
    ensure!(entries.len() == 61, "torture.json lists {} messages, not 61", entries.len());
    let wire = Wire::open()?;
    let mut wrong = 0;
    for (number, role) in [Role::Proxy, Role::Registrar, Role::Guarded].into_iter().enumerate() {
        let bench = Bench::start(&wire, &folder.join(role.name()), place::net(100 + number as u8), role)?;
        let mut good = 0;
        let mut weak = Vec::new();
        let mut silent = Vec::new();
        for (count, entry) in entries.iter().enumerate() {
            let octets = std::fs::read(data.join(&entry.file))?;
            let mark = message::mark(count);
            let octets = message::made_unique(&octets, &mark);
            let answered = bench.try_message(&octets, &mark);
            if answered.as_ref().is_ok_and(|answered| answered.answer.is_none()) {
                silent.push((mark, entry));
            }
            match answered.and_then(|answered| bench.judge(entry, &answered)) {
                Ok(Verdict::Right) => good += 1,
                Ok(Verdict::Tolerated(why)) => weak.push(format!("{}: {why}", entry.name)),
                Err(failure) => {
                    wrong += 1;
                    println!("{}, {}: WRONG: {failure} [{}]", role.name(), entry.name, entry.note);
                }
            }
        }
        for (mark, entry) in silent {
            if bench.answered_late(&mark) {
                wrong += 1;
                println!("{}, {}: WRONG: its silence was broken later", role.name(), entry.name);
            }
        }
        println!("{}: {good} right, {} tolerated, {wrong} wrong so far", role.name(), weak.len());
        for line in weak {
            println!("  tolerated, {line}");
        }
        bench.server.stop()?;
    }
    Ok(wrong == 0)
}

fn data_folder() -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/torture");
    ensure!(folder.is_dir(), "the messages are not in {}", folder.display());
    Ok(folder)
}

/// A server in a role, and the sockets around it.
struct Bench {
    server: Server,
    role: Role,
    tap: Tap,
    sender: UdpSocket,
    callee: UdpSocket,
    /// Bound so that answers arrive somewhere; read on the wire.
    via_ports: Vec<UdpSocket>,
}

/// A domain that needs no account, as the configuration writes it.
fn open_domain(name: &str) -> String {
    format!("[[domain]]\nname = \"{name}\"\nopen = true\n")
}

/// What came of a message.
struct Answered {
    /// The final answer; `None` is silence, proved.
    answer: Option<Sip>,
    /// Every SIP message that the server sent meanwhile, but to the OPTIONS.
    sent: Vec<Sip>,
}

impl Bench {
    fn start(wire: &Wire, folder: &Path, net: Ipv4Addr, role: Role) -> Outcome<Bench> {
        std::fs::create_dir_all(folder)?;
        let [a, b, c, _] = net.octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let mut settings = Settings::new(&folder.join("data"), host(1));
        settings.domains = DOMAINS.map(str::to_owned).into();
        match role {
            Role::Proxy => {
                settings = settings.user("user", "secret").arguments(&format!("--trust {net}/24"));
            }
            Role::Registrar => {
                let config = folder.join("ruf.toml");
                std::fs::write(&config, DOMAINS.map(open_domain).concat())?;
                settings.domains.clear();
                settings = settings.arguments(&format!("--config {}", config.display()));
            }
            Role::Guarded => settings = settings.user("user", "secret"),
        }
        let server = Server::start(&settings)?;
        let bind = |port| UdpSocket::bind((host(2), port));
        let bench = Bench {
            server,
            role,
            tap: wire.tap(net),
            sender: bind(SENDER_PORT)?,
            callee: bind(CALLEE_PORT)?,
            via_ports: VIA_PORTS.into_iter().map(bind).collect::<Result<_, _>>()?,
        };
        if role == Role::Proxy {
            bench.register_callee()?;
        }
        Ok(bench)
    }

    fn register_callee(&self) -> Outcome<()> {
        let from = self.tap.mark();
        let local = self.callee.local_addr()?;
        let request = raw::Request::new("REGISTER", "sip:example.com", local)
            .between("sip:user@example.com", "sip:user@example.com")
            .line("Contact", &format!("<sip:user@{local}>"));
        self.callee.send_to(request.text().as_bytes(), self.server.address)?;
        let way = (self.server.address, local);
        self.tap.wait_sip(from, PATIENCE, way, "the callee's registration", |sip| {
            sip.is_response(200, "REGISTER")
        })?;
        Ok(())
    }

    /// Sends a message and waits for its answer, or until its silence is proved.
    fn try_message(&self, octets: &[u8], mark: &str) -> Outcome<Answered> {
        let from = self.tap.mark();
        self.sender.send_to(octets, self.server.address)?;
        // The second is sent when the first was answered, so that the turn that took the message is over.
        let barriers = [self.barrier(from)?, self.barrier(from)?];
        // A request that was forwarded is answered by the callee; its final answer comes behind.
        let forwarded = self.answer_forwarded(from)?;
        let is_answer = |sip: &Sip| {
            let of_another = sip.call_id().starts_with(message::MARK) && !sip.call_id().starts_with(mark);
            sip.status().is_some() && !barriers.iter().any(|barrier| barrier == sip.call_id()) && !of_another
        };
        let answers: Vec<Sip> = self.sent(from).into_iter().filter(is_answer).collect();
        let mut finals: Vec<Sip> = answers.iter().filter(|sip| sip.status() >= Some(200)).cloned().collect();
        if finals.is_empty() && (forwarded || !answers.is_empty()) {
            let (answer, _) = self.tap.wait(from, PATIENCE, "the final answer", |packet| {
                let sip = packet.sip.as_ref()?;
                let hers = packet.source == self.server.address && is_answer(sip);
                (hers && sip.status() >= Some(200)).then(|| sip.clone())
            })?;
            finals.push(answer);
        }
        finals.dedup();
        ensure!(finals.len() <= 1, "answered more than once: {:?}", starts(&finals));
        let sent = self
            .sent(from)
            .into_iter()
            .filter(|sip| !barriers.iter().any(|barrier| barrier == sip.call_id()))
            .collect();
        let answer = finals.pop();
        if let Some(answer) = &answer {
            self.check_port(octets, from, answer)?;
        }
        if let Some(ack) = answer.as_ref().and_then(|answer| raw::ack(octets, answer)) {
            self.sender.send_to(&ack, self.server.address)?;
        }
        Ok(Answered { answer, sent })
    }

    /// An answer goes to the port that the top Via of its message asks for (RFC 3261 section 18.2.2).
    fn check_port(&self, octets: &[u8], from: Mark, answer: &Sip) -> Outcome<()> {
        let wanted = message::answer_ports(octets, SENDER_PORT);
        let packets = self.tap.since(from);
        let packet = packets.iter().find(|packet| packet.sip.as_ref() == Some(answer));
        let port = packet.map(|packet| packet.destination.port());
        let right = port.is_some_and(|port| wanted.contains(&port));
        ensure!(right, "{} went to port {port:?}, not to one of {wanted:?}", answer.start);
        Ok(())
    }

    /// Did an answer to a message come after all, though an OPTIONS behind it had been answered?
    fn answered_late(&self, mark: &str) -> bool {
        let sent = self.sent(Mark::START);
        sent.iter().any(|sip| sip.status().is_some() && sip.call_id().starts_with(mark))
    }

    /// An OPTIONS to the server that must be answered; gives its Call-ID.
    fn barrier(&self, from: Mark) -> Outcome<String> {
        let local = self.sender.local_addr()?;
        let request = raw::Request::new("OPTIONS", "sip:example.com", local)
            .between("sip:barrier@elsewhere.test", "sip:example.com");
        let call_id = request.call_id.clone();
        self.sender.send_to(request.text().as_bytes(), self.server.address)?;
        let way = (self.server.address, local);
        self.tap.wait_sip(from, PATIENCE, way, "the OPTIONS after the message", |sip| {
            sip.call_id() == call_id && sip.is_response(200, "OPTIONS")
        })?;
        Ok(call_id)
    }

    /// Whoever got a request forwarded answers: 486 to an INVITE, 200 to anything else. Gives whether
    /// anybody did. The sender is one of them: some messages register it.
    fn answer_forwarded(&self, from: Mark) -> Outcome<bool> {
        let mut answered = false;
        for packet in self.tap.since(from) {
            let Some(method) = packet.sip.as_ref().and_then(Sip::method) else { continue };
            let mut sockets = [&self.sender, &self.callee].into_iter().chain(&self.via_ports);
            let socket =
                sockets.find(|socket| socket.local_addr().is_ok_and(|address| address == packet.destination));
            if let Some(socket) = socket.filter(|_| method != "ACK") {
                let status = if method == "INVITE" { "486 Busy Here" } else { "200 OK" };
                socket.send_to(&raw::reply(&packet.payload, status), self.server.address)?;
                answered = true;
            }
        }
        Ok(answered)
    }

    /// Every SIP message that the server sent since `from`.
    fn sent(&self, from: Mark) -> Vec<Sip> {
        let packets = self.tap.since(from);
        let hers = packets.iter().filter(|packet| packet.source == self.server.address);
        hers.filter_map(|packet| packet.sip.clone()).collect()
    }

    fn judge(&self, entry: &Entry, answered: &Answered) -> Outcome<Verdict> {
        let status = answered.answer.as_ref().and_then(Sip::status);
        for forwarded in answered.sent.iter().filter(|sip| sip.method().is_some()) {
            entry.check_forwarded(forwarded)?;
        }
        if let Some(answer) = &answered.answer {
            entry.check_answer(answer, &answered.sent)?;
        }
        if self.role == Role::Guarded && entry.is_well_formed() && matches!(status, Some(401 | 403 | 407)) {
            return Ok(Verdict::Right);
        }
        entry.judge(self.role.name(), status).map_err(|wanted| {
            let got = answered.answer.as_ref().map_or("silence", |answer| &answer.start);
            Failure::new(format!("{got}, not {wanted}"))
        })
    }
}

fn starts(messages: &[Sip]) -> Vec<&str> {
    messages.iter().map(|sip| sip.start.as_str()).collect()
}
