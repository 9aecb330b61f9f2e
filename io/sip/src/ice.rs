//! ICE between descriptions and streams: what a stream has as SDP says it, what the far side says as io/media takes it
//! (RFC 8839 §5).

use std::net::SocketAddr;
use std::time::Duration;

use ruf_media::ice::{Candidate, Component, Credentials, Kind, Remote};
use ruf_media::{AgreedIce, Stream};
use ruf_message::Entropy;
use ruf_sdp::{Capabilities, OfferAnswer};

/// What an agent of RFC 8445 says.
// rfc8445 §10
const OPTION: &str = "ice2";

/// These capabilities with ICE, under new credentials: for the first time, or for a restart.
pub(crate) fn with_ice(ours: &Capabilities, stream: &Stream, entropy: &mut Entropy) -> Capabilities {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let credentials = Credentials::new(seed);
    let ice = ruf_sdp::Ice {
        ufrag: credentials.ufrag,
        pwd: credentials.pwd,
        candidates: stream.candidates().iter().map(described).collect(),
        options: vec![OPTION.to_owned()],
        ..ruf_sdp::Ice::default()
    };
    // One port is half the checks; who has none of it is told of both.
    Capabilities { ice: Some(ice), rtcp_mux: true, ..ours.clone() }
}

/// Our credentials in these capabilities.
pub(crate) fn credentials(ours: &[Capabilities]) -> Option<Credentials> {
    ours.iter().find_map(|ours| ours.ice.as_ref()).map(of)
}

/// The far side's credentials for the audio that these capabilities take of its open offer, if it does ICE there.
pub(crate) fn offered(negotiation: &OfferAnswer, ours: &[Capabilities]) -> Option<Credentials> {
    // Which of its media that is, an answer says.
    let mut tried = negotiation.clone();
    tried.answer(ours).ok()?;
    let slot = tried.negotiated()?.audio()?.slot;
    let media = negotiation.remote()?.media().nth(slot)?;
    ruf_sdp::Ice::of(&media).as_ref().map(of)
}

fn of(ice: &ruf_sdp::Ice) -> Credentials {
    Credentials { ufrag: ice.ufrag.clone(), pwd: ice.pwd.clone() }
}

/// What both said; `offered`: we made the offer.
pub(crate) fn agreed(ours: &[Capabilities], stream: &ruf_sdp::Stream, offered: bool) -> Option<AgreedIce> {
    let theirs = stream.ice.as_ref()?;
    let local = ours.get(stream.capability)?.ice.as_ref().map(of)?;
    let remote = Remote {
        credentials: of(theirs),
        is_lite: theirs.is_lite,
        has_rtcp: !stream.rtcp_mux,
        pace: theirs.pacing_ms.map(|ms| Duration::from_millis(ms.into())),
        candidates: theirs.candidates.iter().filter_map(known).collect(),
    };
    Some(AgreedIce { local, remote, offered })
}

/// A candidate of ours as SDP has it.
fn described(candidate: &Candidate) -> ruf_sdp::Candidate {
    ruf_sdp::Candidate {
        foundation: candidate.foundation.clone(),
        component: candidate.component.number(),
        transport: "UDP".to_owned(),
        priority: candidate.priority,
        host: candidate.address.ip().into(),
        port: candidate.address.port(),
        kind: word(candidate.kind).to_owned(),
        related: candidate.related.map(|related| (related.ip().into(), related.port())),
        extensions: Vec::new(),
    }
}

/// A candidate of theirs, if we can make use of it: an address, by UDP.
fn known(candidate: &ruf_sdp::Candidate) -> Option<Candidate> {
    let is_udp = candidate.transport.eq_ignore_ascii_case("UDP");
    let component = |number: u16| Component::ALL.into_iter().find(|component| component.number() == number);
    let kinds = [Kind::Host, Kind::ServerReflexive, Kind::PeerReflexive, Kind::Relayed];
    let address = candidate.host.ip().filter(|_| is_udp)?;
    Some(Candidate {
        foundation: candidate.foundation.clone(),
        component: component(candidate.component)?,
        priority: candidate.priority,
        address: SocketAddr::new(address, candidate.port),
        kind: kinds.into_iter().find(|kind| word(*kind) == candidate.kind)?,
        related: None,
    })
}

// rfc8839 §5.1
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "host",
        Kind::ServerReflexive => "srflx",
        Kind::PeerReflexive => "prflx",
        Kind::Relayed => "relay",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_other_media_is_not_said_of_the_audio() {
        // tests rfc8839 §5.4
        let media = |kind: &str, name: &str| {
            let ice = match name {
                "" => String::new(),
                _ => format!("a=ice-ufrag:{name}\r\na=ice-pwd:{name}0123456789012345678901\r\n"),
            };
            format!("m={kind} 40000 RTP/AVP 8\r\n{ice}")
        };
        let ours = [Capabilities::audio(([192, 0, 2, 1], 4000).into(), vec![ruf_sdp::Codec::pcma()])];
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";
        for (video, unknown, audio) in [("vide", "othe", "audi"), ("vide", "othe", ""), ("", "", "audi")] {
            // Of two of audio the one that can be had.
            let unknown = media("audio", unknown).replace("AVP 8", "AVP 3");
            let offer = [head, &media("video", video), &unknown, &media("audio", audio)].concat();
            let address = [192, 0, 2, 1].into();
            let ourselves = ruf_sdp::Ourselves { username: "-".to_owned(), session_id: 1, address };
            let mut negotiation = OfferAnswer::new(ourselves);
            negotiation.receive_offer(offer.as_bytes()).unwrap();
            let found = offered(&negotiation, &ours).map(|found| found.ufrag);
            assert_eq!(found, Some(audio.to_owned()).filter(|audio| !audio.is_empty()));
            assert_eq!(negotiation.phase(), ruf_sdp::Phase::Received, "it is still to be answered");
        }
    }

    #[test]
    fn a_candidate_is_the_same_in_both_languages() {
        // tests rfc8839 §5.1
        let ours = Candidate {
            foundation: "2".to_owned(),
            component: Component::Rtcp,
            priority: 1_694_498_814,
            address: "198.51.100.1:4001".parse().unwrap(),
            kind: Kind::ServerReflexive,
            related: Some("10.0.0.1:4001".parse().unwrap()),
        };
        let said = described(&ours);
        assert_eq!(
            said.to_string(),
            "2 2 UDP 1694498814 198.51.100.1 4001 typ srflx raddr 10.0.0.1 rport 4001"
        );
        assert_eq!(known(&said), Some(Candidate { related: None, ..ours }));
        for (name, value) in [("transport", "TCP"), ("kind", "odd"), ("component", "3"), ("host", "x.local")]
        {
            let mut other = said.clone();
            match name {
                "transport" => value.clone_into(&mut other.transport),
                "kind" => value.clone_into(&mut other.kind),
                "component" => other.component = 3,
                _ => other.host = ruf_sdp::Host::parse(value).unwrap(),
            }
            assert_eq!(known(&other), None, "{name} {value}");
        }
    }
}
