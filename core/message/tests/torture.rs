//! The torture messages of RFC 4475 and RFC 5118, octet for octet: the verdict of each, and what a
//! parser must find in it, are those of `tests/data/torture/torture.json`, which nobody here wrote.
//!
//! tests rfc4475 §3.1.1, §3.1.2, §3.2, §3.3, §3.4; rfc5118 §4
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may

use bytes::Bytes;
use ruf_message::header::via::Via;
use ruf_message::{HeaderName, Malformed, Message, Request, Room, StatusCode};
use serde_json::Value;
use std::path::PathBuf;

/// Where both accepting and refusing are right, what we do, and why.
const OUR_CHOICE: [(&str, &str, &str); 9] = [
    ("lwsstart", "reject", "the grammar has single spaces; no phone sends two"),
    ("trws", "reject", "as lwsstart: white space after the version"),
    (
        "escruri",
        "reject",
        "a Request-URI has no headers; forwarding them would plant a Route at the next hop",
    ),
    ("baddate", "accept", "Date is nothing that routing reads"),
    ("badaspec", "reject", "a space within < > could be read in two ways downstream"),
    (
        "baddn",
        "reject",
        "no empty line ends the headers; and a comma in a bare display name parts two addresses",
    ),
    ("mismatch02", "reject", "the CSeq names another method: 400 rather than 501, whatever the method"),
    ("badbranch", "reject", "a branch that is all cookie is unique for nobody"),
    (
        "ipv6-bug-abnf-3-colons",
        "accept",
        "RFC 5118 asks for tolerance; written with two colons when re-encoded",
    ),
];

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/torture")
}

fn messages() -> Vec<(String, Value, Bytes)> {
    let index: Value = serde_json::from_slice(&std::fs::read(data().join("torture.json")).unwrap()).unwrap();
    let messages: Vec<_> = index["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let wire = std::fs::read(data().join(entry["file"].as_str().unwrap())).unwrap();
            assert_eq!(wire.len() as u64, entry["size"].as_u64().unwrap(), "octets of {}", entry["file"]);
            (entry["name"].as_str().unwrap().to_owned(), entry.clone(), Bytes::from(wire))
        })
        .collect();
    assert_eq!(messages.len(), 61);
    messages
}

fn parsed(name: &str) -> Message {
    let (_, _, wire) = messages().into_iter().find(|(found, ..)| found == name).unwrap();
    Message::parse(wire).unwrap_or_else(|malformed| panic!("{name}: {malformed}"))
}

fn request(name: &str) -> Request {
    match parsed(name) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{name} is a response"),
    }
}

#[test]
fn every_message_gets_its_verdict() {
    for (name, entry, wire) in messages() {
        let stated = entry["parse"].as_str().unwrap();
        let chosen = OUR_CHOICE.iter().find(|(of, ..)| *of == name).map(|(_, verdict, _)| *verdict);
        let verdict = match (stated, chosen) {
            ("either", Some(chosen)) => chosen,
            ("either", None) => panic!("{name}: both are right, and no choice is listed"),
            (stated, chosen) => {
                assert!(chosen.is_none(), "{name}: there is nothing to choose");
                stated
            }
        };
        match (verdict, Message::parse(wire)) {
            ("accept", Ok(_)) => {}
            ("accept", Err(malformed)) => panic!("{name} is to be accepted: {malformed}"),
            (_, Ok(_)) => panic!("{name} is to be refused"),
            (_, Err(malformed)) => refused(&name, &entry, &malformed),
        }
    }
}

/// The answer is the one stated; to a response there is none.
fn refused(name: &str, entry: &Value, malformed: &Malformed) {
    assert!(
        malformed.error().at() > 0 || malformed.error().what().contains("missing"),
        "{name}: {malformed}"
    );
    let reply = malformed.reply("totag");
    if entry["message"] == "response" {
        assert!(reply.is_none(), "{name}: a response is never answered");
        return;
    }
    let any = &entry["expect"]["any"];
    let allowed = |list: &Value| {
        list.as_array().is_some_and(|codes| codes.contains(&malformed.status().as_u16().into()))
    };
    assert!(allowed(&any["codes"]) || allowed(&any["weak"]), "{name}: {malformed} wants {any}");
    let reply = reply.unwrap_or_else(|| panic!("{name}: silence is wrong")).to_bytes();
    let printed = String::from_utf8_lossy(&reply).into_owned();
    assert!(printed.starts_with(&format!("SIP/2.0 {} ", malformed.status())), "{printed}");
    assert!(printed.contains("\r\nContent-Length: 0\r\n\r\n") && printed.contains("SIP/"), "{printed}");
}

#[test]
fn every_fact_is_found() {
    let mut facts = 0;
    for (name, entry, wire) in messages() {
        let Ok(message) = Message::parse(wire) else {
            continue;
        };
        for (fact, stated) in entry["facts"].as_object().unwrap() {
            let text = |octets: &[u8]| Value::from(String::from_utf8_lossy(octets).into_owned());
            let found = match (fact.as_str(), &message) {
                ("method", Message::Request(request)) => text(request.method_bytes()),
                ("status", Message::Response(response)) => response.status().as_u16().into(),
                ("max_forwards", Message::Request(request)) => request.max_forwards().unwrap().into(),
                ("route_count", Message::Request(request)) => request.routes().count().into(),
                ("cseq", message) => message.cseq().number.into(),
                ("via_count", message) => message.headers_of::<Via<'_>>().map(Result::unwrap).count().into(),
                ("top_via_transport", message) => text(message.via().transport_token),
                ("to_tag", message) => text(message.to_tag().unwrap()),
                ("from_tag", message) => text(message.from_tag().unwrap()),
                ("call_id", message) => text(message.call_id()),
                ("body_len", message) => message.body().len().into(),
                ("contact_count", message) => message.contacts().count().into(),
                ("followup", _) => continue, // of what an element does next
                other => panic!("{name}: unknown fact {other:?}"),
            };
            assert_eq!(&found, stated, "{name}: {fact}");
            facts += 1;
        }
    }
    assert_eq!(facts, 53);
}

#[test]
fn whatever_is_accepted_is_printed_as_it_came() {
    for (name, _, wire) in messages() {
        let Ok(message) = Message::parse(wire.clone()) else {
            continue;
        };
        let printed = message.to_bytes();
        let again = Message::parse(printed.clone()).unwrap_or_else(|malformed| panic!("{name}: {malformed}"));
        assert_eq!(again.to_bytes(), printed, "{name}: printing is stable");
        let lines = |message: &Message| -> Vec<(Vec<u8>, Vec<u8>)> {
            let written = message.lines().map(|(name, value)| (name.to_vec(), value.to_vec()));
            written.filter(|(name, _)| HeaderName::from_text(name) != HeaderName::ContentLength).collect()
        };
        assert_eq!(lines(&again), lines(&message), "{name}");
        assert_eq!(again.body(), message.body(), "{name}");
        if message.raw(HeaderName::ContentLength).count() == 1 && name != "dblreq" {
            assert_eq!(printed.len(), wire.len(), "{name}: nothing is lost or added");
        }
    }
}

#[test]
fn the_tortuous_invite_is_understood() {
    // tests rfc4475 §3.1.1.1
    let wsinv = request("wsinv");
    assert_eq!(wsinv.uri().to_string(), "sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(&*wsinv.from().display(), b"J Rosenberg \\\"");
    let contact = wsinv.contacts().next().unwrap();
    assert_eq!(
        (contact.q(), contact.uri().unwrap().to_string().as_str()),
        (Some(330), "sip:jdrosen@example.com")
    );
    assert_eq!(&*contact.address().unwrap().display(), b"Quoted string \"\"");
    let hops: Vec<_> = wsinv.headers_of::<Via<'_>>().map(|via| via.unwrap().host().to_string()).collect();
    assert_eq!(hops, ["192.0.2.2", "spindle.example.com", "192.168.255.111"]);
    assert_eq!(
        wsinv.raw("newfangledheader").next().map(ruf_message::scan::unfold).unwrap(),
        &b"newfangled value continued newfangled value"[..]
    );
}

#[test]
fn escapes_are_undone_only_where_they_are_escapes() {
    // tests rfc4475 §3.1.1.3, §3.1.1.4, §3.1.1.8
    assert_eq!(request("esc01").uri().user_unescaped().unwrap(), &b"sips:user@example.com"[..]);
    let contacts: Vec<_> =
        request("escnull").contacts().map(|contact| contact.uri().unwrap().to_owned()).collect();
    let users: Vec<_> =
        contacts.iter().map(|contact| contact.as_ref().user_unescaped().unwrap().into_owned()).collect();
    assert_eq!(users, [b"\0".to_vec(), b"\0\0".to_vec()]);
    assert_ne!(contacts[0], contacts[1]);
    let semiuri = request("semiuri");
    assert_eq!(semiuri.uri().user_unescaped().unwrap(), &b"user;par=u@example.net"[..]);
    assert_eq!(
        (semiuri.uri().host().unwrap().to_string().as_str(), semiuri.uri().params().count()),
        ("example.com", 0)
    );
    assert_eq!(
        request("esc02").header::<ruf_message::header::address::To<'_>>().unwrap().unwrap().display,
        b"\"%Z%45\""
    );
}

#[test]
fn octets_after_the_content_length_are_noise() {
    // tests rfc4475 §3.1.1.8 and rfc3261 §18.3
    let dblreq = request("dblreq");
    assert_eq!(dblreq.body(), b"");
    assert!(!String::from_utf8_lossy(&dblreq.to_bytes()).contains("INVITE"));
}

#[test]
fn a_parameter_belongs_to_the_contact_or_to_its_uri() {
    // tests rfc4475 §3.3.13, §3.3.14
    let outside = request("cparam01");
    let contact = outside.contacts().next().unwrap();
    assert!(
        contact.uri().unwrap().param("unknownparam").is_none()
            && contact.address().unwrap().params().contains("unknownparam")
    );
    let inside = request("cparam02");
    assert!(inside.contacts().next().unwrap().uri().unwrap().param("unknownparam").is_some());
    let escaped = request("regescrt");
    let contact = escaped.contacts().next().unwrap().uri().unwrap().to_owned();
    assert_eq!(
        contact.as_ref().headers().collect::<Vec<_>>(),
        [(&b"Route"[..], &b"%3Csip:sip.example.com%3E"[..])]
    );
}

#[test]
fn a_body_of_two_parts_is_taken_apart() {
    // tests rfc4475 §3.1.1.11
    use ruf_message::body::multipart;
    let mpart = request("mpart01");
    let boundary = multipart::boundary(mpart.raw(HeaderName::ContentType).next().unwrap()).unwrap();
    let parts = multipart::parts(mpart.body(), &boundary).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].content_type(), parts[0].content), (&b"text/plain"[..], &b"Hello"[..]));
    assert!(
        parts[1].content_type().starts_with(b"application/octet-stream") && parts[1].content.contains(&0)
    );
}

#[test]
fn schemes_that_nobody_knows_are_kept() {
    // tests rfc4475 §3.3.2, §3.3.3, §3.3.4
    use ruf_message::Scheme;
    assert_eq!(request("unkscm").uri().scheme_bytes(), b"nobodyKnowsThisScheme");
    assert_eq!(request("novelsc").uri().scheme(), Scheme::Other);
    let unksm2 = request("unksm2");
    assert_eq!(
        (unksm2.to().uri().scheme_bytes(), unksm2.from().uri().scheme_bytes()),
        (&b"isbn"[..], &b"http"[..])
    );
}

#[test]
fn addresses_of_both_families_are_read() {
    // tests rfc5118 §4.1, §4.2, §4.3, §4.5, §4.8, §4.9, §4.10
    let via = |name| {
        let message = parsed(name);
        (
            message.via().host().to_string(),
            message.via().port(),
            message.via().received().map(|ip| ip.to_string()),
        )
    };
    assert_eq!(via("via-received-param-with-delim").2.as_deref(), Some("2001:db8::9:255"));
    assert_eq!(via("via-received-param-no-delim").2.as_deref(), Some("2001:db8::9:255"));
    assert_eq!(via("mult-ip-in-header").1, Some(6050));
    assert_eq!(via("ipv4-mapped-ipv6"), ("[::ffff:192.0.2.10]".into(), Some(19823), None));
    let uri = |name| (request(name).uri().host().unwrap().to_string(), request(name).uri().port());
    assert_eq!(uri("port-ambiguous"), ("[2001:db8::10:5070]".into(), None));
    assert_eq!(uri("port-unambiguous"), ("[2001:db8::10]".into(), Some(5070)));
    assert_eq!(uri("ipv6-good"), ("[2001:db8::10]".into(), None));
}

#[test]
fn nothing_of_a_message_that_is_done_with_is_in_the_next_one() {
    let messages = messages();
    let room = |before: &Bytes| match Message::parse(before.clone()) {
        Ok(Message::Request(mut request)) => {
            request.push_via("SIP/2.0/UDP z;branch=z9hG4bKz");
            request.set_max_forwards(1);
            request.set_body("text/plain", "z");
            for number in 0..30 {
                request.add("X-Much", number.to_string());
            }
            Some(Room::from(request))
        }
        Ok(Message::Response(response)) => Some(response.into()),
        Err(_) => None,
    };
    let mut pairs = 0;
    for (_, _, before) in &messages {
        for (name, _, wire) in &messages {
            let Some(used) = room(before) else { continue };
            let read = Message::parse_in(wire.clone(), used);
            assert_eq!(format!("{read:?}"), format!("{:?}", Message::parse(wire.clone())), "{name}");
            if let Ok(Message::Request(request)) = read {
                let copy = request.copy_in(room(before).unwrap());
                assert_eq!(format!("{copy:?}"), format!("{request:?}"), "{name}");
                let [reply, again] = [Room::default(), room(before).unwrap()]
                    .map(|room| request.reply_in(StatusCode::OK, room));
                assert_eq!(format!("{again:?}"), format!("{reply:?}"), "{name}");
            }
            pairs += 1;
        }
    }
    assert!(pairs > 2_000, "{pairs}");
}
