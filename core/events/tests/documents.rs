//! The presence documents of `tests/data/pidf`, each with its verdict: what RFCs print.
// tests rfc3863 §4.1, §4.1.1, §4.2.2, §4.2.3

#![allow(clippy::unwrap_used)]

use ruf_events::presence::{Basic, Presence};
use ruf_events::{DOCUMENT_OCTETS_MAX, NotRead};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/pidf"))
}

fn document(name: &str) -> Result<Presence, NotRead> {
    Presence::read(&std::fs::read(folder().join(name)).unwrap())
}

#[test]
fn what_is_to_be_read_is_read_and_written_as_the_same() {
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder().join("index.json")).unwrap()).unwrap();
    let files = index.get("files").and_then(|files| files.as_array()).unwrap();
    let mut read = 0;
    for file in files {
        let text = |name: &str| file.get(name).and_then(|text| text.as_str()).unwrap();
        match document(text("file")) {
            Ok(presence) => {
                assert_eq!(text("expect"), "presence", "{}", text("file"));
                // RFC 4479 forgets to say whose it is.
                let is_whole = !presence.entity.is_empty();
                assert_eq!(is_whole, text("source") != "RFC 4479", "{}", text("file"));
                assert_eq!(Presence::read(presence.write().as_bytes()), Ok(presence), "{}", text("file"));
                read += 1;
            }
            Err(error) => {
                assert_eq!((text("expect"), error), ("another root", NotRead::OtherRoot), "{}", text("file"));
            }
        }
    }
    assert_eq!((read, files.len()), (25, 30));
}

#[test]
fn the_example_of_rfc_3863_says_what_it_says() {
    // tests rfc3863 §4.1.2, §4.1.6, §4.1.7
    let presence = document("rfc3863-05-presence.xml").unwrap();
    assert_eq!(presence.entity, "pres:someone@example.com");
    let [phone, mail] = &presence.tuples[..] else { panic!("{presence:?}") };
    assert_eq!((phone.basic, phone.timestamp.as_deref()), (Some(Basic::Open), Some("2001-10-27T16:49:29Z")));
    let contact = phone.contact.as_ref().unwrap();
    assert_eq!((contact.uri.as_str(), contact.priority_permille), ("im:someone@mobilecarrier.net", 800));
    let notes: Vec<(&str, &str)> =
        phone.notes.iter().map(|note| (note.lang.as_str(), note.text.as_str())).collect();
    assert_eq!(notes, [("en", "Don't Disturb Please!"), ("fr", "Ne derangez pas, s'il vous plait")]);
    assert_eq!(mail.contact.as_ref().unwrap().priority_permille, 1_000);
    assert_eq!(presence.note(), Some("I'll be in Tokyo next week"));
    // Whatever prefix the namespace has.
    let impp = document("rfc3863-06-presence.xml").unwrap();
    assert_eq!((impp.basic(), impp.tuples.len()), (Some(Basic::Open), 2));
}

#[test]
fn the_example_of_rfc_4480_is_away() {
    // tests rfc4480 §3.2
    let presence = document("rfc4480-01-presence.xml").unwrap();
    assert_eq!((presence.activities, presence.tuples.len()), (vec!["away".to_owned()], 3));
}

#[test]
fn what_is_longer_than_it_may_be_is_not_read() {
    let long = vec![b' '; DOCUMENT_OCTETS_MAX + 1];
    assert_eq!(Presence::read(&long), Err(NotRead::TooLong));
}
