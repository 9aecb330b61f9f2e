//! `ruf call` whose far side says nothing any more.

#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use server::ruf;

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
            let lines = request.lines().filter_map(|line| {
                let is_copied =
                    ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
                let is_to = line.starts_with("To:");
                (is_copied || is_to).then(|| format!("{line}{}\r\n", if is_to { ";tag=bob" } else { "" }))
            });
            let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                m=audio 40000 RTP/AVP 8\r\n";
            let answer = format!(
                "SIP/2.0 200 OK\r\n{}Contact: <sip:bob@{address}>\r\nContent-Type: application/sdp\r\n\
                 Content-Length: {}\r\n\r\n{sdp}",
                lines.collect::<String>(),
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
