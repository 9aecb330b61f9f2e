//! [`Talk`]: what the two sides of a call said of their media (core/sdp), and the stream that follows it (io/media).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ruf_agent::Body;
use ruf_media::{
    Agreed, AgreedCodec, AgreedEvents, AgreedIce, Codec, Engine, Figures, Gathered, Keys, MasterKey,
    OpusParameters, Sink, Source, Stream, StreamEvent, Suite, WayEvent,
};
use ruf_message::{Entropy, Flow, StatusCode};
use ruf_net::Commands;
use ruf_sdp::{
    Capabilities, Crypto, Description, Negotiated, OfferAnswer, OfferAnswerError, Ourselves, Phase,
    Protection, Security, fmtp_parameter,
};
use tokio::sync::mpsc;

use crate::account::{Account, Encryption, Ice};
use crate::desk::{Desk, LineKey};
use crate::error::Error;
use crate::event::CallEvent;
use crate::ice;

/// The suites that we offer and take, the best first (RFC 4568 §6.2, RFC 7714 §14.2).
const SUITES: [ruf_sdp::Suite; 4] = [
    ruf_sdp::Suite::AeadAes256Gcm,
    ruf_sdp::Suite::AeadAes128Gcm,
    ruf_sdp::Suite::AesCm128HmacSha1_80,
    ruf_sdp::Suite::AesCm128HmacSha1_32,
];
/// The packets that we send hold so much unless the far side asks for another length.
const PTIME: Duration = Duration::from_millis(20);

/// What all calls of a phone have in common.
pub(crate) struct Media {
    engine: Engine,
    codecs: Vec<Codec>,
    encryption: Encryption,
    ice: Ice,
    /// ICE is worth offering.
    has_servers: bool,
    desk: Commands<Desk>,
    entropy: Entropy,
}

impl Media {
    pub(crate) fn start(account: &Account, desk: Commands<Desk>, entropy: Entropy) -> io::Result<Media> {
        // Servers help nobody who does without ICE.
        let servers = if account.ice == Ice::Off { &[] } else { &account.ice_servers[..] };
        Ok(Media {
            engine: Engine::start(account.ports, servers)?,
            codecs: account.codecs.clone(),
            encryption: account.encryption,
            ice: account.ice,
            has_servers: !servers.is_empty(),
            desk,
            entropy,
        })
    }

    /// Calls will likely be had at this address of ours.
    pub(crate) fn prepare(&self, at: IpAddr) -> Gathered {
        self.engine.prepare(at)
    }

    /// The media of one more call, which tells its user here what it hears.
    pub(crate) fn talk(&mut self, line: LineKey, told: mpsc::Sender<CallEvent>) -> Talk {
        Talk {
            line,
            engine: self.engine.clone(),
            codecs: self.codecs.clone(),
            encryption: self.encryption,
            ice: self.ice,
            has_servers: self.has_servers,
            seeks_way: false,
            desk: self.desk.clone(),
            entropy: self.entropy.fork(),
            session_id: self.entropy.u64(),
            told,
            stream: None,
            ready: None,
            offered: None,
            capabilities: Vec::new(),
            negotiation: None,
            source: None,
            sink: None,
            is_muted: false,
            is_asked: false,
            open: None,
            wish: None,
            restart_due: false,
        }
    }
}

/// What is to be changed in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Hold,
    Resume,
    /// Another way for sound.
    Restart,
}

/// The media of one call.
pub(crate) struct Talk {
    line: LineKey,
    engine: Engine,
    codecs: Vec<Codec>,
    encryption: Encryption,
    ice: Ice,
    has_servers: bool,
    /// The way was lost, and there is no other yet.
    seeks_way: bool,
    desk: Commands<Desk>,
    /// Where keys come from.
    entropy: Entropy,
    session_id: u64,
    told: mpsc::Sender<CallEvent>,
    stream: Option<Stream>,
    /// What an answer to the caller will be.
    ready: Option<Body>,
    /// As it was when our first offer was open: each early dialog answers that one.
    offered: Option<OfferAnswer>,
    negotiation: Option<OfferAnswer>,
    /// What we would have, if nothing was agreed on.
    capabilities: Vec<Capabilities>,
    /// What is said, until there is a stream.
    source: Option<Box<dyn Source>>,
    /// Who hears, until there is a stream.
    sink: Option<Box<dyn Sink>>,
    is_muted: bool,
    /// The far side asked for our offer, and owes the answer.
    is_asked: bool,
    /// What the offer of ours changes that is open.
    open: Option<Change>,
    /// What the user wants changed, once the offer that is open has its answer.
    wish: Option<Change>,
    /// Another way is to be offered, once the offer that is open has its answer; before what the user wants.
    restart_due: bool,
}

impl Talk {
    /// Our first offer, over this flow.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) fn offer(&mut self, flow: &Flow) -> Result<Body, Error> {
        let security = self.security(flow.transport.is_secure());
        self.open(flow.local.ip(), security)?;
        if self.ice == Ice::Offered || (self.ice == Ice::WhereItHelps && self.has_servers) {
            self.renew_ice();
        }
        let capabilities = self.capabilities.clone();
        let negotiation = self.negotiation.as_mut().ok_or(Error::Full)?;
        let offer = negotiation.offer(&capabilities).map_err(|error| Error::System(error.to_string()))?;
        self.offered = Some(negotiation.clone());
        Ok(body(&offer))
    }

    /// The caller's first offer, or none: then ours goes with the answer. What we will say is ready afterwards.
    ///
    /// # Errors
    /// With what the call is refused.
    pub(crate) fn offered(&mut self, flow: &Flow, offer: Option<&Body>) -> Result<(), StatusCode> {
        let Some(offer) = offer else {
            self.ready = Some(self.offer(flow).map_err(|_| StatusCode::SERVER_INTERNAL_ERROR)?);
            return Ok(());
        };
        // Keys that were read on the way are no worse than none.
        let security = self.security(true);
        self.open(flow.local.ip(), security).map_err(|_| StatusCode::SERVER_INTERNAL_ERROR)?;
        let negotiation = self.negotiation.as_mut().ok_or(StatusCode::SERVER_INTERNAL_ERROR)?;
        negotiation.receive_offer(&offer.content).map_err(refusal)?;
        if ice::offered(negotiation, &self.capabilities).is_some() && self.ice != Ice::Off {
            self.renew_ice();
        }
        let negotiation = self.negotiation.as_mut().ok_or(StatusCode::SERVER_INTERNAL_ERROR)?;
        let answer = negotiation.answer(&self.capabilities).map_err(refusal)?;
        self.ready = Some(body(&answer));
        Ok(())
    }

    /// The call is answered: what goes with it. Both can talk from now on, if the offer was theirs.
    pub(crate) fn accept(&mut self) -> Option<Body> {
        self.follow(false);
        self.ready.take()
    }

    /// The far side answered our offer; one that comes with a provisional response may be followed by another.
    ///
    /// # Errors
    /// It is useless: the call cannot go on.
    pub(crate) fn answered(&mut self, answer: &Body) -> Result<(), StatusCode> {
        let open = match (&self.negotiation, &self.offered) {
            (Some(negotiation), _) if negotiation.phase() == Phase::Offered => negotiation,
            (_, Some(first)) => first,
            _ => return Ok(()),
        };
        let mut negotiation = open.clone();
        let negotiated = negotiation.receive_answer(&answer.content).map_err(refusal)?;
        // rfc3264 §6: no stream of the offer was taken; a call that begins so is none
        if self.offered.is_some() && negotiated.audio().is_none() {
            return Err(StatusCode::NOT_ACCEPTABLE_HERE);
        }
        self.negotiation = Some(negotiation);
        (self.is_asked, self.open) = (false, None);
        self.follow(true);
        Ok(())
    }

    /// The far side confirmed, and said nothing to what we may have offered; what was agreed on before stays.
    /// `false`: nothing was, and the call cannot go on.
    pub(crate) fn confirmed(&mut self) -> bool {
        if std::mem::take(&mut self.is_asked) {
            self.refused();
        }
        self.negotiated().is_some()
    }

    /// The call is up: no early answer is followed by another any more.
    pub(crate) fn confirm(&mut self) {
        self.offered = None;
    }

    /// The far side offers within the call, or asks for our offer; what we say to that. An offer of ours that waits for
    /// its turn is to be made anew ([`Talk::next_change`]).
    ///
    /// # Errors
    /// With what it is refused; everything stays as it was.
    pub(crate) fn reoffered(&mut self, flow: &Flow, offer: Option<&Body>) -> Result<Body, StatusCode> {
        if self.negotiation.is_none() {
            self.offered(flow, offer)?;
            self.follow(false);
            return self.ready.take().ok_or(StatusCode::SERVER_INTERNAL_ERROR);
        }
        let negotiation = self.negotiation.as_mut().ok_or(StatusCode::SERVER_INTERNAL_ERROR)?;
        // rfc3261 §14.1: ours met one of theirs and waits; what comes meanwhile goes before it
        if let Some(open) = self.open.take() {
            negotiation.rollback();
            match open {
                Change::Restart => self.restart_due = true,
                Change::Hold | Change::Resume => _ = self.wish.get_or_insert(open),
            }
        }
        // Our first offer never got there, if they make one now: it was left out of the call.
        if offer.is_some() && self.offered.take().is_some() && negotiation.phase() == Phase::Offered {
            negotiation.rollback();
        }
        let said = match offer {
            Some(offer) => match negotiation.receive_offer(&offer.content) {
                Ok(_) => self.answer_again(),
                Err(error) => Err(error),
            },
            None => negotiation.offer_again(),
        };
        let negotiation = self.negotiation.as_mut().ok_or(StatusCode::SERVER_INTERNAL_ERROR)?;
        match said {
            Ok(said) => {
                self.is_asked = offer.is_none();
                self.follow(false);
                Ok(body(&said))
            }
            Err(error) => {
                if error != OfferAnswerError::Glare {
                    negotiation.rollback();
                }
                Err(refusal(error))
            }
        }
    }

    /// Answers an offer within the call.
    // rfc8839 §4.4.2, §4.4.2.1
    fn answer_again(&mut self) -> Result<Description, OfferAnswerError> {
        let negotiation = self.negotiation.as_ref().ok_or(OfferAnswerError::NoSession)?;
        if let Some(agreed) = negotiation.capabilities() {
            self.capabilities = agreed.to_vec();
        }
        let theirs = ice::offered(negotiation, &self.capabilities);
        let before = self.negotiated().and_then(Negotiated::audio).and_then(|stream| stream.ice.as_ref());
        let is_same = before.map(|ice| (&ice.ufrag, &ice.pwd))
            == theirs.as_ref().map(|theirs| (&theirs.ufrag, &theirs.pwd));
        if theirs.is_some() && !is_same && self.ice != Ice::Off {
            self.renew_ice();
        }
        let negotiation = self.negotiation.as_mut().ok_or(OfferAnswerError::NoSession)?;
        negotiation.answer(&self.capabilities)
    }

    /// The offer that changes this. `None`: another one is open, and this waits for its end
    /// ([`Talk::next_change`]); or there is nothing to change.
    pub(crate) fn change(&mut self, change: Change) -> Option<Body> {
        self.seeks_way |= change == Change::Restart;
        let waits = matches!(self.negotiation.as_ref()?.phase(), Phase::Offered | Phase::Received);
        match change {
            Change::Hold | Change::Resume => self.wish = waits.then_some(change),
            Change::Restart => self.restart_due = waits,
        }
        if waits {
            return None;
        }
        if change == Change::Restart {
            self.capabilities = self.negotiation.as_ref()?.capabilities()?.to_vec();
            self.renew_ice(); // rfc8839 §4.4.1.1.1
        }
        let negotiation = self.negotiation.as_mut()?;
        let offer = match change {
            Change::Hold => negotiation.hold(),
            Change::Resume => negotiation.resume(),
            Change::Restart => negotiation.offer(&self.capabilities),
        };
        let offer = offer.ok()?;
        self.open = Some(change);
        Some(body(&offer))
    }

    /// An offer ended: the one that waited for that.
    pub(crate) fn next_change(&mut self) -> Option<Body> {
        let restart = if self.restart_due { self.change(Change::Restart) } else { None };
        restart.or_else(|| self.wish.and_then(|wish| self.change(wish)))
    }

    /// The far side refused our offer.
    pub(crate) fn refused(&mut self) {
        self.open = None;
        if let Some(negotiation) = &mut self.negotiation {
            negotiation.rollback();
        }
    }

    /// The way for sound was lost, and there is no other yet.
    pub(crate) fn seeks_way(&self) -> bool {
        self.seeks_way
    }

    /// There is a way for sound.
    pub(crate) fn found_way(&mut self) {
        (self.seeks_way, self.restart_due) = (false, false);
    }

    /// The far side takes nothing from us, or took sound out of the call: it holds.
    // rfc3264 §8.2, §8.4
    pub(crate) fn is_held(&self) -> bool {
        let takes = |stream: &ruf_sdp::Stream| stream.direction.sends() && stream.remote.is_some();
        self.negotiated().is_some_and(|negotiated| !negotiated.audio().is_some_and(takes))
    }

    /// What our open offer changes.
    pub(crate) fn offered_change(&self) -> Option<Change> {
        self.open
    }

    /// Nothing more is said or heard.
    pub(crate) fn stop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.stop();
        }
    }

    /// What is said from now on.
    pub(crate) fn say(&mut self, source: Box<dyn Source>) {
        match &self.stream {
            Some(stream) => stream.say(source),
            None => self.source = Some(source),
        }
    }

    /// Where what is heard goes from now on.
    pub(crate) fn hear_with(&mut self, sink: Box<dyn Sink>) {
        match &self.stream {
            Some(stream) => stream.hear_with(sink),
            None => self.sink = Some(sink),
        }
    }

    /// Says silence instead, or no longer.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
        if let Some(stream) = &self.stream {
            stream.mute(is_muted);
        }
    }

    /// Presses keys; `false`: the far side takes none of one of them.
    pub(crate) fn press(&mut self, keys: &str) -> bool {
        self.stream.as_ref().is_some_and(|stream| keys.chars().all(|key| stream.press(key)))
    }

    /// No key waits to be sent.
    pub(crate) fn is_done_pressing(&self) -> bool {
        self.stream.as_ref().is_none_or(Stream::is_done_pressing)
    }

    /// What is known of the sound.
    pub(crate) fn figures(&self) -> Figures {
        self.stream.as_ref().map(Stream::figures).unwrap_or_default()
    }

    /// The suite that it is encrypted with; `None`: it is not.
    pub(crate) fn suite(&self) -> Option<Suite> {
        match &self.negotiated()?.audio()?.protection {
            Protection::Srtp { suite, .. } => known_suite(suite),
            Protection::Plain | Protection::Dtls { .. } => None,
        }
    }

    /// The codec that is said with.
    pub(crate) fn codec(&self) -> Option<Codec> {
        let stream = self.negotiated()?.audio()?;
        stream.codecs.iter().find_map(|format| known(&format.encoding))
    }

    fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiation.as_ref()?.negotiated()
    }

    /// Opens the stream, and says what we would have.
    fn open(&mut self, at: IpAddr, security: Security) -> Result<(), Error> {
        let (told, desk, line) = (self.told.clone(), self.desk.clone(), self.line);
        let tell = move |event| {
            let event = match event {
                StreamEvent::Digit(digit) => CallEvent::Digit(digit),
                StreamEvent::Way(way) => {
                    desk.tell(move |desk, now| desk.with(now, |desk, now| desk.way(now, line, way)));
                    match way {
                        WayEvent::Found { is_relayed } => CallEvent::WayFound { is_relayed },
                        WayEvent::None => CallEvent::NoWay,
                        WayEvent::Lost => CallEvent::WayLost,
                    }
                }
                _ => return,
            };
            // A user who does not read loses what is told.
            let _ = told.try_send(event);
        };
        let stream = self
            .engine
            .open(at, Box::new(tell))
            .map_err(|error| Error::System(format!("no port for sound: {error}")))?;
        let address: SocketAddr = stream.address();
        if let Some(source) = self.source.take() {
            stream.say(source);
        }
        if let Some(sink) = self.sink.take() {
            stream.hear_with(sink);
        }
        stream.mute(self.is_muted);
        self.stream = Some(stream);
        self.negotiation = Some(OfferAnswer::new(Ourselves {
            username: "-".to_owned(),
            session_id: self.session_id,
            address: at,
        }));
        let codecs: Vec<ruf_sdp::Codec> = self.codecs.iter().map(|codec| described(*codec)).collect();
        self.capabilities = vec![Capabilities::audio(address, codecs).security(security)];
        Ok(())
    }

    /// From now on we would have ICE, under new credentials.
    fn renew_ice(&mut self) {
        let Some(stream) = &self.stream else { return };
        for ours in &mut self.capabilities {
            *ours = ice::with_ice(ours, stream, &mut self.entropy);
        }
        if let Some(credentials) = ice::credentials(&self.capabilities) {
            stream.expect(credentials);
        }
    }

    /// How we would have it encrypted; `is_worth`: nobody reads the keys on the way, or they are offered to us.
    fn security(&mut self, is_worth: bool) -> Security {
        let mut lines = || -> Vec<Crypto> {
            let line = |(tag, suite): (u32, ruf_sdp::Suite)| {
                let mut key = vec![0; suite.key_salt_octets().unwrap_or_default()];
                self.entropy.fill(&mut key);
                Crypto::new(tag, suite, ruf_sdp::MasterKey::new(key))
            };
            (1..).zip(SUITES).map(line).collect()
        };
        match self.encryption {
            Encryption::Off => Security::Plain,
            Encryption::WhereItHelps if !is_worth => Security::Plain,
            Encryption::WhereItHelps | Encryption::Offered => Security::Optional(lines()),
            Encryption::Required => Security::Required(lines()),
        }
    }

    /// The stream does what was agreed on; `offered`: the offer was ours.
    fn follow(&mut self, offered: bool) {
        let ours = self.negotiation.as_ref().and_then(OfferAnswer::capabilities).unwrap_or_default();
        let of = |stream: &ruf_sdp::Stream| agreed(stream, ice::agreed(ours, stream, offered));
        let agreed = self.negotiated().and_then(Negotiated::audio).and_then(of);
        let Some(stream) = &self.stream else { return };
        match agreed {
            Some(agreed) => stream.agree(agreed),
            // An open offer of ours, or a stream that was taken out.
            None if self.negotiated().is_some() => stream.stop(),
            None => {}
        }
    }
}

/// What a description says, in the words of io/media.
fn agreed(stream: &ruf_sdp::Stream, ice: Option<AgreedIce>) -> Option<Agreed> {
    let socket = |destination: &Option<ruf_sdp::Destination>| destination.as_ref().and_then(|to| to.socket());
    let codecs = stream.codecs.iter().filter_map(|format| {
        Some(AgreedCodec {
            codec: known(&format.encoding)?,
            send: format.send,
            receive: format.receive,
            opus: opus(&format.send_fmtp),
        })
    });
    let codecs: Vec<AgreedCodec> = codecs.collect();
    let first = stream.codecs.iter().find(|format| known(&format.encoding).is_some())?;
    let events = stream.events_for(&first.encoding);
    let noise = stream
        .comfort_noise
        .iter()
        .find(|noise| noise.encoding.clock_rate_hz == first.encoding.clock_rate_hz);
    let keys = match &stream.protection {
        Protection::Plain => None,
        Protection::Srtp { suite, send, receive } => {
            Some(Keys { suite: known_suite(suite)?, send: key(send), receive: key(receive) })
        }
        // We offer none, and take none.
        Protection::Dtls { .. } => return None,
    };
    Some(Agreed {
        remote: socket(&stream.remote),
        remote_rtcp: socket(&stream.remote_rtcp),
        rtcp_mux: stream.rtcp_mux,
        sends: stream.direction.sends(),
        receives: stream.direction.receives(),
        codecs,
        events: events.map(|events| AgreedEvents {
            send: events.format.send,
            receive: events.format.receive,
            clock_rate_hz: events.format.encoding.clock_rate_hz,
        }),
        noise: noise.map(|noise| noise.receive),
        ptime: stream.ptime.unwrap_or(PTIME),
        keys,
        ice,
    })
}

/// A suite that SDP names.
fn known_suite(suite: &ruf_sdp::Suite) -> Option<Suite> {
    Some(match suite {
        ruf_sdp::Suite::AesCm128HmacSha1_80 => Suite::AesCm128HmacSha1_80,
        ruf_sdp::Suite::AesCm128HmacSha1_32 => Suite::AesCm128HmacSha1_32,
        ruf_sdp::Suite::Aes256CmHmacSha1_80 => Suite::Aes256CmHmacSha1_80,
        ruf_sdp::Suite::Aes256CmHmacSha1_32 => Suite::Aes256CmHmacSha1_32,
        ruf_sdp::Suite::AeadAes128Gcm => Suite::AeadAes128Gcm,
        ruf_sdp::Suite::AeadAes256Gcm => Suite::AeadAes256Gcm,
        ruf_sdp::Suite::Other(_) => return None,
    })
}

/// A key of a description, with its identifier as packets carry it.
// rfc4568 §6.1
fn key(of: &ruf_sdp::MasterKey) -> MasterKey {
    let mki = of.mki.map_or_else(Vec::new, |(mki, octets)| {
        let all = [&[0; 120][..], &mki.to_be_bytes()[..]].concat();
        all.get(all.len().saturating_sub(usize::from(octets))..).unwrap_or_default().to_vec()
    });
    MasterKey { key_salt: of.key_salt.clone(), mki }
}

/// A codec as SDP names it.
fn described(codec: Codec) -> ruf_sdp::Codec {
    match codec {
        Codec::Pcmu => ruf_sdp::Codec::pcmu(),
        Codec::Pcma => ruf_sdp::Codec::pcma(),
        Codec::G722 => ruf_sdp::Codec::g722(),
        Codec::Opus => ruf_sdp::Codec::opus(),
    }
}

/// What the far side asks for in its `a=fmtp`.
// rfc7587 §6.1
fn opus(fmtp: &str) -> OpusParameters {
    let value = |name| fmtp_parameter(fmtp, name);
    let is_on = |name| value(name) == Some("1");
    let number = |name| value(name).and_then(|value| value.parse().ok());
    OpusParameters {
        inband_fec: is_on("useinbandfec"),
        dtx: is_on("usedtx"),
        cbr: is_on("cbr"),
        bitrate_bps_max: number("maxaveragebitrate"),
        playback_hz_max: number("maxplaybackrate"),
    }
}

/// The codec that SDP names so.
fn known(encoding: &ruf_sdp::Encoding) -> Option<Codec> {
    Codec::ALL.into_iter().find(|codec| encoding.is(codec.name()))
}

fn body(description: &Description) -> Body {
    Body::sdp(description.to_bytes())
}

/// The answer to an offer that we cannot take.
// rfc3261 §14.2, §21.4.26
fn refusal(error: OfferAnswerError) -> StatusCode {
    match error {
        OfferAnswerError::Malformed(_) => StatusCode::BAD_REQUEST,
        OfferAnswerError::Glare => StatusCode::REQUEST_PENDING,
        OfferAnswerError::OfferBeforeAnswer
        | OfferAnswerError::OfferOpen
        | OfferAnswerError::AnswerOwed
        | OfferAnswerError::NoOffer
        | OfferAnswerError::NoSession => StatusCode::SERVER_INTERNAL_ERROR,
        OfferAnswerError::MediaCount { .. } | OfferAnswerError::NothingInCommon(_) => {
            StatusCode::NOT_ACCEPTABLE_HERE
        }
    }
}
