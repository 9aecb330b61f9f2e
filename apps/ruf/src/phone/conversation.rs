//! [`Conversation`]: a call of a script from its first ring to its end, and the calls that come of it: one to ask
//! first, one that the far side asks for, one that takes the place of ours.
//!
//! ```text
//!            consult                     connect: the far sides talk to each other
//!   the call ------> held, and Consulted ----------------------------------------> over
//!      |                     | back, or its end
//!      |  <------------------+
//!      | follow, or an INVITE with Replaces
//!      +------> Next: when it is answered it is the call, and what was is Left until its far side ends it
//! ```
//!
//! Who hangs up waits for the far side to confirm that, but not for long.
//!
//! Not here: what is said and heard (`talk`, `ends`), what an order looks like (`order`).

use std::future::pending;
use std::time::{Duration, Instant};

use ruf_sip::{Call, CallEvent, Codec, Ended, Error, Incoming, Phone, PhoneEvent, StatusCode, Suite};
use tokio::task::JoinSet;

use super::ends::Ends;
use super::interrupt::Interrupt;
use super::order::{NoOrder, Order, Orders};
use super::report::{Measured, Report};

/// How often it is looked whether everything was said.
const LOOK: Duration = Duration::from_millis(50);

/// How long who hung up waits for the far side to confirm that: the call is over with the BYE.
// rfc3261 §15.1.1
const CONFIRM_MAX: Duration = Duration::from_secs(5);
/// How long who ends by a signal waits before being told what for: most far sides confirm sooner.
const CONFIRM_SLOW: Duration = Duration::from_secs(3);

/// What a conversation needs of the command around it.
pub(super) struct Around<'a> {
    pub(super) phone: &'a mut Phone,
    pub(super) orders: &'a mut Orders,
    pub(super) interrupt: &'a mut Interrupt,
    pub(super) report: &'a Report,
}

/// What is said, for how long.
pub(super) struct Plan {
    pub(super) ends: Ends,
    /// Pressed once it is answered.
    pub(super) keys: Option<String>,
    /// It is over so long after the answer.
    pub(super) lasts: Option<Duration>,
    /// How long what is said lasts, if it ends.
    pub(super) says_for: Option<Duration>,
}

/// The call, and the one beside it.
pub(super) struct Conversation<'a> {
    around: Around<'a>,
    plan: Plan,
    leg: Leg,
    beside: Option<(Part, Leg)>,
    /// When somebody answered first.
    since: Option<Instant>,
    /// What is said begins when all keys are pressed.
    saying: Option<Instant>,
    is_muted: bool,
    /// When we did.
    hung_up: Option<Instant>,
    /// When a signal had us do so, until the user is told what is waited for.
    signalled: Option<Instant>,
    texts: JoinSet<(String, Result<(), Error>)>,
}

/// What a second call is to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It is asked first; the first is held.
    Consulted,
    /// It takes the place of the first when it is answered.
    Next,
    /// It was the first.
    Left,
}

/// A call, and what is known of it.
struct Leg {
    call: Call,
    /// How it came about, if not by this command.
    name: Option<&'static str>,
    answered: Option<Instant>,
    codec: Option<Codec>,
    suite: Option<Suite>,
    is_held: bool,
    /// It is, or will be when the far side has heard of it.
    is_to_be_held: bool,
}

impl Leg {
    fn new(call: Call, name: Option<&'static str>) -> Leg {
        Leg { call, name, answered: None, codec: None, suite: None, is_held: false, is_to_be_held: false }
    }

    async fn was_answered(&mut self) {
        self.answered = Some(Instant::now());
        (self.codec, self.suite) = (self.call.codec().await, self.call.suite().await);
    }
}

impl<'a> Conversation<'a> {
    pub(super) fn new(around: Around<'a>, plan: Plan, call: Call) -> Conversation<'a> {
        plan.ends.hear(&call);
        Conversation {
            around,
            plan,
            leg: Leg::new(call, None),
            beside: None,
            since: None,
            saying: None,
            is_muted: false,
            hung_up: None,
            signalled: None,
            texts: JoinSet::new(),
        }
    }

    /// Sees it to its end. `meanwhile`: somebody else calls.
    pub(super) async fn run(mut self, mut meanwhile: impl FnMut(Incoming)) -> (Ended, Measured) {
        let mut look = tokio::time::interval(LOOK);
        let mut is_open = true;
        let ended = loop {
            tokio::select! {
                event = self.leg.call.next() => match event {
                    Some(CallEvent::Ended(ended)) => if let Some(ended) = self.ended(ended) {
                        break ended;
                    },
                    Some(event) => self.heard(event).await,
                    None => break Ended::HungUp,
                },
                event = next_of(&mut self.beside) => self.heard_beside(event).await,
                event = self.around.phone.next(), if is_open => match event {
                    Some(event) => self.heard_phone(event, &mut meanwhile),
                    None => is_open = false,
                },
                order = self.around.orders.next() => self.ordered(order).await,
                Some(Ok((text, sent))) = self.texts.join_next() => match sent {
                    Ok(()) => self.around.report.say("sent", &text),
                    Err(error) => self.around.report.failed(&format!("message {text}"), &error.to_string()),
                },
                _ = look.tick(), if self.hung_up.is_none() => self.look().await,
                () = passed(self.signalled, CONFIRM_SLOW) => {
                    self.signalled = None;
                    let waits = "waiting for the far side to confirm the end; a second signal ends at once";
                    self.around.report.say("note", waits);
                }
                () = passed(self.hung_up, CONFIRM_MAX) => {
                    self.around.report.say("note", "the far side did not confirm the end");
                    break self.given_up();
                }
                () = self.around.interrupt.next() => {
                    // Who asks twice does not wait for the far side.
                    if self.hung_up.is_some() {
                        break self.given_up();
                    }
                    self.hang_up();
                    self.signalled = self.hung_up;
                }
            }
        };
        let secs = self.since.map(|at| at.elapsed().as_secs_f64());
        let Leg { codec, suite, .. } = self.leg;
        (ended, Measured { secs, codec, suite, figures: self.leg.call.figures().await })
    }

    /// Ends it when all was said, or its time is over.
    async fn look(&mut self) {
        let Some(since) = self.since else { return };
        if self.saying.is_none() && self.leg.call.is_done_pressing().await {
            self.saying = Some(Instant::now());
            self.plan.ends.say_in(self.talked_on());
        }
        let is_finite = self.plan.says_for.is_some() || self.plan.keys.is_some();
        let said = self.saying.is_some_and(|at| at.elapsed() >= self.plan.says_for.unwrap_or_default());
        let is_over = match self.plan.lasts {
            Some(lasts) => since.elapsed() >= lasts,
            None => is_finite && said,
        };
        if is_over {
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        self.hung_up.get_or_insert_with(Instant::now);
        self.leg.call.hang_up();
    }

    /// How it ended, as far as is known here.
    fn given_up(&self) -> Ended {
        match self.leg.answered {
            Some(_) => Ended::HungUp,
            None => Ended::Cancelled,
        }
    }

    /// The call that is talked on.
    fn talked_on(&self) -> &Call {
        match &self.beside {
            Some((Part::Consulted, leg)) if leg.answered.is_some() => &leg.call,
            Some(_) | None => &self.leg.call,
        }
    }

    /// What is said is said in this call.
    fn talk_on(&self, call: &Call) {
        self.plan.ends.hear(call);
        call.mute(self.is_muted);
        if self.saying.is_some() {
            self.plan.ends.say_in(call);
        }
    }

    /// Something happened to the call.
    async fn heard(&mut self, event: CallEvent) {
        self.around.report.event(self.leg.name, &event);
        match event {
            CallEvent::Answered if self.leg.answered.is_none() => {
                self.leg.was_answered().await;
                self.talk_on(&self.leg.call);
                let is_first = self.since.is_none();
                self.since.get_or_insert_with(Instant::now);
                if let Some(keys) = self.plan.keys.as_ref().filter(|_| is_first)
                    && !self.leg.call.press(keys).await
                {
                    self.around.report.say("note", "the far side takes no keys");
                }
            }
            CallEvent::Holding => self.leg.is_held = true,
            CallEvent::Released => {
                self.leg.is_held = false;
                self.leg.call.mute(self.is_muted);
            }
            CallEvent::NotChanged(_) => {
                self.leg.is_to_be_held = self.leg.is_held;
                self.leg.call.mute(self.is_muted || self.leg.is_held);
            }
            // Nobody is here to ask.
            CallEvent::Referred { .. } if !self.around.orders.are_wanted() => self.leg.call.stay(),
            // Our part is done.
            CallEvent::Transferred => self.hang_up(),
            _ => {}
        }
    }

    /// The call is over, and with it the conversation, unless another one takes its place.
    fn ended(&mut self, why: Ended) -> Option<Ended> {
        let next = self.beside.take_if(|(part, _)| *part != Part::Left).filter(|_| self.hung_up.is_none());
        let Some((_, next)) = next else { return Some(why) };
        self.around.report.left(self.leg.name, &why);
        self.leg = next;
        None
    }

    /// Something happened to the call beside.
    async fn heard_beside(&mut self, event: CallEvent) {
        let Some((part, mut leg)) = self.beside.take() else { return };
        match &event {
            CallEvent::Ended(why) => {
                self.around.report.left(leg.name, why);
                if part == Part::Consulted {
                    self.talk_on(&self.leg.call);
                    self.leg.call.mute(self.is_muted || self.leg.is_held);
                }
                return;
            }
            event => self.around.report.event(leg.name, event),
        }
        if event == CallEvent::Answered && leg.answered.is_none() {
            leg.was_answered().await;
            Ends::leave(&self.leg.call);
            self.talk_on(&leg.call);
            if part == Part::Next {
                let left = std::mem::replace(&mut self.leg, leg);
                self.beside = Some((Part::Left, left));
                return;
            }
        }
        self.beside = Some((part, leg));
    }

    fn heard_phone(&mut self, event: PhoneEvent, meanwhile: &mut impl FnMut(Incoming)) {
        match event {
            PhoneEvent::Incoming(incoming) if incoming.replaces_a_call() => {
                if matches!(self.beside, Some((Part::Consulted | Part::Next, _))) {
                    return incoming.reject(StatusCode::BUSY_HERE);
                }
                self.around.report.say("replaced by", incoming.from());
                self.beside = Some((Part::Next, Leg::new(incoming.answer(), Some("replacing"))));
            }
            PhoneEvent::Incoming(incoming) => meanwhile(incoming),
            event => self.around.report.phone(&event),
        }
    }

    async fn ordered(&mut self, order: Result<Order, NoOrder>) {
        match order {
            Ok(order) => {
                let line = order.to_string();
                if let Err(why) = self.obey(order).await {
                    self.around.report.failed(&line, &why);
                }
            }
            Err(NoOrder { line, why }) => self.around.report.failed(&line, &why),
        }
    }

    /// # Errors
    /// Why it cannot be done.
    async fn obey(&mut self, order: Order) -> Result<(), String> {
        if order == Order::HangUp {
            self.hang_up();
            return Ok(());
        }
        if self.leg.answered.is_none() {
            return Err("nobody has answered yet".to_owned());
        }
        let consulted = matches!(self.beside, Some((Part::Consulted, _)));
        match order {
            Order::Hold | Order::Resume | Order::Transfer(_) | Order::Follow if consulted => {
                Err("somebody is asked first: say connect or back".to_owned())
            }
            Order::Hold if self.leg.is_to_be_held => Err("the far side is on hold".to_owned()),
            Order::Hold => {
                self.leg.is_to_be_held = true;
                self.leg.call.mute(true);
                self.leg.call.hold();
                Ok(())
            }
            Order::Resume if self.leg.is_to_be_held => {
                self.leg.is_to_be_held = false;
                self.leg.call.resume();
                Ok(())
            }
            Order::Resume => Err("the far side is not on hold".to_owned()),
            Order::Mute | Order::Unmute => {
                self.is_muted = order == Order::Mute;
                self.plan.ends.mute(self.is_muted);
                self.talked_on().mute(self.is_muted || (self.leg.is_held && !consulted));
                self.around.report.event_alone(if self.is_muted { "muted" } else { "unmuted" });
                Ok(())
            }
            Order::Keys(keys) if self.talked_on().press(&keys).await => {
                self.around.report.say("pressed", &keys);
                Ok(())
            }
            Order::Keys(_) => Err("the far side takes no keys".to_owned()),
            Order::Message(text) => {
                let (dialer, to) = (self.around.phone.dialer(), self.talked_on().remote().to_owned());
                self.texts.spawn(async move {
                    let sent = dialer.message(&to, &text).await;
                    (text, sent)
                });
                Ok(())
            }
            Order::Transfer(to) => self.leg.call.transfer(&to).map_err(|error| error.to_string()),
            Order::Consult(to) => self.consult(&to).await,
            Order::Connect => match &self.beside {
                Some((Part::Consulted, leg)) if leg.answered.is_some() => {
                    self.leg.call.transfer_to(&leg.call);
                    Ok(())
                }
                Some(_) | None => Err("nobody was asked first, and answered".to_owned()),
            },
            Order::Back => {
                let consulted = self.beside.as_ref().filter(|(part, _)| *part == Part::Consulted);
                let (_, leg) = consulted.ok_or("nobody is asked first")?;
                leg.call.hang_up();
                self.leg.is_to_be_held = false;
                self.leg.call.resume();
                Ok(())
            }
            Order::Follow => self.follow().await,
            Order::Stay => {
                self.leg.call.stay();
                Ok(())
            }
            Order::HangUp => Ok(()),
        }
    }

    async fn consult(&mut self, to: &str) -> Result<(), String> {
        if self.beside.as_ref().is_some_and(|(part, _)| *part != Part::Left) {
            return Err("there is another call already".to_owned());
        }
        let call = self.around.phone.call(to).await.map_err(|error| error.to_string())?;
        self.leg.call.mute(true);
        if !std::mem::replace(&mut self.leg.is_to_be_held, true) {
            self.leg.call.hold();
        }
        self.around.report.say("consulting", call.remote());
        self.beside = Some((Part::Consulted, Leg::new(call, Some("consulted"))));
        Ok(())
    }

    async fn follow(&mut self) -> Result<(), String> {
        let asked = self.leg.call.follow().await;
        let call = asked.map_err(|_| "the far side asks for nothing".to_owned())?;
        self.around.report.say("following", call.remote());
        self.beside = Some((Part::Next, Leg::new(call, Some("followed"))));
        Ok(())
    }
}

/// So much time has passed since then; waits for ever where there is no such moment.
async fn passed(since: Option<Instant>, lasts: Duration) {
    match since {
        Some(at) => tokio::time::sleep_until((at + lasts).into()).await,
        None => pending().await,
    }
}

/// The next event of the call beside; waits for ever where there is none.
async fn next_of(beside: &mut Option<(Part, Leg)>) -> CallEvent {
    match beside {
        Some((_, leg)) => leg.call.next().await.unwrap_or(CallEvent::Ended(Ended::HungUp)),
        None => pending().await,
    }
}
