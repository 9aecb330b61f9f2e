//! [`Proxy`]: the table of response contexts and the verbs that the node calls. Each verb finds the
//! context and hands it to the phase of RFC 3261 section 16 that it belongs to.
//!
//! Not here: what a phase does (one file each), and the machines below (`ruf-transaction`).

use std::collections::VecDeque;

use ruf_admission::{Admitted, Gate, Identity};
use ruf_message::{Deadlines, Flow, Method, Place, Request, Response, Tick};
use ruf_transaction::{Event, Fingerprint, Transactions};

use crate::best::Failure;
use crate::call::CallEvent;
use crate::context::{Phase, ResponseContext};
use crate::limits::Limits;
use crate::question::{Answer, Question, Reconnected, Refusal, Target, Unreachable};
use crate::slots::{Key, Slots, Token};
use crate::stateless::Ack;
use crate::target::Targets;
use crate::{call, route, stateless, target, validate};

/// What comes out of the proxy besides the messages, which go into the transactions' own `Out`. Its
/// owner drains it.
#[derive(Debug, Default)]
pub struct Out {
    /// To be answered by [`Proxy::answer`], in the same turn if the answer is at hand.
    pub questions: VecDeque<Question>,
    /// To whoever follows calls.
    pub calls: VecDeque<CallEvent>,
    /// Places that did not serve: to whoever finds places (RFC 3263 section 4.3).
    pub failed: VecDeque<Place>,
    /// Phones that are reached by another connection now: to whoever keeps bindings.
    pub reconnected: VecDeque<Reconnected>,
    /// To be given back by [`Proxy::acknowledge`] with their target, in the same turn.
    pub acks: VecDeque<Ack>,
}

/// What one turn of the node lends to the proxy.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The time.
    pub now: Tick,
    /// Who we are, and the tokens.
    pub gate: &'a Gate,
    /// The machines of RFC 3261 section 17.
    pub transactions: &'a mut Transactions,
    /// Where these write.
    pub wire: &'a mut ruf_transaction::Out,
    /// Where the proxy writes.
    pub out: &'a mut Out,
}

/// A stateful proxy (RFC 3261 section 16).
#[derive(Debug)]
pub struct Proxy {
    limits: Limits,
    contexts: Slots<ResponseContext>,
    timers: Deadlines<Due>,
}

/// What comes due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// A question was not answered in time.
    Question(Token),
    /// A connection was not made in time.
    Reach(Token),
    /// Has a branch been silent?
    Silence(Token),
    /// Look at the Timers C of a context.
    TimerC(Key),
}

/// What a phase may use while it works on one context.
pub(crate) struct Step<'s, 't> {
    pub(crate) turn: &'s mut Turn<'t>,
    pub(crate) timers: &'s mut Deadlines<Due>,
    pub(crate) limits: &'s Limits,
    pub(crate) key: Key,
}

impl Step<'_, '_> {
    /// Asks, and sets the question's deadline.
    pub(crate) fn ask(&mut self, token: Token, question: Question) {
        let (patience, due) = match question {
            Question::Locate { .. } | Question::Resolve { .. } => {
                (self.limits.question, Due::Question(token))
            }
            Question::Reach { .. } => (self.limits.reach, Due::Reach(token)),
        };
        self.turn.out.questions.push_back(question);
        self.timers.arm(self.turn.now, patience, due);
    }
}

/// Whether a context is still needed after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Kept {
    /// Something may still come for it.
    Yes,
    /// Nothing that comes would change what the sender of the request sees.
    No,
}

/// A table was full and nothing was kept of the request. The whole server is overloaded: the answer
/// is a 503 without state, if the sender may have one ([`Gate::may_reply`]).
#[derive(Debug)]
#[must_use]
pub struct Overloaded {
    /// Where the request came in.
    pub flow: Flow,
    /// The request.
    pub request: Request,
    /// Whose it is: only an account of ours may be told when to come back (Retry-After), since a
    /// proxy would send us nothing at all until then (RFC 3261 section 21.5.4).
    pub identity: Identity,
}

impl Proxy {
    /// A proxy that keeps to these limits.
    pub fn new(limits: Limits) -> Self {
        Proxy {
            limits,
            contexts: Slots::new(limits.contexts_max),
            timers: Deadlines::new(&[limits.question, limits.reach, limits.silence, Limits::TIMER_C_LOOK]),
        }
    }

    /// Proxies an admitted request, of any method but CANCEL. Opens its server transaction, which is found by
    /// this fingerprint.
    // rfc3261 §16.1: statefully, whatever the transports and however many the targets
    // rfc3261 §16.2: all new requests, of known and of unknown methods
    pub fn request(
        &mut self,
        turn: &mut Turn<'_>,
        admitted: Admitted,
        fingerprint: Fingerprint,
    ) -> Result<(), Box<Overloaded>> {
        let (flow, mut request, identity) = admitted.into_parts();
        if request.method() == Method::Ack {
            stateless::receive(turn, &flow, request, &identity);
            return Ok(());
        }
        let opened = match self.contexts.is_full() {
            true => None,
            false => turn.transactions.accept_as(turn.now, flow, &request, fingerprint).ok(),
        };
        let Some(server) = opened else {
            return Err(Box::new(Overloaded { flow, request, identity }));
        };

        // In a dialog there is one way, and none to multiply: Max-Forwards bounds a loop.
        // rfc5393 §4.1
        let in_dialog = matches!(identity, Identity::Dialog(_));
        let mark = (!in_dialog).then(|| turn.transactions.mark(&request));
        let has_looped = mark.is_some_and(|mark| turn.transactions.has_passed(&request, mark));
        if let Err(reject) = validate::validate(&request, has_looped) {
            let response = reject.into_response(&request, turn.gate);
            turn.transactions.respond(turn.now, server, &response, turn.wire);
            return Ok(());
        }
        route::preprocess(&mut request, &flow, &identity, turn.gate.ourselves());
        let targets = target::determine(&request, &identity, turn.gate.ourselves());
        let (key, method) = (self.contexts.next_key(), request.method());
        turn.transactions.set_user(server, Token::of_context(key).as_user());
        call::announce(turn, &request, &identity);
        let ourselves = turn.gate.ourselves();
        self.contexts.insert(ResponseContext::new(server, flow, request, &identity, mark, ourselves));
        match targets {
            Targets::Predetermined(target) => {
                self.with(turn, key, |context, step| context.begin(step, [target].into()));
            }
            Targets::Sought(destination) => {
                let token = Token::of_context(key);
                let question = Question::Locate { token, destination, identity, method };
                self.with(turn, key, |_, step| {
                    step.ask(token, question);
                    Kept::Yes
                });
            }
        }
        Ok(())
    }

    /// Forwards the ACK of a 2xx that went to a GRUU; without a target, by the flow that its dialog's token
    /// names.
    pub fn acknowledge(&mut self, turn: &mut Turn<'_>, ack: Ack, target: Option<Target>) {
        stateless::forward(turn, ack, target);
    }

    /// Takes the answer to a question. One that comes too late does nothing.
    pub fn answer(&mut self, turn: &mut Turn<'_>, answer: Answer) {
        match answer {
            Answer::Located { token, targets } => {
                self.with(turn, token.key(), |context, step| context.located(step, targets));
            }
            Answer::Resolved { token, places } => {
                let Some(branch) = token.branch() else { return };
                self.with(turn, token.key(), |context, step| context.resolved(step, branch, places));
            }
            Answer::Reached { token, flow } => {
                let Some(branch) = token.branch() else { return };
                self.with(turn, token.key(), |context, step| context.reached(step, branch, flow));
            }
        }
    }

    /// Takes a response to one of the proxy's client transactions.
    // rfc3261 §16.7: the client transaction was found below; one without is never forwarded
    // rfc6026 §8.2
    pub fn response(&mut self, turn: &mut Turn<'_>, user: u64, response: Response) {
        let token = Token::from_user(user);
        let Some(branch) = token.branch() else { return };
        self.with(turn, token.key(), |context, step| context.response(step, branch, response));
    }

    /// Takes what happened to one of the proxy's transactions.
    pub fn event(&mut self, turn: &mut Turn<'_>, event: Event) {
        match event {
            Event::Timeout { user, .. } => self.failed(turn, user, Failure::TimedOut),
            Event::Unreachable { user, .. } => self.failed(turn, user, Failure::Unreachable),
            // All that could come of it came before.
            Event::ClientEnded { .. } => {}
            // rfc3261 §16.7: errors of the server transaction ask for no remedy by the proxy
            // rfc3261 §16.9: outstanding client transactions are not cancelled
            Event::ServerTimedOut { .. } | Event::ServerUnreachable { .. } => {}
            // rfc6026 §8.3: without a server transaction, what still comes is discarded
            Event::ServerEnded { user, .. } => {
                self.end(turn, Token::from_user(user).key());
            }
        }
    }

    /// Takes a CANCEL of the INVITE whose server transaction carries this tag. The CANCEL itself was
    /// answered with 200 by whoever received it; `reason`: what its Reason says, which goes on with it.
    pub fn cancel(&mut self, turn: &mut Turn<'_>, user: u64, reason: Option<&str>) {
        let key = Token::from_user(user).key();
        self.with(turn, key, |context, step| context.cancel(step, reason));
    }

    /// Does what is due.
    pub fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(due) = self.timers.pop_due(turn.now) {
            match due {
                Due::Question(token) => self.unanswered(turn, token),
                Due::Reach(token) => self.answer(turn, Answer::Reached { token, flow: Err(Unreachable) }),
                Due::Silence(token) => {
                    let Some(branch) = token.branch() else { continue };
                    self.with(turn, token.key(), |context, step| context.silent(step, branch));
                }
                Due::TimerC(key) => self.with(turn, key, |context, step| context.look_at_timer_c(step)),
            }
        }
    }

    /// When [`Proxy::tick`] has something to do next. It may turn out to be nothing.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.timers.next()
    }

    /// Response contexts held.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Nobody waits for a final response: what is left are answered INVITEs, whose 2xx may still be
    /// repeated. Looks at every context.
    pub fn owes_nothing(&self) -> bool {
        self.contexts.iter().all(|context| matches!(context.phase, Phase::Accepted))
    }

    /// Nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn unanswered(&mut self, turn: &mut Turn<'_>, token: Token) {
        self.answer(
            turn,
            match token.branch() {
                None => Answer::Located { token, targets: Err(Refusal::Unanswered) },
                Some(_) => Answer::Resolved { token, places: Err(Unreachable) },
            },
        );
    }

    fn failed(&mut self, turn: &mut Turn<'_>, user: u64, failure: Failure) {
        let token = Token::from_user(user);
        let Some(branch) = token.branch() else { return };
        self.with(turn, token.key(), |context, step| context.failed(step, branch, failure));
    }

    fn end(&mut self, turn: &mut Turn<'_>, key: Key) {
        if let Some(context) = self.contexts.remove(key) {
            context.phase.end(turn.transactions);
        }
    }

    fn with(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        work: impl FnOnce(&mut ResponseContext, &mut Step<'_, '_>) -> Kept,
    ) {
        let Some(context) = self.contexts.get_mut(key) else {
            return;
        };
        let mut step = Step { turn, timers: &mut self.timers, limits: &self.limits, key };
        match work(context, &mut step) {
            Kept::Yes => {}
            Kept::No => self.end(turn, key),
        }
    }
}
