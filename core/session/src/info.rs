//! INFO, both sides: something for the application, within a call (RFC 6086 §4; the keys of old phones, as
//! `application/dtmf-relay`). Info packages are refused: none is known here.

use crate::bye::Ending;
use crate::effect::{Turn, Verb};
use crate::event::SessionEvent;
use crate::peer::Peer;
use crate::session::Session;
use ruf_dialog::Failure;
use ruf_message::body::Body;
use ruf_message::{HeaderName, Method, Request, Response, StatusCode};
use std::collections::VecDeque;

/// Most that wait for their turn; further ones are not sent.
const WAITING_MAX: usize = 32;

/// Our side: one at a time, so that they come in order.
// rfc6086 §4.4
#[derive(Debug, Default)]
pub(crate) struct Infos {
    /// The number of the one that is out.
    out: Option<u32>,
    waiting: VecDeque<Body>,
}

impl Infos {
    /// The one with this number waits for its answer.
    pub(crate) fn is_sent(&self, cseq: u32) -> bool {
        self.out == Some(cseq)
    }

    /// It went out again, with this number.
    pub(crate) fn sent_again(&mut self, cseq: u32) {
        self.out = Some(cseq);
    }
}

impl Session {
    // rfc6086 §4.2.1
    pub(crate) fn inform(&mut self, turn: &mut Turn<'_>, body: Body) {
        if self.ending == Ending::Established {
            self.peer.inform(turn, body);
        }
    }
}

impl Peer {
    /// Sends it, or lets it wait for its turn.
    // rfc6086 §4.2.1
    pub(crate) fn inform(&mut self, turn: &mut Turn<'_>, body: Body) {
        if self.infos.waiting.len() < WAITING_MAX {
            self.infos.waiting.push_back(body);
        }
        self.next_info(turn);
    }

    fn next_info(&mut self, turn: &mut Turn<'_>) {
        if self.infos.out.is_some() {
            return;
        }
        let Some(body) = self.infos.waiting.pop_front() else { return };
        let request = self.build(Method::Info, |info| info.body(&body.content_type, body.content));
        let cseq = request.cseq().number;
        self.infos.out = Some(cseq);
        turn.request(self.asked(Verb::Info, cseq), request);
    }

    /// One was answered, or not. True: the peer is gone.
    // rfc3261 §12.2.1.2
    pub(crate) fn info_answered(
        &mut self,
        turn: &mut Turn<'_>,
        cseq: u32,
        outcome: Result<&Response, Failure>,
    ) -> bool {
        let status = outcome.map_or_else(Failure::status, Response::status);
        if status.is_provisional() || !self.infos.is_sent(cseq) {
            return false;
        }
        self.infos.out = None;
        if !status.is_success() {
            turn.event(SessionEvent::InfoRefused { status });
        }
        let is_lost = matches!(status, StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT);
        if is_lost {
            self.infos.waiting.clear();
        } else {
            self.next_info(turn);
        }
        is_lost
    }

    /// One of the peer.
    // rfc6086 §4.2.2
    pub(crate) fn informed(&mut self, turn: &mut Turn<'_>, server: u64, request: &Request) {
        if request.contains(HeaderName::InfoPackage) {
            let mut response = request.reply(StatusCode::BAD_INFO_PACKAGE);
            response.set(HeaderName::RecvInfo, "");
            return turn.respond(server, response);
        }
        turn.respond(server, request.reply(StatusCode::OK));
        if let Some(body) = Body::of(request) {
            turn.event(SessionEvent::Info { body });
        }
    }
}
