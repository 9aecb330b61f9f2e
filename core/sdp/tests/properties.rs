//! What holds for any description: it prints as it was read, and reads as it was printed.
// tests rfc8866 §5

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ruf_sdp::{Description, Limits};

const ENDS: &[&[u8]] = &[b"\r\n", b"\n", b"\r\r\n", b""];
const LINES: &[&[u8]] = &[
    b"s=-",
    b"t=0 0",
    b"c=IN IP4 192.0.2.1",
    b"a=rtpmap:96 opus/48000/2",
    b"a=sendonly",
    b"m=audio 9 RTP/AVP 0 96",
    b"m=video",
    b"f=\xff\xfe",
    b"; comment",
    b"",
    b"who?",
    b"a=\rx",
    b"v=0",
];

/// Lines as devices write them, right and wrong, with every kind of end.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(LINES);
    let end = prop::sample::select(ENDS);
    prop::collection::vec((line, end), 0..30).prop_map(|lines| {
        let mut text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n".to_vec();
        lines.iter().for_each(|(line, end)| text.extend([*line, *end].concat()));
        text
    })
}

proptest! {
    #[test]
    fn what_is_read_prints_and_reads_as_the_same(text in soup()) {
        if let Ok(reading) = Description::read(&text, &Limits::DEFAULT) {
            let printed = reading.description.to_bytes();
            let again = Description::read(&printed, &Limits::DEFAULT).unwrap();
            prop_assert_eq!(again.description.to_bytes(), printed);
            prop_assert_eq!(again.description, reading.description);
            prop_assert!(again.liberties.len() <= reading.liberties.len());
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = Description::parse(&octets) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
