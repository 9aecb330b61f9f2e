//! Steps 6 and 7 of RFC 3261 §10.3: what contacts do.
#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, listed};
use ruf_registrar_core::{Limits, Reject};

const A: &str = "Contact: <sip:a@192.0.2.7:5070>";
const B: &str = "Contact: <sip:b@192.0.2.8>";

#[test]
fn a_contact_is_bound_with_what_came_with_it() {
    // tests rfc3261 §10.3 step 7
    let mut desk = Desk::new();
    let lines = "Contact: \"Al\" <sip:a@192.0.2.7:5070;ob> ; q=0.25 ; +sip.instance=\"<urn:uuid:1;x>\";Expires=600;a=\"\\\";\";reg-id=2;flag
        Path: <sip:edge.example;lr>,  <sip:inner.example;lr>
        Supported: path
        User-Agent: Phone/1.0 (of a name so long that nobody would read it to its very end, ever)";
    desk.register("one", 7, lines).unwrap();
    let binding = &desk.bindings[0];
    assert_eq!(binding.contact().to_string(), "sip:a@192.0.2.7:5070;ob");
    assert_eq!((binding.q(), binding.call_id(), binding.cseq()), (250, &b"one"[..], 7));
    assert_eq!(binding.flow(), desk.flow);
    assert_eq!(binding.remaining_secs(desk.now), 600);
    assert_eq!(binding.params(), b";+sip.instance=\"<urn:uuid:1;x>\";a=\"\\\";\";reg-id=2;flag");
    assert_eq!(binding.instance().unwrap(), b"urn:uuid:1;x");
    assert_eq!(binding.reg_id(), Some(2));
    assert_eq!(binding.path(), b"<sip:edge.example;lr>, <sip:inner.example;lr>");
    assert_eq!(binding.user_agent().len(), 64);
    assert!(binding.user_agent().starts_with(b"Phone/1.0 (of a name"));
    assert!(binding.is_target());
    assert!(format!("{binding:?}").contains("sip:a@192.0.2.7:5070;ob"));
}

#[test]
fn without_contacts_nothing_changes() {
    // tests rfc3261 §10.2.3, §10.3 step 6
    let mut desk = Desk::new();
    desk.register("one", 1, A).unwrap();
    let before = desk.bindings.clone();
    let response = desk.register("one", 1, "Expires: 0").unwrap();
    assert_eq!(desk.bindings, before);
    assert_eq!(listed(&response), ["<sip:a@192.0.2.7:5070>;expires=3600"]);
}

#[test]
fn the_interval_is_the_contacts_own_then_the_headers_then_the_default() {
    // tests rfc3261 §10.3 step 7, §10.2.1.1
    for (lines, secs) in [
        ("Contact: <sip:a@h>;expires=100\nExpires: 200", 100),
        ("Contact: <sip:a@h>\nExpires: 200", 200),
        ("Contact: <sip:a@h>", 3_600),
        ("Contact: <sip:a@h>;expires=\"soon\"\nExpires: 200", 3_600),
        ("Contact: <sip:a@h>\nExpires: Thu, 01 Dec 1994 16:00:00 GMT", 3_600),
        ("Contact: <sip:a@h>;expires=4294967295", 7_200),
        ("Contact: <sip:a@h>;expires=7201", 7_200),
        ("Contact: <sip:a@h>;expires=7200", 7_200),
    ] {
        let mut desk = Desk::new();
        desk.register("one", 1, lines).unwrap();
        assert_eq!(desk.bindings[0].remaining_secs(desk.now), secs, "{lines}");
    }
}

#[test]
fn too_brief_an_interval_is_refused_unless_it_is_zero_or_an_hour() {
    // tests rfc3261 §10.3 step 7
    let mut desk = Desk::new();
    desk.limits.expires_secs_min = 60;
    for lines in ["Contact: <sip:a@h>;expires=59", "Contact: <sip:a@h>\nExpires: 1"] {
        let reject = desk.register("one", 1, lines).unwrap_err();
        assert_eq!(reject, Reject::IntervalTooBrief { min_secs: 60 });
    }
    desk.register("one", 3, "Contact: <sip:a@h>;expires=60").unwrap();
    desk.register("one", 4, "Contact: <sip:a@h>;expires=0").unwrap();
    assert!(desk.bindings.is_empty());
    desk.limits.expires_secs_min = 7_200;
    desk.register("one", 5, "Contact: <sip:a@h>;expires=3600").expect("an hour is never too brief");
    assert!(desk.register("one", 6, "Contact: <sip:a@h>;expires=3599").is_err());
}

#[test]
fn a_known_contact_is_refreshed_in_its_place() {
    // tests rfc3261 §10.3 step 7, §10.2.4
    let mut desk = Desk::new();
    desk.register("one", 1, &format!("{A}\n{B}")).unwrap();
    desk.after(1_000);
    desk.register("one", 2, A).unwrap();
    assert_eq!(desk.contacts(), ["sip:a@192.0.2.7:5070", "sip:b@192.0.2.8"]);
    let left: Vec<u64> = desk.bindings.iter().map(|binding| binding.remaining_secs(desk.now)).collect();
    assert_eq!(left, [3_600, 2_600]);
    assert_eq!((desk.bindings[0].cseq(), desk.bindings[1].cseq()), (2, 1));
}

#[test]
fn a_binding_knows_when_it_was_refreshed_whatever_it_was_granted() {
    // tests rfc5626 §6
    let mut desk = Desk::new();
    desk.register("one", 1, &format!("{A};expires=600\n{B}")).unwrap();
    let refreshed = |desk: &Desk, at: usize| desk.bindings[at].refreshed_micros();
    assert_eq!((refreshed(&desk, 0), refreshed(&desk, 1)), (1_000_000, 1_000_000));
    desk.after(60);
    desk.register("one", 2, B).unwrap();
    assert_eq!((refreshed(&desk, 0), refreshed(&desk, 1)), (1_000_000, 61_000_000));
}

#[test]
fn contacts_are_the_same_when_their_uris_are_equivalent() {
    // tests rfc3261 §10.3 step 7, §19.1.4
    for (one, two, bindings) in [
        ("sip:%61lice@H.example;Transport=TCP", "sip:alice@h.EXAMPLE;transport=tcp", 1),
        ("sip:carol@h.example", "sip:carol@h.example;newparam=5", 1),
        ("sip:bob@h.example", "sip:bob@h.example:5060", 2),
        ("sip:bob@h.example", "sip:BOB@h.example", 2),
        ("sip:bob@h.example", "sip:bob@h.example;transport=udp", 2),
        ("sip:%00@h.example", "sip:%00%00@h.example", 2),
        ("mailto:bob@h.example", "sip:bob@h.example", 2),
    ] {
        let mut desk = Desk::new();
        desk.register("one", 1, &format!("Contact: <{one}>")).unwrap();
        desk.register("one", 2, &format!("Contact: <{two}>")).unwrap();
        assert_eq!(desk.bindings.len(), bindings, "{one} {two}");
    }
}

#[test]
fn contacts_that_differ_in_the_value_of_a_parameter_are_two() {
    // tests rfc3261 §19.1.4
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: <sip:c@h;security=on>, <sip:c@h;security=off>").unwrap();
    assert_eq!(desk.bindings.len(), 2);
    desk.register("one", 2, "Contact: <sip:c@h;security=off>;expires=0").unwrap();
    assert_eq!(desk.contacts(), ["sip:c@h;security=on"]);
}

#[test]
fn an_older_request_of_the_same_phone_is_refused() {
    // tests rfc3261 §10.3 step 7, §10.3-4
    let mut desk = Desk::new();
    desk.register("one", 5, A).unwrap();
    let before = desk.bindings.clone();
    for (cseq, lines) in
        [(5, A.to_owned()), (4, A.to_owned()), (5, format!("{A};expires=0")), (4, format!("{B}\n{A}"))]
    {
        assert_eq!(desk.register("one", cseq, &lines).unwrap_err(), Reject::OutOfOrder, "{cseq} {lines}");
        assert_eq!(desk.bindings, before, "and nothing of it happened");
    }
    desk.register("one", 6, A).unwrap();
    assert_eq!(desk.bindings[0].cseq(), 6);
}

#[test]
fn another_call_id_may_refresh_or_remove_with_any_cseq() {
    // tests rfc3261 §10.3 step 7, §10.3-6
    let mut desk = Desk::new();
    desk.register("one", 5, A).unwrap();
    desk.register("two", 1, A).unwrap();
    assert_eq!(
        (desk.bindings.len(), desk.bindings[0].call_id(), desk.bindings[0].cseq()),
        (1, &b"two"[..], 1)
    );
    desk.register("three", 1, &format!("{A};expires=0")).unwrap();
    assert!(desk.bindings.is_empty());
}

#[test]
fn a_contact_is_removed_by_zero_and_removing_what_is_not_there_is_no_error() {
    // tests rfc3261 §10.2.2, §10.3 step 7
    let mut desk = Desk::new();
    desk.register("one", 1, &format!("{A}\n{B}")).unwrap();
    let response = desk.register("one", 2, &format!("{A}\nExpires: 0")).unwrap();
    assert_eq!(listed(&response), ["<sip:b@192.0.2.8>;expires=3600"]);
    desk.register("one", 3, &format!("{A};expires=0")).unwrap();
    assert_eq!(desk.contacts(), ["sip:b@192.0.2.8"]);
}

#[test]
fn all_or_nothing() {
    // tests rfc3261 §10.3 step 7, §10.3-5
    let mut desk = Desk::new();
    desk.register("one", 1, A).unwrap();
    let before = desk.bindings.clone();
    for lines in [
        format!("{B}\n{A};expires=5"),
        format!("{A};expires=0\n{B};expires=5"),
        format!("{B}\n{A};expires=0\nContact: <sip:{}@h>", "x".repeat(4_096)),
    ] {
        assert!(desk.register("one", 2, &lines).is_err(), "{lines}");
        assert_eq!(desk.bindings, before, "{lines}");
    }
}

#[test]
fn a_star_removes_everything() {
    // tests rfc3261 §10.3 step 6, §10.2.2
    let mut desk = Desk::new();
    desk.register("one", 1, A).unwrap();
    desk.register("two", 9, B).unwrap();
    let response = desk.register("one", 2, "Contact: *\nExpires: 0").unwrap();
    assert!(desk.bindings.is_empty() && listed(&response).is_empty());
    desk.register("one", 3, "Contact: *\nExpires: 0").expect("also where there is nothing");
}

#[test]
fn a_star_is_alone_and_expires_is_zero() {
    // tests rfc3261 §10.3 step 6, §10.2.2
    let mut desk = Desk::new();
    desk.register("one", 1, A).unwrap();
    for lines in [
        "Contact: *".to_owned(),
        "Contact: *\nExpires: 1".to_owned(),
        "Contact: *\nExpires: never".to_owned(),
        format!("Contact: *\n{B}\nExpires: 0"),
        format!("{A}\nContact: *\nExpires: 0"),
        "Contact: *\nContact: *\nExpires: 0".to_owned(),
    ] {
        assert_eq!(desk.register("one", 2, &lines).unwrap_err(), Reject::BadStar, "{lines}");
        assert_eq!(desk.bindings.len(), 1);
    }
}

#[test]
fn a_star_that_is_late_removes_nothing() {
    // tests rfc3261 §10.3 step 6
    let mut desk = Desk::new();
    desk.register("other", 1, B).unwrap();
    desk.register("one", 5, A).unwrap();
    assert_eq!(desk.register("one", 5, "Contact: *\nExpires: 0").unwrap_err(), Reject::OutOfOrder);
    assert_eq!(desk.bindings.len(), 2, "not even the other phone's");
    desk.register("one", 6, "Contact: *\nExpires: 0").unwrap();
    assert!(desk.bindings.is_empty());
}

#[test]
fn of_a_contact_that_stands_twice_the_last_counts() {
    let mut desk = Desk::new();
    let twice = "Contact: <sip:a@h>;expires=100, <sip:%61@H>;expires=200";
    desk.register("one", 1, twice).unwrap();
    assert_eq!((desk.bindings.len(), desk.bindings[0].remaining_secs(desk.now)), (1, 200));
    desk.register("one", 2, twice).unwrap();
    assert_eq!((desk.bindings.len(), desk.bindings[0].remaining_secs(desk.now)), (1, 200));
    desk.register("one", 3, "Contact: <sip:a@h>;expires=100, <sip:a@h>;expires=0").unwrap();
    assert!(desk.bindings.is_empty());
    desk.register("one", 4, "Contact: <sip:a@h>;expires=0, <sip:a@h>;expires=100").unwrap();
    assert_eq!(desk.bindings.len(), 1);
    desk.register("one", 5, "Contact: <sip:b@h>;expires=100, <sip:b@h>;expires=0").unwrap();
    assert_eq!(desk.contacts(), ["sip:a@h"]);
}

#[test]
fn expired_bindings_do_not_stand_in_the_way() {
    let mut desk = Desk::new();
    desk.register("one", 5, &format!("{A};expires=100")).unwrap();
    desk.after(100);
    desk.register("one", 1, A).expect("the older CSeq belonged to a binding that is gone");
}

#[test]
fn a_contact_may_name_this_server_but_its_flow_may_not_end_there() {
    // tests rfc4475 §3.3.14
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: <sip:alice@a.example?Route=%3Csip:p%3E>")
        .expect("it leaves by the flow");
    for own in ["192.0.2.1:5060", "198.51.100.1:5062", "127.0.0.2:5062", "[::ffff:192.0.2.1]:5060"] {
        desk.flow.remote = own.parse().unwrap();
        assert_eq!(desk.register("one", 2, A).unwrap_err(), Reject::FromOurselves, "{own}");
        desk.register("one", 2, "Contact: <sip:none@h>;expires=0").expect("to remove does no harm");
    }
    for (cseq, neighbour) in (3..).zip(["192.0.2.1:5070", "192.0.2.2:5060", "127.0.0.2:5060"]) {
        desk.flow.remote = neighbour.parse().unwrap();
        desk.register("one", cseq, A).expect(neighbour);
    }
}

#[test]
fn contacts_of_other_schemes_are_kept_and_are_no_targets() {
    // tests rfc3261 §10.2.1
    let mut desk = Desk::new();
    desk.register("one", 1, "Contact: mailto:bob@biloxi.example.com, <tel:+4930123>, <sip:a@h>").unwrap();
    let targets: Vec<bool> = desk.bindings.iter().map(|binding| binding.is_target()).collect();
    assert_eq!(targets, [false, false, true]);
}

#[test]
fn an_address_has_only_so_many_bindings() {
    let mut desk = Desk::new();
    desk.limits.bindings_max = 2;
    desk.register("one", 1, &format!("{A};expires=100\n{B}")).unwrap();
    desk.after(30);
    let full = desk.register("two", 1, "Contact: <sip:c@h>").unwrap_err();
    assert_eq!(full, Reject::TooManyBindings { retry_after_secs: 70 });
    desk.register("one", 2, A).expect("a refresh needs no room");
    desk.register("one", 3, &format!("{A};expires=0\nContact: <sip:c@h>")).expect("an exchange neither");
    assert_eq!(desk.contacts(), ["sip:b@192.0.2.8", "sip:c@h"]);
    desk.limits.bindings_max = 1;
    desk.register("one", 4, B).expect("a bound that was lowered ends no registration");
    desk.limits.bindings_max = 2;
    let all_at_once = "Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>";
    assert_eq!(
        Desk { limits: desk.limits, ..Desk::new() }.register("one", 1, all_at_once).unwrap_err(),
        Reject::TooManyBindings { retry_after_secs: 1 }
    );
}

#[test]
fn a_request_has_only_so_many_contacts() {
    let mut desk = Desk::new();
    desk.limits.contacts_per_request_max = 3;
    let contacts = |count: usize| format!("Contact: {}", vec!["<sip:a@h>;expires=0"; count].join(","));
    desk.register("one", 1, &contacts(3)).unwrap();
    assert_eq!(desk.register("one", 2, &contacts(4)).unwrap_err(), Reject::TooManyContacts);
}

#[test]
fn a_binding_has_only_so_many_bytes() {
    let mut desk = Desk::new();
    desk.limits.binding_bytes_max = 100;
    let contact =
        |bytes: usize| format!("Contact: <sip:{}@h>", "a".repeat(bytes - "sip:@h".len() - "one".len()));
    desk.register("one", 1, &contact(100)).unwrap();
    assert_eq!(desk.register("one", 2, &contact(101)).unwrap_err(), Reject::ContactTooLarge);
    let path = format!("{}\nPath: <sip:p>\nSupported: path", contact(94));
    assert_eq!(desk.register("one", 3, &path).unwrap_err(), Reject::ContactTooLarge);
    assert_eq!(desk.bindings.len(), 1);
    desk.limits = Limits { binding_bytes_max: u16::MAX, ..Limits::default() };
    desk.register("one", 4, &contact(60_000)).expect("offsets reach that far");
    assert!(desk.bindings[1].call_id() == b"one");
}

#[test]
fn a_phone_without_nat_is_reached_where_its_contact_says_it_listens() {
    let reached = |source: &str, contact: &str| {
        let mut desk = Desk::new();
        desk.flow.remote = source.parse().unwrap();
        desk.register("a", 1, &format!("Contact: <{contact}>")).unwrap();
        desk.bindings[0].flow().remote.to_string()
    };
    // The very address it sends from, and another port: no NAT is between.
    assert_eq!(reached("203.0.113.9:40000", "sip:a@203.0.113.9:5070"), "203.0.113.9:5070");
    assert_eq!(reached("203.0.113.9:40000", "sip:a@203.0.113.9"), "203.0.113.9:5060");
    // Anything else: the source, which is what a NAT lets back in.
    for contact in
        ["sip:a@192.168.1.9:5070", "sip:a@phone.example:5070", "sip:a@203.0.113.9:5070;transport=tcp"]
    {
        assert_eq!(reached("203.0.113.9:40000", contact), "203.0.113.9:40000", "{contact}");
    }
}
