//! SDP (RFC 8866). Knows nothing of SIP.
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
//!
//! Which message may carry an offer or an answer is core/session's; RTP itself is core/rtp's; SRTP, DTLS
//! and ICE are io/media's.

#![forbid(unsafe_code)]

mod base64;
mod candidate;
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
mod limits;
mod line;
mod media;
mod media_line;
mod origin;
mod packet_time;
mod read;
mod rtcp;
mod section;
mod source;
mod word;

pub use candidate::Candidate;
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
pub use limits::Limits;
pub use line::Line;
pub use media::Media;
pub use media_line::{Kind, MediaLine, Protocol};
pub use origin::Origin;
pub use packet_time::{MaxPtime, Ptime};
pub use read::{Liberty, Reading};
pub use rtcp::{Feedback, Rtcp};
pub use section::{Attribute, Section};
pub use source::{Extmap, Ssrc};
