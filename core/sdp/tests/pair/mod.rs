//! What the flows of offer and answer are told with.
#![allow(dead_code, unreachable_pub)] // each file of tests uses its part
#![allow(clippy::indexing_slicing, clippy::expect_used)]

use std::net::SocketAddr;

use ruf_sdp::{Capabilities, Codec, Description, OfferAnswer, Ourselves};

/// A side of a session.
pub struct Side;

impl Side {
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> OfferAnswer {
        OfferAnswer::new(Ourselves {
            username: "ruf".to_owned(),
            session_id: u64::MAX,
            address: address(0).ip(),
        })
    }
}

pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// A codec with the number that an offer gives it.
pub fn codec(name: &str, clock_rate_hz: u32, payload_type: u8) -> Codec {
    Codec { payload_type: Some(payload_type), ..Codec::new(name, clock_rate_hz) }
}

pub fn audio(port: u16, codecs: &[Codec]) -> Capabilities {
    Capabilities::audio(address(port), codecs)
}

pub fn video(port: u16, codecs: &[Codec]) -> Capabilities {
    Capabilities::video(address(port), codecs)
}

/// Alice offers, Bob answers.
#[track_caller]
pub fn exchange(
    (alice, offered): (&mut OfferAnswer, &[Capabilities]),
    (bob, answered): (&mut OfferAnswer, &[Capabilities]),
) -> (Description, Description) {
    let offer = alice.offer(offered).expect("an offer");
    bob.receive_offer(&offer.to_bytes()).expect("it is valid");
    let answer = bob.answer(answered).expect("an answer");
    alice.receive_answer(&answer.to_bytes()).expect("it is valid");
    (offer, answer)
}

/// A description of other hands: the head, and these lines.
pub fn text(lines: &[&str]) -> Vec<u8> {
    let head = "v=0\r\no=peer 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n";
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\r\n")).collect();
    [head, &lines.concat()].concat().into_bytes()
}

/// The values of a media's attributes of some names, as lines.
pub fn attributes(description: &Description, media: usize, names: &[&str]) -> Vec<String> {
    let lines = description.sections()[media].lines().iter().filter_map(|line| line.as_attribute());
    lines.filter(|(name, _)| names.contains(name)).map(|(name, value)| format!("{name}:{value}")).collect()
}

/// A file of the RFCs.
pub fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sdp/rfc");
    std::fs::read(format!("{folder}/{name}.sdp")).expect("a file")
}

/// What offer and answer decide of each media: its `m=` line, what its formats are, its direction. Of one
/// that is refused only the `m=` line.
pub fn shape(octets: &[u8]) -> Vec<String> {
    let description = Description::parse(octets).expect("a description");
    let of = |media: ruf_sdp::Media<'_>| {
        let line = media.line().expect("a media line");
        if line.port == 0 {
            return line.to_string();
        }
        let formats: Vec<String> = media.formats().iter().map(|format| format.encoding.to_string()).collect();
        format!("{line} | {} | {}", formats.join(" "), media.direction())
    };
    description.media().map(of).collect()
}
