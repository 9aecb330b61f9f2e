//! More calls than the table holds: each gets an answer, and no ACK to such an answer reaches the callee.

use std::net::Ipv4Addr;
use std::path::Path;

use super::scene::{ANNA, CARL, PATIENCE};
use crate::digest::{self, Account};
use crate::failure::{Outcome, ensure};
use crate::place;
use crate::raw;
use crate::server::{DOMAIN, Server, Settings};
use crate::wire::{Mark, Tap, Wire};

/// Transactions that the server of this check holds at once.
const TABLE: usize = 50;
/// Calls that come to it.
const CALLS: u32 = 1_000;
/// Before the first of two networks.
const NET: u8 = 116;

type Check = (&'static str, fn(&Wire, &Path) -> Outcome<String>);

/// What is tried.
pub(super) const CHECKS: [Check; 2] = [
    ("1,000 calls into a table of 50", |wire, folder| crowd(wire, folder, 0, true)),
    ("1,000 calls without credentials", |wire, folder| crowd(wire, folder, 1, false)),
];

fn crowd(wire: &Wire, folder: &Path, number: u8, proved: bool) -> Outcome<String> {
    let folder = folder.join(number.to_string());
    std::fs::create_dir_all(&folder)?;
    let net = place::net(NET + number);
    let [a, b, c, _] = net.octets();
    let host = |last| Ipv4Addr::new(a, b, c, last);
    let config = folder.join("ruf.toml");
    std::fs::write(&config, format!("[limits]\ntransactions = {TABLE}\n"))?;
    let settings = Settings::new(&folder.join("data"), host(1))
        .user(ANNA.user, ANNA.secret)
        .user(CARL.user, CARL.secret)
        .arguments(&format!("--config {}", config.display()));
    let tap = wire.tap(net);
    let server = Server::start(&settings)?;
    let anna = Line::new(host(2), ANNA, &server, &tap)?;
    let carl = Line::new(host(3), CARL, &server, &tap)?;
    carl.register()?;
    let from = tap.mark();
    let (mut trying, mut refused) = (0, 0);
    let mut challenge = None;
    for count in 1..=CALLS {
        let mut invite = raw::Request::new("INVITE", &carl.uri(), anna.address)
            .between(&anna.uri(), &carl.uri())
            .line("Contact", &format!("<sip:anna@{}>", anna.address));
        if proved {
            let challenge = match &challenge {
                Some(challenge) => challenge,
                None => challenge.insert(anna.ask(&invite)?),
            };
            let (name, value) = digest::answer(challenge, ANNA, "INVITE", &invite.uri, count)?;
            invite = invite.again().line(name, &value);
        }
        let answer = anna.ask(&invite)?;
        match (answer.status(), proved) {
            (Some(100), true) => trying += 1,
            (Some(503 | 500 | 480), true) | (Some(407), false) => refused += 1,
            _ => ensure!(false, "call {count}: {}", answer.start),
        }
    }
    let options = raw::Request::new("OPTIONS", &format!("sip:{DOMAIN}"), anna.address);
    let answer = anna.ask(&options)?;
    ensure!(
        matches!(answer.status(), Some(200 | 503)),
        "an OPTIONS of the server is answered {}",
        answer.start
    );
    let came = |method: &str| {
        let packets = tap.since(from);
        let hers = packets.iter().filter(|packet| packet.destination == carl.address);
        hers.filter(|packet| packet.sip.as_ref().is_some_and(|sip| sip.is_request(method))).count()
    };
    let acks = came("ACK");
    ensure!(acks == 0, "{acks} ACK came to the callee");
    ensure!((trying > 0) == proved && refused > 0, "{trying} calls were tried, {refused} refused");
    ensure!(proved || came("INVITE") == 0, "calls without credentials came to the callee");
    Ok(format!("{trying} tried, {refused} refused, no ACK came to the callee"))
}

/// Somebody's line to the server.
struct Line<'a> {
    socket: std::net::UdpSocket,
    address: std::net::SocketAddr,
    account: Account,
    server: &'a Server,
    tap: &'a Tap,
}

impl<'a> Line<'a> {
    fn new(ip: Ipv4Addr, account: Account, server: &'a Server, tap: &'a Tap) -> Outcome<Line<'a>> {
        let socket = std::net::UdpSocket::bind((ip, 5_070))?;
        Ok(Line { address: socket.local_addr()?, socket, account, server, tap })
    }

    fn uri(&self) -> String {
        format!("sip:{}@{DOMAIN}", self.account.user)
    }

    /// Sends a request and gives the first answer; a failed INVITE is acknowledged.
    fn ask(&self, request: &raw::Request) -> Outcome<crate::sip::Sip> {
        let from: Mark = self.tap.mark();
        let octets = request.text().into_bytes();
        self.socket.send_to(&octets, self.server.address)?;
        let way = (self.server.address, self.address);
        let what = format!("an answer to {}", request.method);
        let (answer, _) = self.tap.wait_sip(from, PATIENCE, way, &what, |sip| {
            sip.call_id() == request.call_id && sip.status().is_some()
        })?;
        if let Some(ack) = raw::ack(&octets, &answer) {
            self.socket.send_to(&ack, self.server.address)?;
        }
        Ok(answer)
    }

    fn register(&self) -> Outcome<()> {
        let request = raw::Request::new("REGISTER", &format!("sip:{DOMAIN}"), self.address)
            .between(&self.uri(), &self.uri())
            .line("Contact", &format!("<sip:{}@{}>", self.account.user, self.address));
        let challenged = self.ask(&request)?;
        let (name, value) = digest::answer(&challenged, self.account, "REGISTER", &request.uri, 1)?;
        let answer = self.ask(&request.again().line(name, &value))?;
        ensure!(answer.status() == Some(200), "{} is not registered: {}", self.uri(), answer.start);
        Ok(())
    }
}
