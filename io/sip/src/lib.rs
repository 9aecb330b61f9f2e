//! A SIP phone as a library.
//!
//! ```no_run
//! use ruf_sip::{Account, Phone};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let account = Account::new("sip:alice@example.org")?.password("secret");
//! let phone = Phone::register(account).await?;
//! let mut call = phone.call("sip:bob@example.org").await?;
//! while let Some(event) = call.next().await {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! And the other side, which says what it hears:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # use ruf_sip::{Account, Phone};
//! let mut phone = Phone::open(Account::direct("echo").listen("0.0.0.0:5060".parse()?)).await?;
//! while let Some(incoming) = phone.incoming().await {
//!     let mut call = incoming.answer();
//!     call.echo();
//!     tokio::spawn(async move { println!("{}", call.ended().await) });
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Whether somebody can be reached, and when that changes:
//!
//! ```no_run
//! # async fn example(phone: ruf_sip::Phone) -> Result<(), Box<dyn std::error::Error>> {
//! # use ruf_sip::Presence;
//! phone.publish(&Presence::available().saying("back at my desk")).await?;
//! let mut watch = phone.watch("sip:bob@example.org").await?;
//! while let Some(presence) = watch.presence().await {
//!     println!("{} is {presence}", watch.whom());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Phone`] is one account: it registers, calls, is called, sends and gets texts, watches others and is watched. A [`Call`] is one call from either
//! side: its events come from [`Call::next`], its verbs are its methods, and dropping it hangs up. An [`Incoming`] is a
//! call that waits for what we say. A [`Watch`] is somebody whose [`Presence`] we hear of.
//!
//! - What is said to the far side is a [`Source`], what it says goes to a [`Sink`]: files, tones, an echo
//!   ([`device`]), or what you make of 20 ms frames. Without either, silence is said and nobody hears.
//! - Nothing is global, and no callback is called: a phone has two threads of its own, one for signalling and one for
//!   sound, and its futures run on whatever runs yours. A future that is dropped loses nothing.
//! - Errors are one sentence each: [`Error`] where something could not be begun, [`Ended`] where a call came to its end.
//! - Bounds: 256 calls a phone, 256 events a call that nobody has read; what is more is refused or lost, but the end
//!   of a call is always told.
//!
//! `examples/` has a phone for each of these: register, call, echo, play, record, menu, transfer,
//! attended_transfer, message_bot, presence_watcher.
//!
//! Not here: SIP itself (core/agent), sockets (io/net), sound (io/media). To embed a registrar or a proxy, use
//! `ruf-node`.

#![forbid(unsafe_code)]

mod account;
mod call;
mod desk;
mod dialer;
mod endpoint;
mod error;
mod event;
mod ice;
mod incoming;
mod info;
mod mailbox;
mod paths;
mod phone;
mod presence;
mod talk;
mod watch;

pub use account::{Account, Encryption, Ice};
pub use call::{Call, CallName};
pub use desk::Answered;
pub use dialer::Dialer;
pub use error::Error;
pub use event::{CallEvent, Ended, Message, PhoneEvent};
pub use incoming::{Diverted, Incoming};
pub use mailbox::Mailbox;
pub use phone::Phone;
pub use presence::Presence;
pub use ruf_agent::{Cause, DiversionReason};
pub use ruf_audio::{Tone, tone_hz};
pub use ruf_media::{
    Codec, Counts, Figure, Figures, Frame, NoPorts, PortRange, Quality, Rate, Sink, Source, Suite, device,
};
pub use ruf_message::StatusCode;
pub use watch::{Unwatched, Watch, WatchEvent};
