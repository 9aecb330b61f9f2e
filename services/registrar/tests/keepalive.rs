//! Who is pinged, and for how long.
#![allow(clippy::unwrap_used)]

mod desk;

use std::time::Duration;

use desk::{Desk, status};
use ruf_admission::AddressOfRecord;
use ruf_message::{Transmit, Transport};
use ruf_registrar::{Keepalive, KeepaliveLimits, Limits};

const INSIDE: &str = "Contact: <sip:a@10.0.0.2:5060>";

struct Scene {
    desk: Desk,
    keepalive: Keepalive,
}

impl Scene {
    fn new(limits: KeepaliveLimits) -> Self {
        Scene { desk: Desk::new(Limits::default()), keepalive: Keepalive::new(limits) }
    }

    /// As the node does it.
    fn register(&mut self, user: &str, call_id: &str, cseq: u32, lines: &str) {
        assert_eq!(status(&self.desk.register(user, call_id, cseq, lines)), 200);
        let address = AddressOfRecord::new(user, "a.example");
        self.keepalive.note(self.desk.now, &self.desk.registrar, &address, call_id.as_bytes());
    }

    /// Where pings go after so many seconds.
    fn pinged_after(&mut self, secs: u64) -> Vec<String> {
        self.desk.after(secs);
        let mut sent: Vec<Transmit> = Vec::new();
        self.keepalive.tick(self.desk.now, &self.desk.registrar, &mut sent);
        assert!(sent.iter().all(|ping| &ping.bytes[..] == b"\r\n\r\n"));
        sent.iter().map(|ping| ping.flow.remote.to_string()).collect()
    }
}

#[test]
fn a_phone_behind_a_translator_is_pinged_where_it_is_now() {
    let mut scene = Scene::new(KeepaliveLimits::default());
    scene.register("alice", "one", 1, INSIDE);
    assert_eq!(scene.pinged_after(24), [""; 0]);
    scene.desk.flow.remote.set_port(41_000);
    scene.register("alice", "one", 2, INSIDE);
    assert_eq!(scene.pinged_after(1), ["203.0.113.9:41000"], "once, and to the new port");
    assert_eq!(scene.keepalive.deadline(), Some(scene.desk.now + Duration::from_secs(25)));
    assert_eq!(scene.pinged_after(25), ["203.0.113.9:41000"]);
    assert_eq!((scene.keepalive.sent(), scene.keepalive.len()), (2, 1));
}

#[test]
fn a_phone_in_the_open_or_on_a_connection_is_not_pinged() {
    let mut scene = Scene::new(KeepaliveLimits::default());
    scene.register("alice", "one", 1, "Contact: <sip:a@203.0.113.9:40000>");
    scene.register("alice", "two", 1, "Contact: <sip:b@203.0.113.9:5070>");
    scene.register(
        "alice",
        "three",
        1,
        "Contact: <sip:c@203.0.113.9:5060;lr>\nPath: <sip:203.0.113.9;lr>\nSupported: path",
    );
    scene.desk.flow.transport = Transport::Tcp;
    scene.register("bob", "four", 1, INSIDE);
    assert!(scene.keepalive.is_empty() && scene.keepalive.deadline().is_none());
}

#[test]
fn who_has_gone_is_forgotten() {
    let mut scene = Scene::new(KeepaliveLimits::default());
    scene.register("alice", "one", 1, INSIDE);
    scene.register("alice", "one", 2, &format!("{INSIDE};expires=0"));
    scene.register("bob", "two", 1, &format!("{INSIDE};expires=60"));
    assert_eq!(scene.pinged_after(25).len(), 1);
    assert_eq!(scene.pinged_after(25).len(), 1);
    assert_eq!(scene.pinged_after(25), [""; 0], "it has expired");
    assert!(scene.keepalive.is_empty() && scene.keepalive.deadline().is_none());
}

#[test]
fn a_phone_that_started_anew_is_pinged_once() {
    let mut scene = Scene::new(KeepaliveLimits::default());
    scene.register("alice", "one", 1, INSIDE);
    scene.register("alice", "again", 1, INSIDE);
    assert_eq!(scene.pinged_after(25).len(), 1);
    assert_eq!(scene.keepalive.len(), 1);
}

#[test]
fn after_a_restart_who_was_pinged_is_pinged_again_by_one_worker() {
    let mut scene = Scene::new(KeepaliveLimits::default());
    scene.register("alice", "one", 1, INSIDE);
    scene.register("bob", "two", 1, INSIDE);
    scene.register("carol", "three", 1, "Contact: <sip:c@203.0.113.9:40000>");
    let now = scene.desk.now;
    let mut workers = [true, false].map(|of_one| {
        let mut keepalive = Keepalive::new(KeepaliveLimits::default());
        keepalive.resume(now, &scene.desk.registrar, |call_id| (call_id == b"one") == of_one);
        keepalive
    });
    assert_eq!(workers.each_ref().map(Keepalive::len), [1, 1]);
    scene.desk.after(25);
    for keepalive in &mut workers {
        let mut sent: Vec<Transmit> = Vec::new();
        keepalive.tick(scene.desk.now, &scene.desk.registrar, &mut sent);
        assert_eq!(sent.len(), 1);
    }
}

#[test]
fn only_so_many_are_pinged_and_only_so_many_at_once() {
    let limits = KeepaliveLimits { registrations_max: 2, per_turn_max: 1, ..KeepaliveLimits::default() };
    let mut scene = Scene::new(limits);
    for user in ["alice", "bob", "carol"] {
        scene.register(user, user, 1, INSIDE);
    }
    assert_eq!(scene.keepalive.len(), 2);
    let turns = [scene.pinged_after(25).len(), scene.pinged_after(0).len(), scene.pinged_after(0).len()];
    assert_eq!(turns, [1, 1, 0]);
}

#[test]
fn who_comes_where_another_stood_is_pinged_for_itself_alone() {
    let mut scene = Scene::new(KeepaliveLimits { per_turn_max: 10_000, ..KeepaliveLimits::default() });
    scene.register("alice", "one", 1, INSIDE);
    scene.register("alice", "one", 2, &format!("{INSIDE};expires=0"));
    // So many that one of them stands where Alice stood.
    for number in 0..1_000 {
        scene.register(&format!("u{number}"), &format!("of-u{number}"), 1, INSIDE);
    }
    assert_eq!(scene.keepalive.len(), 1_001);
    assert_eq!(scene.pinged_after(25).len(), 1_000);
    assert_eq!((scene.keepalive.len(), scene.keepalive.sent()), (1_000, 1_000));
}
