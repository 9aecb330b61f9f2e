//! Phones whose far side, or whose server, says nothing any more.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;
mod server;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use scene::Screen;
use server::{Place, ruf};

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the answer to a request says of it again.
fn copied(request: &str, tag: &str) -> String {
    let lines = request.lines().filter_map(|line| {
        let is_copied = ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
        let is_to = line.starts_with("To:");
        (is_copied || is_to).then(|| format!("{line}{}\r\n", if is_to { tag } else { "" }))
    });
    lines.collect()
}

/// A registrar that answers who comes, and not who goes: that it tells here. Gives where.
fn registers_once() -> (String, Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (tells, told) = channel();
    std::thread::spawn(move || {
        let mut octets = [0; 4_000];
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let request = String::from_utf8_lossy(octets.get(..len).unwrap()).into_owned();
            if !request.starts_with("REGISTER ") {
                continue;
            }
            if request.contains("\r\nExpires: 0\r\n") {
                // Whoever wanted to know may be gone.
                let _ = tells.send(request);
                continue;
            }
            let contact = request.lines().find(|line| line.starts_with("Contact:")).unwrap();
            let answer = format!("SIP/2.0 200 OK\r\n{}{contact}\r\n\r\n", copied(&request, ";tag=r"));
            socket.send_to(answer.as_bytes(), from).unwrap();
        }
    });
    (address.to_string(), told)
}

/// Answers a call, and then nothing any more. Gives where.
fn answers_once() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut octets = [0; 4_000];
        while let Ok((len, from)) = socket.recv_from(&mut octets) {
            let request = String::from_utf8_lossy(octets.get(..len).unwrap()).into_owned();
            if !request.starts_with("INVITE ") {
                continue;
            }
            let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                m=audio 40000 RTP/AVP 8\r\n";
            let answer = format!(
                "SIP/2.0 200 OK\r\n{}Contact: <sip:bob@{address}>\r\nContent-Type: application/sdp\r\n\
                 Content-Length: {}\r\n\r\n{sdp}",
                copied(&request, ";tag=bob"),
                sdp.len()
            );
            socket.send_to(answer.as_bytes(), from).unwrap();
        }
    });
    format!("sip:bob@{address}")
}

fn terminate(child: &Child) {
    let kill = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

/// What a call says that is told to end so often.
fn told_to_end(times: usize) -> Vec<String> {
    let mut call = ruf();
    call.args(["call", &answers_once(), "--listen", "127.0.0.1:0"]);
    let mut call = call.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(call.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "answered" || (times > 1 && line.starts_with("note waiting for the far side")) {
            terminate(&call);
        }
        said.push(line);
    }
    call.wait().unwrap();
    said
}

#[test]
fn who_is_told_to_end_says_what_it_waits_for_and_does_not_wait_for_long() {
    // tests rfc3261 §15.1.1
    let said = told_to_end(1);
    let at = |what: &str| said.iter().position(|line| line.starts_with(what));
    assert!(at("note waiting for the far side").unwrap() < at("note the far side did not confirm").unwrap());
}

#[test]
fn who_is_told_twice_waits_for_nobody() {
    let said = told_to_end(2);
    assert!(said.iter().any(|line| line.starts_with("note waiting for the far side")));
    assert!(!said.iter().any(|line| line.starts_with("note the far side did not confirm")), "{said:?}");
}

#[test]
fn who_is_told_twice_at_once_takes_the_registration_back_all_the_same() {
    // tests rfc3261 §10.2.2
    let twice = |id: &str| {
        let kill = Command::new("sh").args(["-c", &format!("kill -s INT {id}; kill -s TERM {id}")]).status();
        assert!(kill.unwrap().success());
    };
    let (server, gone) = registers_once();
    let mut bob = ruf();
    bob.args(["answer", "--account", "bob@phones.test", "--server", &server, "--listen", "127.0.0.1:0"]);
    let mut bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(bob.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("listening"));
    twice(&bob.id().to_string());
    assert!(gone.recv_timeout(PATIENCE).is_ok());
    assert!(bob.wait().unwrap().success());
    // The phone for people, too.
    let place = Place::new("silent-screen");
    let config = place.path("phone.toml");
    let (server, gone) = registers_once();
    let account = format!("[[account]]\naddress = \"sip:bob@phones.test\"\nserver = \"{server}\"\n");
    fs::write(&config, format!("sound = \"none\"\n{account}listen = \"127.0.0.1:0\"\n")).unwrap();
    let screen = Screen::open(&place.path(""), &config);
    screen.shows(&["sip:bob@phones.test  registered"]);
    twice(fs::read_to_string(place.path("phone.pid")).unwrap().trim());
    assert!(gone.recv_timeout(PATIENCE).is_ok());
    screen.ends();
}

#[test]
fn who_waits_for_a_server_that_says_nothing_ends_by_a_signal() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = socket.local_addr().unwrap().to_string();
    let mut bob = ruf();
    bob.args(["answer", "--account", "bob@phones.test", "--server", &server, "--listen", "127.0.0.1:0"]);
    let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It waits for the answer to this.
    assert!(socket.recv_from(&mut [0; 4_000]).is_ok());
    terminate(&bob);
    let done = bob.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stdout, done.stderr), (Some(4), Vec::new(), Vec::new()));
}
