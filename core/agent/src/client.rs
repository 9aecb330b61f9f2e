//! Requests of ours: sent, challenged, answered (RFC 3261 §8.1, §22.2, §22.3).

use crate::agent::Agent;
use crate::event::{AgentEvent, Answer, CallKey, Full, RequestKey};
use ruf_auth::Keyring;
use ruf_message::{Flow, HeaderName, Method, Request, Response, StatusCode, Tick};
use ruf_session::{Asked, Failure};

/// A request of ours whose transaction is open.
#[derive(Debug)]
pub(crate) struct Open {
    owner: Owner,
    flow: Flow,
    /// As it went out, for another try with credentials.
    request: Box<Request>,
}

/// Whose request.
#[derive(Debug)]
pub(crate) enum Owner {
    Registration,
    Call { key: CallKey, asked: Asked },
    Single { key: RequestKey, method: Method, keyring: Box<Keyring> },
}

impl Agent {
    /// Opens a transaction.
    pub(crate) fn send(&mut self, now: Tick, flow: Flow, owner: Owner, request: Request) -> Result<(), Full> {
        let user = self.next;
        self.next += 1;
        let sent_by = flow.local.to_string();
        let client = self
            .transactions
            .send(now, flow, request.clone(), &sent_by, user, &mut self.out)
            .map_err(|ruf_transaction::Full| Full)?;
        if let Owner::Call { key, asked } = owner
            && let Some(call) = self.calls.get_mut(key)
        {
            call.clients.push((asked, client));
        }
        self.open.insert(user, Open { owner, flow, request: Box::new(request) });
        Ok(())
    }

    /// A response came.
    pub(crate) fn responded(&mut self, now: Tick, user: u64, response: &Response) {
        // rfc3261 §8.1.3.3: a second Via means that it was for somebody else
        if response.values(HeaderName::Via).count() > 1 {
            return;
        }
        let status = response.status();
        // rfc3261 §8.1.3.5
        let challenged =
            matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        if challenged && self.retry(now, user, response) {
            return;
        }
        let Some(open) = self.open.get(&user) else { return };
        match &open.owner {
            Owner::Registration => {
                let step = self.registration.response(now, &mut self.entropy, response);
                self.registered(now, step);
            }
            Owner::Call { key, asked } => {
                let (key, asked) = (*key, *asked);
                self.turn(now, key, |usage, turn| usage.response(turn, asked, response));
            }
            Owner::Single { key, method, .. } => {
                if !status.is_provisional() {
                    let reason = String::from_utf8_lossy(response.reason()).into_owned();
                    self.events.push_back(answered(*key, *method, Answer::Final { status, reason }));
                }
            }
        }
    }

    /// Answers a challenge: the same request with the next number and with credentials. False: it
    /// cannot be answered, or nobody wants the answer any more.
    // rfc3261 §22.2 and rfc3261 §22.3
    fn retry(&mut self, now: Tick, user: u64, response: &Response) -> bool {
        let Some(open) = self.open.get_mut(&user) else { return false };
        let flow = open.flow;
        let mut again = (*open.request).clone();
        let (owner, sent) = match &mut open.owner {
            Owner::Registration => {
                let keyring = &mut self.registration.keyring;
                if keyring.challenged(&again, response, &mut self.entropy).is_err() {
                    return false;
                }
                let Some(number) = self.registration.retry() else { return false };
                renumber(&mut again, number);
                self.registration.keyring.authorize(&mut again);
                (Owner::Registration, None)
            }
            Owner::Single { key, method, keyring } => {
                if keyring.challenged(&again, response, &mut self.entropy).is_err() {
                    return false;
                }
                let number = again.cseq().number.saturating_add(1);
                renumber(&mut again, number);
                keyring.authorize(&mut again);
                (Owner::Single { key: *key, method: *method, keyring: keyring.clone() }, None)
            }
            Owner::Call { key, asked } => {
                let Some(call) = self.calls.get_mut(*key) else { return false };
                if call.keyring.challenged(&again, response, &mut self.entropy).is_err() {
                    return false;
                }
                let Some(number) = call.usage.retry(*asked) else { return false };
                renumber(&mut again, number);
                call.keyring.authorize(&mut again);
                let asked = call.usage.sent_again(*asked, &again);
                (Owner::Call { key: *key, asked }, Some((*key, asked)))
            }
        };
        if self.send(now, flow, owner, again).is_err() {
            match sent {
                None => return false,
                Some((key, asked)) => {
                    self.turn(now, key, |usage, turn| usage.failed(turn, asked, Failure::Unreachable));
                }
            }
        }
        true
    }

    /// A transaction of ours is over; `failed`: without a final response.
    pub(crate) fn ended(&mut self, now: Tick, user: u64, failed: Option<Failure>) {
        let Some(Open { owner, .. }) = self.open.remove(&user) else { return };
        if let Owner::Call { key, asked } = owner
            && let Some(call) = self.calls.get_mut(key)
        {
            call.clients.retain(|(of, _)| *of != asked);
        }
        match (owner, failed) {
            (Owner::Registration, Some(failure)) => {
                let step = self.registration.failed(now, &mut self.entropy, failure, None);
                self.registered(now, step);
            }
            (Owner::Call { key, asked }, Some(failure)) => {
                self.turn(now, key, |usage, turn| usage.failed(turn, asked, failure));
            }
            (Owner::Call { key, asked }, None) => {
                self.turn(now, key, |usage, _| usage.concluded(asked));
            }
            (Owner::Single { key, method, .. }, Some(failure)) => {
                self.events.push_back(answered(key, method, Answer::None(failure)));
            }
            (Owner::Registration | Owner::Single { .. }, None) => {}
        }
    }
}

// rfc3261 §22.2: one higher
fn renumber(request: &mut Request, number: u32) {
    let method = String::from_utf8_lossy(request.method_bytes()).into_owned();
    request.set(HeaderName::CSeq, format!("{number} {method}"));
}

fn answered(request: RequestKey, method: Method, answer: Answer) -> AgentEvent {
    if method == Method::Message {
        AgentEvent::MessageAnswered { request, answer }
    } else {
        AgentEvent::OptionsAnswered { request, answer }
    }
}
