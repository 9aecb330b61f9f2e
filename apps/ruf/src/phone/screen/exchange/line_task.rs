//! [`LineTask`]: the task of one call, from its beginning to its end.

use std::time::Duration;

use ruf_sip::device::{LevelMeter, Room};
use ruf_sip::{Call, CallEvent, Codec, Dialer, Ended, Error, Figures, Incoming, StatusCode, Suite};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::super::event::{LineId, Progress, Quality, Sound};
use super::super::sound::{Ends, SoundPlan};
use super::machine::{Left, Machine, Turn};
use super::recordings::{Begun, Recordings};
use super::{Heard, Order};

/// How often it is looked how a call sounds.
const LOOK: Duration = Duration::from_millis(250);
/// Levels of the screen: the softest and the loudest that is told from others, in -dBov.
const SOFT_DBOV: u8 = 70;
const STEP_DB: u8 = 6;

/// One call.
pub(in crate::phone::screen) struct LineTask {
    pub(super) line: LineId,
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) sound: SoundPlan,
    is_muted: bool,
    /// The far side lets itself be held, or is asked to: it is to hear nothing of us.
    is_held: bool,
    has_agreed_to_hold: bool,
    room: Option<Room>,
    ears: Ears,
    recordings: Recordings,
    /// Voicemail talks to the caller.
    machine: Option<Machine>,
}

impl LineTask {
    pub(super) fn new(
        line: LineId,
        heard: mpsc::Sender<Heard>,
        orders: mpsc::Receiver<Order>,
        sound: SoundPlan,
    ) -> LineTask {
        LineTask {
            line,
            heard,
            orders,
            sound,
            is_muted: false,
            is_held: false,
            has_agreed_to_hold: false,
            room: None,
            ears: Ears::default(),
            recordings: Recordings::default(),
            machine: None,
        }
    }

    /// Calls.
    pub(super) async fn call(self, dialer: Dialer, to: String) {
        match dialer.call(&to).await {
            Ok(call) => {
                self.tell(Progress::Placed(call.remote().to_owned())).await;
                self.talk(call).await;
            }
            Err(error) => self.tell(Progress::Ended(Ended::Failed(error))).await,
        }
    }

    /// Waits for what is said to somebody who calls.
    pub(super) async fn ring(mut self, mut incoming: Incoming) {
        loop {
            tokio::select! {
                biased;
                // Nobody answers who is not there any more.
                ended = incoming.ended() => return self.tell(Progress::Ended(ended)).await,
                order = self.orders.recv() => match order {
                    Some(Order::Ring) => incoming.ring(),
                    Some(Order::Answer) => return self.talk(incoming.answer()).await,
                    Some(Order::Refuse(status)) => {
                        incoming.reject(status);
                        return self.tell(Progress::Ended(Ended::Declined(status))).await;
                    }
                    Some(Order::Forward(to, why)) => {
                        let ended = match incoming.forward(&to, why) {
                            Ok(()) => Ended::Declined(StatusCode::MOVED_TEMPORARILY),
                            Err(error) => Ended::Failed(error),
                        };
                        return self.tell(Progress::Ended(ended)).await;
                    }
                    Some(Order::TakeMessage(taking)) => match Machine::new(taking).await {
                        Ok(machine) => {
                            self.machine = Some(machine);
                            return self.talk(incoming.answer()).await;
                        }
                        Err(why) => self.tell(Progress::NoMessage(why)).await,
                    },
                    Some(Order::HangUp) | None => return self.tell(Progress::Ended(Ended::HungUp)).await,
                    Some(
                        Order::Hold
                        | Order::Resume
                        | Order::Mute(_)
                        | Order::Press(_)
                        | Order::Record(_)
                        | Order::Transfer(_)
                        | Order::GiveUp(_)
                        | Order::Connect(_)
                        | Order::Confer(..)
                        | Order::Part
                        | Order::Follow(_),
                    ) => {}
                },
            }
        }
    }

    /// Sees a call to its end.
    pub(super) async fn talk(mut self, mut call: Call) {
        let _ = self.heard.send(Heard::Named(self.line, call.name())).await;
        match &mut self.machine {
            Some(machine) => {
                let ends = machine.ends();
                self.between(&call, ends);
            }
            None => self.talk_alone(&call).await,
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_wanted, mut trouble) = (true, None);
        loop {
            tokio::select! {
                event = call.next() => match event {
                    Some(CallEvent::Ended(ended)) => {
                        return self.end(ended).await;
                    }
                    Some(event) => {
                        self.holds(&call, &event);
                        if let Some(progress) = progress(event) {
                            self.tell(progress).await;
                        }
                    }
                    None => return,
                },
                order = self.orders.recv(), if is_wanted => match order {
                    Some(order) => self.obey(&call, order).await,
                    None => {
                        is_wanted = false;
                        call.hang_up();
                    }
                },
                Some(begun) = self.recordings.begun() => self.record(begun).await,
                _ = look.tick() => {
                    let troubled = self.sound.trouble();
                    if trouble != troubled {
                        trouble.clone_from(&troubled);
                        if let Some(why) = troubled {
                            self.tell(Progress::NoSound(why)).await;
                        }
                    }
                    self.look_at_recorder().await;
                    self.look_at_machine(&call).await;
                    let sound = Sound {
                        heard: level(self.ears.heard.dbov()),
                        said: level(self.ears.said.dbov()),
                        codec: call.codec().await.map(Codec::name),
                        encryption: call.suite().await.map(suite),
                        quality: quality(&call.figures().await),
                    };
                    // A screen that is behind misses a look.
                    let _ = self.heard.try_send(Heard::Sound(self.line, sound));
                }
            }
        }
    }

    /// It is over, and all files of it are whole, or it is said why one is not.
    async fn end(mut self, ended: Ended) {
        let mut trouble = self.recordings.end().await;
        if let Some(machine) = self.machine.take() {
            let Left { message, trouble: why } = machine.left().await;
            if let Some((file, millis)) = message {
                self.tell(Progress::LeftMessage { file, millis }).await;
            }
            trouble = why.or(trouble);
        }
        if let Some(why) = trouble {
            self.tell(Progress::NotRecorded(why)).await;
        }
        self.tell(Progress::Ended(ended)).await;
    }

    /// This is what is said and heard now.
    fn between(&mut self, call: &Call, Ends { source, sink, recorder }: Ends) {
        let tap = &self.recordings.tap;
        call.say(self.ears.said.said(tap.said(source)));
        call.hear_with(self.ears.heard.heard(tap.heard(sink)));
        self.recordings.plan(recorder);
    }

    /// With our own sound.
    async fn talk_alone(&mut self, call: &Call) {
        match self.sound.ends() {
            Ok(ends) => self.between(call, ends),
            Err(why) => self.tell(Progress::NoSound(why)).await,
        }
    }

    /// Whoever is on hold hears nothing of us; in a conference the others are heard though we are muted.
    fn speak_or_not(&self, call: &Call) {
        if let Some(room) = &self.room {
            room.mute(self.is_muted);
        }
        let is_silent = self.is_held || (self.is_muted && self.room.is_none());
        self.recordings.tap.mute(is_silent);
        call.mute(is_silent);
    }

    /// Whether the far side is held is what it says itself.
    fn holds(&mut self, call: &Call, event: &CallEvent) {
        self.has_agreed_to_hold = match event {
            CallEvent::Holding => true,
            CallEvent::Released => false,
            CallEvent::NotChanged(_) => self.has_agreed_to_hold,
            _ => return,
        };
        self.is_held = self.has_agreed_to_hold;
        self.speak_or_not(call);
    }

    async fn obey(&mut self, call: &Call, order: Order) {
        match order {
            Order::Refuse(_) | Order::HangUp => call.hang_up(),
            Order::Hold => {
                self.is_held = true;
                self.speak_or_not(call);
                call.hold();
            }
            // It hears us once it is taken back.
            Order::Resume => call.resume(),
            Order::Mute(is_muted) => {
                self.is_muted = is_muted;
                self.speak_or_not(call);
            }
            Order::Press(key) => {
                if !call.press(&key.to_string()).await {
                    self.tell(Progress::NoKeys).await;
                }
            }
            Order::Record(Some(file)) => self.recordings.ask(file),
            Order::Record(None) => self.recordings.stop(),
            Order::Transfer(to) => {
                if let Err(error) = call.transfer(&to) {
                    self.tell(Progress::TransferFailed(error)).await;
                }
            }
            Order::Confer(room, recorder) => {
                let (source, sink) = room.seat();
                self.between(call, Ends { source, sink, recorder });
                self.room = Some(room);
                self.speak_or_not(call);
            }
            Order::Part => {
                self.room = None;
                self.talk_alone(call).await;
                self.speak_or_not(call);
            }
            // Whoever asked may be over.
            Order::GiveUp(tell) => drop(tell.send(call.replacement().await)),
            Order::Connect(told) => {
                let to = told.await.ok().flatten().ok_or(Error::Closed);
                if let Err(error) = to.and_then(|to| call.transfer(&to)) {
                    self.tell(Progress::TransferFailed(error)).await;
                }
            }
            Order::Follow(task) => match call.follow().await {
                Ok(new) => drop(self.heard.send(Heard::Followed(task, new)).await),
                Err(error) => task.tell(Progress::Ended(Ended::Failed(error))).await,
            },
            Order::Answer => self.take_over(call).await,
            Order::Ring | Order::TakeMessage(_) | Order::Forward(..) => {}
        }
    }

    /// A file for what is recorded at a key is there, or none.
    async fn record(&mut self, begun: Begun) {
        match begun {
            Ok((recorder, file)) => {
                self.recordings.begin(recorder);
                self.tell(Progress::Recording(file)).await;
            }
            Err(why) => self.tell(Progress::NotRecorded(why)).await,
        }
    }

    /// Goes on with voicemail, if that talks to the caller.
    async fn look_at_machine(&mut self, call: &Call) {
        let Some(machine) = &mut self.machine else { return };
        match machine.turn(Instant::now()) {
            Turn::Wait => {}
            Turn::Record => {
                // The beep is no part of the message.
                self.recordings.tap.mute(true);
                self.recordings.tap.record(Some(machine.recorder()));
            }
            Turn::HangUp => call.hang_up(),
            Turn::Fail(why) => {
                self.tell(Progress::NotRecorded(why)).await;
                call.hang_up();
            }
        }
    }

    /// We talk to whom voicemail talked to, unless that has ended the call.
    async fn take_over(&mut self, call: &Call) {
        let Some(machine) = self.machine.take_if(|machine| !machine.is_done()) else { return };
        self.recordings.stop();
        machine.give_up();
        self.speak_or_not(call);
        self.talk_alone(call).await;
        self.tell(Progress::Answered).await;
    }

    /// Says if nothing can be recorded any more, or not all; the call goes on.
    async fn look_at_recorder(&mut self) {
        if self.recordings.has_lost(self.machine.as_ref().map(Machine::recorder)) {
            self.tell(Progress::NotAllRecorded).await;
        }
        if let Some(why) = self.recordings.fails() {
            self.tell(Progress::NotRecorded(why)).await;
        }
    }

    async fn tell(&self, progress: Progress) {
        let _ = self.heard.send(Heard::Progress(self.line, progress)).await;
    }
}

/// What listens to a call beside us: how loud it is.
#[derive(Default)]
struct Ears {
    heard: LevelMeter,
    said: LevelMeter,
}

fn progress(event: CallEvent) -> Option<Progress> {
    Some(match event {
        CallEvent::Ringing { early_media: true, .. } => Progress::EarlyMedia,
        CallEvent::Ringing { .. } => Progress::Ringing,
        CallEvent::Answered => Progress::Answered,
        CallEvent::Held => Progress::HeldByThem,
        CallEvent::Resumed => Progress::ResumedByThem,
        CallEvent::Digit(key) => Progress::Digit(key),
        CallEvent::Message(message) => Progress::Wrote(message.text),
        CallEvent::Referred { to, .. } => Progress::Referred(to),
        CallEvent::Transferred => Progress::Transferred,
        CallEvent::TransferFailed(error) => Progress::TransferFailed(error),
        CallEvent::Holding => Progress::Holding,
        CallEvent::Released => Progress::Released,
        CallEvent::NotChanged(_) => Progress::NotChanged,
        CallEvent::NoWay => Progress::NoWay,
        CallEvent::WayLost => Progress::WayLost,
        CallEvent::Ended(ended) => Progress::Ended(ended),
        _ => return None,
    })
}

fn quality(figures: &Figures) -> Option<Quality> {
    let quality = &figures.quality;
    (quality.packets > 0).then(|| Quality {
        mos: quality.mos.now,
        loss_percent: quality.loss_percent.now,
        jitter_ms: quality.jitter_ms.now,
        round_trip_ms: quality.round_trip_ms.map(|trip| trip.now),
    })
}

/// A suite in few letters.
fn suite(suite: Suite) -> String {
    match suite {
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 | Suite::AeadAes128Gcm => "SRTP, AES-128",
        Suite::Aes256CmHmacSha1_80 | Suite::Aes256CmHmacSha1_32 | Suite::AeadAes256Gcm => "SRTP, AES-256",
    }
    .to_owned()
}

/// 0 to 10.
fn level(dbov: u8) -> u8 {
    (SOFT_DBOV.saturating_sub(dbov) / STEP_DB).min(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_0_and_loud_is_10() {
        assert_eq!([127, 70, 64, 20, 0].map(level), [0, 0, 1, 8, 10]);
    }
}
