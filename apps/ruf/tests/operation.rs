//! The binary as a service manager, a probe and a scraper see it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use server::{Place, Server};

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
