//! The table of bindings: look-up, expiry, bounds.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, header, listed, status};
use ruf_admission::AddressOfRecord;
use ruf_message::HeaderName;
use ruf_registrar::{AddressLimits, Binding, Counters, Limits};

const A: &str = "Contact: <sip:a@192.0.2.7:5070>";

fn desk() -> Desk {
    Desk::new(Limits::default())
}

fn alice() -> AddressOfRecord {
    AddressOfRecord::new("alice", "a.example")
}

#[test]
fn a_binding_is_found_by_its_flow_whatever_its_contact_says() {
    let mut desk = desk();
    assert_eq!(status(&desk.register("alice", "one", 1, A)), 200);
    let flow = desk.flow;
    let found = desk.registrar.locate(desk.now, &alice(), Binding::clone).pop().unwrap();
    assert_eq!((found.contact().to_string(), found.flow()), ("sip:a@192.0.2.7:5070".to_owned(), flow));
    // Behind a NAT the phone's next REGISTER may come from another port: that is where it is then.
    desk.flow.remote.set_port(40_001);
    desk.register("alice", "one", 2, A);
    let found = desk.registrar.locate(desk.now, &alice(), Binding::clone).pop().unwrap();
    assert_eq!(found.flow().remote.port(), 40_001);
    assert_eq!(desk.registrar.len(), 1);
}

#[test]
fn nobody_is_found_who_is_not_there() {
    let mut desk = desk();
    desk.register("alice", "one", 1, A);
    assert!(desk.located("bob").is_empty());
    assert!(desk.located("Alice").is_empty());
}

#[test]
fn contacts_that_are_no_sip_uris_are_listed_and_not_found() {
    // tests rfc3261 §10.2.1
    let mut desk = desk();
    let answer = desk.register("alice", "one", 1, &format!("{A}\nContact: <mailto:alice@a.example>"));
    assert_eq!(listed(&answer).len(), 2);
    assert_eq!(desk.located("alice"), ["sip:a@192.0.2.7:5070"]);
}

#[test]
fn a_binding_that_is_not_refreshed_expires() {
    // tests rfc3261 §10.2.2
    let mut desk = desk();
    desk.register("alice", "one", 1, &format!("{A}\nExpires: 100"));
    desk.register("bob", "two", 1, &format!("{A}\nExpires: 200"));
    assert_eq!(desk.registrar.deadline(), Some(desk.now + std::time::Duration::from_secs(100)));
    desk.after(99);
    desk.registrar.tick(desk.now);
    assert_eq!((desk.registrar.len(), desk.located("alice").len()), (2, 1));
    desk.after(1);
    assert!(desk.located("alice").is_empty(), "before any tick");
    assert_eq!(desk.registrar.list(desk.now, usize::MAX, |_, _| ()).len(), 1);
    assert_eq!(desk.registrar.len(), 2);
    desk.registrar.tick(desk.now);
    assert_eq!((desk.registrar.len(), desk.registrar.addresses()), (1, 1));
    desk.after(100);
    desk.registrar.tick(desk.now);
    assert!(desk.registrar.is_empty());
    assert_eq!((desk.registrar.addresses(), desk.registrar.deadline()), (0, None));
    assert_eq!(desk.registrar.counters().expired, 2);
}

#[test]
fn a_refreshed_binding_stays_and_one_cut_short_goes_early() {
    let mut desk = desk();
    desk.register("alice", "one", 1, &format!("{A}\nExpires: 100"));
    desk.after(90);
    desk.register("alice", "one", 2, &format!("{A}\nExpires: 1000"));
    desk.after(20);
    desk.registrar.tick(desk.now);
    assert_eq!(desk.located("alice").len(), 1);
    desk.register("alice", "one", 3, &format!("{A}\nExpires: 60"));
    assert!(desk.registrar.deadline().unwrap() <= desk.now + std::time::Duration::from_secs(60));
    desk.after(60);
    desk.registrar.tick(desk.now);
    assert!(desk.registrar.is_empty());
}

#[test]
fn an_account_that_is_removed_is_nowhere() {
    let mut desk = desk();
    desk.register("alice", "one", 1, &format!("{A}\nContact: <sip:b@h>"));
    desk.register("bob", "two", 1, A);
    assert_eq!(desk.registrar.remove_all(&alice()), 2);
    assert_eq!(desk.registrar.remove_all(&alice()), 0);
    assert!(desk.located("alice").is_empty());
    assert_eq!((desk.registrar.len(), desk.registrar.addresses()), (1, 1));
    desk.register("carol", "three", 1, "Contact: <sip:c@h>");
    assert_eq!((desk.located("bob").len(), desk.located("carol").len()), (1, 1));
}

#[test]
fn everything_is_listed_with_its_address() {
    let mut desk = desk();
    desk.register("bob", "one", 1, &format!("{A}, <sip:b@h>;q=0.5;expires=60"));
    desk.register("alice", "two", 1, A);
    let line = |address: &AddressOfRecord, binding: &Binding| {
        format!("{address} {} {}", binding.contact(), binding.remaining_secs(desk.now))
    };
    let mut all = desk.registrar.list(desk.now, 10, line);
    // Those of one address stand in the order of their registration, wherever its shard comes.
    all.sort_by_key(|line| line.starts_with("alice"));
    assert_eq!(desk.registrar.list(desk.now, 2, line).len(), 2);
    assert_eq!(
        all,
        [
            "bob@a.example sip:a@192.0.2.7:5070 3600",
            "bob@a.example sip:b@h 60",
            "alice@a.example sip:a@192.0.2.7:5070 3600",
        ]
    );
}

#[test]
fn a_full_table_refuses_what_is_new_and_keeps_what_is_there() {
    // tests rfc3261 §21.5.4
    let mut desk = Desk::new(Limits { bindings_max: 2, ..Limits::default() });
    desk.register("alice", "one", 1, &format!("{A}\nExpires: 100"));
    desk.register("bob", "two", 1, A);
    let full = desk.register("carol", "three", 1, A);
    assert_eq!(status(&full), 503);
    let retry_after: u32 = header(&full, HeaderName::RetryAfter).unwrap().parse().unwrap();
    assert!((30..60).contains(&retry_after), "{retry_after}");
    assert_eq!(status(&desk.register("alice", "one", 2, &format!("{A}\nExpires: 100"))), 200);
    let exchange =
        desk.register("alice", "one", 3, &format!("{A};expires=0\nContact: <sip:x@h>;expires=100"));
    assert_eq!(status(&exchange), 200);
    assert_eq!(status(&desk.register("carol", "three", 2, "")), 200, "asking needs no room");
    desk.after(100);
    assert_eq!(status(&desk.register("carol", "three", 3, A)), 200, "what has expired makes room by itself");
    assert_eq!(desk.registrar.len(), 2);
}

#[test]
fn phones_that_find_it_full_do_not_all_come_back_at_once() {
    let mut desk = Desk::new(Limits { bindings_max: 0, ..Limits::default() });
    let after: std::collections::HashSet<Option<String>> =
        (1..20).map(|cseq| header(&desk.register("alice", "one", cseq, A), HeaderName::RetryAfter)).collect();
    assert!(after.len() > 5, "{after:?}");
}

#[test]
fn one_account_cannot_fill_the_table() {
    let address = AddressLimits { bindings_max: 2, ..AddressLimits::default() };
    let mut desk = Desk::new(Limits { address, ..Limits::default() });
    desk.register("alice", "one", 1, &format!("{A}\nContact: <sip:b@h>"));
    let full = desk.register("alice", "two", 1, "Contact: <sip:c@h>");
    assert_eq!((status(&full), header(&full, HeaderName::RetryAfter).as_deref()), (500, Some("3600")));
    assert_eq!(status(&desk.register("bob", "three", 1, A)), 200);
}

#[test]
fn what_happened_is_counted() {
    let mut desk = desk();
    desk.register("alice", "one", 1, &format!("{A}\nContact: <sip:b@h>;expires=60"));
    desk.register("alice", "one", 2, A);
    desk.register("alice", "one", 2, A);
    desk.register("alice", "one", 3, &format!("{A}\nExpires: 0"));
    desk.after(60);
    desk.registrar.tick(desk.now);
    let expected = Counters { accepted: 3, refused: 1, added: 2, refreshed: 1, removed: 1, expired: 1 };
    assert_eq!(desk.registrar.counters(), expected);
    desk.registrar.forget_counters();
    assert_eq!(desk.registrar.counters(), Counters::default());
}

#[test]
fn coming_and_going_leaves_nothing_behind() {
    let mut desk = desk();
    for cseq in 1..5_000 {
        let lines = if cseq % 2 == 0 { "Contact: *\nExpires: 0" } else { A };
        assert_eq!(status(&desk.register("alice", "one", cseq, lines)), 200);
    }
    desk.register("alice", "one", 5_000, "Contact: *\nExpires: 0");
    assert!(desk.registrar.is_empty());
    desk.after(7_200);
    desk.registrar.tick(desk.now);
    assert_eq!(desk.registrar.deadline(), None);
}

#[test]
fn a_phone_that_was_reached_by_another_connection_is_found_by_that() {
    let mut desk = desk();
    desk.register("alice", "one", 1, A);
    let (before, after) = (desk.flow, ruf_message::Flow { connection: 9, ..desk.flow });
    let flow = |desk: &Desk| desk.registrar.locate(desk.now, &alice(), Binding::flow).pop().unwrap();
    let other = AddressOfRecord::new("bob", "a.example");
    desk.registrar.reconnected(&other, &before, &after);
    desk.registrar.reconnected(&alice(), &after, &after);
    assert_eq!(flow(&desk), before, "of nobody else, and of no other flow");
    desk.registrar.reconnected(&alice(), &before, &after);
    assert_eq!(flow(&desk), after);
    desk.registrar.reconnected(&alice(), &before, &ruf_message::Flow { connection: 8, ..before });
    assert_eq!(flow(&desk), after, "what comes too late changes nothing");
}
