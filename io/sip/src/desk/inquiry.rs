//! Requests that stand alone: MESSAGE and OPTIONS, each with somebody who waits for the answer.

use ruf_agent::{Answer, Body, RequestKey};
use ruf_message::{Flow, StatusCode, Tick, Uri};
use tokio::sync::oneshot;

use super::{Desk, Then};
use crate::error::Error;

/// The final response to a request that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its phrase.
    pub reason: String,
    /// From where: `udp:192.0.2.1:5060`.
    pub from: String,
}

/// Who waits for an answer, and from where it comes.
pub(super) struct Waiting {
    answer: oneshot::Sender<Result<Answered, Error>>,
    from: String,
}

/// What is asked.
pub(crate) enum Asked {
    Message(String),
    Options,
}

/// A request that stands alone.
pub(crate) struct Inquiry {
    pub(crate) to: Uri,
    pub(crate) asked: Asked,
    /// Whoever waits may have gone; then nobody misses the answer.
    pub(crate) answer: oneshot::Sender<Result<Answered, Error>>,
}

impl Desk {
    pub(crate) fn inquire(&mut self, now: Tick, inquiry: Inquiry) {
        if self.is_closed {
            return drop(inquiry.answer.send(Err(Error::Closed)));
        }
        let to = inquiry.to.clone();
        self.seek(now, &to, Then::Inquire(inquiry));
    }

    pub(super) fn send(&mut self, now: Tick, inquiry: Inquiry, flow: Result<Flow, Error>) {
        let Inquiry { to, asked, answer } = inquiry;
        let sent = flow.and_then(|flow| {
            self.aim(flow);
            let sent = match asked {
                Asked::Message(text) => {
                    let body =
                        Body { content_type: "text/plain;charset=UTF-8".to_owned(), content: text.into() };
                    self.agent.message(now, &to, body)
                }
                Asked::Options => self.agent.options(now, &to),
            };
            let from = format!("{}:{}", flow.transport.as_param(), flow.remote);
            sent.map(|request| (request, from)).map_err(|_| Error::Full)
        });
        match sent {
            Ok((request, from)) => drop(self.inquiries.insert(request, Waiting { answer, from })),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    pub(super) fn answered(&mut self, request: RequestKey, answer: Answer) {
        let Some(waiting) = self.inquiries.remove(&request) else { return };
        let answer = match answer {
            Answer::Final { status, reason } => Ok(Answered { status, reason, from: waiting.from }),
            Answer::None(failure) => Err(failure.into()),
        };
        let _ = waiting.answer.send(answer);
    }
}
