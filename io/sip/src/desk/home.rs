//! The way to the server of an account: found, lost, found again; and the registration over it.
//!
//! ```text
//!              needed              reached                    503, silence: to another place,
//!     Unsought -------> Sought ---------------> Open --------+  if there is one
//!                        ^  |                   | ^          |
//!                   time |  | no way            | +----------+
//!                        |  v                   |
//!                        Lost <-----------------+
//!                              connection gone, nobody listens, no REGISTER is answered
//! ```

use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use ruf_agent::{Failure, WayQuestion};
use ruf_message::{Entropy, Flow, Hop, Place, Tick, Transmit, Transport};
use tokio::sync::oneshot;

use super::keepalive::{Keepalive, Kept};
use super::{Desk, Then, no_way};
use crate::account::Account;
use crate::error::Error;
use crate::event::PhoneEvent;
use crate::paths::{Found, Lost};
use crate::phone::Told;

/// First and longest wait before a way that was lost is sought again; doubled in between.
const SEEK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What may wait for the way.
const WAITING_MAX: usize = 256;

/// The way to the server.
pub(super) struct Home {
    /// `None`: there is no server.
    hop: Option<Hop>,
    state: State,
    expires_secs: u32,
    /// We want to be registered.
    wanted: bool,
    waiting: Vec<Then>,
    registering: Vec<oneshot::Sender<Result<(), Error>>>,
    failures: u32,
    keepalive: Keepalive,
    /// What keeps the way open, to be sent.
    empty: Option<Transmit>,
}

enum State {
    Unsought,
    Sought,
    Open { flow: Flow, place: Place },
    Lost { seek_at: Tick },
}

/// Whether there is a way.
pub(super) enum Way {
    Open(Flow),
    Sought,
    Needed,
    /// There is no server.
    None,
}

impl Home {
    pub(super) fn new(account: &Account, entropy: Entropy) -> Home {
        Home {
            hop: account.server.as_ref().and_then(|server| server.as_ref().hop()),
            state: State::Unsought,
            expires_secs: account.expires_secs,
            wanted: false,
            waiting: Vec::new(),
            registering: Vec::new(),
            failures: 0,
            keepalive: Keepalive::new(entropy),
            empty: None,
        }
    }

    /// What keeps the way open.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.empty.take()
    }

    /// There is a server.
    pub(super) fn is_there(&self) -> bool {
        self.hop.is_some()
    }

    pub(super) fn way(&self) -> Way {
        match (&self.hop, &self.state) {
            (None, _) => Way::None,
            (Some(_), State::Open { flow, .. }) => Way::Open(*flow),
            (Some(_), State::Sought) => Way::Sought,
            (Some(_), State::Unsought | State::Lost { .. }) => Way::Needed,
        }
    }

    /// This hop is our server.
    pub(super) fn is_at(&self, hop: &Hop) -> bool {
        self.hop.as_ref() == Some(hop)
    }

    /// This goes when there is a way.
    ///
    /// # Errors
    /// As much is waiting as may: it comes back.
    pub(super) fn wait(&mut self, then: Then) -> Result<(), Then> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(then);
        }
        self.waiting.push(then);
        Ok(())
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        match self.state {
            State::Lost { seek_at } if self.wanted => Some(seek_at),
            State::Open { .. } => self.keepalive.deadline(),
            State::Lost { .. } | State::Unsought | State::Sought => None,
        }
    }

    fn lose(&mut self, now: Tick) -> Duration {
        let wait = seek_again_after(self.failures);
        self.failures += 1;
        self.keepalive.leave();
        self.state = State::Lost { seek_at: now + wait };
        wait
    }

    fn register_answered(&mut self, answer: &Result<(), Error>) {
        for waiting in self.registering.drain(..) {
            let _ = waiting.send(answer.clone());
        }
    }
}

/// How long a way that was lost is not sought, after so many failures before.
pub(super) fn seek_again_after(failures: u32) -> Duration {
    SEEK_AGAIN.0.saturating_mul(1 << failures.min(6)).min(SEEK_AGAIN.1)
}

impl Desk {
    /// Registers, and stays registered; `answer` hears how the first attempt went.
    pub(crate) fn register(&mut self, now: Tick, answer: oneshot::Sender<Result<(), Error>>) {
        if self.is_closed {
            return drop(answer.send(Err(Error::Closed)));
        }
        self.home.wanted = true;
        self.home.registering.push(answer);
        match self.home.way() {
            Way::Open(_) => self.agent.register(now, self.home.expires_secs),
            Way::Sought => {}
            Way::Needed => self.seek_home(now),
            Way::None => {
                let error = Error::Address("a phone without a server has nobody to register with".to_owned());
                self.home.register_answered(&Err(error));
            }
        }
    }

    pub(super) fn unregister(&mut self, now: Tick) {
        self.home.wanted = false;
        self.home.keepalive.leave();
        self.home.register_answered(&Err(Error::Closed));
        self.agent.unregister(now);
    }

    pub(super) fn seek_home(&mut self, now: Tick) {
        if let Some(hop) = self.home.hop.clone() {
            self.home.state = State::Sought;
            self.seek_hop(now, hop, None, Then::Home);
        }
    }

    pub(super) fn home_found(&mut self, now: Tick, found: Found) {
        let flow = match (&self.home.state, found) {
            // A request that sought another place was faster.
            (State::Open { flow, .. }, _) => Ok(*flow),
            (_, Ok((flow, place))) => {
                self.move_home(now, flow, place);
                Ok(flow)
            }
            (_, Err(lost)) => Err(self.not_found(now, lost)),
        };
        for then in mem::take(&mut self.home.waiting) {
            self.go(now, then, flow.clone());
        }
    }

    fn not_found(&mut self, now: Tick, lost: Lost) -> Error {
        let (error, wait) = (no_way(lost), self.home.lose(now));
        if self.home.wanted {
            self.home.register_answered(&Err(error.clone()));
            let failed = PhoneEvent::RegistrationFailed { error: error.clone(), retry_in: Some(wait) };
            self.tell(Told::Event(failed));
        }
        error
    }

    /// What begins goes there from here on. What goes on by the way that we had follows if that is lost.
    fn move_home(&mut self, now: Tick, flow: Flow, place: Place) {
        self.home.keepalive.leave();
        match mem::replace(&mut self.home.state, State::Open { flow, place }) {
            State::Open { .. } => self.agent.aim(flow),
            State::Unsought | State::Sought | State::Lost { .. } => self.agent.move_to(flow),
        }
        if self.home.wanted {
            self.agent.register(now, self.home.expires_secs);
        }
    }

    /// A request goes to our server. Where it was there in vain, it goes to another place of the server's, if there is
    /// one.
    // rfc3263 §4.3
    pub(super) fn lead_home(&mut self, now: Tick, question: WayQuestion) {
        match (&self.home.state, self.home.hop.clone()) {
            (State::Open { flow, .. }, _) if !question.rules_out(flow.transport, flow.remote) => {
                let flow = *flow;
                self.agent.found(now, question.key, Some(flow));
            }
            (State::Open { place, .. }, Some(hop)) => {
                self.paths.failed(now, place);
                if let Some(secs) = question.retry_after_secs {
                    self.paths.refused(now, place, secs);
                }
                self.seek_hop(now, hop, Some(question.clone()), Then::Elsewhere(question));
            }
            (State::Unsought | State::Sought | State::Lost { .. }, Some(_)) => {
                self.go_home(now, Then::Way(question.key));
            }
            (_, None) => self.agent.found(now, question.key, None),
        }
    }

    /// What came of looking for another place. If there is none, we stay.
    pub(super) fn home_elsewhere(&mut self, now: Tick, question: &WayQuestion, found: Found) {
        let flow = match (&self.home.state, found) {
            // Another request led there meanwhile.
            (State::Open { flow, .. }, _) if !question.rules_out(flow.transport, flow.remote) => Some(*flow),
            (_, Ok((flow, place))) => {
                self.move_home(now, flow, place);
                Some(flow)
            }
            (_, Err(_)) => None,
        };
        self.agent.found(now, question.key, flow);
    }

    /// A flow is gone; if it was the way to the server, another is sought.
    // rfc5626 §4.5
    pub(super) fn lost(&mut self, now: Tick, gone: Flow) {
        if let State::Open { flow, place } = &self.home.state
            && *flow == gone
        {
            self.paths.failed(now, &place.clone());
            self.home.lose(now);
        }
    }

    pub(super) fn home_tick(&mut self, now: Tick) {
        if self.home.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.home.state {
            State::Lost { .. } => self.seek_home(now),
            State::Open { .. } => {
                let kept = self.home.keepalive.tick(now);
                self.keep(now, kept);
            }
            State::Unsought | State::Sought => {}
        }
    }

    /// The server said where it sees us.
    pub(super) fn mapped(&mut self, now: Tick, flow: Flow, transaction: [u8; 12], mapped: SocketAddr) {
        let kept = self.home.keepalive.mapped(now, flow, transaction, mapped);
        self.keep(now, kept);
    }

    // rfc5626 §4.4.2
    fn keep(&mut self, now: Tick, kept: Option<Kept>) {
        match kept {
            Some(Kept::Send(transmit)) => self.home.empty = Some(transmit),
            // The binding is for where we were seen before.
            Some(Kept::Moved) => self.agent.register(now, self.home.expires_secs),
            Some(Kept::Lost) => {
                if let State::Open { flow, .. } = self.home.state {
                    self.lost(now, flow);
                }
            }
            None => {}
        }
    }

    pub(super) fn registered(&mut self, now: Tick, expires_secs: u32) {
        if let State::Open { flow, .. } = self.home.state
            && flow.transport == Transport::Udp
            && self.home.wanted
            // Otherwise another place is still to answer.
            && self.agent.is_registered()
        {
            self.home.keepalive.keep(now, flow, self.agent.keeps_flow());
        }
        self.home.failures = 0;
        self.home.register_answered(&Ok(()));
        self.tell(Told::Event(PhoneEvent::Registered { expires_secs }));
    }

    pub(super) fn registration_failed(&mut self, now: Tick, failure: Failure, retry_in: Option<Duration>) {
        let error = Error::from(failure).of(self.has_password);
        self.home.register_answered(&Err(error.clone()));
        let mut retry_in = retry_in;
        let is_lost = match failure {
            Failure::Silence | Failure::Unreachable => true,
            // rfc3261 §21.5.4: whoever refuses is there, and may say when to come again
            Failure::NotKept | Failure::Refused(_) => false,
        };
        if let State::Open { place, .. } = &self.home.state
            && is_lost
        {
            self.paths.failed(now, &place.clone());
            let wait = self.home.lose(now);
            retry_in = Some(wait);
        }
        if !self.is_closed {
            self.tell(Told::Event(PhoneEvent::RegistrationFailed { error, retry_in }));
        }
    }

    /// Requests out of dialog that follow go over this flow.
    pub(super) fn aim(&mut self, flow: Flow) {
        if self.home.hop.is_none() {
            self.agent.aim(flow);
        }
    }
}

#[cfg(test)]
mod tests;
