//! The registrations of RFC 3665 section 2, and the REGISTERs of RFC 4475.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod desk;

use desk::{Desk, header, listed, status};
use ruf_admission::{Account, AddressOfRecord, Domain};
use ruf_message::{HeaderName, Transport};
use ruf_registrar::Limits;

/// RFC 3665's SIP server, `ss2`, over TLS; passwords are the gate's, and are tested there.
fn biloxi() -> Desk {
    let mut domain = Domain::open("biloxi.example.com");
    domain.aliases.push("ss2.biloxi.example.com".into());
    let mut desk = Desk::serving(domain, &["bob"], Limits::default());
    desk.flow.transport = Transport::Tls;
    desk
}

fn message(section: &str, id: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/callflows/rfc3665.json");
    let flows: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let find = |list: &serde_json::Value, key: &str, value: &str| {
        list.as_array().unwrap().iter().find(|one| one[key] == value).unwrap().clone()
    };
    let flow = find(&flows["flows"], "section", section);
    find(&flow["messages"], "id", id)["raw"].as_str().unwrap().to_owned()
}

fn bob() -> AddressOfRecord {
    AddressOfRecord::new("bob", "biloxi.example.com")
}

#[test]
fn successful_new_registration() {
    // tests rfc3665 §2.1
    let mut desk = biloxi();
    let answer = desk.take(&message("2.1", "F3"));
    assert_eq!(status(&answer), 200);
    assert_eq!(listed(&answer), ["<sips:bob@client.biloxi.example.com>;expires=3600"]);
    assert_eq!(desk.registrar.locate(desk.now, &bob(), |_| ()).len(), 1);
}

#[test]
fn update_of_contact_list_and_request_for_it() {
    // tests rfc3665 §2.2, §2.3
    let mut desk = biloxi();
    desk.take(&message("2.1", "F3"));
    let expected = [
        "<sips:bob@client.biloxi.example.com>;expires=3600",
        // The RFC's registrar grants 136 years; this one two hours at most.
        "<mailto:bob@biloxi.example.com>;expires=3600",
    ];
    assert_eq!(listed(&desk.take(&message("2.2", "F1"))), expected);
    assert_eq!(listed(&desk.take(&message("2.3", "F1"))), expected);
}

#[test]
fn cancellation_of_registration() {
    // tests rfc3665 §2.4
    let mut desk = biloxi();
    // The flows of the RFC all begin anew with CSeq 1; here it follows one that had 1.
    desk.take(&message("2.2", "F1"));
    assert_eq!(status(&desk.take(&message("2.4", "F1"))), 500);
    let answer = desk.take(&message("2.4", "F1").replace("CSeq: 1 ", "CSeq: 3 "));
    assert_eq!((status(&answer), listed(&answer).len()), (200, 0));
    assert!(desk.registrar.is_empty());
}

#[test]
fn unsuccessful_registration() {
    // tests rfc3665 §2.5
    let mut desk = Desk::serving(Domain::new("biloxi.example.com"), &["bob"], Limits::default());
    let register = message("2.5", "F1").replace("sips:ss2.", "sips:");
    assert_eq!(status(&desk.take(&register)), 401);
    assert!(desk.registrar.is_empty());
}

fn torture(name: &str) -> String {
    let path = format!("{}/../../tests/data/torture/rfc4475/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

/// `example.com` with an account for every To of these messages.
fn example() -> Desk {
    let mut desk =
        Desk::serving(Domain::open("example.com"), &["watson", "user", "j.user"], Limits::default());
    desk.accounts.push(Account::with_password("null-\0-null", "example.com", "x"));
    desk
}

#[test]
fn escaped_nulls_are_two_contacts_of_a_name_that_is_not_shortened() {
    // tests rfc4475 §3.1.1.4
    let mut desk = example();
    let answer = desk.take(&torture("escnull"));
    assert_eq!(status(&answer), 200);
    assert_eq!(
        listed(&answer),
        ["<sip:%00@host5.example.com>;expires=3600", "<sip:%00%00@host5.example.com>;expires=3600"]
    );
    let address = AddressOfRecord::new("null-\0-null", "example.com");
    assert_eq!(desk.registrar.locate(desk.now, &address, |_| ()).len(), 2);
}

#[test]
fn contact_parameters_and_uri_parameters_stay_what_they_are() {
    // tests rfc4475 §3.3.10, §3.3.11, §3.3.14
    for (name, expected) in [
        ("cparam01", "<sip:+19725552222@gw1.example.net>;unknownparam;expires=3600"),
        ("cparam02", "<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"),
        ("regescrt", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600"),
    ] {
        let mut desk = example();
        let answer = desk.take(&torture(name));
        assert_eq!((status(&answer), listed(&answer)), (200, vec![expected.to_owned()]), "{name}");
    }
}

#[test]
fn what_a_registrar_need_not_understand_does_no_harm() {
    // tests rfc4475 §3.1.1.8, §3.3.4
    let mut desk = example();
    assert_eq!(status(&desk.take(&torture("dblreq"))), 200);
    assert!(matches!(status(&desk.take(&torture("unksm2"))), 400 | 404));
    assert_eq!(desk.registrar.addresses(), 1);
}

#[test]
fn a_required_extension_is_refused_by_name() {
    // tests rfc3261 §10.3 step 2, §8.2.2.3
    let mut desk = Desk::new(Limits::default());
    let answer = desk.register("alice", "one", 1, "Require: path, 100rel, outbound\nContact: <sip:a@h>");
    assert_eq!(status(&answer), 420);
    assert_eq!(header(&answer, HeaderName::Unsupported).as_deref(), Some("100rel"));
    assert!(desk.registrar.is_empty());
}

#[test]
fn every_name_of_an_account_has_the_same_bindings() {
    let mut desk = Desk::new(Limits::default());
    for account in &mut desk.accounts {
        if account.user() == "alice" {
            account.aliases.push("100".into());
        }
    }
    desk.register("100", "one", 1, "Contact: <sip:a@h>");
    let answer = desk.register("alice", "two", 1, "Contact: <sip:b@h>");
    assert_eq!(listed(&answer).len(), 2);
    assert_eq!(desk.located("alice"), ["sip:a@h", "sip:b@h"]);
}
