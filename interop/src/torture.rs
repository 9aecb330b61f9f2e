//! The 61 messages of RFC 4475 and RFC 5118, each sent to a server as a proxy, as a registrar, and
//! behind digest, over UDP, TCP and WebSocket.
//!
//! `tests/data/torture/torture.json` says what each is worth. An answer is attributed by its Call-ID;
//! silence is proved by [barriers](barrier) sent after the message, whose answers came while none came to the
//! message. The messages name hosts elsewhere, so answers go to the source address and the port of
//! their Via (RFC 3261 section 18.2.2): those ports are bound here, and the wire is read. Over TCP and
//! WebSocket each message has a connection of its own, on which its answer comes back; where a message cannot be
//! cut out of a stream, [`expected::Cut`] says what is right.

mod barrier;
mod expected;
mod message;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Failure, Outcome, ensure};
use crate::place;
use crate::plug::Plug;
use crate::raw;
use crate::server::{Server, Settings};
use crate::sip::Sip;
use crate::transport::Transport;
use crate::wire::{Mark, Tap, Wire};
use expected::{Cut, Entry, Verdict};

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

const ROLES: [Role; 3] = [Role::Proxy, Role::Registrar, Role::Guarded];
const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Ws];

/// Sends all messages in all roles over all transports; true if no answer was wrong.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let data = data_folder()?;
    let entries = expected::read(&data.join("torture.json"))?;
    ensure!(entries.len() == 61, "torture.json lists {} messages, not 61", entries.len());
    let wire = Wire::open()?;
    let mut wrong = 0;
    let benches = TRANSPORTS.into_iter().flat_map(|transport| ROLES.map(|role| (role, transport)));
    for (number, (role, transport)) in benches.enumerate() {
        let title = format!("{} over {}", role.name(), transport.name());
        let net = place::net(100 + number as u8);
        let mut bench = Bench::start(&wire, &folder.join(title.replace(' ', "-")), net, role, transport)?;
        let mut good = 0;
        let mut weak = Vec::new();
        let mut silent = Vec::new();
        for (count, entry) in entries.iter().enumerate() {
            let octets = std::fs::read(data.join(&entry.file))?;
            let mark = message::mark(count);
            let octets = message::made_unique(&octets, &mark);
            let is_due = octets.starts_with(b"REGISTER") || entry.judge(role.name(), None).is_err();
            let answered = bench.try_message(&octets, &mark, entry.cut(transport), is_due);
            let is_silent = answered.as_ref().is_ok_and(|answered| answered.answer.is_none());
            if is_silent {
                silent.push((mark, entry));
            }
            match answered.and_then(|answered| bench.judge(entry, &answered)) {
                Ok(Verdict::Right) => good += 1,
                Ok(Verdict::Tolerated(why)) => weak.push(format!("{}: {why}", entry.name)),
                Err(failure) => {
                    wrong += 1;
                    println!("{title}, {}: WRONG: {failure} [{}]", entry.name, entry.note);
                }
            }
        }
        for (mark, entry) in silent {
            if bench.answered_late(&mark) {
                wrong += 1;
                println!("{title}, {}: WRONG: its silence was broken later", entry.name);
            }
        }
        println!("{title}: {good} right, {} tolerated, {wrong} wrong so far", weak.len());
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
    transport: Transport,
    /// Where the server listens on that transport.
    at: SocketAddr,
    tap: Tap,
    host: Ipv4Addr,
    /// A new one for each message, but of datagrams.
    sender: Plug,
    callee: Plug,
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
    /// Every SIP message that the server sent meanwhile, but to the barriers.
    sent: Vec<Sip>,
}

impl Bench {
    fn start(wire: &Wire, folder: &Path, net: Ipv4Addr, role: Role, transport: Transport) -> Outcome<Bench> {
        std::fs::create_dir_all(folder)?;
        let [a, b, c, _] = net.octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let mut settings = Settings::new(&folder.join("data"), host(1));
        settings.domains = DOMAINS.map(str::to_owned).into();
        settings.streams.extend((transport != Transport::Udp).then_some(transport));
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
        let at = server.at(transport)?;
        let tap = wire.tap(net);
        let bench = Bench {
            server,
            role,
            transport,
            at,
            tap,
            host: host(2),
            sender: Plug::open(transport, host(2), SENDER_PORT, at)?,
            callee: Plug::open(transport, host(2), CALLEE_PORT, at)?,
            via_ports: VIA_PORTS
                .iter()
                .map(|&port| UdpSocket::bind((host(2), port)))
                .collect::<Result<_, _>>()?,
        };
        if role == Role::Proxy {
            bench.register_callee()?;
        }
        Ok(bench)
    }

    fn register_callee(&self) -> Outcome<()> {
        let from = self.tap.mark();
        let local = self.callee.address()?;
        let request = raw::Request::new("REGISTER", "sip:example.com", local)
            .over(self.transport)
            .between("sip:user@example.com", "sip:user@example.com")
            .line("Contact", &format!("<sip:user@{local};transport={}>", self.transport.name()));
        self.callee.send(request.text().as_bytes())?;
        let way = (self.at, local);
        self.tap.wait_sip(from, PATIENCE, way, "the callee's registration", |sip| {
            sip.is_response(200, "REGISTER")
        })?;
        Ok(())
    }

    /// Sends a message and waits for its answer, or until its silence is proved. Where an answer is due it
    /// is waited for: a 200 to REGISTER waits for the disk, which a barrier does not.
    fn try_message(&mut self, octets: &[u8], mark: &str, cut: Cut, is_due: bool) -> Outcome<Answered> {
        if self.transport != Transport::Udp {
            self.sender = Plug::open(self.transport, self.host, SENDER_PORT, self.at)?;
        }
        let from = self.tap.mark();
        self.sender.send(octets)?;
        if cut != Cut::Whole {
            if matches!(cut, Cut::Unfinished(_)) {
                self.sender.hush()?;
            }
            self.sender.wait_closed(PATIENCE)?;
            // Others are served as before.
            self.sender = Plug::open(self.transport, self.host, SENDER_PORT, self.at)?;
        }
        self.stand_behind(&message::call_ids(octets), from)?;
        // A request that was forwarded is answered by the callee; its final answer comes behind.
        let forwarded = self.answer_forwarded(from)?;
        // What ends an earlier message may come late: the ACK to the callee, for one, by another worker.
        let of_earlier =
            |sip: &Sip| sip.call_id().starts_with(message::MARK) && !sip.call_id().starts_with(mark);
        let is_answer = |sip: &Sip| {
            let of_another = match cut {
                Cut::Followed(_) => !sip.call_id().starts_with(mark),
                _ => of_earlier(sip),
            };
            sip.status().is_some() && !barrier::is_answered_by(sip) && !of_another
        };
        let answers: Vec<Sip> = self.sent(from).into_iter().filter(is_answer).collect();
        let mut finals: Vec<Sip> = answers.iter().filter(|sip| sip.status() >= Some(200)).cloned().collect();
        let begun = forwarded || !answers.is_empty();
        if finals.is_empty() && (begun || is_due) {
            let answer = self.tap.wait(from, PATIENCE, "the final answer", |packet| {
                let sip = packet.sip.as_ref()?;
                let hers = packet.source == self.at && is_answer(sip);
                (hers && sip.status() >= Some(200)).then(|| sip.clone())
            });
            match answer {
                Ok((answer, _)) => finals.push(answer),
                Err(failure) if begun => return Err(failure),
                Err(_) => {} // silence, which the entry judges
            }
        }
        finals.dedup();
        ensure!(finals.len() <= 1, "answered more than once: {:?}", starts(&finals));
        let is_its = |sip: &Sip| !barrier::is_answered_by(sip) && !of_earlier(sip);
        let sent = self.sent(from).into_iter().filter(is_its).collect();
        let answer = finals.pop();
        if let Some(answer) = answer.as_ref().filter(|_| self.transport == Transport::Udp) {
            self.check_port(octets, from, answer)?;
        }
        if let Some(ack) = answer.as_ref().and_then(|answer| raw::ack(octets, answer)) {
            self.sender.send(&ack)?;
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

    /// Did an answer to a message come after all, though the barriers behind it had been answered?
    fn answered_late(&self, mark: &str) -> bool {
        let sent = self.sent(Mark::START);
        let mut answers = sent.iter().filter(|sip| sip.status().is_some() && !barrier::is_answered_by(sip));
        answers.any(|sip| sip.call_id().starts_with(mark))
    }

    /// Whoever got a request forwarded answers: 486 to an INVITE, 200 to anything else. Gives whether
    /// anybody did. The sender is one of them: some messages register it.
    fn answer_forwarded(&self, from: Mark) -> Outcome<bool> {
        let mut answered = false;
        for packet in self.tap.since(from) {
            let Some(method) = packet.sip.as_ref().and_then(Sip::method) else { continue };
            if packet.source != self.at || method == "ACK" {
                continue;
            }
            let status = if method == "INVITE" { "486 Busy Here" } else { "200 OK" };
            let reply = raw::reply(&packet.payload, status);
            let is_here = |address: SocketAddr| address == packet.destination;
            let mut plugs = [&self.sender, &self.callee].into_iter();
            let mut sockets = self.via_ports.iter();
            if let Some(plug) = plugs.find(|plug| plug.address().is_ok_and(is_here)) {
                plug.send(&reply)?;
                answered = true;
            } else if let Some(socket) = sockets.find(|socket| socket.local_addr().is_ok_and(is_here)) {
                socket.send_to(&reply, self.at)?;
                answered = true;
            }
        }
        Ok(answered)
    }

    /// Every SIP message that the server sent since `from`.
    fn sent(&self, from: Mark) -> Vec<Sip> {
        let packets = self.tap.since(from);
        let hers = packets.iter().filter(|packet| packet.source == self.at);
        hers.filter_map(|packet| packet.sip.clone()).collect()
    }

    fn judge(&self, entry: &Entry, answered: &Answered) -> Outcome<Verdict> {
        let status = answered.answer.as_ref().and_then(Sip::status);
        let cut = entry.cut(self.transport);
        if let Some(verdict) = cut.judge(status) {
            return verdict;
        }
        for forwarded in answered.sent.iter().filter(|sip| sip.method().is_some()) {
            entry.check_forwarded(forwarded)?;
        }
        if let Some(answer) = answered.answer.as_ref().filter(|_| !matches!(cut, Cut::Followed(_))) {
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
