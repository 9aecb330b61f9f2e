//! The people of the negative matrix: Bert, who must not get one packet; Anna and Carl, who talk to
//! each other by right; Mallory, who has an account and wants more.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::attack::{Variation, Verb};
use crate::digest::{self, Account};
use crate::failure::{Outcome, ensure, fail};
use crate::raw;
use crate::server::{DOMAIN, Server, Settings};
use crate::sip::Sip;
use crate::wire::{Mark, Tap, Wire};

/// How long any answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const PORT: u16 = 5_070;

pub(super) const ANNA: Account = Account { user: "anna", secret: "secret-of-anna" };
pub(super) const BERT: Account = Account { user: "bert", secret: "secret-of-bert" };
pub(super) const CARL: Account = Account { user: "carl", secret: "secret-of-carl" };
pub(super) const MALLORY: Account = Account { user: "mallory", secret: "secret-of-mallory" };

/// A server and the four.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) tap: Tap,
    pub(super) anna: Person,
    pub(super) bert: Person,
    pub(super) carl: Person,
    pub(super) mallory: Person,
    /// The Record-Route of a dialog that Mallory has by right.
    pub(super) token: String,
}

/// Somebody with a socket and an account.
pub(super) struct Person {
    pub(super) socket: UdpSocket,
    pub(super) address: SocketAddr,
    pub(super) account: Account,
}

impl Person {
    fn new(ip: Ipv4Addr, account: Account) -> Outcome<Person> {
        let socket = UdpSocket::bind((ip, PORT))?;
        socket.set_nonblocking(true)?;
        Ok(Person { address: socket.local_addr()?, socket, account })
    }

    /// The address-of-record as a URI.
    pub(super) fn uri(&self) -> String {
        format!("sip:{}@{DOMAIN}", self.account.user)
    }

    /// The contact URI.
    pub(super) fn contact(&self) -> String {
        format!("sip:{}@{}", self.account.user, self.address)
    }
}

impl Scene {
    pub(super) fn start(wire: &Wire, folder: &Path, net: Ipv4Addr) -> Outcome<Scene> {
        std::fs::create_dir_all(folder)?;
        let [a, b, c, _] = net.octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let tap = wire.tap(net);
        let mut settings = Settings::new(&folder.join("data"), host(1));
        for account in [ANNA, BERT, CARL, MALLORY] {
            settings = settings.user(account.user, account.secret);
        }
        let mut scene = Scene {
            server: Server::start(&settings)?,
            tap,
            anna: Person::new(host(2), ANNA)?,
            bert: Person::new(host(3), BERT)?,
            carl: Person::new(host(4), CARL)?,
            mallory: Person::new(host(5), MALLORY)?,
            token: String::new(),
        };
        scene.register_all()?;
        scene.token = scene.token_of_mallory()?;
        Ok(scene)
    }

    /// Ends the server by SIGKILL and starts it again; everybody registers anew.
    pub(super) fn crash(&mut self) -> Outcome<()> {
        self.server.crash_and_restart()?;
        self.register_all()
    }

    pub(super) fn end(self) -> Outcome<()> {
        let status = self.server.stop()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    fn register_all(&self) -> Outcome<()> {
        for person in [&self.anna, &self.bert, &self.carl] {
            let request = raw::Request::new("REGISTER", &format!("sip:{DOMAIN}"), person.address)
                .between(&person.uri(), &person.uri())
                .line("Contact", &format!("<{}>", person.contact()))
                .line("Expires", "600");
            let (_, answer) = self.by_right(person, &request)?;
            ensure!(answer.status() == Some(200), "{} is not registered: {}", person.uri(), answer.start);
        }
        Ok(())
    }

    /// Mallory calls Carl by right; the Record-Route of that dialog.
    fn token_of_mallory(&self) -> Outcome<String> {
        let from = self.tap.mark();
        let invite = Verb::INVITE.request(&self.mallory, &self.carl);
        self.by_right(&self.mallory, &invite)?;
        let way = (self.server.address, self.carl.address);
        let (forwarded, _) = self
            .tap
            .wait_sip(from, PATIENCE, way, "Mallory's INVITE at Carl", |sip| sip.is_request("INVITE"))?;
        match forwarded.header("Record-Route") {
            Some(route) => Ok(route.to_owned()),
            None => fail!("the server does not record its route"),
        }
    }

    /// What Anna may do: the request as it was let in, with its credentials.
    pub(super) fn record(&self, verb: Verb) -> Outcome<raw::Request> {
        let to = if verb.about_self { &self.anna } else { &self.carl };
        let (sent, answer) = self.by_right(&self.anna, &verb.request(&self.anna, to))?;
        let refused = matches!(answer.status(), Some(401 | 403 | 407));
        ensure!(!refused, "Anna's own {} is refused: {}", verb.title, answer.start);
        Ok(sent)
    }

    /// Sends a request, answers the challenge with the account of `person`, lets whoever gets it answer,
    /// and waits for the final answer; gives it with the request as it was let in.
    pub(super) fn by_right(&self, person: &Person, request: &raw::Request) -> Outcome<(raw::Request, Sip)> {
        let challenged = self.exchange(person, request)?;
        let (name, value) = digest::answer(&challenged, person.account, &request.method, &request.uri, 1)?;
        let request = request.again().line(name, &value);
        let answer = self.exchange(person, &request)?;
        Ok((request, answer))
    }

    /// Sends a request and gives its final answer. Whoever gets it forwarded answers: 486 to an INVITE,
    /// 200 to anything else. An INVITE is acknowledged, and its ACK is waited for where it was forwarded.
    pub(super) fn exchange(&self, person: &Person, request: &raw::Request) -> Outcome<Sip> {
        let began = self.tap.mark();
        let mut from = began;
        let octets = request.text().into_bytes();
        person.socket.send_to(&octets, self.server.address)?;
        let what = format!("the answer to {} of {}", request.method, person.account.user);
        let mut forwarded_to = None;
        loop {
            let (step, next) = self.tap.wait(from, PATIENCE, &what, |packet| {
                let sip = packet.sip.as_ref()?;
                let ours = packet.source == self.server.address && sip.call_id() == request.call_id;
                if !ours {
                    return None;
                }
                let is_final = packet.destination == person.address
                    && sip.status() >= Some(200)
                    && sip.cseq_number() == Some(request.cseq);
                let is_forwarded = sip.method().is_some_and(|method| method != "ACK");
                (is_final || is_forwarded).then(|| (sip.clone(), packet.destination, packet.payload.clone()))
            })?;
            from = next;
            let (sip, destination, payload) = step;
            if sip.status().is_some() {
                if let Some(ack) = raw::ack(&octets, &sip) {
                    person.socket.send_to(&ack, self.server.address)?;
                }
                if let Some(callee) = forwarded_to.filter(|_| request.method == "INVITE") {
                    self.tap.wait_sip(began, PATIENCE, (self.server.address, callee), "ACK", |sip| {
                        sip.is_request("ACK") && sip.call_id() == request.call_id
                    })?;
                }
                return Ok(sip);
            }
            let callee = [&self.anna, &self.carl].into_iter().find(|person| person.address == destination);
            let Some(callee) = callee else { fail!("{} came to {destination}", sip.start) };
            forwarded_to = Some(destination);
            let status = if sip.is_request("INVITE") { "486 Busy Here" } else { "200 OK" };
            callee.socket.send_to(&raw::reply(&payload, status), self.server.address)?;
        }
    }

    /// Sends what must not get through: it is answered as expected, and the server sends nothing to
    /// anybody else, before or after an OPTIONS that is answered.
    pub(super) fn repel(&self, variation: Variation) -> Outcome<()> {
        let Variation { sender, request, expected, title } = variation;
        let person = sender.of(self);
        let from = self.tap.mark();
        let octets = request.text().into_bytes();
        person.socket.send_to(&octets, self.server.address)?;
        let way = (self.server.address, person.address);
        let answer = self.tap.wait_sip(from, PATIENCE, way, &format!("an answer, {title}"), |sip| {
            sip.call_id() == request.call_id && sip.status() >= Some(200)
        });
        self.nothing_but_to(person.address, from, &title)?;
        let (answer, _) = answer?;
        if let Some(ack) = raw::ack(&octets, &answer) {
            person.socket.send_to(&ack, self.server.address)?;
        }
        let options = raw::Request::new("OPTIONS", &format!("sip:{}", self.server.address), person.address);
        person.socket.send_to(options.text().as_bytes(), self.server.address)?;
        self.tap.wait_sip(from, PATIENCE, way, "the OPTIONS behind it", |sip| {
            sip.call_id() == options.call_id && sip.is_response(200, "OPTIONS")
        })?;
        ensure!(
            answer.status().is_some_and(|status| expected.contains(&status)),
            "{title}: {}, not {expected:?}",
            answer.start
        );
        self.nothing_but_to(person.address, from, &title)
    }

    fn nothing_but_to(&self, impostor: SocketAddr, from: Mark, title: &str) -> Outcome<()> {
        for packet in self.tap.since(from) {
            let leaked = packet.source == self.server.address && packet.destination != impostor;
            let what = packet.sip.as_ref().map_or("a datagram", |sip| &sip.start);
            ensure!(!leaked, "{title}: {what} went to {}", packet.destination);
        }
        Ok(())
    }
}
