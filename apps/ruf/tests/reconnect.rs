//! A phone over TCP that lost or closed its connection and listens: it is reached by a connection of the server's.

#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use server::{Place, Server};

const PATIENCE: Duration = Duration::from_secs(20);

/// The server listens on a port that the system gives over TCP, too.
fn server(name: &str, workers: u8) -> Server {
    let place = Place::new(name);
    let file = place.configure("[[domain]]\nname = \"open.example\"\nopen = true\n");
    let text = std::fs::read_to_string(&file).unwrap();
    let both = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n";
    let text = text.replace("listen = [\"udp:127.0.0.1:0\"]\n", &format!("{both}workers = {workers}\n"));
    std::fs::write(&file, text).unwrap();
    Server::start(place, |_| {})
}

/// Everything up to the end of the head; no message here has a body.
fn message(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        assert_eq!(stream.read(&mut octet).unwrap(), 1, "it was closed after {}", text.escape_ascii());
        text.extend_from_slice(&octet);
    }
    String::from_utf8(text).unwrap()
}

/// Bob registers this contact over a connection, and closes it.
fn register(place: SocketAddr, contact: &str) {
    let mut phone = TcpStream::connect(place).unwrap();
    let here = phone.local_addr().unwrap();
    write!(
        phone,
        "REGISTER sip:open.example SIP/2.0\r\nVia: SIP/2.0/TCP {here};branch=z9hG4bKr{here}\r\nMax-Forwards: 70\r\n\
         From: <sip:bob@open.example>;tag=b\r\nTo: <sip:bob@open.example>\r\nCall-ID: register-{here}\r\n\
         CSeq: 1 REGISTER\r\nContact: <{contact}>\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    assert!(message(&mut phone).starts_with("SIP/2.0 200 "));
    phone.shutdown(std::net::Shutdown::Both).unwrap();
}

/// Alice, who calls over UDP.
struct Alice(UdpSocket, SocketAddr);

impl Alice {
    fn new(server: SocketAddr) -> Alice {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Alice(socket, server)
    }

    fn calls(&self, number: u32) {
        let here = self.0.local_addr().unwrap();
        let invite = format!(
            "INVITE sip:bob@open.example SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@open.example>;tag=a\r\nTo: <sip:bob@open.example>\r\nCall-ID: call-{number}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:alice@{here}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.0.send_to(invite.as_bytes(), self.1).unwrap();
    }

    /// The first answer to this call that is none of these.
    fn hears(&self, number: u32, besides: &[&str]) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
            let status = text.split(' ').nth(1).unwrap().to_owned();
            if text.contains(&format!("\r\nCall-ID: call-{number}\r\n")) && !besides.contains(&&*status) {
                return status;
            }
        }
    }
}

/// The lines of a request that its answer has, too.
fn answer(request: &str, status: &str) -> String {
    let kept = ["Via:", "Record-Route:", "From:", "Call-ID:", "CSeq:"];
    let lines = request.split("\r\n").filter(|line| kept.iter().any(|name| line.starts_with(name)));
    let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 {status}\r\n{lines}To: <sip:bob@open.example>;tag=b\r\nContent-Length: 0\r\n\r\n")
}

fn rings_by_one_new_connection(name: &str, workers: u8) {
    let server = server(name, workers);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    register(server.address("tcp"), &format!("sip:bob@127.0.0.1:{port};transport=tcp"));
    let alice = Alice::new(server.address("udp"));
    alice.calls(1);
    let (mut phone, _) = listener.accept().unwrap();
    // Calls of every worker find the one connection: none opens another.
    listener.set_nonblocking(true).unwrap();
    for number in 1..=8 {
        if number > 1 {
            alice.calls(number);
        }
        let invite = message(&mut phone);
        assert!(invite.starts_with(&format!("INVITE sip:bob@127.0.0.1:{port};transport=tcp ")), "{invite}");
        assert!(invite.contains(&format!("\r\nCall-ID: call-{number}\r\n")), "{invite}");
        phone.write_all(answer(&invite, "180 Ringing").as_bytes()).unwrap();
        assert_eq!(alice.hears(number, &["100"]), "180");
        phone.write_all(answer(&invite, "486 Busy Here").as_bytes()).unwrap();
        assert_eq!(alice.hears(number, &["100", "180"]), "486");
        assert!(message(&mut phone).starts_with("ACK "));
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    // The phone closes that one as well, and is reached again.
    phone.shutdown(std::net::Shutdown::Both).unwrap();
    listener.set_nonblocking(false).unwrap();
    alice.calls(9);
    let (mut phone, _) = listener.accept().unwrap();
    assert!(message(&mut phone).contains("\r\nCall-ID: call-9\r\n"));
}

#[test]
fn a_phone_that_listens_where_it_registered_from_rings_by_a_new_connection() {
    // tests rfc3261 §18.1.1
    rings_by_one_new_connection("reconnect", 1);
}

#[test]
fn all_workers_use_the_one_connection_that_was_opened() {
    rings_by_one_new_connection("reconnect-workers", 3);
}

#[test]
fn nobody_else_is_connected_to() {
    let server = server("reconnect-else", 1);
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    register(server.address("tcp"), &format!("sip:bob@127.0.0.2:{port};transport=tcp"));
    let alice = Alice::new(server.address("udp"));
    alice.calls(1);
    assert_eq!(alice.hears(1, &["100"]), "480");
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn who_calls_over_tcp_without_a_registration_hears_of_the_end_though_the_server_was_started_anew() {
    // tests rfc3261 §18.1.1
    let mut old = server("reconnect-call", 1);
    let [udp, tcp] = ["udp", "tcp"].map(|transport| old.address(transport));
    let bob = format!("--account sip:bob@open.example --server {udp} --listen 127.0.0.1:0 --control");
    let mut answering = Ended::start(&format!("answer {bob}"));
    answering.says("listening");
    let alice =
        format!("--account sip:alice@open.example --server sip:{tcp};transport=tcp --listen 127.0.0.1:0");
    let mut calling = Ended::start(&format!("call sip:bob@open.example {alice}"));
    calling.says("answered");
    old.signal("KILL");
    old.end();
    let place = std::mem::replace(&mut old.place, Place::new("reconnect-call-over"));
    let file = place.path("ruf.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("udp:127.0.0.1:0", &format!("udp:{udp}"))
        .replace("tcp:127.0.0.1:0", &format!("tcp:{tcp}"));
    std::fs::write(&file, text).unwrap();
    let _new = Server::start(place, |_| {});
    answering.is_told("hang up");
    calling.says("the far side hung up");
}

/// A command of the phone, ended with the test.
struct Ended {
    child: Child,
    output: mpsc::Receiver<String>,
}

impl Ended {
    fn start(arguments: &str) -> Ended {
        let mut command = server::ruf();
        command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (told, output) = mpsc::channel();
        // Ends with what the command says, or with the test.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
        Ended { child, output }
    }

    /// Waits for a line that begins so; a while without any is too long.
    fn says(&mut self, wanted: &str) {
        let mut line = String::new();
        while !line.starts_with(wanted) {
            let next = self.output.recv_timeout(PATIENCE);
            line = next.unwrap_or_else(|error| panic!("it never says `{wanted}`: {error}"));
        }
    }

    fn is_told(&mut self, order: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
