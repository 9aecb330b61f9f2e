//! A SIP phone as a library.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ruf_sip::{Account, Phone};
//!
//! let account = Account::new("sip:alice@example.org")?.password("secret");
//! let phone = Phone::register(account).await?;
//! let mut call = phone.call("sip:bob@example.org").await?;
//! while let Some(event) = call.next().await {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod account;
mod call;
mod desk;
mod endpoint;
mod error;
mod event;
mod incoming;
mod paths;
mod phone;
mod talk;

pub use account::{Account, Encryption};
pub use call::Call;
pub use error::Error;
pub use event::{CallEvent, Ended, Message, PhoneEvent};
pub use incoming::Incoming;
pub use phone::Phone;
pub use ruf_media::{
    Codec, Counts, Figure, Figures, Frame, NoPorts, PortRange, Quality, Rate, Sink, Source, Suite, device,
};
pub use ruf_message::StatusCode;
