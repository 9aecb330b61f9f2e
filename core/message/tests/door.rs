//! What the door refuses, beyond the torture messages: octets that two readers would read in two
//! ways, and what would cost more than it is worth.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may

use bytes::Bytes;
use ruf_message::limits::URI_PARTS_MAX;
use ruf_message::{HeaderName, Message, StatusCode, Uri};

/// An OPTIONS with these lines after those that it must have.
fn options(lines: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n"
    )
    .into_bytes()
}

fn refusal(lines: &str) -> Option<StatusCode> {
    Message::parse(Bytes::from(options(lines))).err().map(|malformed| malformed.status())
}

#[test]
fn a_cr_or_lf_alone_ends_no_line_and_stands_in_none() {
    // tests rfc3261 §7, §25.1
    assert_eq!(refusal("Subject: a\r\n b\r\n\tc\r\n"), None);
    for smuggled in [
        "Subject: a\rRoute: <sip:evil;lr>\r\n",
        "Subject: a\nRoute: <sip:evil;lr>\r\n",
        "Subject: a\r\n b\rRoute: x\r\n",
        "Subject: a\r\r\n",
        "X\r: a\r\n",
    ] {
        assert_eq!(refusal(smuggled), Some(StatusCode::BAD_REQUEST), "{smuggled:?}");
    }
}

#[test]
fn white_space_before_the_colon_is_no_fold() {
    // tests rfc3261 §7.3.1, §25.1
    assert_eq!(refusal("Subject \t: a\r\n"), None);
    assert_eq!(refusal("Subject\r\n : a\r\n"), Some(StatusCode::BAD_REQUEST));
}

#[test]
fn a_uri_has_a_bounded_number_of_parameters_and_headers() {
    let uri = |parameters: usize, headers: usize| {
        let parameters: String = (0..parameters).map(|n| format!(";p{n}")).collect();
        let headers: Vec<String> = (0..headers).map(|n| format!("h{n}=1")).collect();
        let mark = if headers.is_empty() { "" } else { "?" };
        format!("sip:a@h{parameters}{mark}{}", headers.join("&")).parse::<Uri>()
    };
    assert!(uri(URI_PARTS_MAX, URI_PARTS_MAX).is_ok());
    assert!(uri(URI_PARTS_MAX + 1, 0).is_err());
    assert!(uri(0, URI_PARTS_MAX + 1).is_err());
}

#[test]
fn the_longest_uri_has_no_password() {
    let longest = format!("tel:{}", "1".repeat(65_531)).parse::<Uri>().unwrap();
    assert_eq!(longest.as_ref().password(), None);
}

#[test]
fn a_list_that_is_never_closed_is_one_value() {
    // tests rfc3261 §7.3.1
    let Message::Request(request) =
        Message::parse(Bytes::from(options("Accept: text/plain, \"a, b, c\r\n"))).unwrap()
    else {
        panic!("a request");
    };
    assert_eq!(request.values(HeaderName::Accept).count(), 2);
}
