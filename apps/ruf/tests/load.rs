//! `ruf load` against the real server: what one side counts, the other has counted too.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod server;

use std::process::{Command, Stdio};

use serde_json::Value;
use server::{Place, Server, ruf, run};

/// A server of an open domain and of one with passwords, and its users there.
fn serving(name: &str) -> Server {
    let place = Place::new(name);
    let more =
        "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\", \"http:127.0.0.1:0\"]\n";
    let file =
        place.configure("[[domain]]\nname = \"open.test\"\nopen = true\n[[domain]]\nname = \"auth.test\"\n");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("listen = [\"udp:127.0.0.1:0\"]\n", more)).unwrap();
    let users: String = (0..10).map(|user| format!("u{user}@auth.test,secret\n")).collect();
    let list = place.path("users.csv");
    std::fs::write(&list, users).unwrap();
    let imported = run(&["user", "--config", file.to_str().unwrap(), "import", list.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    Server::start(place, |_| {})
}

/// What `ruf load` reports, and with which status it ends.
fn load(server: &Server, transport: &str, arguments: &str) -> (i32, Value) {
    let target = server.address(transport).to_string();
    let mut command: Command = ruf();
    command.args(["load", &target, "--transport", transport, "--users", "10", "--hold", "50ms", "--json"]);
    let done = command.args(arguments.split_whitespace()).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    (done.status.code().unwrap(), report)
}

/// A counter of the server.
fn counted(server: &Server, name: &str) -> u64 {
    let (_, page) = server.get("/metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(&format!("ruf_{name}_total{{worker=\"0\"}} ")));
    line.unwrap().parse().unwrap()
}

/// 90 units of a mix: 54 calls, 18 registrations, 9 messages, 9 questions.
const MIX: &str = "--rate 300 --calls 90 --mix call=6,register=2,message=1,options=1";

fn all_went_well(report: &Value) {
    for (kind, count) in [("call", 54), ("register", 18), ("message", 9), ("options", 9)] {
        assert_eq!(report["units"][kind]["ok"], count, "{report}");
        assert_eq!(report["units"][kind]["attempted"], count, "{report}");
    }
    assert_eq!((&report["failed"], &report["ok"]), (&0.into(), &90.into()), "{report}");
    let callees = &report["callees"];
    for done in ["calls", "acknowledged", "ended"] {
        assert_eq!(callees[done], 54, "{report}");
    }
    assert_eq!(callees["messages"], 9, "{report}");
    assert_eq!(report["times_ms"]["INVITE to 200"]["count"], 54, "{report}");
}

#[test]
fn both_sides_count_the_same_over_every_transport_and_with_and_without_digest() {
    let server = serving("load");
    let ca = server.place.path("data/tls/ca.pem").display().to_string();
    let mut calls = 0;
    for (transport, domain) in [
        ("udp", "--domain open.test"),
        ("udp", "--domain auth.test --password secret"),
        ("tcp", "--domain open.test"),
        ("tls", "--domain auth.test --password secret"),
    ] {
        let (status, report) = load(&server, transport, &format!("{MIX} {domain} --ca {ca}"));
        assert_eq!(status, 0, "{transport} {domain}: {report}");
        all_went_well(&report);
        calls += 54;
        assert_eq!(counted(&server, "calls_answered"), calls, "{transport} {domain}");
        assert_eq!(counted(&server, "calls_ended"), calls, "{transport} {domain}");
    }
}

#[test]
fn what_the_server_refuses_is_counted_by_its_reason() {
    let server = serving("load-refused");
    let (status, report) = load(
        &server,
        "udp",
        "--domain open.test --rate 100 --calls 10 --event none --mix subscribe=1,options=1",
    );
    assert_eq!(status, 1);
    assert_eq!(report["units"]["options"]["ok"], 5, "{report}");
    let failures = report["units"]["subscribe"]["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{report}");
    assert!(failures[0]["reason"].as_str().unwrap().starts_with("SUBSCRIBE 4"), "{report}");
    assert_eq!(failures[0]["count"], 5, "{report}");
}

#[test]
fn what_cannot_be_run_ends_with_2_and_one_sentence() {
    let server = serving("load-impossible");
    let (udp, tls) = (server.address("udp").to_string(), server.address("tls").to_string());
    for (arguments, sentence) in [
        (vec![&*udp, "--domain", "auth.test"], "401 Unauthorized; give --password"),
        (vec![&*udp, "--domain", "auth.test", "--password", "wrong"], "look at --password"),
        (vec!["127.0.0.1:9", "--domain", "open.test"], "nobody listens at udp:127.0.0.1:9"),
        (vec!["127.0.0.1:9", "--transport", "tcp"], "nobody listens at tcp:127.0.0.1:9"),
        (vec![&*tls, "--transport", "tls"], "nobody whom we believe listens at tls:"),
        (vec!["192.0.2.1", "--rate", "100"], "say --i-may-load-this-server"),
        (vec!["urn:service:sos"], "a load test never calls one"),
    ] {
        let done = ruf().arg("load").args(&arguments).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(done.stdout.is_empty());
    }
}
