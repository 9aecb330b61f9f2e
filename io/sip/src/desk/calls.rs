//! The calls of a phone: each a line, with its user on one end and the agent's call on the other.

use std::sync::{Arc, OnceLock};

use ruf_agent::{AgentEvent, CallKey, Cause, DiversionReason, EndReason};
use ruf_media::{Figures, WayEvent};
use ruf_message::{Flow, StatusCode, Tick, Uri};
use tokio::sync::mpsc;

use super::{Desk, Then, message};
use crate::call::CallName;
use crate::error::Error;
use crate::event::{CallEvent, Ended};
use crate::incoming::{Diverted, Parties};
use crate::info;
use crate::phone::Told;
use crate::talk::{Change, Talk};

/// Events that may wait for the user of a call. More are lost; how it ended is not.
const EVENTS_MAX: usize = 256;
/// Calls at once, those that wait for a way included.
const LINES_MAX: usize = 256;

/// One call of one phone; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LineKey(u64);

/// A line as its user gets it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) line: LineKey,
    pub(crate) parties: Parties,
    pub(crate) events: mpsc::Receiver<CallEvent>,
    pub(crate) end: Arc<OnceLock<End>>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) why: Ended,
    /// What was known of its sound then.
    pub(crate) figures: Figures,
}

/// One call.
pub(super) struct Line {
    /// `None`: it waits for a way.
    call: Option<CallKey>,
    to: Uri,
    /// The far side is not to know who calls.
    is_anonymous: bool,
    talk: Talk,
    told: mpsc::Sender<CallEvent>,
    /// Whom the far side asks us to call.
    referral: Option<Uri>,
    /// Its user knows that both can talk.
    is_up: bool,
    /// Why we hang up, if not because the user wants it.
    cause: Option<Ended>,
    /// The far side, or the server, says that somebody else took it.
    is_elsewhere: bool,
    end: Arc<OnceLock<End>>,
}

impl Line {
    fn tell(&self, event: CallEvent) {
        let _ = self.told.try_send(event);
    }

    /// Tells whether the far side holds now, if that is news.
    fn tell_hold(&self, was_held: bool) {
        match (was_held, self.talk.is_held()) {
            (false, true) => self.tell(CallEvent::Held),
            (true, false) => self.tell(CallEvent::Resumed),
            (true, true) | (false, false) => {}
        }
    }
}

impl Desk {
    /// How many calls there are.
    pub(crate) fn calls(&self) -> usize {
        self.lines.len()
    }

    /// Calls.
    ///
    /// # Errors
    /// There are as many calls as there may be, or no port for sound.
    pub(crate) fn call(&mut self, now: Tick, to: Uri, is_anonymous: bool) -> Result<Opened, Error> {
        if self.is_closed {
            return Err(Error::Closed);
        }
        let parties = Parties::called(&to);
        let opened = self.open(None, to.clone(), parties)?;
        if let Some(line) = self.lines.get_mut(&opened.line) {
            line.is_anonymous = is_anonymous;
        }
        self.seek(now, &to, Then::Call(opened.line));
        Ok(opened)
    }

    fn open(&mut self, call: Option<CallKey>, to: Uri, parties: Parties) -> Result<Opened, Error> {
        if self.lines.len() >= LINES_MAX {
            return Err(Error::Full);
        }
        let line = LineKey(self.next_line);
        self.next_line += 1;
        let (told, events) = mpsc::channel(EVENTS_MAX);
        let end = Arc::new(OnceLock::new());
        let talk = self.media.talk(line, told.clone());
        self.lines.insert(
            line,
            Line {
                call,
                to,
                is_anonymous: false,
                talk,
                told,
                referral: None,
                is_up: false,
                cause: None,
                is_elsewhere: false,
                end: Arc::clone(&end),
            },
        );
        self.line_of.extend(call.map(|call| (call, line)));
        Ok(Opened { line, parties, events, end })
    }

    /// There is a way for a call, or none; `of`: the line whose far side asked for it.
    pub(super) fn place(&mut self, now: Tick, key: LineKey, of: Option<LineKey>, flow: Result<Flow, Error>) {
        // Given up meanwhile.
        let Some(line) = self.lines.get_mut(&key) else { return };
        let (to, is_anonymous) = (line.to.clone(), line.is_anonymous);
        let offered = flow.and_then(|flow| Ok((flow, line.talk.offer(&flow)?)));
        let placed = offered.and_then(|(flow, offer)| {
            self.aim(flow);
            match of {
                None if is_anonymous => {
                    self.agent.call_anonymously(now, &to, Some(offer)).map_err(|_| Error::Full)
                }
                None => self.agent.call(now, &to, Some(offer)).map_err(|_| Error::Full),
                Some(of) => {
                    let asker = self.lines.get(&of).and_then(|line| line.call).ok_or(Error::Closed)?;
                    self.agent.accept_referral(now, asker, Some(offer)).ok_or(Error::Closed)
                }
            }
        });
        match placed {
            Ok(call) => {
                self.line_of.insert(call, key);
                if let Some(line) = self.lines.get_mut(&key) {
                    line.call = Some(call);
                }
            }
            Err(error) => {
                if let Some(of) = of {
                    self.stay(now, of);
                }
                self.end(key, Ended::Failed(error));
            }
        }
    }

    /// Asks the far side to call somebody else.
    pub(crate) fn transfer(&mut self, now: Tick, key: LineKey, to: &Uri) {
        self.act(key, |desk, call| desk.agent.transfer(now, call, to));
    }

    /// The address by which somebody takes our place in a call.
    pub(crate) fn replacement(&self, key: LineKey) -> Option<Uri> {
        self.agent.replacement(self.lines.get(&key)?.call?)
    }

    /// Sends a caller on to somebody else.
    pub(crate) fn forward(&mut self, now: Tick, key: LineKey, to: &Uri, why: DiversionReason) {
        self.act(key, |desk, call| desk.agent.redirect(now, call, to, why));
    }

    /// Calls whom the far side asked us to call.
    ///
    /// # Errors
    /// It asks for nothing (any more), or there are as many calls as there may be.
    pub(crate) fn follow(&mut self, now: Tick, key: LineKey) -> Result<Opened, Error> {
        let to = self.lines.get_mut(&key).and_then(|line| line.referral.take()).ok_or(Error::Closed)?;
        let parties = Parties::called(&to);
        let opened = self.open(None, to.clone(), parties)?;
        self.seek(now, &to, Then::Follow { line: opened.line, of: key });
        Ok(opened)
    }

    /// Does not call whom the far side asked us to call.
    pub(crate) fn stay(&mut self, now: Tick, key: LineKey) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.referral = None;
        }
        self.act(key, |desk, call| desk.agent.refuse_referral(now, call));
    }

    /// Does this with the agent's call of a line.
    fn act(&mut self, key: LineKey, act: impl FnOnce(&mut Desk, CallKey)) {
        if let Some(call) = self.lines.get(&key).and_then(|line| line.call) {
            act(self, call);
        }
    }

    pub(crate) fn ring(&mut self, now: Tick, key: LineKey) {
        self.act(key, |desk, call| desk.agent.ring(now, call));
    }

    /// Answers a call that came; the description was made when it did.
    pub(crate) fn answer(&mut self, now: Tick, key: LineKey) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        let Some(call) = line.call else { return };
        let body = line.talk.accept();
        self.agent.answer(now, call, body);
    }

    pub(crate) fn reject(&mut self, now: Tick, key: LineKey, status: StatusCode) {
        let refuses = !status.is_provisional() && !status.is_success();
        let status = if refuses { status } else { StatusCode::TEMPORARILY_UNAVAILABLE };
        self.act(key, |desk, call| desk.agent.reject(now, call, status));
    }

    /// Hangs up; one that waits for a way is over at once.
    pub(crate) fn hang_up(&mut self, now: Tick, key: LineKey, cause: Option<Cause>) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        // rfc3261 §15.1.1: media stop with the BYE
        line.talk.stop();
        match line.call {
            Some(call) => match cause {
                Some(cause) => self.agent.hang_up_because(now, call, cause),
                None => self.agent.hang_up(now, call),
            },
            None => self.end(key, Ended::Cancelled),
        }
    }

    /// What became of the way for sound. Where one leads nowhere any more, another is sought, once.
    // rfc7675 §5.1
    pub(crate) fn way(&mut self, now: Tick, key: LineKey, way: WayEvent) {
        let Some(line) = self.lines.get_mut(&key).filter(|line| line.is_up) else { return };
        match (way, line.talk.seeks_way()) {
            (WayEvent::Found { .. }, _) => line.talk.found_way(),
            (WayEvent::Lost, false) => self.change(now, key, Change::Restart),
            (WayEvent::Lost | WayEvent::None, true) => {
                line.cause = Some(Ended::SoundLost);
                self.hang_up(now, key, None);
            }
            (WayEvent::None, false) => {}
        }
    }

    /// Changes what we send and take: hold, resume.
    pub(crate) fn change(&mut self, now: Tick, key: LineKey, change: Change) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        if let (Some(call), Some(offer)) = (line.call, line.talk.change(change)) {
            self.agent.modify(now, call, offer);
        }
    }

    /// Does something with the sound of a call.
    pub(crate) fn sound<R>(&mut self, key: LineKey, act: impl FnOnce(&mut Talk) -> R) -> Option<R> {
        self.lines.get_mut(&key).map(|line| act(&mut line.talk))
    }

    /// What the agent says of its calls.
    pub(super) fn hear_call(&mut self, now: Tick, event: AgentEvent) {
        match event {
            AgentEvent::Incoming {
                call,
                from,
                display,
                to,
                body,
                replaces,
                joins,
                referred_by,
                asserted,
                diverted,
            } => {
                let text = |uri: Uri| uri.to_string();
                let parties = Parties {
                    from: from.to_string(),
                    display,
                    to: to.to_string(),
                    replaces: replaces.is_some(),
                    joins: joins.and_then(|call| self.line_of.get(&call)).map(|line| CallName(*line)),
                    referred_by: referred_by.map(text),
                    asserted: asserted.map(text),
                    diverted: diverted.map(|first| Diverted::from(*first)),
                };
                self.incoming(now, call, from, parties, body);
            }
            AgentEvent::Ringing { call, status, body, answer_due: true } => {
                self.on_line(call, |desk, line| {
                    desk.reinvited(now, call, line, body.as_ref());
                    line.tell(CallEvent::Ringing { status, early_media: body.is_some() });
                })
            }
            AgentEvent::Ringing { call, status, body, .. } => self.on_line(call, |_, line| {
                let early_media = body.is_some_and(|body| line.talk.answered(&body).is_ok());
                line.tell(CallEvent::Ringing { status, early_media });
            }),
            AgentEvent::Answered { call, body, answer_due } => {
                self.on_line(call, |desk, line| {
                    desk.was_answered(now, call, line, body.as_ref(), answer_due)
                });
            }
            AgentEvent::Acknowledged { call, body } => {
                self.on_line(call, |desk, line| desk.was_answered(now, call, line, body.as_ref(), false));
            }
            AgentEvent::Reinvited { call, body, answer_due } => {
                self.on_line(call, |desk, line| {
                    if answer_due {
                        desk.reinvited(now, call, line, body.as_ref());
                    }
                });
            }
            AgentEvent::Modified { call, body } => self.on_line(call, |desk, line| {
                let change = line.talk.offered_change();
                if body.is_none_or(|body| line.talk.answered(&body).is_err()) {
                    // A useless answer leaves the session what it was.
                    return desk.not_changed(now, call, line, StatusCode::NOT_ACCEPTABLE_HERE);
                }
                match change {
                    Some(Change::Hold) => line.tell(CallEvent::Holding),
                    Some(Change::Resume) => line.tell(CallEvent::Released),
                    Some(Change::Restart) | None => {}
                }
                desk.change_next(now, call, line);
            }),
            AgentEvent::NotModified { call, status } => {
                self.on_line(call, |desk, line| desk.not_changed(now, call, line, status));
            }
            AgentEvent::Ended { call, reason } => {
                if let Some(key) = self.line_of.remove(&call) {
                    let is_elsewhere = self.lines.get(&key).is_some_and(|line| line.is_elsewhere);
                    let is_elsewhere = is_elsewhere && reason == EndReason::RemoteCancelled;
                    self.end(key, if is_elsewhere { Ended::Elsewhere } else { reason.into() });
                }
            }
            AgentEvent::Referred { call, to, referred_by, .. } => self.on_line(call, |_, line| {
                let (whom, by) = (to.to_string(), referred_by.map(|by| by.to_string()));
                line.referral = Some(to);
                line.tell(CallEvent::Referred { to: whom, by });
            }),
            AgentEvent::Info { call, body } => self.on_line(call, |_, line| {
                if let Some(key) = info::key(&body) {
                    line.tell(CallEvent::Digit(key));
                }
            }),
            event => self.pass_on(event),
        }
    }

    /// What a call's user is told, and nothing else follows from.
    fn pass_on(&mut self, event: AgentEvent) {
        let (call, told) = match event {
            AgentEvent::Redirected { call, to } => (call, CallEvent::Redirected { to: to.to_string() }),
            AgentEvent::RetryAfter { call, secs } => (call, CallEvent::RetryAfter { secs }),
            AgentEvent::Identity { call, uri, display, is_asserted } => {
                (call, CallEvent::Identity { uri: uri.to_string(), display, is_asserted })
            }
            AgentEvent::Cause { call, cause } => (call, CallEvent::Cause(cause)),
            AgentEvent::TransferProgress { call, status } => (call, CallEvent::TransferProgress(status)),
            AgentEvent::Transferred { call } => (call, CallEvent::Transferred),
            AgentEvent::TransferFailed { call, failure } => (call, CallEvent::TransferFailed(failure.into())),
            AgentEvent::Message { call: Some(call), from, body } => {
                (call, CallEvent::Message(message(&from, &body)))
            }
            _ => return,
        };
        self.on_line(call, |_, line| {
            line.is_elsewhere |= matches!(&told, CallEvent::Cause(cause) if cause.is_elsewhere());
            line.tell(told);
        });
    }

    fn incoming(
        &mut self,
        now: Tick,
        call: CallKey,
        from: Uri,
        parties: Parties,
        body: Option<ruf_agent::Body>,
    ) {
        let refuse = |desk: &mut Desk, status| desk.agent.reject(now, call, status);
        if self.is_closed {
            return refuse(self, StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        let flow = self.flow_of(call);
        let Ok(opened) = self.open(Some(call), from, parties) else {
            return refuse(self, StatusCode::BUSY_HERE);
        };
        let key = opened.line;
        let offered = self.sound(key, |talk| talk.offered(&flow, body.as_ref())).unwrap_or(Ok(()));
        let refusal = match offered {
            Ok(()) if self.tell(Told::Incoming(opened)) => return,
            // Its user reads nothing.
            Ok(()) => StatusCode::TEMPORARILY_UNAVAILABLE,
            Err(status) => status,
        };
        self.line_of.remove(&call);
        self.lines.remove(&key);
        refuse(self, refusal);
    }

    /// Both sides know that the call is up, or that it was changed, and what was said with that.
    fn was_answered(
        &mut self,
        now: Tick,
        call: CallKey,
        line: &mut Line,
        body: Option<&ruf_agent::Body>,
        answer_due: bool,
    ) {
        let (flow, was_held) = (self.flow_of(call), line.talk.is_held());
        let useless = |_| Ended::NothingInCommon;
        let said = match body {
            Some(offer) if answer_due => line.talk.reoffered(&flow, Some(offer)).map(Some).map_err(useless),
            Some(answer) => line.talk.answered(answer).map(|()| None).map_err(useless),
            None if line.talk.confirmed() => Ok(None),
            // rfc3261 §13.2.1: the answer had to be in it
            None => Err(Ended::Undescribed),
        };
        line.talk.confirm();
        match said {
            Ok(answer) => {
                if answer_due {
                    self.agent.answer(now, call, answer);
                }
                match std::mem::replace(&mut line.is_up, true) {
                    true => line.tell_hold(was_held),
                    false => line.tell(CallEvent::Answered),
                }
                self.change_next(now, call, line);
            }
            Err(why) => {
                line.cause = Some(why);
                self.agent.hang_up(now, call);
            }
        }
    }

    /// What we offered within the call came to nothing. Without another way the call cannot go on; with what its user
    /// wanted it stays as it was.
    fn not_changed(&mut self, now: Tick, call: CallKey, line: &mut Line, status: StatusCode) {
        let change = line.talk.offered_change();
        line.talk.refused();
        if change == Some(Change::Restart) {
            line.cause = Some(Ended::SoundLost);
            return self.agent.hang_up(now, call);
        }
        line.tell(CallEvent::NotChanged(status));
        self.change_next(now, call, line);
    }

    fn change_next(&mut self, now: Tick, call: CallKey, line: &mut Line) {
        if let Some(offer) = line.talk.next_change() {
            self.agent.modify(now, call, offer);
        }
    }

    /// The way of a call.
    fn flow_of(&mut self, call: CallKey) -> Flow {
        self.agent.flow(call).unwrap_or(self.nobody)
    }

    /// The far side changes the session, and waits.
    fn reinvited(&mut self, now: Tick, call: CallKey, line: &mut Line, body: Option<&ruf_agent::Body>) {
        let was_held = line.talk.is_held();
        match line.talk.reoffered(&self.flow_of(call), body) {
            Ok(answer) => {
                self.agent.answer(now, call, Some(answer));
                line.tell_hold(was_held);
            }
            Err(status) => self.agent.reject(now, call, status),
        }
        self.change_next(now, call, line);
    }

    fn on_line(&mut self, call: CallKey, act: impl FnOnce(&mut Desk, &mut Line)) {
        let Some(key) = self.line_of.get(&call).copied() else { return };
        // Out of the table while both are in hand.
        if let Some(mut line) = self.lines.remove(&key) {
            act(self, &mut line);
            self.lines.insert(key, line);
        }
    }

    fn end(&mut self, key: LineKey, ended: Ended) {
        let ended = match ended {
            Ended::Failed(error) => Ended::Failed(error.of(self.has_password)),
            other => other,
        };
        if let Some(mut line) = self.lines.remove(&key) {
            // Before the far side hears that we know of its BYE.
            line.talk.stop();
            // Told by the channel that closes with the line.
            let figures = line.talk.figures();
            let _ = line.end.set(End { why: line.cause.unwrap_or(ended), figures });
        }
    }
}
