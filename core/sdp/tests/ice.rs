//! What descriptions say of ICE, and when it is used (RFC 8839).
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod pair;

use pair::{Side, attributes, audio, exchange, text};
use ruf_sdp::{Candidate, Capabilities, Codec, Ice, Media};

const NAMES: [&str; 6] =
    ["ice-ufrag", "ice-pwd", "ice-options", "ice-mismatch", "candidate", "end-of-candidates"];
const RTP: &str = "1 1 UDP 2130706431 198.51.100.1 9000 typ host";
const RTCP: &str = "1 2 UDP 2130706430 198.51.100.1 9001 typ host";

fn ours() -> [Capabilities; 1] {
    let candidate = |text: &str| {
        let description = ruf_sdp::Description::parse(&self::text(&["m=audio 1 RTP/AVP 0", text])).unwrap();
        let media: Media<'_> = description.media().next().unwrap();
        media.readable::<Candidate>().next().unwrap()
    };
    let ice = Ice {
        ufrag: "8hhY".into(),
        pwd: "asd88fgpdd777uzjYhagZg".into(),
        candidates: vec![
            candidate("a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host"),
            candidate("a=candidate:1 2 UDP 2130706430 192.0.2.1 4001 typ host"),
        ],
        options: vec!["ice2".into()],
        ..Ice::default()
    };
    [Capabilities { ice: Some(ice), rtcp_mux: true, ..audio(4_000, &[Codec::pcma()]) }]
}

/// The peer's offer of audio with these lines; what we say of ICE, and whether it is used.
fn answered(lines: &[&str]) -> (Vec<String>, bool) {
    let mut bob = Side::new();
    let head = ["m=audio 9000 RTP/AVP 8", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"];
    bob.receive_offer(&text(&[&head[..], lines].concat())).unwrap();
    let answer = bob.answer(&ours()).unwrap();
    let is_used = bob.negotiated().unwrap().streams[0].ice.is_some();
    (attributes(&answer, 0, &NAMES), is_used)
}

fn candidate(value: &str) -> String {
    format!("a=candidate:{value}")
}

#[test]
fn who_shares_a_port_says_so_and_has_candidates_of_one_component() {
    // tests rfc5761 §5.1.3; rfc8839 §4.3.2
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let (offer, answer) = exchange((&mut alice, &ours()), (&mut bob, &ours()));
    assert_eq!(attributes(&offer, 0, &["candidate"]).len(), 2);
    assert_eq!(attributes(&answer, 0, &["candidate"]).len(), 1);
    for side in [alice, bob] {
        let stream = &side.negotiated().unwrap().streams[0];
        assert!(stream.rtcp_mux && stream.ice.is_some());
    }
    let (said, is_used) = answered(&[&candidate(RTP), &candidate(RTCP)]);
    assert!(is_used);
    assert_eq!(said.iter().filter(|line| line.starts_with("candidate")).count(), 2);
}

#[test]
fn an_address_that_somebody_changed_on_the_way_ends_it() {
    // tests rfc8839 §4.2.5
    let elsewhere = RTP.replace("9000", "9002");
    let (said, is_used) = answered(&[&candidate(&elsewhere)]);
    assert_eq!((said, is_used), (vec!["ice-mismatch:".to_owned()], false));
    let (_, is_used) = answered(&[&candidate(RTP), &candidate(&RTCP.replace("9001", "9009"))]);
    assert!(!is_used, "that of RTCP counts, too");
    let (_, is_used) = answered(&[&candidate(RTP), "a=rtcp:9009", &candidate(&RTCP.replace("9001", "9009"))]);
    assert!(is_used, "unless it is said where it goes");
    for nowhere in ["c=IN IP4 0.0.0.0", "c=IN IP4 host.example"] {
        let mut bob = Side::new();
        let lines = ["m=audio 9 RTP/AVP 8", nowhere, "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"];
        bob.receive_offer(&text(&lines)).unwrap();
        bob.answer(&ours()).unwrap();
        assert!(bob.negotiated().unwrap().streams[0].ice.is_some(), "{nowhere}");
    }
}

#[test]
fn who_was_answered_that_it_does_not_fit_does_without() {
    // tests rfc8839 §4.3.3
    let answers: [&[&str]; 3] = [
        &["a=ice-mismatch"],
        &[],
        &[
            "a=ice-ufrag:abcd",
            "a=ice-pwd:0123456789012345678901",
            "a=candidate:1 1 UDP 1 198.51.100.9 1 typ host",
        ],
    ];
    for lines in answers {
        let mut alice = Side::new();
        alice.offer(&ours()).unwrap();
        let answer = text(&[&["m=audio 9000 RTP/AVP 8"][..], lines].concat());
        let stream = alice.receive_answer(&answer).unwrap().streams[0].clone();
        assert_eq!(stream.ice, None, "{lines:?}");
        assert_eq!(stream.remote.unwrap().port, 9_000);
    }
}

#[test]
fn credentials_that_are_none_are_not_used() {
    // tests rfc8839 §5.4
    let long = "x".repeat(257);
    for (ufrag, pwd) in [("a:b", "0123456789012345678901"), ("abcd", "0 1"), (&long, "x"), ("abcd", &long)] {
        let mut bob = Side::new();
        let (ufrag, pwd) = (format!("a=ice-ufrag:{ufrag}"), format!("a=ice-pwd:{pwd}"));
        bob.receive_offer(&text(&["m=audio 9000 RTP/AVP 8", &ufrag, &pwd, &candidate(RTP)])).unwrap();
        assert_eq!(attributes(&bob.answer(&ours()).unwrap(), 0, &NAMES), [""; 0]);
    }
}

#[test]
fn what_the_session_says_of_pace_and_being_lite_is_read() {
    // tests rfc8839 §5.3, §5.5
    let mut bob = Side::new();
    let text = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\na=ice-lite\r\n\
        a=ice-pacing:100\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        m=audio 9000 RTP/AVP 8\r\na=candidate:1 1 UDP 1 198.51.100.1 9000 typ host\r\n";
    bob.receive_offer(text.as_bytes()).unwrap();
    bob.answer(&ours()).unwrap();
    let ice = bob.negotiated().unwrap().streams[0].ice.clone().unwrap();
    assert_eq!((ice.is_lite, ice.pacing_ms), (true, Some(100)));
}
