//! The calls of an agent: the table (by key, by the dialog that a message names, by next deadline), and
//! how the effects of a call's turn are carried out.

use crate::agent::Agent;
use crate::capabilities::party;
use crate::event::{AgentEvent, CallKey, Full};
use crate::inquiry::Caller;
use crate::redirect::TargetSet;
use crate::replaces::ENDED_MAX;
use crate::transfer::Follows;
use crate::way::{Outgoing, Way};
use ruf_auth::Keyring;
use ruf_message::{Flow, Tick};
use ruf_session::{
    Asked, Cause, Effect, Failure, InviteUsage, MIN_SE_SECS, SessionEvent, Terms, Times, Turn,
};
use ruf_transaction::ClientId;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) usage: InviteUsage,
    /// Challenges are answered anew for each Call-ID.
    // rfc3261 §22.3
    pub(crate) keyring: Keyring,
    /// Those are of the server that this flow leads to.
    pub(crate) challenged_by: Option<Flow>,
    /// Where its requests of ours go.
    pub(crate) way: Way,
    /// Its open client transactions: what a CANCEL needs.
    pub(crate) clients: Vec<(Asked, ClientId)>,
    /// Where else it may go.
    pub(crate) targets: TargetSet,
    /// Another call's peer asked for it.
    pub(crate) follows: Option<Follows>,
    /// As whom we call.
    pub(crate) caller: Caller,
    /// When it is answered, this one ends.
    pub(crate) replaces: Option<CallKey>,
    name: Name,
    deadline: Option<Tick>,
}

/// Call-ID and our tag: no two calls share them, though both ends of a call may be ours.
type Name = (Box<[u8]>, Box<[u8]>);

/// All calls, at most so many.
#[derive(Debug)]
pub(crate) struct Calls {
    max: usize,
    next: u64,
    calls: HashMap<CallKey, Call>,
    by_name: HashMap<Name, CallKey>,
    by_deadline: BTreeSet<(Tick, CallKey)>,
    /// The last that ended.
    ended: VecDeque<Name>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

impl Calls {
    pub(crate) fn new(max: usize) -> Self {
        Calls {
            max,
            next: 1,
            calls: HashMap::new(),
            by_name: HashMap::new(),
            by_deadline: BTreeSet::new(),
            ended: VecDeque::new(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.calls.len() >= self.max
    }

    pub(crate) fn insert(
        &mut self,
        call_id: &[u8],
        local_tag: &[u8],
        usage: InviteUsage,
        keyring: Keyring,
        way: Way,
        targets: TargetSet,
    ) -> Result<CallKey, Full> {
        if self.is_full() {
            return Err(Full);
        }
        let key = CallKey(self.next);
        self.next += 1;
        let name: Name = (call_id.into(), local_tag.into());
        self.by_name.insert(name.clone(), key);
        let call = Call {
            usage,
            keyring,
            challenged_by: None,
            way,
            clients: Vec::new(),
            targets,
            follows: None,
            caller: Caller::Known,
            replaces: None,
            name,
            deadline: None,
        };
        self.calls.insert(key, call);
        Ok(key)
    }

    pub(crate) fn get(&self, key: CallKey) -> Option<&Call> {
        self.calls.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.get_mut(&key)
    }

    /// Those that go by this flow.
    pub(crate) fn by(&self, flow: Flow) -> Vec<CallKey> {
        let by = self.calls.iter().filter(|(_, call)| call.way.flow() == flow);
        by.map(|(key, _)| *key).collect()
    }

    /// The call that a message with this Call-ID and this tag of ours belongs to.
    pub(crate) fn named(&self, call_id: &[u8], local_tag: &[u8]) -> Option<CallKey> {
        self.by_name.get(&(call_id.into(), local_tag.into())).copied()
    }

    /// There was such a call, not long ago.
    pub(crate) fn has_ended(&self, call_id: &[u8], local_tag: &[u8]) -> bool {
        self.ended.iter().any(|(of, tag)| **of == *call_id && **tag == *local_tag)
    }

    /// A call had its turn: forgets it if it is over, else notes when it wants the next.
    pub(crate) fn settle(&mut self, key: CallKey) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        let deadline = call.usage.deadline().into_iter().chain(call.way.deadline()).min();
        let deadline = deadline.filter(|_| !call.usage.is_over());
        #[cfg(feature = "mutants")]
        let deadline = deadline.filter(|_| self.mutant != Some(crate::Mutant::DeadlineMissed));
        if deadline != call.deadline {
            if let Some(before) = call.deadline {
                self.by_deadline.remove(&(before, key));
            }
            self.by_deadline.extend(deadline.map(|deadline| (deadline, key)));
            call.deadline = deadline;
        }
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::CallKept) {
            return;
        }
        if call.usage.is_over()
            && let Some(call) = self.calls.remove(&key)
        {
            self.by_name.remove(&call.name);
            self.ended.truncate(ENDED_MAX - 1);
            self.ended.push_front(call.name);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// The call that has been due for longest.
    pub(crate) fn due(&self, now: Tick) -> Option<CallKey> {
        self.by_deadline.first().filter(|(deadline, _)| *deadline <= now).map(|(_, key)| *key)
    }

    /// No call is left, and no trace of one.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.by_name.is_empty() && self.by_deadline.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }
}

impl Agent {
    /// One turn of one call, and all that follows from it.
    pub(crate) fn turn<R>(
        &mut self,
        now: Tick,
        key: CallKey,
        f: impl FnOnce(&mut InviteUsage, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let call = self.calls.get_mut(key)?;
        let mut out = ruf_session::Out::default();
        let result = f(&mut call.usage, &mut Turn { now, entropy: &mut self.entropy, out: &mut out });
        self.perform(now, key, out);
        Some(result)
    }

    pub(crate) fn perform(&mut self, now: Tick, key: CallKey, out: ruf_session::Out) {
        for effect in out.effects {
            match effect {
                Effect::Request { asked, mut request } => {
                    let Some(call) = self.calls.get_mut(key) else { continue };
                    // rfc3261 §22.3: credentials that this Call-ID was asked for go along
                    call.keyring.authorize(&mut request);
                    self.dispatch(now, key, Outgoing::new(Some(asked), request));
                }
                Effect::Ack(ack) => self.dispatch(now, key, Outgoing::new(None, ack)),
                Effect::Cancel { invite, cause } => self.cancel(now, key, invite, cause),
                Effect::Respond { server, response } => {
                    if let Some(served) = self.served.get(&server) {
                        self.transactions.respond(now, served.id, &response, &mut self.out);
                    }
                }
                Effect::Event(event) => {
                    self.events.push_back(told(key, event.clone()));
                    self.report(now, key, &event);
                }
            }
        }
        self.replace(now, key);
        self.calls.settle(key);
    }

    /// An INVITE of ours is not wanted any more.
    // rfc3261 §9.1
    fn cancel(&mut self, now: Tick, key: CallKey, invite: Asked, cause: Option<Cause>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some((_, client)) = call.clients.iter().find(|(of, _)| *of == invite) {
            match cause.map(|cause| cause.to_string()) {
                Some(cause) => self.transactions.cancel_because(now, *client, &cause, &mut self.out),
                None => self.transactions.cancel(now, *client, &mut self.out),
            }
        } else if call.way.withdraw(invite) {
            // It never left.
            self.turn(now, key, |usage, turn| usage.failed(turn, invite, Failure::Silence));
            self.proceed(now, key);
        }
    }

    pub(crate) fn terms(&self, flow: &Flow, caller: Caller) -> Terms {
        Terms {
            party: party(&self.settings, self.contact_of(caller, flow), flow),
            times: Times {
                t1: self.settings.timers.t1,
                t2: self.settings.timers.t2,
                ringing_max: self.settings.ringing_max,
                reinvite_max: self.settings.reinvite_max,
                referral_max: self.settings.referral_max,
                session_interval: self
                    .settings
                    .session_expires_secs
                    .map(|secs| Duration::from_secs(secs.max(MIN_SE_SECS).into())),
            },
        }
    }
}

fn told(call: CallKey, event: SessionEvent) -> AgentEvent {
    match event {
        SessionEvent::Progress { status, body, answer_due } => {
            AgentEvent::Ringing { call, status, body, answer_due }
        }
        SessionEvent::ProgressConfirmed { body } => AgentEvent::ProgressConfirmed { call, body },
        SessionEvent::Answered { body, answer_due } => AgentEvent::Answered { call, body, answer_due },
        SessionEvent::Acknowledged { body } => AgentEvent::Acknowledged { call, body },
        SessionEvent::Reinvited { body, answer_due } => AgentEvent::Reinvited { call, body, answer_due },
        SessionEvent::Modified { body } => AgentEvent::Modified { call, body },
        SessionEvent::NotModified { status } => AgentEvent::NotModified { call, status },
        SessionEvent::Refreshed { body } => AgentEvent::Refreshed { call, body },
        SessionEvent::Identity { uri, display, is_asserted } => {
            AgentEvent::Identity { call, uri, display, is_asserted }
        }
        SessionEvent::Info { body } => AgentEvent::Info { call, body },
        SessionEvent::InfoRefused { status } => AgentEvent::InfoRefused { call, status },
        SessionEvent::Referred { to, replaces, referred_by } => {
            AgentEvent::Referred { call, to, replaces, referred_by }
        }
        SessionEvent::TransferProgress { status } => AgentEvent::TransferProgress { call, status },
        SessionEvent::Transferred => AgentEvent::Transferred { call },
        SessionEvent::TransferFailed(failure) => AgentEvent::TransferFailed { call, failure },
        SessionEvent::Cause(cause) => AgentEvent::Cause { call, cause },
        SessionEvent::Ended(reason) => AgentEvent::Ended { call, reason },
    }
}
