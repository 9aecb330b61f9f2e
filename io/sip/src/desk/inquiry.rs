//! Requests that stand alone: MESSAGE and OPTIONS, each with somebody who waits for the answer.

use ruf_agent::{Answer, Body, RequestKey};
use ruf_message::{Flow, StatusCode, Tick, Uri};
use tokio::sync::oneshot;

use super::{Desk, Then};
use crate::error::Error;

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
    pub(crate) answer: oneshot::Sender<Result<StatusCode, Error>>,
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
            sent.map_err(|_| Error::Full)
        });
        match sent {
            Ok(request) => drop(self.inquiries.insert(request, answer)),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    pub(super) fn answered(&mut self, request: RequestKey, answer: Answer) {
        let Some(waiting) = self.inquiries.remove(&request) else { return };
        let answer = match answer {
            Answer::Final { status, .. } => Ok(status),
            Answer::None(failure) => Err(failure.into()),
        };
        let _ = waiting.send(answer);
    }
}
