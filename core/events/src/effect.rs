//! What goes in beside messages ([`Turn`]) and what comes out ([`Effect`]), for the machines of this crate; `E` is
//! what each tells its user.

use ruf_message::{Entropy, Request, Response, Tick};
use std::collections::VecDeque;

/// One turn of a machine: the time it is, where randomness is drawn and effects are put.
pub struct Turn<'a, E> {
    /// Now.
    pub now: Tick,
    /// For tags, Call-IDs and the length of pauses.
    pub entropy: &'a mut Entropy,
    /// What is to be done, in order.
    pub out: &'a mut Out<E>,
}

impl<E> Turn<'_, E> {
    pub(crate) fn request(&mut self, asked: Asked, request: Request) {
        self.out.effects.push_back(Effect::Request { asked, request });
    }

    pub(crate) fn respond(&mut self, server: u64, response: Response) {
        self.out.effects.push_back(Effect::Respond { server, response });
    }

    pub(crate) fn event(&mut self, event: E) {
        self.out.effects.push_back(Effect::Event(event));
    }
}

/// The effects of a turn, in order; the owner empties it.
#[derive(Debug)]
pub struct Out<E> {
    /// First in, first done.
    pub effects: VecDeque<Effect<E>>,
}

impl<E> Default for Out<E> {
    fn default() -> Self {
        Out { effects: VecDeque::new() }
    }
}

/// What the owner is to do.
#[derive(Debug)]
pub enum Effect<E> {
    /// Open a client transaction and bring back its final response, or its failure, under `asked`. The
    /// request has no Via yet.
    Request {
        /// What the outcome belongs to.
        asked: Asked,
        /// The request.
        request: Request,
    },
    /// Give a response to the server transaction.
    Respond {
        /// The number under which the owner brought the request.
        server: u64,
        /// The response.
        response: Response,
    },
    /// Tell the user.
    Event(E),
}

/// Which request of a machine an outcome belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which of its dialogs; 0 for requests out of dialog.
    pub dialog: u32,
    /// Its sequence number.
    pub cseq: u32,
}
