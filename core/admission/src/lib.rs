//! The one gate between a transaction and every user of it. Only here can an [`Admitted`] be made, and
//! proxy, registrar and services take nothing else.
//!
//! | module | what |
//! |---|---|
//! | `gate` | [`Gate`]: what each method must show |
//! | `admitted` | [`Admitted`], [`Identity`], [`Verdict`] |
//! | `authenticator`, `answers` | challenges, and answers to them |
//! | `offer` | which algorithms are offered, and to whom MD5 alone |
//! | `nonce`, `used` | nonces that cost no memory until used; replays |
//! | `failures` | wrong passwords |
//! | `replies` | how much is sent to who proved nothing |
//! | `token` | the token in our Record-Route |
//! | `ourselves` | [`Ourselves`]: domains and addresses |
//! | `overload` | [`Overload`]: which share of new requests is taken |
//! | `neighbours` | [`Neighbours`]: who is asked to send less, and asks us |
//! | `account` | [`Account`], [`Accounts`], [`AddressOfRecord`] |
//! | `cidr`, `limits`, `reject` | [`Cidr`], [`Limits`], [`Reject`] |
//! | `bounded` | the table that forgets |
//! | [`mac`] | the keyed MAC, and octets as text: also of core/registrar's temporary GRUUs |
//!
//! Not here: the arithmetic of Digest (core/auth), retransmissions and transactions (core/transaction),
//! where a request may go (services/routing), and the accounts themselves (services/accounts).

#![forbid(unsafe_code)]

mod account;
mod admitted;
mod answers;
mod authenticator;
mod bounded;
mod cidr;
mod failures;
mod gate;
mod limits;
pub mod mac;
mod neighbours;
mod nonce;
mod offer;
mod ourselves;
mod overload;
mod reject;
mod replies;
mod token;
mod used;

pub use account::{Account, Accounts, AddressOfRecord, Lookup};
pub use admitted::{Admitted, DialogPass, Identity, Party, Side, Verdict};
pub use cidr::{Cidr, NotACidr};
pub use gate::{Counts, Gate, Keys, Policy, ReplyTag};
pub use limits::Limits;
pub use neighbours::{Neighbours, Wish};
pub use nonce::{Nonce, Stale};
pub use ourselves::{Domain, Listener, Ourselves};
pub use overload::{Overload, Precedence};
pub use reject::Reject;
pub use token::TokenText;
pub use used::{NonceTable, UsedNonces};
