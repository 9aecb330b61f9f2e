//! What holds for any message: printed and read again it is the same, and a message edited in any
//! way reads like a plain list of lines edited in the same way.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may

use bytes::Bytes;
use proptest::prelude::*;
use ruf_message::{HeaderName, Message, Request, UriRef};

/// The lines that every message must have.
const REQUIRED: &str = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n";

fn read(wire: impl Into<Bytes>) -> Request {
    match Message::parse(wire.into()) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(response)) => panic!("{response}"),
        Err(malformed) => panic!("{malformed}"),
    }
}

fn lines(request: &Request) -> Vec<(String, Vec<u8>)> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    request.lines().map(|(name, value)| (text(name), value.to_vec())).collect()
}

/// Names that the door does not judge, known and unknown, list and single.
fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Subject", "Accept", "X-One", "X-Two", "User-Agent", "Allow", "Authorization"])
}

/// A value without line breaks and without white space at its ends.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'<'), Just(b'>'), 0x21..=0xffu8], 0..20)
}

/// A value as it may come over the wire, with folds and white space.
fn any_wire_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![8 => any_value(), 1 => Just(b"\r\n ".to_vec()), 1 => Just(b" \t".to_vec())],
        0..5,
    )
    .prop_map(|pieces| pieces.concat())
}

#[derive(Clone, Debug)]
enum Edit {
    Set(&'static str, Vec<u8>),
    Add(&'static str, Vec<u8>),
    Prepend(&'static str, Vec<u8>),
    Remove(&'static str),
    Body(Vec<u8>),
    /// Print, and go on with what is read.
    Send,
}

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any_name(), any_value()).prop_map(|(name, value)| Edit::Set(name, value)),
        (any_name(), any_value()).prop_map(|(name, value)| Edit::Add(name, value)),
        (any_name(), any_value()).prop_map(|(name, value)| Edit::Prepend(name, value)),
        any_name().prop_map(Edit::Remove),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(Edit::Body),
        Just(Edit::Send),
    ]
}

/// A message as a list of lines: the model that the real one is held against.
#[derive(Debug)]
struct Model {
    lines: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Model {
    fn position(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|(found, _)| found == name)
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Set(name, value) => match self.position(name) {
                Some(at) => {
                    self.lines[at].1 = value.clone();
                    let mut index = 0;
                    self.lines.retain(|(found, _)| {
                        index += 1;
                        found != name || index == at + 1
                    });
                }
                None => self.lines.push((name.to_string(), value.clone())),
            },
            Edit::Add(name, value) => self.lines.push((name.to_string(), value.clone())),
            Edit::Prepend(name, value) => {
                let at = self.position(name).unwrap_or(1); // after Via, which is the first
                self.lines.insert(at, (name.to_string(), value.clone()));
            }
            Edit::Remove(name) => self.lines.retain(|(found, _)| found != name),
            Edit::Body(body) => {
                self.edit(&Edit::Set("Content-Type", b"x/y".to_vec()));
                self.body = body.clone();
            }
            Edit::Send => {}
        }
    }
}

fn apply(request: &mut Request, edit: &Edit) {
    match edit {
        Edit::Set(name, value) => request.set(*name, value),
        Edit::Add(name, value) => request.add(*name, value),
        Edit::Prepend(name, value) => request.prepend(*name, value),
        Edit::Remove(name) => request.remove(*name),
        Edit::Body(body) => request.set_body("x/y", body.clone()),
        Edit::Send => *request = read(request.to_bytes()),
    }
}

proptest! {
    #[test]
    fn edits_read_and_print_like_those_of_a_list(edits in prop::collection::vec(any_edit(), 0..25)) {
        let mut request = read(format!("OPTIONS sip:h SIP/2.0\r\n{REQUIRED}Content-Length: 0\r\n\r\n"));
        let mut model = Model { lines: lines(&request), body: Vec::new() };
        for edit in &edits {
            apply(&mut request, edit);
            model.edit(edit);
            if let Some(at) = model.position("Content-Length") && matches!(edit, Edit::Send) {
                model.lines[at].1 = model.body.len().to_string().into_bytes();
            }
            prop_assert_eq!(lines(&request), &model.lines[..]);
            prop_assert_eq!(request.body(), &model.body[..]);
        }
        let printed = request.to_bytes();
        let again = read(printed.clone());
        prop_assert_eq!(again.to_bytes(), printed);
        prop_assert_eq!(again.body(), &model.body[..]);
    }

    #[test]
    fn any_octets_in_other_headers_come_through(values in prop::collection::vec((any_name(), any_wire_value()), 0..12), body in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut wire = format!("OPTIONS sip:h SIP/2.0\r\n{REQUIRED}").into_bytes();
        for (name, value) in &values {
            wire.extend(name.as_bytes());
            wire.extend(b": ");
            wire.extend(value);
            wire.extend(b"\r\n");
        }
        wire.extend(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        wire.extend(&body);
        let message = Message::parse(Bytes::from(wire)).unwrap();
        prop_assert_eq!(message.body(), &body[..]);
        for ((name, value), (read_name, read)) in values.iter().zip(message.lines().skip(5)) {
            prop_assert_eq!(name.as_bytes(), read_name);
            prop_assert_eq!(ruf_message::scan::trim(value), read);
        }
        let printed = message.to_bytes();
        prop_assert_eq!(Message::parse(printed.clone()).unwrap().to_bytes(), printed);
    }

    #[test]
    fn forwarding_changes_what_it_says_and_nothing_else(hops in 0..=255u8, values in prop::collection::vec((any_name(), any_value()), 0..8)) {
        let mut request = read(format!("OPTIONS sip:h SIP/2.0\r\n{REQUIRED}Route: <sip:p1;lr>,<sip:p2;lr>\r\nMax-Forwards: 1\r\n\r\n"));
        for (name, value) in &values {
            request.add(*name, value);
        }
        let before = lines(&request);
        request.push_via("SIP/2.0/TLS z;branch=z9hG4bK2");
        request.pop_route();
        request.push_record_route("<sip:me;lr>");
        request.set_max_forwards(hops);
        request.set_uri(UriRef::parse(b"sips:there").unwrap());
        let request = read(request.to_bytes());
        prop_assert_eq!((request.max_forwards(), request.uri().as_bytes(), request.routes().count()), (Some(hops), &b"sips:there"[..], 1));
        let untouched = |all: Vec<(String, Vec<u8>)>| -> Vec<_> {
            let changed = [HeaderName::Via, HeaderName::Route, HeaderName::RecordRoute, HeaderName::MaxForwards, HeaderName::ContentLength];
            all.into_iter().filter(|(name, _)| !changed.contains(&HeaderName::from_text(name.as_bytes()))).collect()
        };
        prop_assert_eq!(untouched(lines(&request)), untouched(before));
    }

    #[test]
    fn no_octets_make_the_door_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(malformed) = Message::parse(Bytes::from(octets)) {
            prop_assert!(!malformed.to_string().is_empty());
        }
    }

    #[test]
    fn a_message_with_any_octet_changed_is_refused_or_stable(at in 0..190usize, octet in any::<u8>()) {
        let mut wire = format!("OPTIONS sip:h SIP/2.0\r\n{REQUIRED}Route: <sip:p1;lr>,<sip:p2;lr>\r\nContact: \"x\" <sip:a@h>;q=1\r\nContent-Length: 4\r\n\r\nabcd").into_bytes();
        let len = wire.len();
        wire[at % len] = octet;
        match Message::parse(Bytes::from(wire)) {
            Ok(message) => {
                let printed = message.to_bytes();
                let again = Message::parse(printed.clone()).unwrap_or_else(|malformed| panic!("{malformed} in {}", printed.escape_ascii()));
                prop_assert_eq!(again.to_bytes(), printed);
            }
            Err(malformed) => {
                if let Some(reply) = malformed.reply("t") {
                    prop_assert!(reply.to_bytes().starts_with(b"SIP/2.0 "));
                }
            }
        }
    }

    #[test]
    fn a_uri_that_parses_prints_itself_and_equals_itself(text in "(sip|sips|tel|urn|x-y):[a-z0-9%;=@:\\[\\].?&+*#-]{0,24}") {
        if let Ok(uri) = UriRef::parse(text.as_bytes()) {
            prop_assert_eq!(uri.as_bytes(), text.as_bytes());
            prop_assert!(uri.equivalent(&uri));
            let rebuilt = (uri.user(), uri.password(), uri.host().is_some(), uri.port(), uri.params().count(), uri.headers().count());
            let owned = uri.to_owned();
            let again = owned.as_ref();
            prop_assert_eq!(rebuilt, (again.user(), again.password(), again.host().is_some(), again.port(), again.params().count(), again.headers().count()));
        }
    }
}
