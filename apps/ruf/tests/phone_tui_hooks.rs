//! `ruf phone` tells an address of the web of its calls.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;
mod server;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use scene::Scene;
use serde_json::Value;
use server::until;

/// Takes what is posted.
fn listener() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, posted) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Value>>>::default());
    let all = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut len, mut line) = (0, String::from("head"));
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    len = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; len];
            stream.read_exact(&mut body).unwrap();
            all.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }
    });
    (address, posted)
}

#[test]
fn an_address_is_told_of_calls_of_the_last_one_too_and_one_that_fails_is_said_once() {
    let scene = Scene::new("tui-hooks");
    let (at, posted) = listener();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hooks = format!(
        "[hooks]\nring = \"http://{at}/ring\"\nanswer = \"http://{nobody}/token\"\nend = \"http://{at}/end\"\n"
    );
    let text = fs::read_to_string(&scene.config).unwrap();
    fs::write(&scene.config, text + &hooks).unwrap();
    let told = |event: &str| {
        until(event, || posted.lock().unwrap().iter().find(|told| told["event"] == event).cloned())
    };
    let screen = scene.screen();
    let bob = scene.bob(&["call", "alice"]);
    screen.shows(&["CALLS YOU"]);
    let ring = told("ring");
    assert_eq!(
        (&ring["direction"], &ring["name"], &ring["address"]),
        (&"in".into(), &"Bob Baker".into(), &"sip:bob@phones.test".into())
    );
    screen.keys(&["F5"]);
    let shown = screen.shows(&["talking", " http://127.0.0.1: Connection refused"]);
    assert!(!shown.contains("token"), "{shown}");
    // It ends with the phone, and is told all the same.
    screen.keys(&["C-q", "C-q"]);
    screen.ends();
    bob.says("ended", 1);
    let end = told("end");
    assert!(end["seconds"].is_u64(), "{end}");
    assert_eq!((&end["why"], &end["account"]), (&"you hung up".into(), &"sip:alice@phones.test".into()));
}
