//! The caller's side: an early dialog, and the reliable provisional responses that came in it (RFC 3262 §4).

use super::OPTION_TAG;
use crate::effect::{Turn, Verb};
use crate::event::SessionEvent;
use crate::exchange::{Exchange, Meaning};
use crate::peer::Peer;
use crate::terms::Terms;
use ruf_dialog::{Dialog, Unestablished};
use ruf_message::body::Body;
use ruf_message::header::reliable::RSeq;
use ruf_message::{HeaderName, Method, Request, Response};

/// An early dialog that our INVITE opened.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) peer: Peer,
    pub(crate) exchange: Exchange,
    /// The last reliable response in order.
    // rfc3262 §4
    last: Option<u32>,
    /// This one made the offer: its PRACK waits for the answer, which is the user's.
    due: Option<u32>,
}

impl Early {
    /// The dialog that this response to our INVITE establishes.
    pub(crate) fn new(
        number: u32,
        invite: &Request,
        response: &Response,
        secure_flow: bool,
    ) -> Result<Self, Unestablished> {
        let dialog = Dialog::caller(invite, response, secure_flow)?;
        let given = Body::of(invite);
        let exchange = Exchange::of_our_invite(given.is_some());
        let mut peer = Peer::new(number, dialog, given);
        peer.learn(response);
        Ok(Early { peer, exchange, last: None, due: None })
    }

    /// A provisional response in this dialog: told, and confirmed if it is reliable.
    // rfc3262 §4
    pub(crate) fn progress(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        invite: &Request,
        response: &Response,
    ) {
        self.peer.learn(response);
        self.peer.identify_by_response(turn, terms, response);
        let (status, body) = (response.status(), Body::of(response));
        let Some(number) = number(response) else {
            return turn.event(SessionEvent::Progress { status, body, answer_due: false });
        };
        // rfc3262 §4: one that came before, or before its turn, is not processed
        if self.last.is_some_and(|last| last.checked_add(1) != Some(number)) {
            return;
        }
        self.last = Some(number);
        // rfc3262 §5: what comes after the answer is no news
        let meaning = match self.exchange {
            Exchange::Open | Exchange::Offered => self.exchange.receive(body.is_some()),
            Exchange::Asked | Exchange::Settled => Meaning::Nothing,
        };
        let answer_due = meaning == Meaning::Offer;
        turn.event(SessionEvent::Progress { status, body, answer_due });
        if answer_due {
            self.due = Some(number);
        } else {
            self.confirm(turn, invite, number, None);
        }
    }

    /// The answer to the offer of a reliable response, or of an UPDATE. False: none waits.
    // rfc3262 §5: the first goes into the PRACK
    pub(crate) fn answer(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        invite: &Request,
        body: Option<&Body>,
    ) -> bool {
        let Some(number) = self.due.take() else { return self.peer.answer(turn, terms, body) };
        if body.is_some() {
            self.exchange.send();
            self.peer.given = body.cloned();
        }
        self.confirm(turn, invite, number, body);
        true
    }

    /// An offer waits for its answer.
    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some() || !self.peer.theirs.is_idle()
    }

    /// How far offers and answers are, those of UPDATE counted.
    pub(crate) fn exchange(&self) -> Exchange {
        self.peer.exchange(self.exchange)
    }

    // rfc3262 §7.2
    fn confirm(&mut self, turn: &mut Turn<'_>, invite: &Request, number: u32, body: Option<&Body>) {
        let rack = format!("{number} {} INVITE", invite.cseq().number);
        let request = self.peer.build(Method::Prack, |prack| {
            let prack = prack.header(HeaderName::RAck, rack);
            match body {
                Some(body) => prack.body(&body.content_type, body.content.clone()),
                None => prack,
            }
        });
        turn.request(self.peer.asked(Verb::Prack, request.cseq().number), request);
    }
}

/// The number of a reliable provisional response.
// rfc3262 §4: a 100, which never is, does not come here
fn number(response: &Response) -> Option<u32> {
    let is_reliable = response.require().any(|tag| tag.eq_ignore_ascii_case(OPTION_TAG));
    let RSeq(number) = response.header().ok().flatten().filter(|_| is_reliable)?;
    Some(number)
}
