//! Descriptions: what is read prints and reads again as the same, through all views; and a session of offers
//! and answers keeps its laws, whatever the peer says.
//!
//! The input is a script of records, parted by 0x1e. The first octet of a record says what happens, the
//! second, where it says so, which capabilities are ours:
//!
//! | first octet | what |
//! | --- | --- |
//! | `o`, `a` | we offer, or answer, with the capabilities of the second octet |
//! | `h`, `r`, `g` | we hold, resume, offer the same again |
//! | `b` | the open offer is taken back |
//! | `m` | a peer like us, with the capabilities of the second octet, answers our offer |
//! | `A` | the rest is the peer's answer |
//! | any other | all of it is a description, and the peer's offer |
//!
//! An input without any such record is one description, which is offered and answered.

use std::net::SocketAddr;

use ruf_sdp::{
    Attribute, Candidate, Capabilities, Codec, Crypto, Description, Direction, Extmap, Feedback, Fingerprint,
    Fmtp, Format, Group, Ice, Limits, MasterKey, MaxPtime, OfferAnswer, OfferAnswerError, Order, Ourselves,
    Phase, Protection, Ptime, Rtcp, Rtpmap, Section, Security, Setup, Ssrc, Suite,
};

const RECORD_END: u8 = 0x1e;

/// Any octets.
pub fn sdp(octets: &[u8]) {
    let mut session = Session::new();
    for record in octets.split(|octet| *octet == RECORD_END).take(32) {
        session.play(record);
    }
    if session.side.phase() == Phase::Received {
        session.play(b"a\x3f");
    }
}

/// What is read prints as something that reads as the same; an error tells its line.
fn description(octets: &[u8]) {
    let reading = match Description::read(octets, &Limits::DEFAULT) {
        Ok(reading) => reading,
        Err(error) => {
            let lines = octets.split(|octet| *octet == b'\n').count();
            assert!(!error.to_string().is_empty() && error.line() <= lines);
            return;
        }
    };
    let printed = reading.description.to_bytes();
    match Description::read(&printed, &Limits::DEFAULT) {
        Ok(again) => {
            assert_eq!(again.description, reading.description);
            assert_eq!(again.description.to_bytes(), printed, "printing is stable");
            assert!(again.liberties.len() <= reading.liberties.len());
        }
        // Only the line ends that it was given can have made it too long.
        Err(_) => assert!(printed.len() > Limits::DEFAULT.octets_max),
    }
    for section in std::iter::once(reading.description.session()).chain(reading.description.sections()) {
        views(section);
    }
    for media in reading.description.media() {
        assert!(media.formats().len() <= 128);
        let _ = (media.line(), media.connection(), media.direction(), Ice::of(&media));
    }
}

fn views(section: &Section) {
    fn one<T: Attribute + PartialEq + std::fmt::Debug>(section: &Section) {
        for value in section.readable::<T>() {
            assert_eq!(T::parse(&value.to_string()).as_ref(), Some(&value), "{value} is stable");
        }
    }
    one::<Rtpmap>(section);
    one::<Fmtp>(section);
    one::<Ptime>(section);
    one::<MaxPtime>(section);
    one::<Rtcp>(section);
    one::<Feedback>(section);
    one::<Crypto>(section);
    one::<Fingerprint>(section);
    one::<Setup>(section);
    one::<Candidate>(section);
    one::<Group>(section);
    one::<Ssrc>(section);
    one::<Extmap>(section);
}

struct Session {
    side: OfferAnswer,
    /// Our last description.
    last: Option<Description>,
    /// What each payload type of each media of ours means, since it was first said.
    meanings: Vec<Vec<Format>>,
}

impl Session {
    fn new() -> Session {
        Session { side: side(), last: None, meanings: Vec::new() }
    }

    fn play(&mut self, record: &[u8]) {
        let before = (self.side.phase(), self.side.negotiated().cloned());
        let which = record.get(1).copied().unwrap_or_default();
        let outcome = match record.first() {
            Some(b'o') => self.side.offer(&capabilities(which)).map(Some),
            Some(b'a') if record.len() == 2 => self.side.answer(&capabilities(which)).map(Some),
            Some(b'h') if record.len() == 1 => self.side.hold().map(Some),
            Some(b'r') if record.len() == 1 => self.side.resume().map(Some),
            Some(b'g') => self.side.offer_again().map(Some),
            Some(b'b') => {
                self.side.rollback();
                assert!(matches!(self.side.phase(), Phase::Idle | Phase::Stable));
                assert_eq!(self.side.negotiated(), before.1.as_ref(), "the session is what it was");
                return;
            }
            Some(b'm') => self.peer(which).map(|()| None),
            Some(b'A') => {
                let answer = record.get(1..).unwrap_or_default();
                description(answer);
                self.side.receive_answer(answer).map(|_| None)
            }
            Some(_) => {
                description(record);
                self.side.receive_offer(record).map(|_| None)
            }
            None => return,
        };
        match outcome {
            Ok(ours) => {
                self.agreed();
                self.numbers();
                if let Some(ours) = ours {
                    self.said(&ours);
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert_eq!(
                    (self.side.phase(), self.side.negotiated().cloned()),
                    before,
                    "{error} changes nothing"
                );
            }
        }
    }

    /// A peer like us takes our offer; its answer is one for us.
    fn peer(&mut self, which: u8) -> Result<(), OfferAnswerError> {
        let (Phase::Offered, Some(offer)) = (self.side.phase(), self.side.local()) else {
            return Ok(());
        };
        let mut peer = side();
        peer.receive_offer(&offer.to_bytes()).unwrap_or_else(|error| panic!("{error} in our offer\n{offer}"));
        let answer = match peer.answer(&capabilities(which)) {
            Ok(answer) => answer,
            Err(error) => {
                assert!(matches!(error, OfferAnswerError::NothingInCommon(_)), "{error}");
                return Ok(());
            }
        };
        match self.side.receive_answer(&answer.to_bytes()) {
            // Both drew the same keys, which the answerer refuses; so the answer has none that do not fit.
            Ok(ours) => {
                assert_eq!(ours.streams.len(), peer.negotiated().map_or(0, |theirs| theirs.streams.len()))
            }
            Err(error) => panic!("{error} in the answer\n{answer}to\n{:?}", self.side.local()),
        }
        Ok(())
    }

    /// A description of ours is valid and keeps the places of the one before, and the numbers.
    fn said(&mut self, ours: &Description) {
        let again = Description::parse(&ours.to_bytes());
        assert_eq!(again.as_ref(), Ok(ours));
        assert_eq!(ours.validate(), Ok(()), "{ours}");
        let version = |said: &Description| said.origin().ok().and_then(|origin| origin.version_number());
        if let Some(last) = &self.last {
            let same = last.to_bytes() == ours.to_bytes();
            assert_eq!(same, version(last) == version(ours), "a change is a version, and only a change");
            assert!(version(last) <= version(ours));
        }
        if self.side.phase() == Phase::Stable {
            self.answers(ours);
        }
        if self.side.phase() == Phase::Offered
            && let Some(theirs) = self.side.remote()
        {
            assert!(ours.sections().len() >= theirs.sections().len(), "no media is removed");
        }
        self.last = Some(ours.clone());
    }

    /// An answer has the media of the offer: as many, of the same kind and transport, and no more ways.
    fn answers(&self, ours: &Description) {
        let Some(theirs) = self.side.remote() else { panic!("an answer to nothing") };
        assert_eq!(ours.media().len(), theirs.media().len());
        for (ours, theirs) in ours.media().zip(theirs.media()) {
            let direction = (ours.direction(), theirs.direction());
            let (Ok(ours), Ok(theirs)) = (ours.line(), theirs.line()) else { panic!("no `m=` line") };
            assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
            assert!(theirs.port != 0 || ours.port == 0, "what is refused stays refused");
            if ours.port != 0 {
                let (said, asked): (Direction, Direction) = direction;
                assert_eq!(said.and(asked.reversed()), said);
            }
        }
    }

    /// A payload type means the same as long as its media is had, or at least taken by the peer.
    fn numbers(&mut self) {
        let (Phase::Stable, Some(ours), Some(had)) =
            (self.side.phase(), self.side.local(), self.side.negotiated())
        else {
            return;
        };
        self.meanings.resize_with(ours.sections().len(), Vec::new);
        for (at, (media, meanings)) in ours.media().zip(&mut self.meanings).enumerate() {
            let is_had = had.streams.iter().any(|stream| stream.slot == at);
            if !is_had && !had.unusable.iter().any(|(slot, _)| *slot == at) {
                meanings.clear();
                continue;
            }
            for format in media.formats() {
                match meanings.iter().find(|known| known.payload_type == format.payload_type) {
                    Some(known) => assert!(known.encoding.matches(&format.encoding), "{known:?} {format:?}"),
                    None => meanings.push(format),
                }
            }
        }
    }

    /// What was agreed on is what we wanted.
    fn agreed(&self) {
        let (Some(negotiated), Some(capabilities)) = (self.side.negotiated(), self.side.capabilities())
        else {
            return;
        };
        planted(negotiated);
        let mut taken = Vec::new();
        for stream in &negotiated.streams {
            assert!(!taken.contains(&stream.capability), "one stream for each of our capabilities");
            taken.push(stream.capability);
            let Some(ours) = capabilities.get(stream.capability) else { panic!("not ours") };
            assert!(!stream.codecs.is_empty() || !stream.events.is_empty());
            assert!(stream.direction.and(ours.direction) == stream.direction);
            assert!(stream.remote.is_some() || !stream.direction.sends());
            match (&ours.security, &stream.protection) {
                (Security::Required(_), Protection::Plain) => panic!("plain where it must not be"),
                (Security::Plain, Protection::Plain)
                | (Security::Optional(_), Protection::Plain | Protection::Srtp { .. })
                | (Security::Required(_), Protection::Srtp { .. })
                | (Security::Dtls(_), Protection::Dtls { .. }) => {}
                (wanted, had) => panic!("{wanted:?} became {had:?}"),
            }
            if let Protection::Srtp { send, receive, .. } = &stream.protection {
                assert_ne!(send.key_salt, receive.key_salt);
            }
        }
    }
}

/// A fault for `dev/fuzz plant`: in a stream that was agreed on to go neither way.
fn planted(negotiated: &ruf_sdp::Negotiated) {
    let mut streams = negotiated.streams.iter();
    if cfg!(feature = "planted") && streams.any(|stream| stream.direction == Direction::Inactive) {
        panic!("planted in sdp");
    }
}

fn side() -> OfferAnswer {
    let address = SocketAddr::from(([192, 0, 2, 1], 0)).ip();
    OfferAnswer::new(Ourselves { username: "-".to_owned(), session_id: 1, address })
}

/// One of the lists of capabilities, by the bits of an octet. The two highest choose how it is encrypted.
fn capabilities(which: u8) -> Vec<Capabilities> {
    let bit = |bit: u8| which >> bit & 1 == 1;
    let port = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    let suites = [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm];
    let keys = || -> Vec<Crypto> {
        let key = |suite: &Suite| {
            let octets = suite.key_salt_octets().unwrap_or_default();
            Crypto::new(1, suite.clone(), MasterKey::new(vec![which; octets]))
        };
        suites.iter().map(key).collect()
    };
    let security = match which >> 6 {
        0 => Security::Plain,
        1 => Security::Optional(keys()),
        2 => Security::Required(keys()),
        _ => Security::Dtls(Fingerprint { hash: "sha-256".to_owned(), octets: vec![which; 32] }),
    };
    let codecs = if bit(0) {
        vec![Codec::opus(), Codec::pcma()]
    } else {
        vec![Codec::pcmu(), Codec::new("iLBC", 8_000)]
    };
    let speech = Capabilities {
        order: if bit(1) { Order::Ours } else { Order::Offer },
        comfort_noise: bit(2),
        rtcp_mux: bit(3),
        ice: bit(3).then(|| Ice { ufrag: "ufrag".to_owned(), pwd: "password".to_owned(), ..Ice::default() }),
        direction: if bit(4) { Direction::SendRecv } else { Direction::SendOnly },
        ..Capabilities::audio(port(4_000), codecs)
    };
    let h264 = |mode: u8| Codec::new("H264", 90_000).fmtp(&format!("packetization-mode={mode}"));
    let sight = Capabilities {
        feedback: vec![Feedback { payload_type: None, kind: "nack".to_owned() }],
        ..Capabilities::video(port(4_002), [h264(1), h264(0), Codec::new("H261", 90_000)])
    };
    let mut list = vec![speech.security(security.clone())];
    if bit(5) {
        list.push(sight.security(security));
    }
    list
}
