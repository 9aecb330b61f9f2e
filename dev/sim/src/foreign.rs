//! A program of somebody else's, played by hand: what it receives is kept until it is asked for, and what it says
//! is given to [`Sim::say`](crate::Sim::say). For what no phone of ours does.

use std::collections::VecDeque;

use bytes::Bytes;
use ruf_message::Message;

/// What it received and was not asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    inbox: VecDeque<Message>,
}

impl Foreign {
    pub(crate) fn receive(&mut self, bytes: Bytes) {
        self.inbox.extend(Message::parse(bytes).ok());
    }

    pub(crate) fn heard(&mut self) -> Option<Message> {
        self.inbox.pop_front()
    }
}
