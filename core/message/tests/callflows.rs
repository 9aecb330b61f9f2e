//! Every message that the RFCs print in their call flows (`tests/data/callflows`): it parses, and
//! survives being taken apart, edited and printed. What does not parse is listed with its verdict.
//!
//! tests rfc3261 §7, §20

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may

use bytes::Bytes;
use ruf_message::header::address::{From, RecordRoute, Route, To};
use ruf_message::{CSeq, Contact, Header, HeaderName, Malformed, Message, Uri, Via};
use serde_json::Value;
use std::path::PathBuf;

struct Printed {
    /// RFC, section, message.
    place: String,
    wire: Bytes,
}

fn printed() -> Vec<Printed> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/callflows");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut messages = Vec::new();
    for file in files {
        let rfc = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for flow in document["flows"].as_array().unwrap() {
            for message in flow["messages"].as_array().unwrap() {
                let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
                messages.push(Printed {
                    place: format!("{rfc} {} {}", flow["section"].as_str().unwrap(), text("id")),
                    wire: completed(&text("raw")),
                });
            }
        }
    }
    assert_eq!(messages.len(), 829);
    messages
}

/// What the RFCs leave out is put in, and what they break for width is joined; nothing else is
/// touched:
/// - the length of the body (they print `...`, or that of a body before it was indented);
/// - lines of dots are taken out;
/// - a line broken inside `< >`, and the lines within `<allOneLine>` (RFC 4475 §2.1), are joined;
/// - headers that every message must have, where an example shows some headers only.
fn completed(raw: &str) -> Bytes {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((raw.trim_end_matches("\r\n"), ""));
    let name =
        |line: &str| HeaderName::from_text(line.split(':').next().unwrap_or_default().trim().as_bytes());
    let mut lines: Vec<String> = Vec::new();
    let mut one_line = None;
    for line in head.split("\r\n") {
        let broken = |line: &String| line.matches('<').count() > line.matches('>').count();
        match line.trim() {
            "..." | ". . ." | "</allOneLine>" => one_line = None,
            "<allOneLine>" => one_line = Some(lines.len()),
            part if one_line.is_some_and(|first| first < lines.len()) => {
                lines.last_mut().unwrap().push_str(part)
            }
            part if line.starts_with(' ') && lines.last().is_some_and(broken) => {
                lines.last_mut().unwrap().push_str(part)
            }
            _ if name(line) == HeaderName::ContentLength => {
                lines.push(format!("Content-Length: {}", body.len()))
            }
            _ => lines.push(line.to_owned()),
        }
    }
    let method = match lines[0].split(' ').next() {
        Some("SIP/2.0") | None => "INVITE",
        Some(method) => method,
    };
    let cseq = format!("1 {method}");
    for (wanted, value) in [
        (HeaderName::Via, "SIP/2.0/UDP left.out.example;branch=z9hG4bK1"),
        (HeaderName::From, "<sip:left@out.example>;tag=1"),
        (HeaderName::To, "<sip:left@out.example>"),
        (HeaderName::CallId, "left.out"),
        (HeaderName::CSeq, cseq.as_str()),
    ] {
        if !lines.iter().any(|line| name(line) == wanted) {
            lines.push(format!("{wanted}: {value}"));
        }
    }
    Bytes::from(lines.join("\r\n") + "\r\n\r\n" + body)
}

/// What is refused, and why that is right: `RFC section message`.
const REFUSED: [(&str, &[&str]); 6] = [
    (
        "a URI without its scheme",
        &[
            "rfc3261 23.4.2 #2",
            "rfc3327 5.5.2 F1",
            "rfc3327 5.5.2 F3",
            "rfc3327 5.5.2 F4",
            "rfc3327 5.5.2 F5",
            "rfc3911 8.1 #1",
            "rfc3911 8.1 #2",
            "rfc3911 8.1 #3",
            "rfc3911 8.1 #10",
            "rfc3911 8.1 #11",
            "rfc3911 8.1 #12",
            "rfc5626 9.1 #1",
            "rfc5806 8.1 #5",
            "rfc5806 8.1 #6",
            "rfc5806 8.1 #7",
            "rfc5806 8.1 #8",
            "rfc5806 8.1 #12",
            "rfc5806 8.1 #16",
            "rfc5806 8.1 #17",
            "rfc5806 8.1 #18",
            "rfc5806 8.2 #4",
            "rfc5806 8.2 #6",
            "rfc5806 8.2 #8",
            "rfc5806 8.2 #11",
        ],
    ),
    (
        "the CSeq names another method than the start line",
        &[
            "rfc5589 6.1 F5",
            "rfc5589 6.2 F4",
            "rfc5589 6.2 F5",
            "rfc5589 6.2 F6",
            "rfc5806 8.1 #9",
            "rfc5806 8.1 #13",
            "rfc5806 8.1 #19",
            "rfc5806 8.2 #5",
            "rfc5806 8.2 #7",
            "rfc5806 8.2 #9",
            "rfc5806 8.2 #12",
        ],
    ),
    ("a route without < >", &["rfc4028 13 #5", "rfc4028 13 #6"]),
    (
        "a misprint: `1INVITE`, `;;`, a comma or parameter left over, `>` after the tag",
        &[
            "rfc3428 10 #4",
            "rfc3911 8.1 #5",
            "rfc3911 8.1 #6",
            "rfc5626 3.2 #1",
            "rfc7118 8.2 F6",
            "rfc8224 5.1 #1",
            "rfc5589 7.5 F3",
        ],
    ),
    (
        "`Content Length` without a hyphen, indented, continues Contact",
        &[
            "rfc5359 2.1 F4",
            "rfc5359 2.1 F5",
            "rfc5359 2.2 F4",
            "rfc5359 2.2 F5",
            "rfc5359 2.2 F19",
            "rfc5359 2.2 F20",
            "rfc5359 2.7 F5",
            "rfc5359 2.7 F6",
        ],
    ),
    (
        "no empty line: the body, or the prose that follows, continues the last header",
        &[
            "rfc3428 10 #2",
            "rfc3680 6 #3",
            "rfc3842 4.1 #4",
            "rfc3857 5 #4",
            "rfc3891 7.1 #1",
            "rfc3891 7.1 #5",
            "rfc3903 15 #3",
            "rfc4028 13 #2",
            "rfc4662 6 9",
            "rfc4662 6 #3",
            "rfc5359 2.15 F18",
            "rfc5366 6 #1",
            "rfc5626 9.3 #2",
            "rfc5626 9.3 #5",
        ],
    ),
];

#[test]
fn every_message_parses_or_is_listed() {
    let mut refused: Vec<(String, Malformed)> = Vec::new();
    for message in printed() {
        if let Err(malformed) = Message::parse(message.wire) {
            refused.push((message.place, malformed));
        }
    }
    let listed = |place: &str| REFUSED.iter().any(|(_, places)| places.contains(&place));
    for (place, malformed) in &refused {
        assert!(listed(place), "{place}: {malformed}");
    }
    for place in REFUSED.iter().flat_map(|(_, places)| *places) {
        assert!(refused.iter().any(|(found, _)| found == place), "{place} is listed, but parses");
    }
}

fn parsed() -> impl Iterator<Item = (String, Bytes, Message)> {
    printed()
        .into_iter()
        .filter_map(|message| Some((message.place, message.wire.clone(), Message::parse(message.wire).ok()?)))
}

/// Without the Content-Length that printing adds to a message that came without.
fn without_length(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets)
        .lines()
        .filter(|line| !line.starts_with("Content-Length"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_untouched_message_is_printed_as_it_came() {
    // tests rfc3261 §7.3
    for (place, wire, message) in parsed() {
        assert_eq!(without_length(&message.to_bytes()), without_length(&wire), "{place}");
    }
}

/// Every value of a header, read and printed by its type, is read as the same again.
macro_rules! stable {
    ($unread:expr, $place:expr, $message:expr, $($type:ident),*) => {$(
        for value in $message.values(<$type as Header>::NAME) {
            let Ok(read) = $type::decode(value) else {
                $unread.push(format!("{} {}", $place, <$type as Header>::NAME));
                continue;
            };
            let printed = read.to_value();
            let again = $type::decode(&printed).unwrap_or_else(|error| panic!("{}: {error}", $place));
            assert_eq!(again.to_value().escape_ascii().to_string(), printed.escape_ascii().to_string(), "{}", $place);
        }
    )*};
}

#[test]
fn typed_views_print_what_they_read() {
    // tests rfc3261 §20
    let mut unread = Vec::new();
    for (place, _, message) in parsed() {
        stable!(unread, place, message, Via, From, To, CSeq, Contact, Route, RecordRoute);
    }
    assert_eq!(unread, UNREAD);
}

/// Values that routing does not read (a Via below the top), and that break their grammar.
const UNREAD: [&str; 1] = ["rfc3428 10 #3 Via"];

#[test]
fn a_message_survives_a_hop_and_back() {
    // tests rfc3261 §16.6 step 9, §16.6, §16.7
    for (place, wire, message) in parsed() {
        let Message::Request(mut request) = message else {
            continue;
        };
        let (uri, hops) = (request.uri().to_owned(), request.raw(HeaderName::Via).count());
        request.push_via("SIP/2.0/TCP proxy.example.net;branch=z9hG4bKp");
        request.push_route("<sip:next.example.net;lr>");
        request.push_record_route("<sip:proxy.example.net;lr>");
        request.set_uri(&"sip:there@example.net".parse::<Uri>().unwrap());
        request.set_max_forwards(9);
        let Ok(Message::Request(mut sent)) = Message::parse(request.to_bytes()) else {
            panic!("{place}: the next hop does not understand {request}");
        };
        assert_eq!(sent.to_bytes(), request.to_bytes(), "{place}");
        assert_eq!(
            (sent.via().host().to_string().as_str(), sent.max_forwards()),
            ("proxy.example.net", Some(9)),
            "{place}"
        );
        assert_eq!(sent.uri().to_string(), "sip:there@example.net", "{place}");
        assert!(sent.pop_via() && sent.pop_route(), "{place}");
        sent.remove_if(HeaderName::RecordRoute, |value| value == b"<sip:proxy.example.net;lr>");
        sent.remove(HeaderName::MaxForwards);
        sent.set_uri(&uri);
        assert_eq!(sent.raw(HeaderName::Via).count(), hops, "{place}");
        let original = |octets: &[u8]| -> String {
            without_length(octets).lines().filter(|line| !line.starts_with("Max-Forwards")).collect()
        };
        assert_eq!(original(&sent.to_bytes()), original(&wire), "{place}");
    }
}
