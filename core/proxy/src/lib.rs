//! A stateful proxy, RFC 3261 section 16 in its own phases.
//!
//! | file | what |
//! |---|---|
//! | `proxy.rs` | [`Proxy`]: the table and its verbs |
//! | `validate.rs` | 16.3: may this request be proxied? |
//! | `route.rs` | 16.4: what is removed from its route; strict routers |
//! | `target.rs` | 16.5: what it asks for |
//! | `forward.rs`, `branch_request.rs` | 16.6: one branch for each target, with its own copy |
//! | `history.rs` | where it has been (RFC 7044) |
//! | `queue.rs` | the order of targets: q, and flows of one instance |
//! | `retry.rs` | what is tried when a branch fails: the next place (RFC 3263), a new connection, the next flow (RFC 5626) |
//! | `breadth.rs` | Max-Breadth (RFC 5393) |
//! | `record_route.rs` | 16.6 item 4: Record-Route, one for each side (RFC 5658) |
//! | `sips.rs` | what `sips:` asks of the next hop |
//! | `response.rs` | 16.7: what comes back |
//! | `best.rs` | 16.7 items 6 and 7: the best of it |
//! | `timer_c.rs` | 16.8: an INVITE that rings for ever |
//! | `cancel.rs` | 16.10: CANCEL |
//! | `stateless.rs` | 16.11: the ACK of a 2xx |
//! | `context.rs`, `source.rs` | the response context, its branches, and what these start from |
//! | `question.rs` | what it asks: where to, and by which flow |
//! | `call.rs` | what it tells about calls |
//! | `reject.rs` | what it answers itself |
//! | `slots.rs`, `limits.rs` | the table's slots; bounds and timers |
//!
//! It never edits a body. Transport errors (16.9) are one arm of [`Proxy::event`]. A request that
//! reaches it was admitted ([`ruf_admission::Gate`]), a response belongs to one of its own client
//! transactions; all others were dropped below.
//!
//! Not here: who a request is from (`ruf-admission`), retransmission and timers A to M
//! (`ruf-transaction`), where a user is (the bindings, through services/routing), DNS
//! (core/locate), OPTIONS and REGISTER to ourselves, and the 200 to a CANCEL (the node).

#![forbid(unsafe_code)]

mod best;
mod branch_request;
mod breadth;
mod call;
mod cancel;
mod context;
mod forward;
mod history;
mod limits;
mod proxy;
mod question;
mod queue;
mod record_route;
mod reject;
mod response;
mod retry;
mod route;
#[cfg(test)]
mod sample;
mod sips;
mod slots;
mod source;
mod stateless;
mod target;
mod timer_c;
mod validate;

pub use call::{CallEvent, DialogId, End};
pub use limits::Limits;
pub use proxy::{Out, Overloaded, Proxy, Turn};
pub use question::{
    Answer, Destination, Question, Reconnect, Reconnected, Refusal, Target, TargetSet, Unreachable,
};
pub use slots::Token;
pub use stateless::Ack;
pub use target::destination;
