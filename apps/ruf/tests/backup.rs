//! A backup is taken while the server serves, and what it held is there again in another directory.

#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use server::{Place, Server, run};

const DOMAIN: &str = "[[domain]]\nname = \"a.example\"\nopen = true\n";

fn register(server: &Server, user: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let here = socket.local_addr().unwrap();
    let text = format!(
        "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-{user}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@a.example>;tag=f\r\nTo: <sip:{user}@a.example>\r\n\
         Call-ID: {user}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@192.0.2.1>\r\nExpires: 600\r\n\
         Content-Length: 0\r\n\r\n"
    );
    socket.send_to(text.as_bytes(), server.address("udp")).unwrap();
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer).unwrap();
    assert!(buffer.get(..length).unwrap().starts_with(b"SIP/2.0 200"));
}

fn of(arguments: &[&str], data: &Path) -> Output {
    run(&[arguments, &["--data", data.to_str().unwrap()]].concat())
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn start(name: &str) -> Server {
    let place = Place::new(name);
    place.configure(DOMAIN);
    Server::start(place, |_| {})
}

#[test]
fn what_was_there_at_the_backup_is_there_after_the_restore() {
    let mut server = start("backup");
    let data = server.place.path("data");
    out(&of(&["user", "add", "kept@a.example"], &data));
    register(&server, "before");
    let file = server.place.path("saved");
    let saved = file.to_str().unwrap().to_owned();
    out(&of(&["backup", &saved], &data));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refusal(&of(&["backup", &saved], &data)).contains("there is a file of this name"));
    register(&server, "after");
    out(&of(&["user", "add", "late@a.example"], &data));
    assert!(refusal(&of(&["restore", &saved], &data)).contains("is in use by process"));
    assert!(out(&of(&["bindings"], &data)).contains("after@a.example"), "it serves on");
    server.signal("TERM");
    assert!(server.end().success());

    // Into another directory.
    let place = Place::new("restored");
    place.configure(DOMAIN);
    let other = place.path("data");
    out(&of(&["restore", &saved], &other));
    assert_eq!(fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["tls/ca.pem", "tls/ca.key"] {
        assert_eq!(fs::read(other.join(name)).unwrap(), fs::read(data.join(name)).unwrap(), "{name}");
        assert_eq!(fs::metadata(other.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let restored = Server::start(place, |_| {});
    let bindings = out(&of(&["bindings"], &other));
    assert!(bindings.contains("before@a.example") && !bindings.contains("after@a.example"), "{bindings}");
    let users = out(&of(&["user", "list"], &other));
    assert!(users.contains("kept") && !users.contains("late"), "{users}");
    drop(restored);

    // Over what is there: that is kept aside.
    let said = out(&of(&["restore", &saved], &data));
    assert!(said.contains("before-restore-1"), "{said}");
    assert!(
        data.join("before-restore-1/ruf.db").exists() && data.join("before-restore-1/tls/ca.key").exists()
    );
    assert!(!out(&of(&["user", "list"], &data)).contains("late"));
}

#[test]
fn a_file_that_is_no_whole_backup_changes_nothing() {
    let mut server = start("damaged");
    let data = server.place.path("data");
    register(&server, "before");
    let file = server.place.path("saved");
    let saved = file.to_str().unwrap().to_owned();
    out(&of(&["backup", &saved], &data));
    server.signal("TERM");
    assert!(server.end().success());
    let database = fs::read(data.join("ruf.db")).unwrap();

    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(refusal(&of(&["restore", &saved], &data)).contains("saved is damaged"));
    let mut other = whole.clone();
    other[4_096..8_192].fill(0x5a);
    fs::write(&file, other).unwrap();
    assert!(refusal(&of(&["restore", &saved], &data)).contains("saved is damaged"));
    fs::write(&file, "a letter to a friend, which is longer than nothing").unwrap();
    assert!(refusal(&of(&["restore", &saved], &data)).contains("saved is not a Ruf database"));
    fs::remove_file(&file).unwrap();
    assert!(refusal(&of(&["restore", &saved], &data)).contains("saved: No such file"));

    assert_eq!(fs::read(data.join("ruf.db")).unwrap(), database);
    assert!(!data.join("before-restore-1").exists());
    assert!(!data.join("restore.making").exists());
}
