//! SIP messages: grammar, URIs, headers, framing, and the words every crate needs
//! (RFC 3261 §7, §18.3, §19.1, §20, §25).
//!
//! ```
//! use ruf_message::{HeaderName, Method, Request, StatusCode, Uri};
//!
//! // Build.
//! let bob: Uri = "sip:bob@example.org".parse()?;
//! let mut invite = Request::build(Method::Invite, &bob)
//!     .via("SIP/2.0/UDP alice.example.org;branch=z9hG4bK776asdhds")
//!     .from("Alice <sip:alice@example.org>;tag=1928301774")
//!     .to("Bob <sip:bob@example.org>")
//!     .call_id("a84b4c76e66710")
//!     .cseq(314_159)
//!     .finish()?;
//!
//! // Read.
//! assert_eq!(invite.method(), Method::Invite);
//! assert_eq!(invite.from().uri().user(), Some(&b"alice"[..]));
//!
//! // Add: what you change is visible at once.
//! invite.add(HeaderName::Subject, "Lunch?");
//! assert_eq!(invite.raw(HeaderName::Subject).next(), Some(&b"Lunch?"[..]));
//!
//! // Print, and answer.
//! println!("{invite}");
//! let mut ringing = invite.reply(StatusCode::RINGING);
//! ringing.set_to_tag("314159");
//! assert!(ringing.to_bytes().starts_with(b"SIP/2.0 180 Ringing\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Message`] is one shared buffer and a table of header lines. [`Message::parse`] reads it once
//! and proves what routing reads; the accessors for those headers cannot fail. All other headers are
//! kept octet for octet and decoded by whoever asks ([`Fields::header`]).
//!
//! Nothing here opens a socket, reads a clock or draws randomness: time is a [`Tick`] that is passed
//! in, randomness an [`Entropy`] that was seeded outside.

#![forbid(unsafe_code)]

pub mod body;
mod build;
mod door;
mod entropy;
mod error;
mod excerpt;
mod fields;
mod fifo;
mod flow;
mod framing;
mod glance;
pub mod header;
mod host;
pub mod lease;
pub mod limits;
mod message;
mod method;
mod name;
mod params;
mod reply;
mod request;
mod response;
pub mod scan;
mod status;
mod time;
mod uri;

pub use build::RequestBuilder;
pub use entropy::Entropy;
pub use error::{HeaderError, Malformed, ParseError, UriError};
pub use fields::{FieldName, Fields, Room};
pub use flow::{Flow, Hop, Place, Transmit, Transport};
pub use framing::{Frame, FrameError, Framer};
pub use glance::{Glance, Refusal};
pub use header::Header;
pub use header::address::{Contact, NameAddr};
pub use header::cseq::CSeq;
pub use header::via::Via;
pub use host::{Host, HostBuf, address_text};
pub use message::Message;
pub use method::Method;
pub use name::{HeaderName, Repeat};
pub use params::{Param, Params};
pub use reply::{Reply, ReplyLines};
pub use request::Request;
pub use response::Response;
pub use status::{StatusClass, StatusCode};
pub use time::{Deadlines, Tick};
pub use uri::{Scheme, Uri, UriRef, escape_header, escape_user, unescape};
