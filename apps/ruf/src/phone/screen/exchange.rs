//! [`Exchange`]: the phones and calls behind the screen, a task each. What they tell becomes an [`Event`]; what the model
//! wants becomes an order to one of them.

mod line_task;
mod machine;
mod recordings;
mod tasks;

use std::collections::HashMap;
use std::path::PathBuf;

use ruf_sip::device::{Recorder, Room};
use ruf_sip::{Call, CallName, Dialer, DiversionReason, Error, Mailbox, Phone, PhoneEvent, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::consent_file::Consent;
use super::event::{Effect, Event, LineId, Progress, Registration, Sound};
use super::settings::PhonePlan;
use super::sound::{Ends, SoundPlan};
use super::standing::Standing;
use super::voicemail::Taking;
use line_task::LineTask;

/// What may wait for the screen; then phones and calls wait.
const HEARD_MAX: usize = 1_024;
/// Orders that may wait for one call.
const ORDERS_MAX: usize = 256;

/// Phones, calls, and the ways to them.
pub(super) struct Exchange {
    dialers: Vec<Dialer>,
    /// The mailbox of this phone is asked once it is registered.
    asks_mailbox: Vec<bool>,
    lines: HashMap<LineId, Lead>,
    tasks: JoinSet<()>,
    heard: mpsc::Sender<Heard>,
    stop: watch::Sender<bool>,
    sound: SoundPlan,
    /// Plays what was kept.
    player: Option<AbortHandle>,
    next_line: u64,
}

/// The way to a call.
struct Lead {
    orders: mpsc::Sender<Order>,
    account: usize,
    /// What its phone calls it, once there is a call.
    name: Option<CallName>,
}

/// What a task tells.
pub(super) enum Heard {
    Phone(usize, PhoneEvent),
    Progress(LineId, Progress),
    Sound(LineId, Sound),
    /// What the phone calls the call of a line.
    Named(LineId, CallName),
    /// A call that the far side of another asked for.
    Followed(Box<LineTask>, Call),
    /// This waits in the mailbox of a phone.
    Mailbox(usize, Option<Mailbox>),
    /// A contact is so.
    Standing(usize, Standing),
    /// What was played is over.
    Played(u64, Result<(), String>),
    /// What became of a message.
    Written(u64, Result<(), Error>),
}

/// What a call is told.
enum Order {
    Ring,
    Answer,
    Refuse(StatusCode),
    Forward(String, DiversionReason),
    /// Answers, and asks for a message.
    TakeMessage(Taking),
    HangUp,
    Hold,
    Resume,
    Mute(bool),
    Press(char),
    /// Into this file, or no longer.
    Record(Option<PathBuf>),
    Transfer(String),
    /// Says how somebody takes our place.
    GiveUp(oneshot::Sender<Option<String>>),
    /// Has the far side take our place in the call that says so.
    Connect(oneshot::Receiver<Option<String>>),
    /// Is heard by the others in this room, and hears them; it is recorded for as long as anybody confers.
    Confer(Room, Option<Recorder>),
    /// Hears us alone again.
    Part,
    Follow(Box<LineTask>),
}

impl Exchange {
    /// Opens a phone for each account, registered if the account has a server. The address of each comes back, and what
    /// tells all that happens.
    ///
    /// # Errors
    /// The system gives no port, or an account cannot be used.
    pub(super) async fn open(
        plans: Vec<PhonePlan>,
        sound: SoundPlan,
    ) -> Result<(Exchange, mpsc::Receiver<Heard>, Vec<String>), Error> {
        let (heard, hears) = mpsc::channel(HEARD_MAX);
        let (stop, stopped) = watch::channel(false);
        let (mut tasks, mut dialers, mut addresses) = (JoinSet::new(), Vec::new(), Vec::new());
        let asks_mailbox = plans.iter().map(|plan| plan.asks_mailbox).collect();
        for (number, PhonePlan { account, registers, .. }) in plans.into_iter().enumerate() {
            // A conference is for whoever wants to join a call.
            let phone = Phone::open(account.mixes(true).asks_consent(true)).await?;
            addresses.push(match registers {
                true => phone.aor().to_string(),
                false => format!("sip:{}", phone.address()),
            });
            if registers {
                phone.stay_registered();
            }
            dialers.push(phone.dialer());
            tasks.spawn(tasks::listen(number, phone, heard.clone(), stopped.clone()));
        }
        let exchange = Exchange {
            dialers,
            asks_mailbox,
            lines: HashMap::new(),
            tasks,
            heard,
            stop,
            sound,
            player: None,
            next_line: 1,
        };
        Ok((exchange, hears, addresses))
    }

    /// Watches a contact as a phone of the first account does.
    pub(super) fn watch(&mut self, contact: usize, address: String) {
        if let Some(dialer) = self.dialers.first().cloned() {
            let (heard, stop) = (self.heard.clone(), self.stop.subscribe());
            self.tasks.spawn(tasks::watch(contact, dialer, address, heard, stop));
        }
    }

    /// Watches the mailbox of a phone, if it is to be and is not yet.
    fn ask_mailbox(&mut self, account: usize) {
        let is_wanted = self.asks_mailbox.get_mut(account).is_some_and(std::mem::take);
        if let Some(dialer) = self.dialers.get(account).cloned().filter(|_| is_wanted) {
            let (heard, stop) = (self.heard.clone(), self.stop.subscribe());
            self.tasks.spawn(tasks::mailbox(account, dialer, heard, stop));
        }
    }

    /// What the model is to know of this.
    pub(super) fn hear(&mut self, heard: Heard) -> Option<Event> {
        Some(match heard {
            Heard::Phone(account, PhoneEvent::Registered { .. }) => {
                self.ask_mailbox(account);
                Event::Account { account, registration: Registration::Registered }
            }
            Heard::Phone(account, PhoneEvent::RegistrationFailed { error, retry_in }) => {
                let registration = Registration::Failed { error, is_retried: retry_in.is_some() };
                Event::Account { account, registration }
            }
            Heard::Phone(account, PhoneEvent::Incoming(incoming)) => {
                let line = LineId::In(self.next_line);
                self.next_line += 1;
                let (from, display) = (incoming.from().to_owned(), incoming.display().to_owned());
                let diverted = incoming.diverted().cloned();
                let joins = incoming.joins().and_then(|name| self.named(account, name));
                let task = self.line(line, account);
                self.tasks.spawn(task.ring(incoming));
                Event::Incoming { line, account, from, display, diverted, joins }
            }
            Heard::Phone(account, PhoneEvent::Message(message)) => {
                Event::Message { account, from: message.from, text: message.text }
            }
            Heard::Phone(_, PhoneEvent::WatcherAsks { who, display }) => Event::WatcherAsks { who, display },
            Heard::Phone(_, _) => return None,
            Heard::Progress(line, progress) => {
                if matches!(progress, Progress::Ended(_)) {
                    self.lines.remove(&line);
                    // Tasks that are over leave nothing behind.
                    while self.tasks.try_join_next().is_some() {}
                }
                Event::Progress { line, progress }
            }
            Heard::Named(line, name) => {
                if let Some(lead) = self.lines.get_mut(&line) {
                    lead.name = Some(name);
                }
                return None;
            }
            Heard::Followed(task, call) => {
                let (line, address) = (task.line, call.remote().to_owned());
                self.tasks.spawn(task.talk(call));
                Event::Progress { line, progress: Progress::Placed(address) }
            }
            Heard::Played(number, outcome) => Event::Played { number, outcome },
            Heard::Mailbox(account, mailbox) => Event::Mailbox { account, mailbox },
            Heard::Standing(contact, standing) => Event::Standing { contact, standing },
            Heard::Written(note, outcome) => Event::Written { note, outcome },
            Heard::Sound(line, sound) => Event::Sound { line, sound },
        })
    }

    /// Does what the model wants of phones and calls.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Call { line, account, to } => {
                let Some(dialer) = self.dialers.get(account).cloned() else { return };
                let task = self.line(line, account);
                self.tasks.spawn(task.call(dialer, to));
            }
            Effect::Ring(line) => self.order(line, Order::Ring),
            Effect::Answer(line) => self.order(line, Order::Answer),
            Effect::Refuse(line, status) => self.order(line, Order::Refuse(status)),
            Effect::Forward { line, to, why } => self.order(line, Order::Forward(to, why)),
            Effect::HangUp(line) => self.order(line, Order::HangUp),
            Effect::Hold(line) => self.order(line, Order::Hold),
            Effect::Resume(line) => self.order(line, Order::Resume),
            Effect::Mute(line, is_muted) => self.order(line, Order::Mute(is_muted)),
            Effect::Press(line, key) => self.order(line, Order::Press(key)),
            Effect::TakeMessage { line, taking } => self.order(line, Order::TakeMessage(taking)),
            Effect::Play { number, file } => {
                let play = tasks::play(number, file, self.sound.clone(), self.heard.clone());
                self.player = Some(self.tasks.spawn(play));
            }
            Effect::StopPlaying => drop(self.player.take().inspect(AbortHandle::abort)),
            Effect::Record { line, file } => self.order(line, Order::Record(file)),
            Effect::Transfer { line, to } => self.order(line, Order::Transfer(to)),
            Effect::Connect { line, with } => {
                let (tell, told) = oneshot::channel();
                self.order(with, Order::GiveUp(tell));
                self.order(line, Order::Connect(told));
            }
            Effect::Confer(lines) => self.confer(&lines),
            Effect::Part(lines) => {
                for line in lines {
                    self.order(line, Order::Part);
                }
            }
            Effect::Follow { line, new } => {
                let account = self.lines.get(&line).map_or(0, |lead| lead.account);
                let task = self.line(new, account);
                self.order(line, Order::Follow(Box::new(task)));
            }
            Effect::Write { note, account, to, text } => {
                let Some(dialer) = self.dialers.get(account).cloned() else { return };
                let heard = self.heard.clone();
                self.tasks.spawn(async move {
                    let outcome = dialer.message(&to, &text).await;
                    let _ = heard.send(Heard::Written(note, outcome)).await;
                });
            }
            Effect::Tell(standing) => {
                for dialer in self.dialers.clone() {
                    // Who asks this phone itself is told, whatever a server says to it.
                    self.tasks.spawn(async move { drop(dialer.publish(&standing.presence()).await) });
                }
            }
            Effect::Consent(consent) => self.consent(&consent),
            // The terminal's, and the shell's.
            Effect::Bell
            | Effect::Quit
            | Effect::Run(_)
            | Effect::Remember(_)
            | Effect::RememberLook
            | Effect::RememberHeard(_)
            | Effect::DeleteMessage(_) => {}
        }
    }

    /// Whoever this is may watch each of our phones, or may not.
    pub(super) fn consent(&self, consent: &Consent) {
        for dialer in &self.dialers {
            // An address that was asked from, or was kept by hand and is none.
            let _ = if consent.may { dialer.allow(&consent.who) } else { dialer.deny(&consent.who) };
        }
    }

    /// Hangs up, unregisters; every task is over when this is.
    pub(super) async fn close(&mut self) {
        // A phone that is gone already hears nothing.
        let _ = self.stop.send(true);
        drop(self.player.take().inspect(AbortHandle::abort));
        while self.tasks.join_next().await.is_some() {}
    }

    /// Hangs up, unregisters, and waits for no answer.
    pub(super) async fn leave(&self) {
        for dialer in &self.dialers {
            dialer.leave().await;
        }
    }

    /// One room for all of them, and for us.
    fn confer(&self, lines: &[LineId]) {
        let Ends { source, sink, recorder } = self.sound.ends().unwrap_or_else(|why| {
            // They confer without us.
            if let Some(line) = lines.first() {
                let _ = self.heard.try_send(Heard::Progress(*line, Progress::NoSound(why)));
            }
            Ends::silent()
        });
        let room = Room::new(source, sink);
        for line in lines {
            self.order(*line, Order::Confer(room.clone(), recorder.clone()));
        }
    }

    fn line(&mut self, line: LineId, account: usize) -> LineTask {
        let (to_line, orders) = mpsc::channel(ORDERS_MAX);
        self.lines.insert(line, Lead { orders: to_line, account, name: None });
        LineTask::new(line, self.heard.clone(), orders, self.sound.clone())
    }

    fn order(&self, line: LineId, order: Order) {
        if let Some(lead) = self.lines.get(&line) {
            // Nobody presses more keys than may wait.
            let _ = lead.orders.try_send(order);
        }
    }

    /// The line of a call that this phone calls so.
    fn named(&self, account: usize, name: CallName) -> Option<LineId> {
        let is_it = |lead: &Lead| lead.account == account && lead.name == Some(name);
        self.lines.iter().find(|(_, lead)| is_it(lead)).map(|(line, _)| *line)
    }
}
