//! Every header has a typed view or a reason why not; and the headers of all messages of the call
//! flows (`tests/data/callflows`, out of thirty RFCs) decode through their views, and encoded again
//! compare equal.
//!
//! Equal means: after the normal form of [`normal`], and with Content-Length set right, which the
//! authors rarely counted. What does not decode is listed with a verdict.
//!
//! tests rfc3261 §7.3, §20, §24, §25.1
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ruf_message::header::accept::{Accept, AcceptEncoding, AcceptLanguage};
use ruf_message::header::address::{Contact, From, RecordRoute, Route, To};
use ruf_message::header::auth::{
    AuthenticationInfo, Authorization, ProxyAuthenticate, ProxyAuthenticationInfo, ProxyAuthorization,
    WwwAuthenticate,
};
use ruf_message::header::call_id::{CallId, InReplyTo, Join, Replaces, TargetDialog};
use ruf_message::header::content::{
    ContentDisposition, ContentEncoding, ContentId, ContentLanguage, ContentLength, ContentType, MimeVersion,
};
use ruf_message::header::cseq::CSeq;
use ruf_message::header::date::{Date, Timestamp};
use ruf_message::header::diversion::Diversion;
use ruf_message::header::event::{AllowEvents, Event, SubscriptionState};
use ruf_message::header::expires::{Expires, FlowTimer, MinExpires, MinSe, RetryAfter, SessionExpires};
use ruf_message::header::history::HistoryInfo;
use ruf_message::header::hops::{MaxBreadth, MaxForwards};
use ruf_message::header::options::{
    Allow, ProxyRequire, Require, SipETag, SipIfMatch, Supported, Unsupported,
};
use ruf_message::header::outbound::{Path, ServiceRoute};
use ruf_message::header::pointers::{AlertInfo, CallInfo, ErrorInfo};
use ruf_message::header::preferences::{AcceptContact, RejectContact, RequestDisposition};
use ruf_message::header::privacy::{Identity, PAssertedIdentity, PPreferredIdentity, Privacy};
use ruf_message::header::reason::{Reason, Warning};
use ruf_message::header::refer::{ReferSub, ReferTo, ReferredBy, ReplyTo};
use ruf_message::header::reliable::{RAck, RSeq};
use ruf_message::header::text::{Organization, Priority, Server, Subject, UserAgent};
use ruf_message::header::via::Via;
use ruf_message::scan::{class, is, unfold};
use ruf_message::{Header, HeaderError, HeaderName, Message};
use serde_json::Value;
use std::path::PathBuf;

/// How a value is read.
enum View {
    /// Decodes one value, and encodes it again.
    Typed(fn(&[u8]) -> Result<Vec<u8>, HeaderError>),
    /// Why it has no type.
    Untyped(&'static str),
}

/// One row for each header; a header without one does not compile.
macro_rules! views {
    (typed { $($typed:ident),* $(,)? } $($reason:literal { $($untyped:ident),* $(,)? })*) => {
        fn view(name: HeaderName) -> View {
            match name {
                $(HeaderName::$typed => View::Typed(|value| $typed::decode(value).map(|header| {
                    assert_eq!($typed::NAME, HeaderName::$typed);
                    header.to_value()
                })),)*
                $($(HeaderName::$untyped)|* => View::Untyped($reason),)*
            }
        }
    };
}

views! {
    typed {
        Accept, AcceptContact, AcceptEncoding, AcceptLanguage, AlertInfo, Allow, AllowEvents, AuthenticationInfo,
        Authorization, CSeq, CallId, CallInfo, Contact, ContentDisposition, ContentEncoding, ContentId,
        ContentLanguage, ContentLength, ContentType, Date, Diversion, ErrorInfo, Event, Expires, FlowTimer, From,
        HistoryInfo, Identity, InReplyTo, Join, MaxBreadth, MaxForwards, MimeVersion, MinExpires, MinSe,
        Organization, PAssertedIdentity, PPreferredIdentity, Path, Priority, Privacy, ProxyAuthenticate,
        ProxyAuthenticationInfo, ProxyAuthorization, ProxyRequire, RAck, RSeq, Reason, RecordRoute, ReferSub,
        ReferTo, ReferredBy, RejectContact, Replaces, ReplyTo, RequestDisposition, Require, RetryAfter, Route,
        Server, ServiceRoute, SessionExpires, SipETag, SipIfMatch, Subject, SubscriptionState, Supported,
        TargetDialog, Timestamp, To, Unsupported, UserAgent, Via, Warning, WwwAuthenticate,
    }
    "of networks that authenticate by other means (RFC 3329)" { SecurityClient, SecurityServer, SecurityVerify }
    "of mobile networks (RFC 7315 and its like); passed on untouched" {
        AdditionalIdentity, FeatureCaps, PAccessNetworkInfo, PAnswerState, PAssertedService, PAssociatedUri,
        PCalledPartyId, PChargingFunctionAddresses, PChargingVector, PEarlyMedia, PMediaAuthorization,
        PPreferredService, PServedUser, PUserDatabase, PVisitedNetworkId,
    }
    "of priority and pre-emption (RFC 4412)" { AcceptResourcePriority, ResourcePriority }
    "of push-to-talk (RFC 5373)" { AnswerMode, PrivAnswerMode }
    "of consent and policy frameworks (RFC 5360, RFC 6794)" { PermissionMissing, PolicyContact, TriggerConsent }
    "of location conveyance (RFC 6442)" { Geolocation, GeolocationError, GeolocationRouting }
    "of INFO packages (RFC 6086): with the session's INFO" { InfoPackage, RecvInfo }
    "replaced by P-Asserted-Identity, never an RFC" { RemotePartyId }
    "replaced by the info parameter of Identity (RFC 8224)" { IdentityInfo }
    "of conditional notification (RFC 5839): with the subscriptions" { SuppressIfMatch }
    "opaque ids for logs and applications (RFC 7989, RFC 7433)" { SessionId, UserToUser }
    "not known: kept as it is" { Other }
}

/// What is mended in messages before they are read: RFC (and method), what it prints, what is read instead, and why. `…` is the rest of the header. Unmended, none of them compares equal.
const MENDED: &[(&str, &str, &str, &str)] = &[
    ("rfc3261", ", <...>", "", "`...` for and so on"),
    ("rfc3261", "smime.p7m\r\n   handling", "smime.p7m;\r\n   handling", "the semicolon is missing"),
    ("rfc3261", "To: Bob <bob@", "To: Bob <sip:bob@", "a URI without its scheme"),
    ("rfc3327", "INVITE UA1@", "INVITE sip:UA1@", "a URI without its scheme"),
    (
        "rfc3428",
        "Content-Length: 18\r\n Watson",
        "Content-Length: 18\r\n\r\nWatson",
        "the empty line before the body is missing",
    ),
    ("rfc3428", ";;branch", ";branch", "an empty parameter"),
    ("rfc3428", ";;tag", ";tag", "an empty parameter"),
    (
        "rfc3665",
        "realm=\"atlanta.example.com\"\r\n nonce",
        "realm=\"atlanta.example.com\",\r\n nonce",
        "the comma is missing",
    ),
    (
        "rfc3680",
        "Content-Length: ...\r\n <?xml",
        "Content-Length: ...\r\n\r\n<?xml",
        "the empty line before the body is missing",
    ),
    ("rfc3842", "\r\n    A5: Notifier…", "", "prose of the RFC that follows the message"),
    ("rfc3842", "tag=4442\r\n ...", "tag=4442", "`...` for and so on"),
    ("rfc3842", "SIP/2.0\r\n ...", "SIP/2.0", "`...` for and so on"),
    ("rfc3857", "\r\n The server then…", "", "prose of the RFC that follows the message"),
    (
        "rfc3891",
        "\r\n Message *2: Bob's desk phone -> Alice",
        "",
        "prose of the RFC that follows the message",
    ),
    ("rfc3891", "\r\n Message *7: Bob's desk -> Alice", "", "prose of the RFC that follows the message"),
    (
        "rfc3903",
        "Content-Length: ...\r\n [PIDF",
        "Content-Length: ...\r\n\r\n[PIDF",
        "the empty line before the body is missing",
    ),
    ("rfc3911", "To: <bob@", "To: <sip:bob@", "a URI without its scheme"),
    ("rfc3911", "To: <carol@", "To: <sip:carol@", "a URI without its scheme"),
    ("rfc3911", "From: <carol@", "From: <sip:carol@", "a URI without its scheme"),
    ("rfc3911", "CSeq: 1INVITE", "CSeq: 1 INVITE", "the space is missing"),
    ("rfc3911", "\r\n Message *2: B -> A", "", "prose of the RFC that follows the message"),
    (
        "rfc4028",
        "Route: sips:p1.atlanta.example.com;lr",
        "Route: <sips:p1.atlanta.example.com;lr>",
        "a route stands in < and >",
    ),
    (
        "rfc4662",
        "Content-Length: 1560\r\n --",
        "Content-Length: 1560\r\n\r\n--",
        "the empty line before the body is missing",
    ),
    (
        "rfc4662",
        "IFlvdSBvn\r\n          Zpb3VzbHkgaGF2ZSB0aW1lIHRvIGtpbGwuIEkKc3VnZ2V\r\n          zdC",
        "IFlvdSBvnZpb3VzbHkgaGF2ZSB0aW1lIHRvIGtpbGwuIEkKc3VnZ2VzdC",
        "a line wrapped where the grammar has no space",
    ),
    (
        "rfc4662",
        "Q2VydGFp\r\n          bmx5IHlvdSBoYXZlIGJldHRlcgp0aGluZ3MgdG8gYmUgZG9p\r\n          bmcu",
        "Q2VydGFpbmx5IHlvdSBoYXZlIGJldHRlcgp0aGluZ3MgdG8gYmUgZG9pbmcu",
        "a line wrapped where the grammar has no space",
    ),
    ("rfc5359", "\r\n Content Length:0", "", "Content-Length without its hyphen, wrapped"),
    ("rfc5359", "\r\n Content Length: 0", "", "Content-Length without its hyphen, wrapped"),
    ("rfc5359", "Referred-By: <alice@", "Referred-By: <sip:alice@", "a URI without its scheme"),
    (
        "rfc5359",
        "Content-Length: ...\r\n <?xml",
        "Content-Length: ...\r\n\r\n<?xml",
        "the empty line before the body is missing",
    ),
    (
        "rfc5366",
        "Content-Length: 690\r\n --",
        "Content-Length: 690\r\n\r\n--",
        "the empty line before the body is missing",
    ),
    ("rfc5589", "CSeq: 521 REFER", "CSeq: 521 INVITE", "the CSeq names another method"),
    ("rfc5589", "CSeq: 29888 INVITE", "CSeq: 29888 NOTIFY", "the CSeq names another method"),
    ("rfc5589", "CSeq: 29889 INVITE", "CSeq: 29889 NOTIFY", "the CSeq names another method"),
    (
        "rfc5589",
        "&Require=replaces>\r\n <allOneLine>",
        "&Require=replaces>\r\n </allOneLine>",
        "allOneLine is not closed",
    ),
    ("rfc5589", "from-\r\n tag", "from-tag", "a line wrapped where the grammar has no space"),
    ("rfc5626", "reg-id=1;\r\n ;", "reg-id=1\r\n ;", "an empty parameter"),
    ("rfc5626", "To: <anonymous@", "To: <sip:anonymous@", "a URI without its scheme"),
    ("rfc5626", "\r\n Since EP1…", "", "prose of the RFC that follows the message"),
    ("rfc5626", "\r\n Message #26", "", "prose of the RFC that follows the message"),
    (
        "rfc5627",
        "Refer-To: (URI that identifies B's UA)",
        "Refer-To: <sip:b@example.com>",
        "a word in place of the URI",
    ),
    ("rfc5806", "Contact: carol@", "Contact: sip:carol@", "a URI without its scheme"),
    ("rfc5806", "Contact: NightService@", "Contact: sip:NightService@", "a URI without its scheme"),
    ("rfc5806", "Contact: Voicemail@", "Contact: sip:Voicemail@", "a URI without its scheme"),
    ("rfc6442", "SIPS/2.0/TLS", "SIP/2.0/TLS", "SIPS is no protocol; read as SIP"),
    (
        "rfc7118",
        "<sip:alice@example.com\r\n ;gr",
        "<sip:alice@example.com;gr",
        "a line wrapped where the grammar has no space",
    ),
    (
        "rfc7118",
        "<sip:alice@example.com\r\n  ;gr",
        "<sip:alice@example.com;gr",
        "a line wrapped where the grammar has no space",
    ),
    ("rfc7118", "transport=udp;lr>,\r\nFrom", "transport=udp;lr>\r\nFrom", "a comma that parts nothing"),
    ("rfc8224", "tag=1928301774>", "tag=1928301774", "a bracket that closes nothing"),
    (
        "rfc8599",
        "example.com;\r\n  pn-provider=acme;\r\n  pn-param=acme-param;\r\n  pn-prid",
        "example.com;pn-provider=acme;pn-param=acme-param;pn-prid",
        "a line wrapped where the grammar has no space",
    ),
    ("rfc3261", "From: Alice <alice@", "From: Alice <sip:alice@", "a URI without its scheme"),
    ("rfc3857", "\r\n The NOTIFY tells…", "", "prose of the RFC that follows the message"),
    ("rfc3911", "From: <bob@", "From: <sip:bob@", "a URI without its scheme"),
    (
        "rfc3911",
        "Call-Id: 7@c.example.org\r\n CSeq 1",
        "Call-Id: 7@c.example.org\r\nCSeq: 1",
        "CSeq without its colon, wrapped",
    ),
    ("rfc3911", "\r\n Message *2: B -> C", "", "prose of the RFC that follows the message"),
    ("rfc3911", "\r\n Message *7: B -> A", "", "prose of the RFC that follows the message"),
    ("rfc4028", "\r\n This response contains…", "", "prose of the RFC that follows the message"),
    ("rfc4028", "\r\n This is forwarded…", "", "prose of the RFC that follows the message"),
    ("rfc4662", "\r\n 2.   The Local RLS…", "", "prose of the RFC that follows the message"),
    ("rfc5626", "\r\n EP1 receives…", "", "prose of the RFC that follows the message"),
    ("rfc5806 ACK", "CSeq: 1 INVITE", "CSeq: 1 ACK", "the CSeq names another method"),
    ("rfc3911 ACK", "CSeq: 1 INVITE", "CSeq: 1 ACK", "the CSeq names another method"),
];

#[test]
fn every_header_has_a_view_or_a_reason() {
    let untyped = |name: &HeaderName| match view(*name) {
        View::Typed(_) => None,
        View::Untyped(reason) => Some(reason),
    };
    let reasons: Vec<_> = HeaderName::KNOWN.iter().filter_map(untyped).collect();
    assert!(reasons.iter().all(|reason| !reason.is_empty()));
    assert_eq!(HeaderName::KNOWN.len() - reasons.len(), 75);
}

/// What values are made of.
const PIECES: [&str; 48] = [
    "a",
    "b1",
    "q",
    "tag",
    "expires",
    "index",
    "Digest ",
    "username*",
    "UTF-8''",
    "realm",
    "info",
    "alg",
    "SIP/2.0/",
    "UDP ",
    "true",
    "active",
    "GMT",
    "Sat, ",
    "13 Nov 2010 ",
    "23:29:00 ",
    "sip:a@b",
    "<sip:c;lr>",
    "tel:+1",
    "<",
    ">",
    "\"",
    "\\",
    ";",
    "=",
    ",",
    ":",
    "/",
    ".",
    "@",
    "*",
    "#",
    "!",
    "%41",
    "(",
    ")",
    "[",
    "]",
    "0",
    "12",
    "4294967296",
    " ",
    "\r\n ",
    "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No view panics on anything, and what it reads it prints so that it reads the same again.
    #[test]
    fn what_a_view_prints_it_reads_again(pieces in vec(select(&PIECES[..]), 0..12)) {
        let value = pieces.concat();
        for &name in HeaderName::KNOWN {
            if let View::Typed(read) = view(name)
                && let Ok(once) = read(value.as_bytes())
            {
                prop_assert_eq!(read(&once), Ok(once.clone()), "{} of {:?}", name, value);
            }
        }
    }
}

#[test]
fn the_headers_of_all_call_flows_decode_and_compare_equal_when_encoded_again() {
    let (mut messages, mut values) = (0, 0);
    let mut wrong = Vec::new();
    for (rfc, id, raw) in call_flows() {
        messages += 1;
        match check(&whole(&mended(&rfc, &raw, ""))) {
            Ok(count) => values += count,
            Err(error) => wrong.push(format!("{rfc} {id}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((messages, values), (829, 8_127));
}

#[test]
fn what_is_mended_is_broken() {
    for &(rfc, printed, read, verdict) in MENDED {
        let broken = |(from, _, raw): &(String, String, String)| {
            is_of(rfc, from, raw) && check(&whole(&mended(from, raw, printed))).is_err()
        };
        assert!(
            call_flows().iter().any(broken),
            "{rfc}: {verdict}, but {printed:?} reads as well as {read:?}, or is not there"
        );
    }
}

/// The message with the slips of its author mended, all but one.
fn mended(rfc: &str, raw: &str, but: &str) -> String {
    let slips = MENDED.iter().filter(|(from, printed, ..)| is_of(from, rfc, raw) && *printed != but);
    slips.fold(raw.to_owned(), |raw, (_, printed, read, _)| replace(&raw, printed, read))
}

/// Whether a row of [`MENDED`] speaks of this message: of this RFC and, if it says so, of this method.
fn is_of(row: &str, rfc: &str, raw: &str) -> bool {
    let (from, method) = row.split_once(' ').unwrap_or((row, ""));
    from == rfc && raw.starts_with(method)
}

/// Replaces what is printed; with a `…`, up to the end of the header, folds and all.
fn replace(raw: &str, printed: &str, read: &str) -> String {
    let Some(printed) = printed.strip_suffix('…') else { return raw.replace(printed, read) };
    let Some((before, after)) = raw.split_once(printed) else { return raw.to_owned() };
    let ends = |at: usize| !after[at + 2..].starts_with(' ');
    let end = after.match_indices("\r\n").map(|(at, _)| at).find(|at| ends(*at)).unwrap();
    format!("{before}{read}{}", &after[end..])
}

/// The message made whole by rule: `<allOneLine>` of RFC 4475 §2.1 is undone, `. . .` for "and so on"
/// is left out, an excerpt gets the headers that it leaves out, and Content-Length fits the body.
fn whole(raw: &str) -> String {
    let raw = one_lines(raw).replace("\r\n . . .", "").replace("\r\n   . . .", "");
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((raw.trim_end(), ""));
    let (start_line, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let method = start_line.split(' ').next().unwrap().replace("SIP/2.0", "INVITE");
    let mut out = format!("{start_line}\r\n");
    for (name, compact, value) in [
        ("Via", "v", "SIP/2.0/UDP left.out.example;branch=z9hG4bKleftout".to_owned()),
        ("From", "f", "<sip:left@out.example>;tag=left".to_owned()),
        ("To", "t", "<sip:left@out.example>".to_owned()),
        ("Call-ID", "i", "left@out.example".to_owned()),
        ("CSeq", "cseq", format!("1 {method}")),
    ] {
        let has = |line: &str| {
            line.split(':').next().is_some_and(|found| {
                [name, compact].iter().any(|name| found.trim().eq_ignore_ascii_case(name))
            })
        };
        if !lines.split("\r\n").any(has) {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
        match line.split_once(':') {
            Some((name, _)) if name.trim().eq_ignore_ascii_case("content-length") => {
                out.push_str(&format!("{name}: {}", body.len()))
            }
            _ => out.push_str(line),
        }
        out.push_str("\r\n");
    }
    format!("{out}\r\n{body}")
}

/// Joins the lines between `<allOneLine>` and `</allOneLine>`.
fn one_lines(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("<allOneLine>") {
        let (inside, after) = after.split_once("</allOneLine>").unwrap_or((after, ""));
        out.push_str(before.trim_end_matches([' ', '\t', '\r', '\n']));
        out.push_str("\r\n");
        out.extend(inside.split("\r\n").map(str::trim));
        rest = after;
    }
    out + rest
}

fn call_flows() -> Vec<(String, String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/callflows");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut messages = Vec::new();
    for path in files {
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for flow in file["flows"].as_array().unwrap() {
            for message in flow["messages"].as_array().unwrap() {
                let id =
                    format!("§{} {}", flow["section"].as_str().unwrap(), message["id"].as_str().unwrap());
                let rfc = path.file_stem().unwrap().to_str().unwrap().to_owned();
                messages.push((rfc, id, message["raw"].as_str().unwrap().to_owned()));
            }
        }
    }
    messages
}

/// Reads every value of the message through its view; the number of values.
fn check(raw: &str) -> Result<usize, String> {
    let message = Message::parse(Bytes::from(raw.to_owned())).map_err(|refusal| refusal.to_string())?;
    let mut names: Vec<HeaderName> = message.lines().map(|(name, _)| HeaderName::from_text(name)).collect();
    names.sort();
    names.dedup();
    let mut values = 0;
    for name in names {
        let View::Typed(read) = view(name) else { continue };
        for value in message.values(name) {
            values += 1;
            let again =
                read(value).map_err(|error| format!("{}: {}", error.named(name), value.escape_ascii()))?;
            if normal(name, &again) != normal(name, value) {
                return Err(format!("{name}: {} became {}", value.escape_ascii(), again.escape_ascii()));
            }
            assert_eq!(read(&again).as_ref(), Ok(&again), "{name} is not stable");
        }
    }
    Ok(values)
}

/// White space outside of quotes only parts words (one space), and stands not at all beside `; , = / < >`;
/// a bare URI of an address stands in angle brackets.
// rfc3261 §7.3.1, §20
fn normal(name: HeaderName, value: &[u8]) -> String {
    let text = String::from_utf8(unfold(value).into_owned()).unwrap();
    let mut out = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        quoted ^= letter == '"';
        if quoted || !letter.is_ascii() || !is(letter as u8, class::LWS) {
            out.push(letter);
            continue;
        }
        while letters.peek().is_some_and(|next| matches!(next, ' ' | '\t')) {
            letters.next();
        }
        let parts = |letter: Option<char>| letter.is_none_or(|letter| ";,=/<>".contains(letter));
        if !parts(out.chars().next_back()) && !parts(letters.peek().copied()) {
            out.push(' ');
        }
    }
    let is_address =
        matches!(name, HeaderName::From | HeaderName::To | HeaderName::Contact | HeaderName::ReferredBy);
    if is_address && out != "*" && !out.contains('<') {
        let end = out.find(';').unwrap_or(out.len());
        let (uri, params) = out.split_at(end);
        return format!("<{uri}>{params}");
    }
    out
}
