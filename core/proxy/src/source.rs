//! [`Source`]: the request of a response context, as far as something can still come of it. As long as
//! another branch may be opened it is there as received, and so are the targets that wait; once all that is
//! left is to ring, only what an answer of our own would copy: calls ring for long.
//!
//! Not here: when that is (`context.rs`), what a branch makes of it (`branch_request.rs`).

use std::borrow::Cow;

use bytes::Bytes;
use ruf_message::{Message, Request};
use ruf_transaction::Transactions;

use crate::queue::Queue;

#[derive(Debug)]
pub(crate) enum Source {
    /// Branches can be opened.
    Whole(Box<Whole>),
    /// Its [outline](Request::outline_bytes).
    Outline(Box<[u8]>),
}

#[derive(Debug)]
pub(crate) struct Whole {
    /// As received, after 16.4. Every branch starts from it.
    pub(crate) request: Request,
    /// Targets not tried yet.
    pub(crate) waiting: Queue,
}

impl Source {
    pub(crate) fn new(request: Request) -> Self {
        Source::Whole(Box::new(Whole { request, waiting: Queue::default() }))
    }

    /// The request; of an outline, what an answer copies. `None` cannot come of octets that were printed
    /// from a request.
    pub(crate) fn request(&self) -> Option<Cow<'_, Request>> {
        match self {
            Source::Whole(whole) => Some(Cow::Borrowed(&whole.request)),
            Source::Outline(outline) => match Message::parse(Bytes::copy_from_slice(outline)) {
                Ok(Message::Request(request)) => Some(Cow::Owned(request)),
                Ok(Message::Response(_)) | Err(_) => None,
            },
        }
    }

    /// What branches are made of, while there may be more of them.
    pub(crate) fn whole(&self) -> Option<&Whole> {
        match self {
            Source::Whole(whole) => Some(whole),
            Source::Outline(_) => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn whole_mut(&mut self) -> Option<&mut Whole> {
        match self {
            Source::Whole(whole) => Some(whole),
            Source::Outline(_) => None,
        }
    }

    /// No branch will be opened any more.
    pub(crate) fn outline(&mut self, transactions: &mut Transactions) {
        if let Source::Whole(whole) = self {
            let outline = Source::Outline(whole.request.outline_bytes());
            std::mem::replace(self, outline).end(transactions);
        }
    }

    /// Nothing can come of it any more.
    pub(crate) fn end(self, transactions: &mut Transactions) {
        if let Source::Whole(whole) = self {
            transactions.recycle(whole.request);
        }
    }
}
