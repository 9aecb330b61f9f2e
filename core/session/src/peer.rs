//! What there is with one peer from its first tag on, whether it has answered or not: the dialog, the
//! description we gave, and the change that it wants. An early dialog and a session each have one.

use crate::effect::{Asked, Body, Turn, Verb};
use crate::event::SessionEvent;
use crate::invite::{answer_to, body_of_request};
use crate::reinvite::Theirs;
use crate::terms::Terms;
use ruf_dialog::Dialog;
use ruf_message::{Method, Request, RequestBuilder, Response, StatusCode};
use std::mem;

/// Where our sequence numbers start in a dialog that the peer opened.
pub(crate) const FIRST_CSEQ: u32 = 1;

#[derive(Debug)]
pub(crate) struct Peer {
    /// Among those of its usage, from 1.
    pub(crate) number: u32,
    pub(crate) dialog: Dialog,
    /// The description we gave last.
    pub(crate) given: Option<Body>,
    /// The change it wants.
    pub(crate) theirs: Theirs,
}

impl Peer {
    pub(crate) fn new(number: u32, dialog: Dialog, given: Option<Body>) -> Self {
        Peer { number, dialog, given, theirs: Theirs::Idle }
    }

    /// A request of the peer brings an offer whose answer belongs into its 2xx. True: it was answered at once.
    // rfc3262 §5
    pub(crate) fn offered(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        server: u64,
        request: &Request,
    ) -> bool {
        let body = body_of_request(request);
        let answer_due = !terms.party.answer_reinvites;
        if answer_due {
            self.theirs = Theirs::ask(turn.now, terms, server, request);
        } else {
            turn.respond(server, answer(request, terms, self.given.as_ref()));
        }
        turn.event(SessionEvent::Reinvited { body, answer_due });
        !answer_due
    }

    /// The user answers that offer. False: none waits.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<&Body>) -> bool {
        match mem::replace(&mut self.theirs, Theirs::Idle) {
            Theirs::Idle => false,
            Theirs::Asked { server, request, .. } => {
                turn.respond(server, answer(&request, terms, body));
                self.given = body.cloned();
                true
            }
        }
    }

    /// The user refuses that offer, or there is nothing to be changed any more. False: none waits.
    pub(crate) fn refuse(&mut self, turn: &mut Turn<'_>, status: StatusCode) -> bool {
        match mem::replace(&mut self.theirs, Theirs::Idle) {
            Theirs::Idle => false,
            Theirs::Asked { server, request, .. } => {
                turn.refuse(server, &request, status);
                true
            }
        }
    }

    /// Time passed: whoever offers is not kept waiting for ever.
    // rfc3311 §5.2: 504, where a user would have to be asked
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.theirs.deadline().is_some_and(|deadline| deadline <= turn.now) {
            self.refuse(turn, StatusCode::SERVER_TIMEOUT);
        }
    }

    /// It has this tag.
    pub(crate) fn is_tagged(&self, tag: &[u8]) -> bool {
        *self.dialog.id().remote_tag == *tag
    }

    /// The next request of ours in the dialog.
    pub(crate) fn build(
        &mut self,
        method: Method,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Request {
        built(more(self.dialog.request(method, FIRST_CSEQ)))
    }

    /// The next number for a request to send again.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.dialog.next_cseq(FIRST_CSEQ)
    }

    pub(crate) fn asked(&self, verb: Verb, cseq: u32) -> Asked {
        Asked { session: self.number, verb, cseq }
    }
}

/// The 2xx to a request with an offer.
fn answer(request: &Request, terms: &Terms, body: Option<&Body>) -> Response {
    // rfc3262 §6: no Contact in the answer to a PRACK
    let mut response = if request.method() == Method::Prack {
        request.reply(StatusCode::OK)
    } else {
        answer_to(request, StatusCode::OK, "", &terms.party, None)
    };
    if let Some(body) = body {
        response.set_body(&body.content_type, body.content.clone());
    }
    response
}

/// A request made by a dialog. It lets nothing in that did not pass the door of core/message in the
/// messages it was made of, so what it makes passes too.
pub(crate) fn built(builder: RequestBuilder) -> Request {
    builder.finish().expect("made of parts of parsed messages")
}
