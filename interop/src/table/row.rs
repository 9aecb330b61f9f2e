//! One row: a server, three phones, and the order in which the cells are played.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Cast, Cell, Handset, Played, address, call};
use crate::digest::parameter;
use crate::failure::{Failure, Outcome, ensure};
use crate::phone::{Codec, Make, Phone, Settings};
use crate::place;
use crate::server::{self, DOMAIN, Server};
use crate::sip::Sip;
use crate::transport::Transport;
use crate::wire::{Mark, Tap, Wire};

/// How long anything that was asked for may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Ports of RTP of each phone.
const RTP_PORTS: u16 = 20;
/// Phones of a row: A, B, C, and one with a wrong password.
const PHONES: u16 = 4;

/// A row being played.
pub(super) struct Row {
    pub(super) tap: Tap,
    server: Server,
    folder: PathBuf,
    net: Ipv4Addr,
    /// Which of the rows that are played at once: it has ports of RTP of its own.
    slot: u16,
    pub(super) cast: Cast,
    /// Phones started so far, for homes of their own.
    started: u32,
}

/// The phones of a row.
pub(super) struct Trio {
    pub(super) a: Phone,
    pub(super) b: Phone,
    pub(super) c: Phone,
}

/// What a phone of the row is called, and what it says.
#[derive(Debug, Clone, Copy)]
struct Part {
    user: &'static str,
    host: u8,
    hertz: u32,
}

const A: Part = Part { user: "anna", host: 11, hertz: 440 };
const B: Part = Part { user: "bert", host: 12, hertz: 620 };
const C: Part = Part { user: "carl", host: 13, hertz: 850 };
/// Has the right secret, and trusts an authority that is not the server's.
const STRANGER: Part = Part { user: "emil", host: 15, hertz: 1_000 };
const WRONG: Part = Part { user: "doro", host: 14, hertz: 1_000 };

impl Row {
    pub(super) fn start(wire: &Wire, folder: &Path, net: Ipv4Addr, slot: u16, cast: Cast) -> Outcome<Row> {
        std::fs::create_dir_all(folder)?;
        let tap = wire.tap(net);
        let mut settings = server::Settings::new(&folder.join("data"), address(net, 1));
        settings.streams = cast.streams();
        for part in [A, B, C, WRONG, STRANGER] {
            settings = settings.user(part.user, &secret(part));
        }
        if let Some(list) = cast.digest {
            settings = settings.arguments(&format!("--digest {list}"));
        }
        let server = Server::start(&settings)?;
        Ok(Row { tap, server, folder: folder.to_owned(), net, slot, cast, started: 0 })
    }

    /// Plays every cell it can reach.
    pub(super) fn play(mut self) -> Played {
        let mut played = Played { algorithms: String::new(), cells: Vec::new(), ended: Ok(()) };
        let mut trio = None;
        let registered = self.trio().map(|(ready, algorithms)| {
            played.algorithms = algorithms;
            trio = Some(ready);
        });
        let refused = registered.is_err();
        played.cells.push((Cell::Register, registered));
        played.cells.push((Cell::WrongPassword, self.wrong_password()));
        if refused {
            return self.end(played);
        }
        for stage in [call::first, call::second, call::third, call::fourth] {
            let ready = match trio.take() {
                Some(ready) => Ok(ready),
                None => self.trio().map(|(ready, _)| ready),
            };
            trio = match ready {
                Ok(mut ready) => stage(&self, &mut ready, &mut played.cells).ok().map(|()| ready),
                Err(failure) => {
                    played.cells.push((Cell::Register, Err(failure)));
                    return self.end(played);
                }
            };
        }
        drop(trio);
        self.end(played)
    }

    /// Ends the server as an operator would.
    fn end(self, mut played: Played) -> Played {
        let connected = self
            .tap
            .since(Mark::START)
            .into_iter()
            .find(|packet| packet.connects && packet.source.ip() == self.server.address.ip());
        // The folder stays when something failed; a folder that cannot be written costs only the log.
        let _ = std::fs::write(self.folder.join("ruf.log"), self.server.log().join("\n"));
        played.ended = self.server.stop().and_then(|status| {
            ensure!(status.success(), "the server ended with {status}");
            // A phone is reached by the connection that it came on (RFC 5626 section 5.3), and by no other.
            ensure!(
                connected.is_none(),
                "it opened a connection to {:?}",
                connected.map(|to| to.destination)
            );
            Ok(())
        });
        played
    }

    /// Starts the three phones and waits until each is registered.
    fn trio(&mut self) -> Outcome<(Trio, String)> {
        let from = self.tap.mark();
        let Cast { a, others, .. } = self.cast;
        let mut a = self.phone(a, A, &secret(A))?;
        let mut b = self.phone(others, B, &secret(B))?;
        let mut c = self.phone(others, C, &secret(C))?;
        let mut algorithms = Vec::new();
        for phone in [&mut a, &mut b, &mut c] {
            let algorithm = self.registered(phone, from)?;
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        Ok((Trio { a, b, c }, algorithms.join("+")))
    }

    fn settings(&mut self, transport: Transport, part: Part, secret: &str) -> Outcome<Settings> {
        self.started += 1;
        Ok(Settings {
            home: self.folder.join(format!("{}-{}", part.user, self.started)),
            ip: address(self.net, part.host),
            rtp_ports: place::rtp_ports(self.slot * PHONES + u16::from(part.host) % PHONES, RTP_PORTS),
            hertz: part.hertz,
            user: part.user.to_owned(),
            secret: secret.to_owned(),
            transport,
            server: self.server.at(transport)?,
            registers: true,
            codecs: &[Codec::Pcmu],
            encrypts: false,
            ice: false,
            turn: None,
            records: false,
            authority: (transport == Transport::Tls).then(|| self.server.authority()),
            papers: None,
        })
    }

    fn phone(&mut self, (make, transport): Handset, part: Part, secret: &str) -> Outcome<Phone> {
        let settings = self.settings(transport, part, secret)?;
        let mut phone = Phone::start(make, settings)?;
        if transport == Transport::Tls {
            phone.follow(&self.tap)?;
        }
        Ok(phone)
    }

    /// Waits until a phone was challenged, answered, was let in, and is listed; gives the algorithm of
    /// its answer.
    fn registered(&self, phone: &mut Phone, from: Mark) -> Outcome<String> {
        self.find_address(phone, from)?;
        let Settings { user, .. } = &phone.settings;
        let (there, back) = call::ways(phone);
        let (challenge, _) =
            self.tap.wait_sip(from, PATIENCE, back, &format!("a challenge to {user}"), |sip| {
                sip.is_response(401, "REGISTER")
            })?;
        let offered: Vec<String> =
            challenge.headers("WWW-Authenticate").iter().map(|value| parameter(value, "algorithm")).collect();
        if let Some(wanted) = self.cast.digest {
            let fits = offered.iter().all(|offer| offer.is_empty() || offer.eq_ignore_ascii_case(wanted));
            ensure!(fits && !offered.is_empty(), "{user} was offered {offered:?}, not {wanted} alone");
        }
        let what = format!("a REGISTER of {user} with credentials");
        let (register, _) = self.tap.wait_sip(from, PATIENCE, there, &what, |sip| {
            sip.is_request("REGISTER") && sip.header("Authorization").is_some()
        })?;
        let (accepted, _) = self.tap.wait_sip(
            from,
            PATIENCE,
            back,
            &format!("the 200 to the REGISTER of {user}"),
            |sip| sip.is_response(200, "REGISTER") && sip.cseq_number() == register.cseq_number(),
        )?;
        let contact = bare_uri(register.header("Contact").unwrap_or_default());
        let listed = accepted.headers("Contact").iter().any(|value| value.contains(contact));
        ensure!(listed, "the 200 to {user} does not list its contact {contact}");
        let aor = format!("{user}@{DOMAIN}");
        let bindings = self.server.bindings()?;
        let bound = bindings.iter().any(|bound| bound.aor == aor && bound.contact == contact);
        ensure!(bound, "`ruf bindings` does not list {aor} at {contact}: {bindings:?}");
        let answered = parameter(register.header("Authorization").unwrap_or_default(), "algorithm");
        Ok(if answered.is_empty() { "MD5".to_owned() } else { answered })
    }

    /// Learns from where a phone talks: whence its first REGISTER came. A datagram comes from where the
    /// phone listens.
    fn find_address(&self, phone: &mut Phone, from: Mark) -> Outcome<()> {
        let Settings { user, server, transport, .. } = &phone.settings;
        let name = format!("sip:{user}@");
        let hers = |sip: &Sip| sip.header("From").is_some_and(|value| value.contains(&name));
        let (address, _) = self.tap.wait(from, PATIENCE, &format!("a REGISTER of {user}"), |packet| {
            let sip = packet.sip.as_ref()?;
            let ours = packet.destination == *server && sip.is_request("REGISTER") && hers(sip);
            ours.then_some(packet.source)
        })?;
        let listens = phone.settings.sip();
        ensure!(
            *transport != Transport::Udp || address == listens,
            "{user} sends from {address}, not {listens}"
        );
        phone.address = address;
        Ok(())
    }

    /// A phone that cannot verify the server. `None` where there is nothing to verify, or nobody who does:
    /// baresip 1.0 reads the file of authorities, and lets every server pass.
    fn stranger(&mut self) -> Outcome<Option<Phone>> {
        let (make, transport) = self.cast.a;
        if transport != Transport::Tls || make == Make::Baresip {
            return Ok(None);
        }
        let from = self.tap.mark();
        let mut settings = self.settings(transport, STRANGER, &secret(STRANGER))?;
        settings.authority = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/stranger.pem"));
        let server = settings.server;
        let phone = Phone::start(make, settings)?;
        self.tap.wait(from, PATIENCE, "a connection of a phone that trusts another authority", |packet| {
            (packet.connects && packet.destination == server).then_some(())
        })?;
        Ok(Some(phone))
    }

    fn wrong_password(&mut self) -> Outcome<()> {
        // It came before the other, and has had its turn when the other was refused.
        let stranger = self.stranger()?;
        let from = self.tap.mark();
        let mut phone = self.phone(self.cast.a, WRONG, "not the secret")?;
        self.find_address(&mut phone, from)?;
        let (there, back) = call::ways(&phone);
        let (attempt, _) =
            self.tap.wait_sip(from, PATIENCE, there, "a REGISTER with a wrong password", |sip| {
                sip.is_request("REGISTER") && sip.header("Authorization").is_some()
            })?;
        self.tap.wait_sip(from, PATIENCE, back, "a refusal of the wrong password", |sip| {
            matches!(sip.status(), Some(401 | 403)) && sip.cseq_number() == attempt.cseq_number()
        })?;
        drop(phone);
        let let_in = self.tap.since(from).iter().any(|packet| {
            let sip = packet.sip.as_ref();
            packet.destination == back.1 && sip.is_some_and(|sip| sip.is_response(200, "REGISTER"))
        });
        ensure!(!let_in, "a wrong password was let in");
        let aor = format!("{}@{DOMAIN}", WRONG.user);
        let bindings = self.server.bindings()?;
        ensure!(bindings.iter().all(|bound| bound.aor != aor), "`ruf bindings` lists {aor} nevertheless");
        let aor = format!("{}@{DOMAIN}", STRANGER.user);
        let listed = bindings.iter().any(|bound| bound.aor == aor);
        ensure!(!listed, "`ruf bindings` lists {aor}, whose phone cannot have verified the server");
        drop(stranger);
        Ok(())
    }
}

fn secret(part: Part) -> String {
    format!("secret-of-{}", part.user)
}

/// The URI of a Contact value, without brackets and parameters of the header.
fn bare_uri(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => value.split(';').next().unwrap_or_default(),
    }
}

/// Puts the outcome of a cell down, and stops the stage if it failed.
pub(super) fn note<T>(
    cells: &mut Vec<(Cell, Outcome<()>)>,
    cell: Cell,
    outcome: Outcome<T>,
) -> Result<T, Failure> {
    let (noted, result) = match outcome {
        Ok(value) => (Ok(()), Ok(value)),
        Err(failure) => (Err(failure.clone()), Err(failure)),
    };
    cells.push((cell, noted));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_read_in_both_forms() {
        assert_eq!(bare_uri("\"A\" <sip:a@h:5070;x>;expires=3"), "sip:a@h:5070;x");
        assert_eq!(bare_uri("sip:a@h;expires=3"), "sip:a@h");
    }
}
