//! Finding SIP servers: RFC 3263 as questions and answers, for proxies and agents alike.
//!
//! In: a [`Hop`](ruf_message::Hop), the time, answers from the DNS. Out: [`Query`]s for the DNS, and
//! the [`Place`](ruf_message::Place)s of the hop in the order in which they are to be tried. What the
//! memory holds is answered in the same call.
//!
//! | module | what |
//! | --- | --- |
//! | [`locator`] | the machine: hops that wait, open questions, who is told |
//! | [`query`] | what the DNS is asked and how it answers |
//! | `search` | one hop's way through NAPTR, SRV and addresses (sections 4.1 and 4.2) |
//! | `naptr` | which services count (section 4.1) |
//! | `srv` | the order of SRV records (RFC 2782) |
//! | `cache` | answers, good and bad, for as long as they live (RFC 2308) |
//! | [`ways`] | the transports and address families that we have |
//! | `avoided` | places that failed, and for how long they are passed over |
//! | [`limits`] | the bounds |
//!
//! Not here: sending and failing over (section 4.3: `ruf-proxy`, later `ruf-agent`), the DNS
//! protocol and CNAME chains (io/net), the way of a response (section 5: the transaction's flow).

#![forbid(unsafe_code)]

mod avoided;
mod cache;
pub mod limits;
pub mod locator;
mod naptr;
pub mod query;
mod search;
mod srv;
pub mod ways;

pub use limits::Limits;
pub use locator::{Found, Locator, Out};
pub use query::{Answer, Kind, Naptr, Query, Record, Srv};
pub use ways::{Family, Way, Ways};
