//! Connections that do not speak as they should: a clear answer or a closed connection, within the
//! limits of the server, and somebody else's call goes on meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::scene::{ANNA, BERT};
use crate::failure::{Failure, Outcome, ensure};
use crate::line::{Line, call};
use crate::place;
use crate::plug;
use crate::raw;
use crate::server::{Server, Settings};
use crate::transport::Transport;
use crate::wire::websocket;

const NET: u8 = 118;
/// Longer than the server waits for the rest of a message (30 s).
const PATIENCE: Duration = Duration::from_secs(40);
const SECOND: Duration = Duration::from_secs(1);
/// A header line without an end.
const ENDLESS_BYTES: usize = 1 << 20;
/// How a client begins that speaks TLS: a handshake record with a ClientHello of 64 octets.
const CLIENT_HELLO: [u8; 11] = [0x16, 3, 1, 0, 68, 1, 0, 0, 64, 3, 3];

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The connection is closed; an answer before that is no success.
    Closed,
    /// The request is answered 200.
    Served,
}

/// How somebody misbehaves.
struct Rude {
    title: &'static str,
    transport: Transport,
    fate: Fate,
    /// Says it; an error means that the server has closed the connection already.
    says: fn(&mut TcpStream) -> Outcome<()>,
}

const fn rude(
    title: &'static str,
    transport: Transport,
    fate: Fate,
    says: fn(&mut TcpStream) -> Outcome<()>,
) -> Rude {
    Rude { title, transport, fate, says }
}

const RUDE: [Rude; 10] =
    [
        rude("half a message, and the end", Transport::Tcp, Fate::Closed, |stream| {
            stream.write_all(half(&options(Transport::Tcp)))?;
            Ok(stream.shutdown(Shutdown::Write)?)
        }),
        rude("half a message, and nothing", Transport::Tcp, Fate::Closed, |stream| {
            Ok(stream.write_all(half(&options(Transport::Tcp)))?)
        }),
        rude("an octet a second", Transport::Tcp, Fate::Closed, |stream| {
            for octet in options(Transport::Tcp) {
                stream.write_all(&[octet])?;
                std::thread::sleep(SECOND);
            }
            Ok(())
        }),
        rude("a header without an end", Transport::Tcp, Fate::Closed, |stream| {
            stream.write_all(b"OPTIONS sip:ruf.test SIP/2.0\r\nSubject: ")?;
            Ok(stream.write_all(&vec![b'a'; ENDLESS_BYTES])?)
        }),
        rude("two lengths", Transport::Tcp, Fate::Closed, |stream| {
            let text = String::from_utf8_lossy(&options(Transport::Tcp)).into_owned();
            Ok(stream.write_all(text.replace("Content-Length: 0", "Content-Length: 0\r\nl: 5").as_bytes())?)
        }),
        rude("TLS to the plain port", Transport::Tcp, Fate::Closed, |stream| {
            Ok(stream.write_all(&CLIENT_HELLO)?)
        }),
        rude("plain to the port of TLS", Transport::Tls, Fate::Closed, |stream| {
            Ok(stream.write_all(&options(Transport::Tls))?)
        }),
        rude("SIP to the port of WebSocket", Transport::Ws, Fate::Closed, |stream| {
            Ok(stream.write_all(&options(Transport::Ws))?)
        }),
        rude("a frame without a mask", Transport::Ws, Fate::Closed, |stream| {
            plug::shake_hands(stream)?;
            Ok(stream.write_all(&[0x81, 4, b'o', b'p', b'e', b'n'])?)
        }),
        rude("a message in fragments", Transport::Ws, Fate::Served, |stream| {
            plug::shake_hands(stream)?;
            let message = options(Transport::Ws);
            let (first, rest) = message.split_at(message.len() / 2);
            let (mut first, mut rest) = (websocket::wrap(first), websocket::wrap(rest));
            // The first is not the last, and the second goes on with the first (RFC 6455 section 5.4).
            if let (Some(one), Some(two)) = (first.first_mut(), rest.first_mut()) {
                (*one, *two) = (*one & 0x7f, *two & 0xf0);
            }
            Ok(stream.write_all(&[first, rest].concat())?)
        }),
    ];

/// All at once, with a call of others in the middle; gives what was seen, a line each.
pub(super) fn check(folder: &Path) -> Vec<(&'static str, Outcome<String>)> {
    let (server, net) = match start(folder) {
        Ok(started) => started,
        Err(failure) => return vec![("rude connections", Err(failure))],
    };
    let mut seen: Vec<_> = std::thread::scope(|scope| {
        let rude = RUDE.iter().map(|rude| (rude.title, scope.spawn(|| rude.play(&server, net))));
        let playing: Vec<_> = rude.collect();
        let call = call_of_others(&server, net);
        let played = playing.into_iter().map(|(title, thread)| {
            let ended = thread.join().unwrap_or_else(|_| Err(Failure::new("the harness panicked")));
            (title, ended)
        });
        std::iter::once(("a call of others meanwhile", call)).chain(played.collect::<Vec<_>>()).collect()
    });
    seen.push(("a call of others afterwards", call_of_others(&server, net)));
    let ended = server.status().and_then(|_| server.stop()).and_then(|status| {
        ensure!(status.success(), "the server ended with {status}");
        Ok("status answered, ended well".to_owned())
    });
    seen.push(("the server", ended));
    seen
}

fn start(folder: &Path) -> Outcome<(Server, Ipv4Addr)> {
    std::fs::create_dir_all(folder)?;
    let net = place::net(NET);
    let mut settings = Settings::new(&folder.join("data"), host(net, 1))
        .user(ANNA.user, ANNA.secret)
        .user(BERT.user, BERT.secret);
    settings.streams = vec![Transport::Tcp, Transport::Tls, Transport::Ws];
    Ok((Server::start(&settings)?, net))
}

fn call_of_others(server: &Server, net: Ipv4Addr) -> Outcome<String> {
    let anna = Line::new(host(net, 2), ANNA, server.address)?;
    let bert = Line::new(host(net, 3), BERT, server.address)?;
    anna.register()?;
    bert.register()?;
    let talking = call::ring(&anna, &bert)?.answer(&anna, &bert)?;
    talking.hang_up(&anna, &bert)?;
    Ok("answered, acknowledged and hung up".to_owned())
}

impl Rude {
    fn play(&self, server: &Server, net: Ipv4Addr) -> Outcome<String> {
        let began = Instant::now();
        let mut stream = plug::connect(host(net, 4), server.at(self.transport)?)?;
        // What cannot be written any more was refused on the way.
        let said = (self.says)(&mut stream);
        let served = said.is_ok() && self.fate == Fate::Served;
        let (answer, closed) = read(&mut stream, served)?;
        let answered = answer.contains("SIP/2.0 200 ");
        match self.fate {
            Fate::Served => ensure!(answered, "not served: {answer:?}"),
            Fate::Closed => {
                ensure!(!answered, "served: {answer:?}");
                ensure!(closed, "still open after {} s", PATIENCE.as_secs());
            }
        }
        let said = answer.find("SIP/2.0 ").and_then(|at| answer.get(at..)?.lines().next());
        let first = said.unwrap_or("no answer of SIP");
        let fate = if served { "" } else { ", closed" };
        Ok(format!("{first}{fate} after {} s", began.elapsed().as_secs()))
    }
}

/// What comes until the connection is closed, or until a 200 if one is wanted; and whether it was closed.
fn read(stream: &mut TcpStream, wants_200: bool) -> Outcome<(String, bool)> {
    let deadline = Instant::now() + PATIENCE;
    let mut came = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&came).into_owned();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || (wants_200 && text.contains("SIP/2.0 200 ")) {
            return Ok((text, false));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok((text, true)),
            Ok(count) => came.extend(chunk.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // A reset closes too.
            Err(_) => return Ok((text, true)),
        }
    }
}

fn options(transport: Transport) -> Vec<u8> {
    let here = (Ipv4Addr::LOCALHOST, 5_070).into();
    raw::Request::new("OPTIONS", "sip:ruf.test", here).over(transport).text().into_bytes()
}

fn half(message: &[u8]) -> &[u8] {
    message.get(..message.len() / 2).unwrap_or_default()
}

fn host(net: Ipv4Addr, last: u8) -> Ipv4Addr {
    let [a, b, c, _] = net.octets();
    Ipv4Addr::new(a, b, c, last)
}
