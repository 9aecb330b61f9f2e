//! What there is with one peer from its first tag on, whether it has answered or not: the dialog, the
//! description we gave, and the change that it wants. An early dialog and a session each have one.

use crate::effect::{Asked, Turn, Verb};
use crate::event::SessionEvent;
use crate::exchange::Exchange;
use crate::info::Infos;
use crate::invite::answer_to;
use crate::reinvite::Theirs;
use crate::terms::Terms;
use crate::timer::SessionTimer;
use crate::update::Update;
use ruf_dialog::{Dialog, Failure, Stage};
use ruf_message::body::Body;
use ruf_message::{Fields, HeaderName, Method, Request, RequestBuilder, Response, StatusCode, Tick, Uri};
use std::mem;

/// Where our sequence numbers start in a dialog that the peer opened.
pub(crate) const FIRST_CSEQ: u32 = 1;

#[derive(Debug)]
pub(crate) struct Peer {
    /// Among those of its usage, from 1.
    pub(crate) number: u32,
    pub(crate) dialog: Dialog,
    /// Who it is.
    pub(crate) identity: Uri,
    /// The description we gave last.
    pub(crate) given: Option<Body>,
    /// The change it wants.
    pub(crate) theirs: Theirs,
    /// The UPDATE that we want.
    pub(crate) update: Update,
    /// What we tell its application.
    pub(crate) infos: Infos,
    /// How long the session lives.
    pub(crate) timer: SessionTimer,
    /// It says that it takes UPDATE.
    pub(crate) allows_update: bool,
}

impl Peer {
    pub(crate) fn new(number: u32, dialog: Dialog, given: Option<Body>) -> Self {
        Peer {
            number,
            identity: dialog.remote_uri(),
            dialog,
            given,
            theirs: Theirs::Idle,
            update: Update::Idle,
            infos: Infos::default(),
            timer: SessionTimer::new(),
            allows_update: false,
        }
    }

    /// It says in a message what it can.
    // rfc3261 §20.5
    pub(crate) fn learn(&mut self, message: &Fields) {
        if message.contains(HeaderName::Allow) {
            self.allows_update = message.values(HeaderName::Allow).any(|method| method == b"UPDATE");
        }
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
        let body = Body::of(request);
        let answer_due = !terms.party.answer_reinvites;
        if answer_due {
            self.theirs = Theirs::ask(turn.now, terms, server, request);
        } else {
            let response = self.accept(turn.now, terms, request, self.given.clone().as_ref());
            turn.respond(server, response);
        }
        turn.event(SessionEvent::Reinvited { body, answer_due });
        !answer_due
    }

    /// The user answers that offer. False: none waits.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, terms: &Terms, body: Option<&Body>) -> bool {
        match mem::replace(&mut self.theirs, Theirs::Idle) {
            Theirs::Idle => false,
            Theirs::Asked { server, request, .. } => {
                let response = self.accept(turn.now, terms, &request, body);
                turn.respond(server, response);
                self.given = body.cloned();
                true
            }
        }
    }

    /// The 2xx to a PRACK or an UPDATE.
    // rfc3262 §6: no Contact in that to a PRACK; rfc4028 §9: an UPDATE refreshes the session
    pub(crate) fn accept(
        &mut self,
        now: Tick,
        terms: &Terms,
        request: &Request,
        body: Option<&Body>,
    ) -> Response {
        if request.method() == Method::Prack {
            let mut response = request.reply(StatusCode::OK);
            if let Some(body) = body {
                response.set_body(&body.content_type, body.content.clone());
            }
            return response;
        }
        let mut response = answer_to(request, StatusCode::OK, "", &terms.party, body);
        if self.dialog.stage() == Stage::Confirmed {
            self.timer.accept(now, &terms.times, request, &mut response);
        }
        response
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
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.theirs.deadline().is_some_and(|deadline| deadline <= turn.now) {
            let is_reinvite = self.theirs.is_reinvite();
            // rfc3311 §5.2: 504, where a user would have to be asked
            let status =
                if is_reinvite { StatusCode::SERVER_INTERNAL_ERROR } else { StatusCode::SERVER_TIMEOUT };
            self.refuse(turn, status);
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

    /// The next target refresh request of ours: it says where we are, and what we can.
    // rfc3261 §12.2.1.1, rfc4028 §7.1
    pub(crate) fn target_refresh(&mut self, method: Method, terms: &Terms, body: Option<&Body>) -> Request {
        self.build(method, |mut request| {
            request = request.header(HeaderName::Contact, format!("<{}>", terms.party.contact));
            for (name, value) in &terms.party.fields {
                request = request.header(*name, value);
            }
            match body {
                Some(body) => request.body(&body.content_type, body.content.clone()),
                None => request,
            }
        })
    }

    /// How far offers and answers are, if they are so far without those of UPDATE.
    pub(crate) fn exchange(&self, others: Exchange) -> Exchange {
        if self.update.is_offering() {
            Exchange::Offered
        } else if !self.theirs.is_idle() {
            Exchange::Asked
        } else {
            others
        }
    }

    /// A request of ours that an early dialog knows, too, was answered, or not. True: the peer is gone.
    pub(crate) fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        outcome: Result<&Response, Failure>,
    ) -> bool {
        match asked.verb {
            Verb::Update => self.update_answered(turn, asked.cseq, outcome),
            Verb::Info => self.info_answered(turn, asked.cseq, outcome),
            Verb::Invite | Verb::Reinvite | Verb::Bye | Verb::Prack | Verb::Refer | Verb::Notify => false,
        }
    }

    /// It went out again.
    pub(crate) fn sent_again(&mut self, verb: Verb, again: &Request) {
        let cseq = again.cseq().number;
        match verb {
            Verb::Update => {
                self.update.sent_again(cseq);
                self.timer.learn(again);
            }
            Verb::Info => self.infos.sent_again(cseq),
            Verb::Invite | Verb::Reinvite | Verb::Bye | Verb::Prack | Verb::Refer | Verb::Notify => {}
        }
    }

    /// When it wants the next [`Self::tick`].
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.theirs.deadline().into_iter().chain(self.update.deadline()).min()
    }

    /// The next number for a request to send again.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.dialog.next_cseq(FIRST_CSEQ)
    }

    pub(crate) fn asked(&self, verb: Verb, cseq: u32) -> Asked {
        Asked { session: self.number, verb, cseq }
    }
}

/// A request made by a dialog. It lets nothing in that did not pass the door of core/message in the
/// messages it was made of, so what it makes passes too.
pub(crate) fn built(builder: RequestBuilder) -> Request {
    builder.finish().expect("made of parts of parsed messages")
}
