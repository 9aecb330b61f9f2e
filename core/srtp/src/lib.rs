//! SRTP and SRTCP: what protects RTP and RTCP on their way (RFC 3711; RFC 6188 for AES-256; RFC 7714 for
//! AES-GCM). It knows nothing of SIP, SDP and sockets.
//!
//! One key protects what one side sends: [`Protect`] there, [`Unprotect`] with the same key at the other
//! end. Both change a packet where it lies.
//!
//! ```
//! use ruf_srtp::{Protect, Refused, Suite, Unprotect};
//!
//! let key_salt = [7; 30]; // from the description of the session
//! let mut here = Protect::new(Suite::AesCm128HmacSha1_80, &key_salt)?;
//! let mut there = Unprotect::new(Suite::AesCm128HmacSha1_80, &key_salt)?;
//!
//! let plain = [&[0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9][..], &[0xff; 160]].concat();
//! let mut packet = plain.clone();
//! here.rtp(&mut packet)?;
//! let again = packet.clone();
//! there.rtp(&mut packet)?;
//! assert_eq!(packet, plain);
//! assert_eq!(there.rtp(&mut again.clone()), Err(Refused::Replayed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what |
//! |---|---|
//! | `protect`, `unprotect` | [`Protect`] and [`Unprotect`]: a key, and the streams it serves |
//! | `suite` | [`Suite`]: which ciphers, how long keys and tags are |
//! | `window`, `streams` | the index of a packet, and which were there before; one window for each SSRC |
//! | `derive`, `transform` | from a master key to the keys of RTP and of RTCP |
//! | `aes_cm`, `counter`, `gcm` | AES in counter mode; with HMAC-SHA1; AES-GCM |
//! | `header` | what must be known of a packet that is protected |
//!
//! Which suite and key are taken is the offer's and answer's (core/sdp, core/session); which stream a packet
//! belongs to, and whether it is RTP or RTCP, is io/media's. Not built: AES-f8, NULL ciphers, AES-192, key
//! derivation rates and encrypted header extensions (RFC 6904), for nobody offers them; see ADR 24.

#![forbid(unsafe_code)]

mod aes_cm;
mod counter;
mod derive;
mod error;
mod gcm;
mod header;
mod protect;
mod streams;
mod suite;
mod transform;
mod unprotect;
#[cfg(test)]
mod vectors;
mod window;

pub use error::{Refused, WrongKey};
pub use header::PACKET_OCTETS_MAX;
pub use protect::Protect;
pub use streams::STREAMS_MAX;
pub use suite::Suite;
pub use unprotect::Unprotect;
pub use window::WINDOW_PACKETS;
