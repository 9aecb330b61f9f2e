//! BYE, both sides: how a session ends (RFC 3261 §15.1; RFC 5407 §2, §3.2).

use crate::cause::Cause;
use crate::effect::{Turn, Verb};
use crate::event::{EndReason, SessionEvent};
use crate::reinvite::Ours;
use crate::session::Session;
use crate::terms::Terms;
use crate::update::Update;
use ruf_message::{HeaderName, Method, Request, StatusCode};
use std::mem;

/// How far a session is from its end. RFC 5407 calls what follows Established the Mortal state.
///
/// ```text
///                hang up, our 2xx has no ACK yet
///   Established ---------------------------------> Hanging
///     |      |                                       |  |
///     |      | hang up: BYE       ACK or 64*T1: BYE  |  | BYE received: 200
///     |      +-----------------> Leaving <-----------+  |
///     |                          |    ^ | BYE received:  |
///     | BYE received: 200        |    +-+ 200            |
///     |                          | final response        |
///     |                          | or silence            |
///     +-----------------------> Over <-------------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Established,
    Hanging(EndReason),
    Leaving(EndReason),
    Over(EndReason),
}

/// What a transition asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    SendBye,
}

impl Ending {
    /// This end wants out. `unacknowledged`: our 2xx to the initial INVITE still lacks its ACK.
    pub(crate) fn hang_up(self, reason: EndReason, unacknowledged: bool) -> (Self, Step) {
        match (self, unacknowledged) {
            // rfc3261 §15: the callee sends no BYE before the ACK, or before giving up on it
            (Ending::Established, true) => (Ending::Hanging(reason), Step::Nothing),
            (Ending::Established, false) => (Ending::Leaving(reason), Step::SendBye),
            (Ending::Hanging(first), true | false) => (Ending::Hanging(first), Step::Nothing),
            (Ending::Leaving(first), true | false) => (Ending::Leaving(first), Step::Nothing),
            (Ending::Over(first), true | false) => (Ending::Over(first), Step::Nothing),
        }
    }

    /// The ACK of our 2xx came.
    pub(crate) fn acknowledged(self) -> (Self, Step) {
        match self {
            Ending::Hanging(reason) => (Ending::Leaving(reason), Step::SendBye),
            Ending::Established | Ending::Leaving(_) | Ending::Over(_) => (self, Step::Nothing),
        }
    }

    /// The ACK of our 2xx did not come for 64*T1.
    // rfc3261 §13.3.1.4: the session is ended with a BYE
    pub(crate) fn gave_up(self) -> (Self, Step) {
        match self {
            Ending::Established => (Ending::Leaving(EndReason::Unacknowledged), Step::SendBye),
            Ending::Hanging(reason) => (Ending::Leaving(reason), Step::SendBye),
            Ending::Leaving(_) | Ending::Over(_) => (self, Step::Nothing),
        }
    }

    /// The peer's BYE came; it gets its 200 in every state but the last, where there is no dialog.
    // rfc3261 §15.1.2 and rfc5407 §3.2.1
    pub(crate) fn left(self) -> Self {
        match self {
            Ending::Established | Ending::Hanging(_) => Ending::Over(EndReason::RemoteHungUp),
            Ending::Leaving(reason) => Ending::Leaving(reason),
            Ending::Over(reason) => Ending::Over(reason),
        }
    }

    /// Our BYE has its final response, or will never have one: 200, 481, 408 and silence all mean
    /// the same.
    // rfc3261 §15.1.1
    pub(crate) fn confirmed(self) -> Self {
        match self {
            Ending::Leaving(reason) | Ending::Hanging(reason) | Ending::Over(reason) => Ending::Over(reason),
            Ending::Established => Ending::Established,
        }
    }

    /// Requests other than BYE are still welcome.
    pub(crate) fn is_established(self) -> bool {
        matches!(self, Ending::Established | Ending::Hanging(_))
    }
}

impl Session {
    /// Leaves: BYE, as soon as it may be sent.
    // rfc3261 §15.1.1
    pub(crate) fn hang_up(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        reason: EndReason,
        cause: Option<Cause>,
    ) {
        self.cause = self.cause.take().or(cause);
        // An offer nobody will answer: the ACK goes out bare, the BYE behind it.
        self.acks.answer(turn, &self.peer.dialog, None);
        self.terminate_pending(turn, terms);
        let (ending, step) = self.ending.hang_up(reason, !self.unacknowledged.is_empty());
        self.ending = ending;
        self.step(turn, step);
    }

    pub(crate) fn step(&mut self, turn: &mut Turn<'_>, step: Step) {
        match step {
            Step::Nothing => {}
            Step::SendBye => {
                let cause = self.cause.take();
                let bye = self.peer.build(Method::Bye, |bye| match cause {
                    Some(cause) => bye.header(HeaderName::Reason, cause.to_string()),
                    None => bye,
                });
                turn.request(self.peer.asked(Verb::Bye, bye.cseq().number), bye);
            }
        }
    }

    /// Whatever a BYE is answered, its session is over.
    // rfc3261 §15.1.1
    pub(crate) fn bye_answered(&mut self, turn: &mut Turn<'_>, terms: &Terms, status: StatusCode) {
        if !status.is_provisional() {
            let ending = self.ending.confirmed();
            self.end(turn, terms, ending);
        }
    }

    // rfc3261 §15.1.2
    pub(crate) fn bye(&mut self, turn: &mut Turn<'_>, terms: &Terms, server: u64, request: &Request) {
        if matches!(self.ending, Ending::Over(_)) {
            turn.refuse(server, request, StatusCode::CALL_DOES_NOT_EXIST);
            return;
        }
        turn.respond(server, request.reply(StatusCode::OK));
        if self.primary
            && let Some(cause) = Cause::of(request)
        {
            turn.event(SessionEvent::Cause(cause));
        }
        let ending = self.ending.left();
        self.end(turn, terms, ending);
    }

    /// Moves on, and if that was the end, leaves nothing behind.
    fn end(&mut self, turn: &mut Turn<'_>, terms: &Terms, ending: Ending) {
        let before = mem::replace(&mut self.ending, ending);
        let Ending::Over(reason) = ending else { return };
        if before == ending {
            return;
        }
        // The peer has heard of our 2xx, or of the end.
        self.unacknowledged.clear();
        self.terminate_pending(turn, terms);
        if self.primary {
            turn.event(SessionEvent::Ended(reason));
        }
    }

    /// What waited for us, or for its time, will not happen.
    // rfc3261 §15.1.2: pending requests are answered, with 487
    pub(crate) fn terminate_pending(&mut self, turn: &mut Turn<'_>, terms: &Terms) {
        self.peer.refuse(turn, StatusCode::REQUEST_TERMINATED);
        self.peer.update = Update::Idle;
        self.forget_transfer();
        self.terminate_referral(turn, terms);
        if self.ours.is_sent() {
            self.withdraw(turn);
        } else {
            self.ours = Ours::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EndReason::{HungUp, RemoteHungUp};

    #[test]
    fn bye_waits_for_the_ack_of_our_2xx() {
        // tests rfc3261 §15
        let (hanging, step) = Ending::Established.hang_up(HungUp, true);
        assert_eq!((hanging, step), (Ending::Hanging(HungUp), Step::Nothing));
        assert_eq!(hanging.acknowledged(), (Ending::Leaving(HungUp), Step::SendBye));
        assert_eq!(hanging.gave_up(), (Ending::Leaving(HungUp), Step::SendBye));
        assert_eq!(hanging.left(), Ending::Over(RemoteHungUp));
    }

    #[test]
    fn byes_that_cross_end_a_session_once() {
        // tests rfc5407 §3.2.1
        let (leaving, step) = Ending::Established.hang_up(HungUp, false);
        assert_eq!(step, Step::SendBye);
        assert_eq!(leaving.left(), leaving);
        assert_eq!(leaving.confirmed(), Ending::Over(HungUp));
        assert_eq!(leaving.hang_up(HungUp, false), (leaving, Step::Nothing));
    }

    #[test]
    fn a_2xx_without_ack_ends_in_bye() {
        // tests rfc3261 §13.3.1.4
        let (leaving, step) = Ending::Established.gave_up();
        assert_eq!((leaving, step), (Ending::Leaving(EndReason::Unacknowledged), Step::SendBye));
    }
}
