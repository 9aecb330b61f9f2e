//! Two calls of a phone whose Contact is its public GRUU, over a kill: who is behind the GRUU comes from
//! the disk, and the BYE of either side arrives.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use super::ANSWER;
use crate::failure::{Outcome, ensure, fail};
use crate::raw::{self, Request};
use crate::server::{DOMAIN, Server};
use crate::sip::{Sip, tag};

/// A phone of octets.
struct Phone {
    name: &'static str,
    socket: UdpSocket,
    server: SocketAddr,
}

/// A call as its two phones remember it.
struct Dialog {
    /// The INVITE as the caller sent it.
    invite: Request,
    /// The tag of the one who was called.
    to_tag: String,
    /// Record-Route as the INVITE, or its answer, brought it.
    route: Vec<String>,
}

pub(super) fn outlives_a_kill(folder: &Path, ip: Ipv4Addr) -> Outcome<String> {
    let mut server = Server::start(&super::settings(folder, ip)?)?;
    let alice = Phone::new("alice", ip, server.address)?;
    let bob = Phone::new("bob", ip, server.address)?;
    let gruu = bob.register()?;
    let (first, second) = (talk(&alice, &bob, &gruu)?, talk(&alice, &bob, &gruu)?);
    server.kill();
    server.restart()?;
    let mut bye = first.invite.again();
    (bye.method, bye.uri, bye.to_tag) = ("BYE".to_owned(), gruu.clone(), first.to_tag);
    hang_up(&alice, with_routes(bye, first.route.iter().rev()), &bob)?;
    let Request { from, from_tag, to, call_id, .. } = second.invite;
    let mut bye = Request::new("BYE", &alice.contact()?, bob.address()?).between(&to, &from);
    (bye.from_tag, bye.to_tag, bye.call_id) = (second.to_tag, from_tag, call_id);
    hang_up(&bob, with_routes(bye, second.route.iter()), &alice)?;
    Ok(format!("a BYE to {gruu} and one from there arrived"))
}

/// Alice calls Bob, who answers at once, with his GRUU for Contact.
fn talk(alice: &Phone, bob: &Phone, gruu: &str) -> Outcome<Dialog> {
    let (from, to) = (format!("sip:alice@{DOMAIN}"), format!("sip:bob@{DOMAIN}"));
    let invite = Request::new("INVITE", &to, alice.address()?).between(&from, &to);
    let invite = invite.line("Contact", &format!("<{}>", alice.contact()?));
    alice.send(invite.text().as_bytes())?;
    let (octets, asked) = bob.wait("the INVITE", |sip| sip.is_request("INVITE"))?;
    let mut more = String::new();
    for route in asked.headers("Record-Route") {
        more.push_str(&format!("Record-Route: {route}\r\n"));
    }
    more.push_str(&format!("Contact: <{gruu}>\r\nContent-Length: 0\r\n"));
    let answer = String::from_utf8_lossy(&raw::reply(&octets, "200 OK")).into_owned();
    bob.send(answer.replace("Content-Length: 0\r\n", &more).as_bytes())?;
    let (_, answer) = alice.wait("the 200", |sip| sip.is_response(200, "INVITE"))?;
    let to_tag = tag(answer.header("To").unwrap_or_default()).to_owned();
    let route: Vec<String> = answer.headers("Record-Route").into_iter().map(str::to_owned).collect();
    ensure!(!route.is_empty(), "the server did not stay in the route");
    let mut ack = invite.again();
    (ack.method, ack.uri, ack.to_tag) = ("ACK".to_owned(), gruu.to_owned(), to_tag.clone());
    ack.cseq = invite.cseq;
    alice.send(with_routes(ack, route.iter().rev()).text().as_bytes())?;
    bob.wait("the ACK", |sip| sip.is_request("ACK"))?;
    Ok(Dialog { invite, to_tag, route })
}

fn with_routes<'a>(request: Request, routes: impl Iterator<Item = &'a String>) -> Request {
    routes.fold(request, |request, route| request.line("Route", route))
}

/// One side sends its BYE, it comes to the other, and the answer comes back.
fn hang_up(by: &Phone, bye: Request, other: &Phone) -> Outcome<()> {
    by.send(bye.text().as_bytes())?;
    let (octets, _) = other.wait("the BYE", |sip| sip.is_request("BYE") && sip.call_id() == bye.call_id)?;
    other.send(&raw::reply(&octets, "200 OK"))?;
    by.wait("the answer to the BYE", |sip| sip.is_response(200, "BYE")).map(|_| ())
}

impl Phone {
    fn new(name: &'static str, ip: Ipv4Addr, server: SocketAddr) -> Outcome<Phone> {
        Ok(Phone { name, socket: UdpSocket::bind((ip, 0))?, server })
    }

    fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    fn contact(&self) -> Outcome<String> {
        Ok(format!("sip:{}@{}", self.name, self.address()?))
    }

    /// Says which device it is; gives its public GRUU.
    // RFC 5627 section 4.2
    fn register(&self) -> Outcome<String> {
        let aor = format!("sip:{}@{DOMAIN}", self.name);
        let contact = format!(
            "<{}>;+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-000000000b0b>\";expires=600",
            self.contact()?
        );
        let request = Request::new("REGISTER", &format!("sip:{DOMAIN}"), self.address()?).between(&aor, &aor);
        let request = request.line("Supported", "gruu").line("Contact", &contact);
        self.send(request.text().as_bytes())?;
        let (_, answer) = self.wait("the 200", |sip| sip.is_response(200, "REGISTER"))?;
        let contact = answer.header("Contact").unwrap_or_default();
        let gruu = contact.split_once("pub-gruu=\"").and_then(|(_, rest)| rest.split_once('"'));
        match gruu {
            Some((gruu, _)) => Ok(gruu.to_owned()),
            None => fail!("no public GRUU in {contact}"),
        }
    }

    fn send(&self, octets: &[u8]) -> Outcome<()> {
        self.socket.send_to(octets, self.server)?;
        Ok(())
    }

    /// The next message that is wanted, and its octets.
    fn wait(&self, what: &str, wanted: impl Fn(&Sip) -> bool) -> Outcome<(Vec<u8>, Sip)> {
        let deadline = Instant::now() + ANSWER;
        let mut buffer = [0; 8_192];
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left))?;
            let Ok(length) = self.socket.recv(&mut buffer) else { fail!("{} did not get {what}", self.name) };
            let octets = buffer.get(..length).unwrap_or_default();
            match Sip::read(octets) {
                Some(sip) if wanted(&sip) => return Ok((octets.to_vec(), sip)),
                Some(_) | None => {}
            }
        }
    }
}
