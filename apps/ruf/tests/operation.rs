//! The binary as a service manager, a probe and a scraper see it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use server::{Place, Server, run, until};

fn hears(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(buffer.get(..length).unwrap()).lines().next().unwrap().to_owned()
}

#[test]
fn the_service_manager_is_told_of_ready_life_and_stop() {
    let place = Place::new("notify");
    place.configure("");
    let socket = UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut server = Server::start(place, |command| {
        let directory = std::env::temp_dir().join(format!("ruf-{}-notify", std::process::id()));
        command.env("NOTIFY_SOCKET", directory.join("notify")).env("WATCHDOG_USEC", "20000");
    });
    assert_eq!(hears(&socket), "READY=1");
    assert_eq!(hears(&socket), "WATCHDOG=1");
    assert_eq!(hears(&socket), "WATCHDOG=1");
    server.signal("TERM");
    while hears(&socket) != "STOPPING=1" {}
    assert!(server.end().success());
    assert_eq!(server.rest(), "");
    assert!(!server.place.path("data/ruf.sock").exists());
}

#[test]
fn a_probe_and_a_scraper_are_answered() {
    let place = Place::new("http");
    place.configure("[http]\nlisten = \"127.0.0.1:0\"\n");
    let server = Server::start(place, |_| {});
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    let (status, page) = server.get("/metrics");
    assert_eq!(status, 200);
    assert!(page.contains("\nruf_bindings{worker=\"0\"} 0\n"), "{page}");
    assert!(page.contains("# TYPE ruf_calls_attempted_total counter\n"), "{page}");
}

#[test]
fn connections_and_the_journal_are_counted() {
    let place = Place::new("counted");
    place.configure("[http]\nlisten = \"127.0.0.1:0\"\n");
    let listen = ["--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0"];
    let server = Server::start(place, |command| {
        command.args(listen);
    });
    let shows = |line: &str| {
        let what = format!("the line {line}");
        until(&what, || server.get("/metrics").1.contains(&format!("\n{line}\n")).then_some(()));
    };
    shows("ruf_connections{worker=\"0\"} 0");
    let connection = std::net::TcpStream::connect(server.address("tcp")).unwrap();
    shows("ruf_connections{worker=\"0\"} 1");
    shows("ruf_connections_that_said_nothing_yet{worker=\"0\"} 1");
    drop(connection);
    shows("ruf_connections{worker=\"0\"} 0");
    shows("ruf_connections_accepted_total{worker=\"0\"} 1");
    shows("ruf_groups_in_the_journal_total{worker=\"0\"} 0");
    let data = server.place.path("data").display().to_string();
    let status = String::from_utf8(run(&["status", "--json", "--data", &data]).stdout).unwrap();
    for figure in ["[\"connections accepted\",1]", "[\"octets that wait for the journal\",0]"] {
        assert!(status.contains(figure), "{figure}: {status}");
    }
}

/// The domains that `ruf status` names.
fn domains(server: &Server) -> String {
    let data = server.place.path("data").display().to_string();
    let status = run(&["status", "--json", "--data", &data]);
    let text = String::from_utf8(status.stdout).unwrap();
    text.split_once("\"domains\":").unwrap().1.split_once(']').unwrap().0.to_owned()
}

#[test]
fn a_configuration_is_read_again_or_refused_whole() {
    let place = Place::new("reload");
    let one = "[[domain]]\nname = \"a.example\"\n";
    let file = place.configure(one).display().to_string();
    let server = Server::start(place, |_| {});
    let reload = || run(&["reload", "--config", &file]);
    let said = |output: &[u8]| String::from_utf8_lossy(output).into_owned();

    server.place.configure(&format!("{one}[[domain]]\nname = \"b.example\"\n[limits]\nnonces = 7\n"));
    let done = reload();
    assert!(done.status.success(), "{}", said(&done.stderr));
    assert!(said(&done.stdout).contains("changed: domains\n"), "{}", said(&done.stdout));
    assert!(said(&done.stdout).contains("takes effect at restart: the limit of nonces"));
    assert_eq!(domains(&server), "[\"a.example\",\"b.example\"");

    server.place.configure("[[domain]]\nname = \"c.example\"\naliase = [\"d.example\"]\n");
    let refused = reload();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused.stderr).contains("ruf.toml:7:1: `aliase` is no key here"),
        "{}",
        said(&refused.stderr)
    );
    assert_eq!(domains(&server), "[\"a.example\",\"b.example\"");

    // What a certificate's file lacks is found before anything is changed.
    server.place.configure("[[domain]]\nname = \"c.example\"\ncertificate = \"/none\"\nkey = \"/none\"\n");
    let refused = reload();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused.stderr).contains("/none: cannot be read"), "{}", said(&refused.stderr));
    assert_eq!(domains(&server), "[\"a.example\",\"b.example\"");
    server.signal("HUP");
    until("a refusal in the log", || {
        server.log().contains("the old configuration stays: /none").then_some(())
    });

    server.place.configure("[[domain]]\nname = \"c.example\"\n");
    server.signal("HUP");
    until("the new domain", || (domains(&server) == "[\"c.example\"").then_some(()));
}

/// A phone that says what it is told to say.
struct Phone(UdpSocket);

impl Phone {
    fn new(server: &Server) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.address("udp")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Phone(socket)
    }

    fn request(&self, method: &str, to: &str, number: u32) {
        let here = self.0.local_addr().unwrap();
        let text = format!(
            "{method} sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@a.example>;tag=f{number}\r\nTo: <sip:bob@a.example>\r\n\
             Call-ID: c{number}\r\nCSeq: {number} {method}\r\nContact: <sip:bob@{here}>\r\n\
             Expires: 60\r\nContent-Length: 0\r\n\r\n"
        );
        self.0.send(text.as_bytes()).unwrap();
    }

    /// The next message that begins like this.
    fn hears(&self, start: &str) -> String {
        let mut buffer = [0; 4_096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
            if text.starts_with(start) {
                return text;
            }
        }
    }

    /// The ACK to a 200, by the way that its Record-Route names.
    fn acknowledge(&self, answered: &str) {
        let value = |name: &str| answered.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        let (contact, cseq) = (value("Contact:"), value("CSeq:"));
        let target = contact.trim_start_matches('<').trim_end_matches('>');
        let routes: String = answered
            .lines()
            .filter_map(|line| line.strip_prefix("Record-Route:"))
            .rev()
            .map(|route| format!("Route:{route}\r\n"))
            .collect();
        let text = format!(
            "ACK {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-ack\r\nMax-Forwards: 70\r\n{routes}\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
            self.0.local_addr().unwrap(),
            value("From:"),
            value("To:"),
            value("Call-ID:"),
            cseq.split(' ').next().unwrap(),
        );
        self.0.send(text.as_bytes()).unwrap();
    }

    fn answer(&self, request: &str, status: &str) {
        let copied = |name: &&str| {
            ["Via:", "From:", "Call-ID:", "CSeq:", "Record-Route:"].iter().any(|one| name.starts_with(one))
        };
        let lines: String = request.lines().filter(copied).map(|line| format!("{line}\r\n")).collect();
        let here = self.0.local_addr().unwrap();
        let text = format!(
            "SIP/2.0 {status}\r\n{lines}To: <sip:bob@a.example>;tag=t\r\nContact: <sip:bob@{here}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.0.send(text.as_bytes()).unwrap();
    }
}

#[test]
fn a_server_that_is_told_to_stop_lets_a_ringing_call_come_to_its_answer() {
    let place = Place::new("drain");
    place.configure("[http]\nlisten = \"127.0.0.1:0\"\n[[domain]]\nname = \"a.example\"\nopen = true\n");
    let mut server = Server::start(place, |_| {});
    let (caller, callee) = (Phone::new(&server), Phone::new(&server));
    callee.request("REGISTER", "a.example", 1);
    callee.hears("SIP/2.0 200");
    caller.request("INVITE", "bob@a.example", 2);
    let invite = callee.hears("INVITE");
    callee.answer(&invite, "180 Ringing");
    caller.hears("SIP/2.0 180");

    server.signal("TERM");
    until("a probe learns of it", || (server.get("/healthz").0 == 503).then_some(()));
    caller.request("INVITE", "bob@a.example", 3);
    let refused = caller.hears("SIP/2.0 503");
    assert!(!refused.contains("Retry-After"), "a proxy would send nothing at all: {refused}");
    callee.answer(&invite, "200 OK");
    let answered = caller.hears("SIP/2.0 200");
    caller.acknowledge(&answered);
    callee.hears("ACK");
    assert!(server.end().success());
    assert!(!server.log().contains("before everything was drained"));
}

#[test]
fn a_second_signal_does_not_wait() {
    let place = Place::new("cut");
    place.configure("[[domain]]\nname = \"a.example\"\nopen = true\n");
    let mut server = Server::start(place, |_| {});
    let phone = Phone::new(&server);
    phone.request("REGISTER", "a.example", 1);
    phone.hears("SIP/2.0 200");
    phone.request("INVITE", "bob@a.example", 2);
    phone.hears("INVITE");
    server.signal("TERM");
    until("it drains", || server.log().contains("draining").then_some(()));
    server.signal("TERM");
    assert!(server.end().success());
    assert!(server.log().contains("before everything was drained"), "nobody answered the call");
}
