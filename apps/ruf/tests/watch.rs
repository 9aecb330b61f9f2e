//! `ruf watch` as a script uses it, and whom it watches: `ruf answer --presence`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod server;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;
use server::{Place, Server, ruf, run};

/// `ruf answer`, ended with the test.
struct Answering {
    child: Child,
    address: String,
    /// It ends when nobody reads what it says.
    _output: BufReader<ChildStdout>,
}

impl Answering {
    fn start(arguments: &[&str]) -> Answering {
        let mut command = ruf();
        command.args(["answer", "--json"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let listening = line(&mut output);
        assert_eq!(listening["event"], "listening", "{listening}");
        Answering { child, address: listening["of"].as_str().unwrap().to_owned(), _output: output }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The status of a command, and what it printed as JSON.
fn watch(arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = ruf().arg("watch").args(arguments).arg("--json").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn somebody_is_watched_directly_and_the_status_says_how_it_went() {
    let bob = Answering::start(&["--listen", "127.0.0.1:0", "--presence", "busy: in a meeting"]);
    let (status, events) = watch(&[&bob.address, "--once", "--for", "20"]);
    assert_eq!((status, events.len()), (Some(0), 2), "{events:?}");
    assert_eq!(events[0]["event"], "watching");
    let told = &events[1];
    assert_eq!(
        (&told["event"], &told["there"], &told["note"]),
        (&"presence".into(), &true.into(), &"in a meeting".into())
    );
    assert_eq!(told["activities"], serde_json::json!(["busy"]));
    let (status, events) = watch(&[&bob.address, "--for", "0.5"]);
    assert_eq!((status, events.len()), (Some(0), 2), "{events:?}");

    let silent = Answering::start(&["--listen", "127.0.0.1:0"]);
    let (status, events) = watch(&[&silent.address]);
    assert_eq!((status, &events[1]["event"]), (Some(3), &"end".into()), "{events:?}");
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (status, _) = watch(&[&format!("sip:x@{}", nobody.local_addr().unwrap()), "--for", "0.3"]);
    assert_eq!(status, Some(4));
    assert_eq!(watch(&["sip:x@"]).0, Some(2));
    let odd = ruf().args(["answer", "--presence", "sleeping"]).output().unwrap();
    assert_eq!(odd.status.code(), Some(2));
}

#[test]
fn somebody_is_watched_through_the_server() {
    let place = Place::new("watch-served");
    place.configure("[[domain]]\nname = \"phones.test\"\n");
    let list = place.path("users.csv");
    std::fs::write(&list, "alice@phones.test,secret\nbob@phones.test,secret\n").unwrap();
    let config = place.path("ruf.toml");
    let imported = run(&["user", "--config", config.to_str().unwrap(), "import", list.to_str().unwrap()]);
    assert!(imported.status.success());
    let server = Server::start(place, |_| {});
    let at = server.address("udp").to_string();
    let of =
        |account| ["--listen", "127.0.0.1:0", "--server", &at, "--password", "secret", "--account", account];
    let bob = [&of("bob@phones.test")[..], &["--presence", "available"]].concat();
    let _bob = Answering::start(&bob);
    let alice = of("alice@phones.test");
    let (status, events) = watch(&[&["bob", "--once", "--for", "20"], &alice[..]].concat());
    assert_eq!((status, events[1]["there"].as_bool()), (Some(0), Some(true)), "{events:?}");
    let (status, events) = watch(&[&["nobody", "--for", "5"], &alice[..]].concat());
    assert_eq!((status, &events[1]["event"]), (Some(1), &"end".into()), "{events:?}");
}
