//! Streams of sound: an [`Engine`] runs them, each with two ports, a source that is heard there and a sink for what is
//! said there. Nothing here knows SIP or SDP: what both sides agreed on comes in as [`Agreed`].
//!
//! | module | what |
//! | --- | --- |
//! | `engine` | the thread of all streams, and a stream from outside |
//! | `voice` | one stream without a socket or a clock |
//! | `ear`, `mouth` | its halves: from packets to frames, from frames to packets |
//! | `latch` | whose packets are believed |
//! | `way`, `servers` | where ICE has packets go; the STUN and TURN servers that help |
//! | `reports` | RTCP: what is told of a stream, and what is heard of it |
//! | `shield` | encryption (SRTP) |
//! | `ports` | pairs of ports |
//! | `codec` | the codecs behind one door |
//! | `device` | where sound comes from and goes to: silence, tones, files, an echo |
//! | `agreed` | what both sides agreed on |

#![forbid(unsafe_code)]

mod agreed;
mod codec;
pub mod device;
mod ear;
mod engine;
mod latch;
mod mouth;
mod ports;
mod reports;
mod servers;
mod shield;
mod voice;
mod way;

pub use agreed::{Agreed, AgreedCodec, AgreedEvents, AgreedIce};
pub use codec::{Codec, Decoder, Encoder, OpusParameters};
pub use device::{Sink, Source};
pub use engine::{Engine, Figures, Gathered, Listener, Stream, StreamEvent};
pub use ports::{NoPorts, PortRange};
pub use ruf_audio::{Frame, Rate};
pub use ruf_ice as ice;
pub use ruf_rtp::{Event, Figure, Quality};
pub use ruf_srtp::Suite;
pub use servers::{IceServer, NoServer};
pub use shield::{Keys, MasterKey};
pub use voice::Counts;
pub use way::WayEvent;
