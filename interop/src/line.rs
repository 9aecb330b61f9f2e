//! A phone written by hand: one UDP socket, one account, no timers and nothing sent by itself. It reads
//! its own socket, so it can live in any network.

pub(crate) mod call;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::digest::{self, Account};
use crate::failure::{Outcome, ensure, fail};
use crate::raw;
use crate::server::DOMAIN;
use crate::sip::Sip;

/// How long any answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// A phone written by hand.
pub(crate) struct Line {
    socket: UdpSocket,
    /// Where it is, as it knows it.
    pub(crate) address: SocketAddr,
    account: Account,
    server: SocketAddr,
}

/// A message as it came, and as it reads.
pub(crate) struct Came {
    pub(crate) octets: Vec<u8>,
    pub(crate) sip: Sip,
}

impl Line {
    /// A phone at `ip`, on a port of the kernel's choice, that sends everything to `server`.
    pub(crate) fn new(ip: Ipv4Addr, account: Account, server: SocketAddr) -> Outcome<Line> {
        let socket = UdpSocket::bind((ip, 0))?;
        Ok(Line { address: socket.local_addr()?, socket, account, server })
    }

    /// The address-of-record as a URI.
    pub(crate) fn uri(&self) -> String {
        format!("sip:{}@{DOMAIN}", self.account.user)
    }

    /// The contact URI.
    pub(crate) fn contact(&self) -> String {
        format!("sip:{}@{}", self.account.user, self.address)
    }

    /// A request from this phone to a URI.
    pub(crate) fn request(&self, method: &str, to: &str) -> raw::Request {
        raw::Request::new(method, to, self.address)
            .between(&self.uri(), to)
            .line("Contact", &format!("<{}>", self.contact()))
    }

    /// Sends something.
    pub(crate) fn send(&self, octets: &[u8]) -> Outcome<()> {
        self.socket.send_to(octets, self.server)?;
        Ok(())
    }

    /// Waits for a message that pleases `wanted`; others are passed over.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&Sip) -> bool) -> Outcome<Came> {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "{what} did not come to {} within {} s", self.uri(), PATIENCE.as_secs());
            self.socket.set_read_timeout(Some(left))?;
            // An ICMP error to what was sent before is no answer, and the end of the wait is seen above.
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let octets = buffer.get(..length).unwrap_or_default();
            if let Some(sip) = Sip::read(octets).filter(&wanted) {
                return Ok(Came { octets: octets.to_vec(), sip });
            }
        }
    }

    /// Sends a request and gives its first answer, or its final one; a failed INVITE is acknowledged.
    pub(crate) fn ask(&self, request: &raw::Request, is_final: bool) -> Outcome<Sip> {
        // Answers come back through a NAT only to the port that they see there (RFC 3581).
        let octets = request.text().replacen(";branch=", ";rport;branch=", 1).into_bytes();
        self.send(&octets)?;
        let least = if is_final { 200 } else { 100 };
        let answer = self.wait(&format!("an answer to {}", request.method), |sip| {
            sip.call_id() == request.call_id
                && sip.cseq_number() == Some(request.cseq)
                && sip.status() >= Some(least)
        })?;
        if let Some(ack) = raw::ack(&octets, &answer.sip) {
            self.send(&ack)?;
        }
        Ok(answer.sip)
    }

    /// Sends a request, answers the challenge, and gives what was let in with its first answer.
    pub(crate) fn ask_by_right(&self, request: &raw::Request) -> Outcome<(raw::Request, Sip)> {
        let challenged = self.ask(request, true)?;
        let (name, value) = digest::answer(&challenged, self.account, &request.method, &request.uri, 1)?;
        let proved = request.again().line(name, &value);
        let answer = self.ask(&proved, false)?;
        Ok((proved, answer))
    }

    /// Registers, for longer than any run.
    pub(crate) fn register(&self) -> Outcome<()> {
        let mut request = self.request("REGISTER", &format!("sip:{DOMAIN}")).line("Expires", "3600");
        request.to = self.uri();
        let (_, answer) = self.ask_by_right(&request)?;
        match answer.status() {
            Some(200) => Ok(()),
            _ => fail!("{} is not registered: {}", self.uri(), answer.start),
        }
    }
}
