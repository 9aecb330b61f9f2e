//! What goes in beside messages ([`Turn`]) and what comes out ([`Effect`]). What a user is told is in
//! [`event`](crate::event), what a usage goes by in [`terms`](crate::terms).

use crate::cause::Cause;
use crate::event::SessionEvent;
use ruf_message::{Entropy, Request, Response, StatusCode, Tick};
use std::collections::VecDeque;

/// One turn of a machine: the time it is, where randomness is drawn and effects are put.
pub struct Turn<'a> {
    /// Now.
    pub now: Tick,
    /// For tags and the times of a glare.
    pub entropy: &'a mut Entropy,
    /// What is to be done, in order.
    pub out: &'a mut Out,
}

impl Turn<'_> {
    pub(crate) fn event(&mut self, event: SessionEvent) {
        self.out.effects.push_back(Effect::Event(event));
    }

    pub(crate) fn respond(&mut self, server: u64, response: Response) {
        self.out.effects.push_back(Effect::Respond { server, response });
    }

    pub(crate) fn refuse(&mut self, server: u64, request: &Request, status: StatusCode) {
        self.respond(server, request.reply(status));
    }

    pub(crate) fn request(&mut self, asked: Asked, request: Request) {
        self.out.effects.push_back(Effect::Request { asked, request });
    }

    pub(crate) fn cancel(&mut self, invite: Asked, cause: Option<Cause>) {
        self.out.effects.push_back(Effect::Cancel { invite, cause });
    }

    pub(crate) fn ack(&mut self, ack: &Request) {
        self.out.effects.push_back(Effect::Ack(ack.clone()));
    }
}

/// The effects of a turn, in order; the owner empties it.
#[derive(Debug, Default)]
pub struct Out {
    /// First in, first done.
    pub effects: VecDeque<Effect>,
}

/// What the owner is to do.
#[derive(Debug)]
pub enum Effect {
    /// Open a client transaction and bring back its responses, or its failure, under `asked`. The
    /// request has no Via yet.
    Request {
        /// What the outcome belongs to.
        asked: Asked,
        /// The request.
        request: Request,
    },
    /// The ACK of a 2xx: to the transport without a transaction, each time anew.
    Ack(Request),
    /// Cancel the client transaction of an INVITE.
    Cancel {
        /// Which.
        invite: Asked,
        /// What the CANCEL says why.
        cause: Option<Cause>,
    },
    /// Give a response to the server transaction.
    Respond {
        /// The number under which the owner brought the request.
        server: u64,
        /// The response.
        response: Response,
    },
    /// Tell the user.
    Event(SessionEvent),
}

/// Which request of a usage an outcome belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    /// Which dialog of the usage; 0 for [`Verb::Invite`].
    pub session: u32,
    /// Which request.
    pub verb: Verb,
    /// Its sequence number.
    pub cseq: u32,
}

/// The requests of ours that have an outcome. CANCEL's is of no interest (RFC 3261 §9.1), ACK has
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// The INVITE that opened the usage.
    Invite,
    /// An INVITE within a dialog.
    Reinvite,
    /// BYE.
    Bye,
    /// PRACK.
    Prack,
    /// UPDATE.
    Update,
    /// INFO.
    Info,
    /// REFER within a dialog.
    Refer,
    /// NOTIFY of the subscription that the peer's REFER made.
    Notify,
}
