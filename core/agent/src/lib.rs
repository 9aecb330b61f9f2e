//! A SIP user agent without a socket or a clock (RFC 3261 §8, §10.2, §11, §22; RFC 3428): what a user
//! agent adds to the INVITE usage (core/session) and to transactions (core/transaction).
//!
//! [`Agent`] registers, calls and is called, transfers and is transferred, watches and is watched, answers OPTIONS and MESSAGE and asks them, answers
//! challenges, and refuses what it does not understand. Datagrams and the time go in, transmits,
//! events and the next deadline come out; whoever drives it owns the socket and the clock.
//!
//! ```
//! use ruf_agent::{Agent, AgentEvent, Settings};
//! use ruf_message::{Entropy, Flow, Tick, Transport};
//!
//! // Two agents, each the other's only peer: what one transmits, the other receives.
//! let (here, there) = ("192.0.2.1:5060".parse()?, "192.0.2.2:5060".parse()?);
//! let flow = |local, remote| Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
//! let mut alice = Agent::new(
//!     Settings::new("sip:alice@example.org".parse()?, flow(here, there)), Entropy::from_seed([1; 32]));
//! let mut bob = Agent::new(
//!     Settings::new("sip:bob@example.org".parse()?, flow(there, here)), Entropy::from_seed([2; 32]));
//!
//! let now = Tick::ZERO; // a driver reads its clock here
//! let call = alice.call(now, &"sip:bob@example.org".parse()?, None)?;
//! while let Some(transmit) = alice.poll_transmit() {
//!     bob.receive(now, flow(there, here), transmit.bytes);
//! }
//! let Some(AgentEvent::Incoming { call: incoming, .. }) = bob.poll_event() else { panic!() };
//! bob.ring(now, incoming);
//! bob.answer(now, incoming, None);
//! while let Some(transmit) = bob.poll_transmit() {
//!     alice.receive(now, flow(here, there), transmit.bytes);
//! }
//! assert!(matches!(alice.poll_event(), Some(AgentEvent::Ringing { .. })));
//! assert!(matches!(alice.poll_event(), Some(AgentEvent::Answered { call: answered, .. }) if answered == call));
//! // The driver now sleeps until `alice.poll_deadline()` or the next datagram.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | what |
//! |---|---|
//! | `agent.rs` | [`Agent`]: its parts, registration, and `poll_*` |
//! | `verbs.rs` | what a user does with calls |
//! | `inquiry.rs` | what a request out of dialog begins with; OPTIONS and MESSAGE |
//! | `calls.rs` | the table of calls and their deadlines |
//! | `way.rs` | where a request within a call goes, and by which flow |
//! | `leads.rs` | where a flow leads |
//! | `alone.rs` | the way of what belongs to no call |
//! | `failover.rs` | the next place, where the first finds nobody |
//! | `client.rs`, `repair.rs`, `redirect.rs` | requests of ours: sending, challenges, other words, other places, outcomes |
//! | `history.rs` | what a call of ours says of where it has been |
//! | `server.rs`, `reject.rs` | requests of others: inspection (8.2), dispatch, refusal |
//! | `transfer.rs` | referring the peer of a call, and being referred |
//! | `replaces.rs` | a call that takes the place of another |
//! | `register.rs` | one binding, kept alive |
//! | `subscriptions.rs` | whom we watch, who watches us, what we publish |
//! | `capabilities.rs` | what we say we can do |
//!
//! Not here: where a name leads (core/locate; [`Agent::poll_question`] asks), media, sockets (io/net; io/sip will be the library).

#![forbid(unsafe_code)]

mod agent;
mod alone;
mod calls;
mod capabilities;
mod client;
mod event;
mod failover;
mod history;
mod inquiry;
mod leads;
#[cfg(feature = "mutants")]
mod mutant;
mod redirect;
mod register;
mod reject;
mod repair;
mod replaces;
mod server;
mod settings;
mod subscriptions;
mod transfer;
mod verbs;
mod way;

pub use agent::Agent;
pub use event::{AgentEvent, Answer, CallKey, Counts, Full, RequestKey};
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use ruf_dialog::DialogId;
pub use ruf_session::{Body, Cause, DiversionReason, Diverted, EndReason, Failure};
pub use settings::{Limits, Settings};
pub use subscriptions::WatchKey;
pub use way::{WayKey, WayQuestion};
