//! Sound without devices: frames of 20 ms and what is done with them.
//!
//! | file | what |
//! |---|---|
//! | `frame.rs` | [`Frame`], [`Rate`]: what all speak |
//! | `g711.rs`, `g722.rs` | the codecs that need no library |
//! | `resample.rs` | [`Resampler`], [`Converter`]: from one rate to another, and after a clock that runs differently |
//! | `conceal.rs` | [`Concealer`]: what is played for a packet that did not come |
//! | `stretch.rs` | [`stretch`](fn@stretch): a few milliseconds more or less, unheard |
//! | `pitch.rs`, `product.rs` | what these are made of |
//! | `mix.rs` | [`Mix`]: each party hears all others |
//! | `tones.rs`, `dtmf.rs` | call-progress tones and DTMF, made and heard |
//! | `noise.rs` | white and comfort noise |
//! | `level.rs`, `meter.rs` | how loud (RFC 6464), speech or silence, which tone |
//!
//! Nothing here reads a clock or waits: who has a frame every 20 ms drives it. Not here: RTP, the
//! jitter buffer and events (`ruf-rtp`); Opus, files and sound devices (`ruf-media`).

#![forbid(unsafe_code)]

mod conceal;
mod dtmf;
mod frame;
mod g711;
mod g722;
mod level;
mod meter;
mod mix;
mod noise;
mod pitch;
mod product;
mod resample;
mod stretch;
mod tones;

pub use conceal::Concealer;
pub use dtmf::DtmfDetector;
pub use frame::{FRAME_MS, Frame, Rate};
pub use g711::Law;
pub use g722::{G722Decoder, G722Encoder};
pub use level::{Activity, SILENCE_DBOV, level_dbov};
pub use meter::tone_hz;
pub use mix::Mix;
pub use noise::{ComfortNoise, Noise};
pub use resample::{Converter, Resampler};
pub use stretch::{is_quiet, stretch};
pub use tones::{Region, Tone, ToneSource};
