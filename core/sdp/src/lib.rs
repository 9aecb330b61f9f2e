//! SDP (RFC 8866) and offer/answer (RFC 3264). Knows nothing of SIP.
//!
//! ```
//! use ruf_sdp::{Capabilities, Codec, OfferAnswer, Ourselves};
//!
//! # let answer = |offer: &ruf_sdp::Description| offer.to_bytes();
//! # let (address, session_id): (std::net::SocketAddr, u64) = ("192.0.2.1:4000".parse().unwrap(), 7);
//! let ourselves = Ourselves { username: "ruf".to_owned(), session_id, address: address.ip() };
//! let mut session = OfferAnswer::new(ourselves);
//! let offer = session.offer(&[Capabilities::audio(address, [Codec::opus(), Codec::pcma()])])?;
//! let negotiated = session.receive_answer(&answer(&offer))?; // what came for `offer.to_bytes()`
//! let audio = negotiated.audio().expect("it was taken");
//! assert_eq!(audio.codecs[0].encoding.name, "opus");
//! # Ok::<(), ruf_sdp::OfferAnswerError>(())
//! ```
//!
//! A [`Description`] is a value of lines that prints as it was read; what a line means is read when it is
//! asked for.
//!
//! | module | what |
//! |---|---|
//! | `description`, `section`, `line` | [`Description`], its [`Section`]s, their [`Line`]s |
//! | `read` | reading, and what is forgiven: [`Liberty`] |
//! | `media`, `media_line` | [`Media`], a section with what it has of the session; its `m=` line |
//! | `origin`, `connection`, `host` | `o=`, `c=`, and the addresses in them |
//! | `direction`, `packet_time` | which way media goes, how much a packet holds |
//! | `format`, `events` | `rtpmap`, `fmtp`, the static payload types; the events of `telephone-event` |
//! | `rtcp`, `source`, `group` | `rtcp`, `rtcp-fb`; `ssrc`, `extmap`; `group` |
//! | `crypto`, `fingerprint`, `candidate` | keys of SRTP, certificates of DTLS, addresses of ICE |
//! | `offer_answer` | [`OfferAnswer`], the machine of a session |
//! | `capabilities`, `codec`, `ice` | what goes in: [`Capabilities`] |
//! | `negotiated` | what comes out: [`Negotiated`], with all that a media engine needs |
//! | `offer`, `answer`, `outcome` | writing an offer, writing an answer, reading one |
//! | `terms`, `wording`, `numbers` | what both have in common; a media section of ours; its payload types |
//! | `reject` | [`OfferAnswerError`], [`Mismatch`] |
//!
//! A bundle (RFC 8843) is read, but not negotiated: `a=mid` is answered, `a=group:BUNDLE` is not, which
//! RFC 8843 §7.3 gives as the way to have each media by its own transport.
//!
//! Which message may carry an offer or an answer is core/session's; RTP itself is core/rtp's; SRTP, DTLS
//! are io/media's, ICE is core/ice's.

#![forbid(unsafe_code)]

mod answer;
mod base64;
mod candidate;
mod capabilities;
mod codec;
mod connection;
mod crypto;
mod description;
mod direction;
mod error;
mod events;
mod fingerprint;
mod format;
mod group;
mod host;
mod ice;
mod limits;
mod line;
mod media;
mod media_line;
mod negotiated;
mod numbers;
mod offer;
mod offer_answer;
mod origin;
mod outcome;
mod packet_time;
mod read;
mod reject;
mod rtcp;
mod section;
mod source;
mod terms;
mod word;
mod wording;

pub use candidate::Candidate;
pub use capabilities::{Capabilities, Order, Security};
pub use codec::Codec;
pub use connection::Connection;
pub use crypto::{Crypto, MasterKey, Suite};
pub use description::Description;
pub use direction::Direction;
pub use error::ParseError;
pub use events::Events;
pub use fingerprint::{Fingerprint, Setup};
pub use format::{Encoding, Fmtp, Format, Rtpmap, fmtp_parameter};
pub use group::Group;
pub use host::{Family, Host};
pub use ice::Ice;
pub use limits::Limits;
pub use line::Line;
pub use media::Media;
pub use media_line::{Kind, MediaLine, Protocol};
pub use negotiated::{AgreedEvents, AgreedFormat, Destination, Negotiated, Protection, Stream};
pub use offer_answer::{OfferAnswer, Ourselves, Phase};
pub use origin::Origin;
pub use packet_time::{MaxPtime, Ptime};
pub use read::{Liberty, Reading};
pub use reject::{Mismatch, OfferAnswerError};
pub use rtcp::{Feedback, Rtcp};
pub use section::{Attribute, Section};
pub use source::{Extmap, Ssrc};
