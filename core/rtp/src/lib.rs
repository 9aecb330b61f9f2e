//! RTP (RFC 3550): what goes over the wire, and what must be known of it to hear and be heard well.
//!
//! | module | what |
//! |---|---|
//! | `demux` | [`Protocol`]: what came to the port: RTP, RTCP, STUN, DTLS |
//! | `packet`, `extension` | [`Packet`]: read and written without a copy; header extensions |
//! | `sender` | [`Sender`]: sequence, timestamp, SSRC, marker |
//! | `receiver` | [`Receiver`]: which source is heard, and which packets of it |
//! | `sequence` | extended sequence numbers, restarts, duplicates |
//! | `reception` | [`Reception`]: loss and jitter of a source |
//! | `conflict` | our own SSRC, heard from others |
//! | `jitter` | [`JitterBuffer`]: from packets as they come to frames as they are played |
//! | `event`, `event_sender`, `event_receiver` | telephone events (RFC 4733), digits above all |
//! | `noise` | [`ComfortNoise`] (RFC 3389) |
//! | [`rtcp`] | RTCP as it stands in a datagram: read and written |
//! | `control`, `members`, `ntp` | [`Control`]: what RTCP tells of a stream, and the round trip |
//! | `schedule` | [`Schedule`]: when it tells it |
//! | `quality`, `e_model` | [`Quality`]: the figures of a call, and its MOS |
//! | `random` | numbers that nobody else has, from a seed |
//!
//! Time comes in as a [`Duration`](std::time::Duration) since any start; a *tick* is a unit of the RTP timestamp.
//!
//! Not here: sockets, pacing, SRTP and which address is believed (io/media), what payloads mean (core/audio), what
//! was agreed on (core/sdp).

#![forbid(unsafe_code)]

mod conflict;
mod control;
mod demux;
mod e_model;
mod event;
mod event_receiver;
mod event_sender;
mod extension;
mod jitter;
mod members;
mod noise;
mod ntp;
mod packet;
mod quality;
mod random;
mod receiver;
mod reception;
pub mod rtcp;
mod schedule;
mod sender;
mod sequence;

pub use conflict::{Conflict, Conflicts};
pub use control::{Control, ControlSettings, Remote};
pub use demux::Protocol;
pub use e_model::{Impairment, mos};
pub use event::{Event, EventReport};
pub use event_receiver::{EventChange, EventReceiver};
pub use event_sender::{EventSender, Update};
pub use extension::{Elements, Extension};
pub use jitter::{BurstFigures, Content, Counts, Frame, JitterBuffer, JitterLimits, Playout};
pub use noise::ComfortNoise;
pub use packet::{NoRoom, Packet, PacketError};
pub use quality::{Figure, Quality, QualityMeter};
pub use random::Random;
pub use receiver::{Arrival, Received, Receiver, SILENCE, Start};
pub use reception::Reception;
pub use schedule::{Group, Schedule};
pub use sender::Sender;
